"""An identity provider that nobody here wrote: pysaml2, signing with xmlsec1, on loopback."""

from __future__ import annotations

import base64
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from saml2 import BINDING_HTTP_REDIRECT
from saml2.authn_context import PASSWORDPROTECTEDTRANSPORT
from saml2.config import IdPConfig
from saml2.metadata import entity_descriptor
from saml2.saml import NAME_FORMAT_UNSPECIFIED, NAMEID_FORMAT_PERSISTENT, NameID
from saml2.server import Server
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256
from werkzeug.serving import make_server

from tests.serving import serving

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

XMLSEC = shutil.which("xmlsec1")


@dataclass(frozen=True)
class Someone:
    """A person at the provider."""

    subject: str
    email: str
    name: str
    groups: tuple[str, ...] = ()

    @property
    def attributes(self) -> dict[str, list[str]]:
        return {"email": [self.email], "name": [self.name], "groups": list(self.groups)}


def make_keys(folder: Path, name: str) -> tuple[Path, Path]:
    """A signing key and its certificate, as files."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(called)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    key_file, certificate_file = folder / f"{name}.key", folder / f"{name}.crt"
    pem = serialization.Encoding.PEM
    key_file.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    certificate_file.write_bytes(certificate.public_bytes(pem))
    return key_file, certificate_file


@dataclass
class SamlProvider:
    """pysaml2 in a thread. `changes` go to its `create_authn_response`; `someone` is who is signed in there."""

    url: str
    keys: tuple[Path, Path]
    someone: Someone
    server: Server | None = None
    changes: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    is_down: bool = False

    def know(self, metadata: bytes, *, keys: tuple[Path, Path] | None = None) -> None:
        """Read the portal's own metadata, as an admin of the provider would upload it."""
        self.server = Server(config=self._config(metadata.decode(), keys or self.keys))

    def _config(self, metadata: str, keys: tuple[Path, Path]) -> IdPConfig:
        idp = {
            "endpoints": {"single_sign_on_service": [(f"{self.url}/sso", BINDING_HTTP_REDIRECT)]},
            "name_id_format": [NAMEID_FORMAT_PERSISTENT],
            "policy": {"default": {"lifetime": {"minutes": 5}, "name_form": NAME_FORMAT_UNSPECIFIED}},
        }
        config = {
            "entityid": f"{self.url}/metadata",
            "xmlsec_binary": XMLSEC,
            "key_file": str(keys[0]),
            "cert_file": str(keys[1]),
            "service": {"idp": idp},
            "metadata": {"inline": [metadata]} if metadata else {},
        }
        return IdPConfig().load(config)

    def metadata(self) -> str:
        return str(entity_descriptor(self._config("", self.keys)))

    def answer(self, **asked: Any) -> str:
        """A response as XML: right in everything, but for `changes`."""
        assert self.server is not None
        someone = self.someone
        name_id = NameID(format=NAMEID_FORMAT_PERSISTENT, text=someone.subject)
        right = {
            "identity": someone.attributes,
            "name_id": name_id,
            "authn": {"class_ref": PASSWORDPROTECTEDTRANSPORT, "authn_auth": self.url},
            "sign_assertion": True,
            "sign_response": False,
            "sign_alg": SIG_RSA_SHA256,
            "digest_alg": DIGEST_SHA256,
        }
        return str(self.server.create_authn_response(**(right | asked | self.changes)))

    def sign_again(self, xml: str) -> str:
        """The signature made anew, so that it covers what was changed."""
        assert self.server is not None
        found = re.search(r'Assertion[^>]* ID="([^"]+)"', xml)
        assert found is not None
        return str(
            self.server.sec.sign_statement(xml, "urn:oasis:names:tc:SAML:2.0:assertion:Assertion", node_id=found[1])
        )

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        self.asked.append(path)
        if self.is_down:
            start_response("503 Service Unavailable", [("Content-Type", "text/plain")])
            return [b"down"]
        page, kind = (self.metadata(), "application/samlmetadata+xml") if path == "/metadata" else self._form(environ)
        start_response("200 OK", [("Content-Type", kind)])
        return [page.encode()]

    def _form(self, environ: WSGIEnvironment) -> tuple[str, str]:
        """The page with which the provider's answer comes: a form that posts itself."""
        assert self.server is not None
        query = parse_qs(environ["QUERY_STRING"], keep_blank_values=True)
        request = self.server.parse_authn_request(query["SAMLRequest"][0], BINDING_HTTP_REDIRECT)
        asked = self.server.response_args(request.message)
        xml = self.answer(**{name: asked[name] for name in ("in_response_to", "destination", "sp_entity_id")})
        fields = {"SAMLResponse": base64.b64encode(xml.encode()).decode(), "RelayState": query["RelayState"][0]}
        inputs = "".join(f'<input name="{name}" value="{escape(text)}">' for name, text in fields.items())
        return f'<form method="post" action="{escape(asked["destination"])}">{inputs}</form>', "text/html"


@dataclass(frozen=True)
class Form:
    """What a browser is to post: where, and the fields."""

    action: str
    fields: dict[str, str]

    @property
    def xml(self) -> str:
        return base64.b64decode(self.fields["SAMLResponse"]).decode()

    def with_xml(self, xml: str) -> Form:
        return Form(self.action, self.fields | {"SAMLResponse": base64.b64encode(xml.encode()).decode()})


def fetch_form(url: str) -> Form:
    """Follow the portal's redirect to the provider, where somebody is signed in already."""
    page = requests.get(url, timeout=5)
    assert page.status_code == 200, page.text
    action = re.search(r'action="([^"]+)"', page.text)
    assert action is not None
    return Form(action[1], dict(re.findall(r'name="([^"]+)" value="([^"]*)"', page.text)))


@contextmanager
def running_provider(folder: Path, someone: Someone) -> Iterator[SamlProvider]:
    holder: list[SamlProvider] = []
    server = make_server("127.0.0.1", 0, lambda environ, start: holder[0](environ, start), threaded=True)
    holder.append(SamlProvider(f"http://localhost:{server.server_port}", make_keys(folder, "idp"), someone))
    with serving(server):
        yield holder[0]
