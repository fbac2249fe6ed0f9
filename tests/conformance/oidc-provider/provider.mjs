// An OpenID-certified provider that nobody here wrote, with one client. `node provider.mjs SETTINGS`, where SETTINGS are
// JSON: { client, people: { NAME: CLAIMS } }. Says its issuer in one line once it listens.
import http from "node:http";
import Provider from "oidc-provider";

const { client, people } = JSON.parse(process.argv[2]);
const server = http.createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://localhost:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [client],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "groups", "roles"] },
    cookies: { keys: ["opens nothing"] },
    features: {
      backchannelLogout: { enabled: true },
      devInteractions: { enabled: true },
      rpInitiatedLogout: { enabled: true },
    },
    // Its own dispatcher refuses loopback, where the portal of the tests is.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    findAccount: (_context, name) => ({ accountId: name, claims: () => ({ sub: name, ...people[name] }) }),
    pkce: { required: () => true },
  });
  server.on("request", provider.callback());
  process.stdout.write(`${issuer}\n`);
});
