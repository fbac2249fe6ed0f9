"""IAM Identity Center's sign-in for machines: sso-oidc (device, PKCE, refresh) and the access portal's API.

A person approves a device at /sandbox/device, or an authorization request at /authorize, by naming an e-mail:
there is no password. Which accounts and roles are theirs is read from moto's backends at each request.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from moto.iam.models import Role, iam_backends
from moto.identitystore.models import IdentityStoreData, User, identitystore_backends
from moto.ssoadmin.models import SSOAdminBackend, ssoadmin_backends
from moto.sts.models import sts_backends
from werkzeug.wrappers import Response

from sandbox.aws.directory import is_enabled
from sandbox.aws.errors import AwsError
from sandbox.aws.operations import Operation
from sandbox.aws.principals import SSO_PATH
from sandbox.company import Company

_CODE_SECONDS = 600
_TOKEN_SECONDS = 8 * 3600
_ROLE_SECONDS = 3600
_REGISTRATION_SECONDS = 90 * 24 * 3600
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels, so no words


@dataclass(slots=True)
class _Request:
    """A device or a browser that waits for a person; `user` is their directory id once they approved."""

    client_id: str
    user_code: str = ""
    redirect_uri: str = ""
    challenge: str = ""
    user: str = ""
    expires_at: float = field(default_factory=lambda: time.time() + _CODE_SECONDS)


def _oauth_error(code: str, error: str, text: str, status: int = 400) -> AwsError:
    return AwsError(code, text, status, error=error, error_description=text)


def _answer(members: object) -> Response:
    return Response(json.dumps(members), content_type="application/json")


class SingleSignOn:
    """All sign-ins of one run."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Forget every client, code and token."""
        self._clients: dict[str, str] = {}
        self._waiting: dict[str, _Request] = {}  # by device code or authorization code
        self._access: dict[str, tuple[str, float]] = {}  # token to user id and end of life
        self._refresh: dict[str, str] = {}

    def respond(self, operation: Operation, base_url: str, bearer: str) -> Response:
        """The answer to one operation of sso-oidc or sso; `bearer` is the access token in the header."""
        with self._lock:
            match operation.name:
                case "RegisterClient":
                    return self._register()
                case "StartDeviceAuthorization":
                    return self._start_device(operation, base_url)
                case "CreateToken":
                    return self._create_token(operation)
                case "GetRoleCredentials":
                    account, role = operation.parameter("account_id"), operation.parameter("role_name")
                    return self._role_credentials(self._user_of(bearer), account, role)
                case "ListAccounts":
                    return self._list_accounts(self._user_of(bearer))
                case "ListAccountRoles":
                    return self._list_roles(self._user_of(bearer), operation.parameter("account_id"))
                case "Logout":
                    self._access.pop(bearer, None)
                    return Response(status=200)
        raise AwsError("InvalidRequestException", f"{operation.full_name} is not in the sandbox.")

    # --- sso-oidc

    def _register(self) -> Response:
        client_id, secret, now = secrets.token_urlsafe(16), secrets.token_urlsafe(32), int(time.time())
        self._clients[client_id] = secret
        return _answer(
            {
                "clientId": client_id,
                "clientSecret": secret,
                "clientIdIssuedAt": now,
                "clientSecretExpiresAt": now + _REGISTRATION_SECONDS,
            }
        )

    def _check_client(self, operation: Operation) -> str:
        client_id = operation.parameter("clientId")
        if not client_id or self._clients.get(client_id) != operation.parameter("clientSecret"):
            raise _oauth_error("InvalidClientException", "invalid_client", "Invalid client provided", 401)
        return client_id

    def _start_device(self, operation: Operation, base_url: str) -> Response:
        client_id = self._check_client(operation)
        start_url = self._company.identity_center.start_url
        if operation.parameter("startUrl").rstrip("/#") != start_url.rstrip("/#"):
            raise _oauth_error("InvalidRequestException", "invalid_request", "Invalid start url provided")
        letters = [secrets.choice(_LETTERS) for _ in range(8)]
        user_code, device_code = "".join(letters[:4]) + "-" + "".join(letters[4:]), secrets.token_urlsafe(24)
        self._waiting[device_code] = _Request(client_id, user_code)
        page = f"{base_url.rstrip('/')}/sandbox/device"
        return _answer(
            {
                "deviceCode": device_code,
                "userCode": user_code,
                "verificationUri": page,
                "verificationUriComplete": f"{page}?user_code={user_code}",
                "expiresIn": _CODE_SECONDS,
                "interval": 1,
            }
        )

    def _create_token(self, operation: Operation) -> Response:
        client_id = self._check_client(operation)
        grant = operation.parameter("grantType")
        if grant == "refresh_token":
            user = self._refresh.pop(operation.parameter("refreshToken"), "")
        elif grant == _DEVICE_GRANT:
            user = self._take(operation.parameter("deviceCode"), client_id).user
        elif grant == "authorization_code":
            user = self._take_code(operation, client_id).user
        else:
            raise _oauth_error("UnsupportedGrantTypeException", "unsupported_grant_type", grant)
        if not user:
            raise _oauth_error("InvalidGrantException", "invalid_grant", "Invalid grant provided")
        return self._issue(user)

    def _take(self, code: str, client_id: str) -> _Request:
        """An approved request, once."""
        request = self._waiting.get(code)
        if request is None or request.client_id != client_id:
            raise _oauth_error("InvalidGrantException", "invalid_grant", "Invalid code provided")
        if request.expires_at < time.time():
            raise _oauth_error("ExpiredTokenException", "expired_token", "The code has expired")
        if not request.user:
            raise _oauth_error("AuthorizationPendingException", "authorization_pending", "Not approved yet")
        return self._waiting.pop(code)

    def _take_code(self, operation: Operation, client_id: str) -> _Request:
        request = self._take(operation.parameter("code"), client_id)
        digest = hashlib.sha256(operation.parameter("codeVerifier").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if challenge != request.challenge or operation.parameter("redirectUri") != request.redirect_uri:
            raise _oauth_error("InvalidGrantException", "invalid_grant", "Invalid grant provided")
        return request

    def _issue(self, user: str) -> Response:
        access, refresh = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self._access[access] = (user, time.time() + _TOKEN_SECONDS)
        self._refresh[refresh] = user
        return _answer(
            {
                "accessToken": access,
                "tokenType": "Bearer",
                "expiresIn": _TOKEN_SECONDS,
                "refreshToken": refresh,
            }
        )

    # --- the person's part

    def approve_device(self, user_code: str, email: str) -> bool:
        """Let the person sign in the device that shows this code; False when either is unknown."""
        user = self._find_user(email)
        with self._lock:
            for request in self._waiting.values():
                if user and request.user_code and request.user_code == user_code.strip().upper():
                    request.user = user.UserId
                    return True
        return False

    def authorize(self, client_id: str, redirect_uri: str, challenge: str, email: str) -> str:
        """An authorization code for the person, or "" when the client or the person is unknown."""
        user = self._find_user(email)
        if user is None or client_id not in self._clients:
            return ""
        code = secrets.token_urlsafe(24)
        request = _Request(client_id, redirect_uri=redirect_uri, challenge=challenge, user=user.UserId)
        with self._lock:
            self._waiting[code] = request
        return code

    # --- the access portal

    @property
    def _directory(self) -> IdentityStoreData:
        center = self._company.identity_center
        backend = identitystore_backends[center.account][self._company.region]
        return backend.identity_stores[center.identity_store_id]

    @property
    def _admin(self) -> SSOAdminBackend:
        return ssoadmin_backends[self._company.identity_center.account][self._company.region]

    def _find_user(self, email: str) -> User | None:
        """By e-mail or user name, in any case; a disabled user cannot sign in."""
        wanted = email.strip().lower()
        for user in self._directory.users.values():
            if wanted in {user.UserName.lower(), *(row["Value"].lower() for row in user.Emails)}:
                return user if is_enabled(self._directory, user.UserId) else None
        return None

    def _user_of(self, bearer: str) -> User:
        user_id, expires_at = self._access.get(bearer, ("", 0.0))
        user = self._directory.users.get(user_id)
        if user is None or expires_at < time.time():
            raise AwsError("UnauthorizedException", "Session token not found or invalid", 401)
        return user

    def _roles_of(self, user: User) -> Iterator[tuple[str, str]]:
        """Account and permission set of every assignment, the person's own and their groups'."""
        rows = self._directory.group_memberships.values()
        groups = {row["GroupId"] for row in rows if row["MemberId"]["UserId"] == user.UserId}
        names = {item.permission_set_arn: item.name for item in self._admin.permission_sets}
        mine = {
            (row.target_id, names[row.permission_set_arn])
            for row in self._admin.account_assignments
            if row.principal_id == user.UserId or row.principal_id in groups
        }
        yield from sorted(mine)

    def _role(self, account: str, permission_set: str) -> Role | None:
        prefix = f"AWSReservedSSO_{permission_set}_"
        roles = iam_backends[account]["aws"].get_roles()
        return next((role for role in roles if role.path.startswith(SSO_PATH) and role.name.startswith(prefix)), None)

    def _role_credentials(self, user: User, account: str, permission_set: str) -> Response:
        """`role_name` is the permission set's name here, as in a profile's sso_role_name."""
        role = self._role(account, permission_set)
        if role is None or (account, permission_set) not in self._roles_of(user):
            raise AwsError("ForbiddenException", "No access", 403)
        sts = sts_backends[account]["aws"]
        session = sts.assume_role(self._company.region, user.UserName, role.arn, "", _ROLE_SECONDS, "")
        return _answer(
            {
                "roleCredentials": {
                    "accessKeyId": session.access_key_id,
                    "secretAccessKey": session.secret_access_key,
                    "sessionToken": session.session_token,
                    "expiration": int(time.time() + _ROLE_SECONDS) * 1000,
                }
            }
        )

    def _list_accounts(self, user: User) -> Response:
        mine = sorted({account for account, _ in self._roles_of(user)})
        names = {account.id: account.name for account in self._company.accounts}
        rows = [
            {
                "accountId": item,
                "accountName": names.get(item, ""),
                "emailAddress": f"{names.get(item)}@acme.example",
            }
            for item in mine
        ]
        return _answer({"accountList": rows})

    def _list_roles(self, user: User, account: str) -> Response:
        rows = [{"roleName": name, "accountId": account} for owner, name in self._roles_of(user) if owner == account]
        return _answer({"roleList": rows})
