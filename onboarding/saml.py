"""SAML 2.0 as the portal speaks it: one provider, asked by HTTP-Redirect, answering by HTTP-POST, and nothing else.

allauth keeps the request with the session. python3-saml parses an answer (no DTD, no entities, comments gone) and
verifies its signatures against the provider's certificates; what it leaves open is closed in `assertions`. Here are
the provider's metadata, kept for an outage, and the way there and back. Sources: SAML 2.0 Profiles 4.1; Bindings 3.4,
3.5; Metadata 2.4.3.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.base import AuthProcess
from allauth.socialaccount.providers.saml.provider import SAMLProvider
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from onelogin.saml2.auth import OneLogin_Saml2_Auth
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Names
from onelogin.saml2.errors import OneLogin_Saml2_ValidationError
from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings

from onboarding import assertions
from onboarding.oidc import (
    Document,
    IdentityProviderUnavailable,
    SignInRefused,
    is_path,
    is_secure,
    kept_document,
    safe_next,
)
from onboarding.people import GroupsOverage

# A long list of groups takes 50 kB.
LARGEST_ANSWER = 500_000
# Entra ID, instead of the groups of somebody who is in more than 150.
TOO_MANY_GROUPS = "http://schemas.microsoft.com/claims/groups.link"

_REASONS = {
    code: name.lower().replace("_", " ")
    for name, code in vars(OneLogin_Saml2_ValidationError).items()
    if isinstance(code, int)
}


# --- The provider's metadata


def parse_metadata(xml: str) -> Document:
    """The provider's entity id, sign-in URL and certificates, as python3-saml's settings name them.

    Raises IdentityProviderUnavailable where the document does not say them.
    """
    try:
        idp = OneLogin_Saml2_IdPMetadataParser.parse(xml.encode()).get("idp", {})
    except Exception as error:  # whatever a parser makes of a page that is no metadata
        raise IdentityProviderUnavailable(f"metadata: {type(error).__name__}") from None
    _check_provider(idp)
    return {
        name: idp[name] for name in ("entityId", "singleSignOnService", "x509cert", "x509certMulti") if name in idp
    }


def _check_provider(idp: Document) -> None:
    url = idp.get("singleSignOnService", {}).get("url", "")
    signing = idp.get("x509cert") or idp.get("x509certMulti", {}).get("signing")
    if not idp.get("entityId") or not is_secure(url) or not signing:
        raise IdentityProviderUnavailable("metadata: no entity id, no sign-in URL by HTTP-Redirect, or no certificate")


def _get_metadata(url: str) -> Document:
    with get_adapter().get_requests_session() as session:
        response = session.get(url)
    if response.status_code != 200:
        raise IdentityProviderUnavailable(f"HTTP {response.status_code} without metadata")
    return parse_metadata(response.text)


def describe(named: Document) -> Document:
    """The provider as `named` in the settings: by a URL, by a document, or by hand.

    Raises IdentityProviderUnavailable, also where what is named cannot be one.
    """
    if url := named.get("metadata_url"):
        if not is_secure(url):
            raise IdentityProviderUnavailable("metadata: not over https")
        return kept_document(url, check=_check_provider, get=_get_metadata)
    if metadata := named.get("metadata"):
        return parse_metadata(metadata)
    try:
        certificates = x509.load_pem_x509_certificates(named["certificates"].encode())
    except ValueError:
        raise IdentityProviderUnavailable("certificate file: not PEM") from None
    pems = [certificate.public_bytes(Encoding.PEM).decode() for certificate in certificates]
    idp = {
        "entityId": named["entity_id"],
        "singleSignOnService": {"url": named["sso_url"]},
        "x509certMulti": {"signing": pems},
    }
    _check_provider(idp)
    return idp


def sign_in_url(named: Document) -> str:
    """A URL at the provider for people to know it by, without asking it. Empty where the settings name none."""
    if "metadata" not in named:
        return str(named.get("metadata_url") or named["sso_url"])
    try:
        return str(describe(named)["singleSignOnService"]["url"])
    except IdentityProviderUnavailable:
        return ""


# --- The protocol


class CorporateSAMLProvider(SAMLProvider):  # type: ignore[misc]  # untyped base
    """The company's provider, as allauth's flow sees it."""

    @cached_property
    def acs_url(self) -> str:
        """Where the provider sends people back to: our public address, whatever the Host header says."""
        return self._public_url("saml_acs")

    @cached_property
    def entity_id(self) -> str:
        return str(self.app.settings["entity_id"] or self._public_url("saml_metadata"))

    def _public_url(self, name: str) -> str:
        return f"{settings.PUBLIC_URL}{reverse(name, kwargs={'organization_slug': self.app.client_id})}"

    def identity_provider(self) -> Document:
        """What is known of the provider. Raises IdentityProviderUnavailable."""
        return describe(self.app.settings["idp"])

    def library_settings(self, *, idp: Document | None = None) -> OneLogin_Saml2_Settings:
        """python3-saml's settings; without `idp` only for our own metadata."""
        return OneLogin_Saml2_Settings(
            {
                "strict": True,
                "sp": {
                    "entityId": self.entity_id,
                    "assertionConsumerService": {"url": self.acs_url},
                    "NameIDFormat": Names.NAMEID_PERSISTENT,
                },
                "idp": idp or {},
                "security": {
                    "wantAssertionsSigned": True,
                    "rejectDeprecatedAlgorithm": True,
                    "requestedAuthnContext": False,
                    # Hosts of an intranet have no dot.
                    "allowSingleLabelDomains": True,
                    # Ours does not expire: it changes with the portal's address only.
                    "metadataValidUntil": "",
                    "metadataCacheDuration": "",
                },
            },
            sp_validation_only=idp is None,
        )

    def _request_data(self) -> Document:
        """The request as python3-saml wants to see it: at our public address."""
        parts = urlsplit(self.acs_url)
        return {
            "https": "on" if parts.scheme == "https" else "off",
            "http_host": parts.netloc,
            "script_name": "",
            "path_info": parts.path,
            "get_data": {},
            "post_data": {},
        }

    def redirect(
        self, request: HttpRequest, process: str, next_url: str | None = None, data: Any = None, **kwargs: Any
    ) -> HttpResponseRedirect:
        """To the provider. The session remembers the request's id, and where the person wanted to be."""
        auth = OneLogin_Saml2_Auth(self._request_data(), self.library_settings(idp=self.identity_provider()))
        url = auth.login(return_to="")
        self.stash_redirect_state(request, process, next_url, data, state_id=auth.get_last_request_id(), **kwargs)
        return HttpResponseRedirect(url)

    def get_redirect_from_request_kwargs(self, request: HttpRequest) -> dict[str, Any]:
        """Only `next` comes from the request: not the process."""
        return {"process": AuthProcess.LOGIN, "next_url": safe_next(request)}

    def read_answer(self, encoded: str, *, relay_state: str = "") -> Document:
        """What the provider's answer proves, as plain data: `in_response_to`, `next`, and the person's `facts`.

        Whether this browser asked for it is for `state_of` to say. Raises SignInRefused and
        IdentityProviderUnavailable, with no data of the answer in either.
        """
        idp = self.identity_provider()
        if not encoded or len(encoded) > LARGEST_ANSWER:
            raise SignInRefused("answer: none, or far too long")
        try:
            response = OneLogin_Saml2_Response(self.library_settings(idp=idp), encoded)
            assertions.check_signatures(response.document)
            response.is_valid(self._request_data(), raise_exceptions=True)
            return self._read(response.document, idp=idp, relay_state=relay_state)
        except (SignInRefused, GroupsOverage):
            raise
        except OneLogin_Saml2_ValidationError as error:
            raise SignInRefused(f"answer: {_REASONS.get(error.code, 'not valid')}") from None
        except Exception as error:  # a stranger's bytes, in a library that promises no errors of its own
            raise SignInRefused(f"answer: {type(error).__name__}") from None

    def _read(self, response: Any, *, idp: Document, relay_state: str) -> Document:
        """The signed assertion's word, once the library has verified the signature."""
        assertion = assertions.read(response, issuer=idp["entityId"], audience=self.entity_id, recipient=self.acs_url)
        facts = self._facts(assertion)
        assertion.use_once()
        return {
            "in_response_to": assertion.request_id,
            "next": relay_state if is_path(relay_state) else "",
            "facts": facts,
        }

    def _facts(self, assertion: assertions.Assertion) -> Document:
        named = self.app.settings
        if assertion.values_of([TOO_MANY_GROUPS]):
            raise GroupsOverage
        return {
            "subject": assertion.persistent_name_id(),
            "email": next(iter(assertion.values_of(named["email_attributes"])), ""),
            "name": next(iter(assertion.values_of(named["name_attributes"])), ""),
            "groups": assertion.values_of(named["groups_attributes"]),
            "tells_groups": assertion.has_any(named["groups_attributes"]),
        }

    def state_of(self, request: HttpRequest, answer: Document) -> dict[str, Any]:
        """What this browser's session kept when it asked. An answer that it did not ask for: SignInRefused."""
        if answer["in_response_to"]:
            try:
                state: dict[str, Any] = self.unstash_redirect_state(request, answer["in_response_to"])
            except PermissionDenied:
                raise SignInRefused("answer: to a request that this browser did not make, or not lately") from None
            return state
        if not self.app.settings["idp_initiated"]:
            raise SignInRefused("answer: nobody asked for it")
        return {"process": AuthProcess.LOGIN, "next": answer["next"]}

    def extract_uid(self, data: Document) -> str:
        return str(data["subject"])

    def extract_extra_data(self, data: Document) -> Document:
        return data

    def extract_common_fields(self, data: Document) -> dict[str, Any]:
        """Nothing: the e-mail is Person's, and allauth would compare it with others'."""
        return {}
