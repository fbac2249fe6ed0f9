"""SAML 2.0 as the portal speaks it: one provider, asked by HTTP-Redirect, answering by HTTP-POST, and nothing else.

python3-saml parses an answer (no DTD, no entities, comments gone) and verifies its signatures against the provider's
certificates. What it leaves open is closed here: which algorithms and transforms may stand in a signature, that
the assertion itself is signed, says whom it is for and whom it answers, is young, and comes once. Everything is
read out of the one element that the signature covers. Sources: SAML 2.0 Core 2.3 to 2.7, 5.4; Profiles 4.1.4.3;
"On Breaking SAML: Be Whoever You Want to Be" (USENIX Security 2012) for wrapped signatures.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.base import AuthProcess
from allauth.socialaccount.providers.saml.provider import SAMLProvider
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from onelogin.saml2.auth import OneLogin_Saml2_Auth
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Names
from onelogin.saml2.errors import OneLogin_Saml2_ValidationError
from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings
from onelogin.saml2.utils import OneLogin_Saml2_Utils
from onelogin.saml2.xml_utils import OneLogin_Saml2_XML

from onboarding.oidc import (
    CLOCK_SKEW,
    Document,
    IdentityProviderUnavailable,
    SignInRefused,
    is_path,
    kept_document,
    safe_next,
)

# Without SHA-1, and without what would run or fetch something before the signature is known to be good.
_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
SIGNATURES = {
    *(f"{_MORE}{key}-sha{bits}" for key in ("rsa", "ecdsa") for bits in (256, 384, 512)),
    *(f"http://www.w3.org/2007/05/xmldsig-more#sha{bits}-rsa-MGF1" for bits in (256, 384, 512)),
}
DIGESTS = {Names.SHA256, Names.SHA384, Names.SHA512}
TRANSFORMS = {"http://www.w3.org/2000/09/xmldsig#enveloped-signature", "http://www.w3.org/2001/10/xml-exc-c14n#"}

# A long list of groups takes 50 kB.
LARGEST_ANSWER = 500_000
LONGEST_NAME_ID = 191  # the column's
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


def is_secure(url: str) -> bool:
    """Whether `url` is https, or stays on this machine."""
    parts = urlsplit(url)
    is_loopback = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback))


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
            _check_signatures(response.document)
            response.is_valid(self._request_data(), raise_exceptions=True)
            return self._read(response.document, idp=idp, relay_state=relay_state)
        except SignInRefused:
            raise
        except OneLogin_Saml2_ValidationError as error:
            raise SignInRefused(f"answer: {_REASONS.get(error.code, 'not valid')}") from None
        except Exception as error:  # a stranger's bytes, in a library that promises no errors of its own
            raise SignInRefused(f"answer: {type(error).__name__}") from None

    def _read(self, response: Any, *, idp: Document, relay_state: str) -> Document:
        """The signed assertion's word, once the library has verified the signature."""
        [assertion] = _find(response, "saml:Assertion")
        if _texts(assertion, "saml:Issuer") != [idp["entityId"]]:
            raise SignInRefused("assertion: another issuer's")
        _check_conditions(assertion, audience=self.entity_id)
        confirmation = _confirmation(assertion, recipient=self.acs_url)
        request_id = confirmation.get("InResponseTo")
        # The response's own attributes need not be signed. They must not say anything else.
        if response.get("InResponseTo") != request_id or response.get("Destination", self.acs_url) != self.acs_url:
            raise SignInRefused("answer: InResponseTo or Destination differ from what is signed")
        facts = self._facts(assertion)
        _use_once(assertion, until=_seconds(confirmation.get("NotOnOrAfter")))
        return {"in_response_to": request_id, "next": relay_state if is_path(relay_state) else "", "facts": facts}

    def _facts(self, assertion: Any) -> Document:
        named = self.app.settings
        if _attribute(assertion, [TOO_MANY_GROUPS]):
            raise SignInRefused("groups: too many for the provider to list")
        return {
            "subject": _persistent_name_id(assertion, audience=self.entity_id),
            "email": next(iter(_attribute(assertion, named["email_attributes"])), ""),
            "name": next(iter(_attribute(assertion, named["name_attributes"])), ""),
            "groups": _attribute(assertion, named["groups_attributes"]),
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


# --- One answer


def _find(element: Any, path: str) -> list[Any]:
    found: list[Any] = element.findall(path, namespaces=Names.NSMAP)
    return found


def _text(element: Any) -> str:
    """The whole of an element's text. Comments were dropped in parsing, so that no text hides behind one."""
    if len(element):
        raise SignInRefused("assertion: markup within a value")
    return str(element.text or "").strip()


def _texts(element: Any, path: str) -> list[str]:
    return [_text(found) for found in _find(element, path)]


def _check_signatures(response: Any) -> None:
    """Refuse, before anything is computed, signatures of another kind or over something else than their parent."""
    ids = OneLogin_Saml2_XML.query(response, "//@ID")
    if len(ids) != len(set(ids)):
        raise SignInRefused("signature: an ID that is not unique")
    for signature in OneLogin_Saml2_XML.query(response, "//ds:Signature"):
        if len(_find(signature, "ds:SignedInfo/ds:Reference")) != 1 or _find(signature, "ds:Object"):
            raise SignInRefused("signature: not over one element")
        [reference] = _find(signature, "ds:SignedInfo/ds:Reference")
        if reference.get("URI") != f"#{signature.getparent().get('ID')}":
            raise SignInRefused("signature: over another element")
        _check_algorithms(_find(signature, "ds:SignedInfo/ds:SignatureMethod"), SIGNATURES)
        _check_algorithms(_find(signature, "ds:SignedInfo/ds:CanonicalizationMethod"), TRANSFORMS)
        _check_algorithms(_find(reference, "ds:DigestMethod"), DIGESTS)
        _check_algorithms(_find(reference, "ds:Transforms/ds:Transform"), TRANSFORMS)


def _check_algorithms(elements: Iterable[Any], allowed: set[str]) -> None:
    if any(element.get("Algorithm") not in allowed for element in elements):
        raise SignInRefused("signature: an algorithm or transform that is not allowed")


def _check_conditions(assertion: Any, *, audience: str) -> None:
    """Core 2.5.1: within its time, and for us, by every restriction there is and by one at least."""
    [conditions] = _find(assertion, "saml:Conditions")
    _check_time(conditions)
    restrictions = _find(conditions, "saml:AudienceRestriction")
    if not restrictions or any(audience not in _texts(one, "saml:Audience") for one in restrictions):
        raise SignInRefused("assertion: for another audience")


def _check_time(element: Any) -> None:
    now = time.time()
    begins, ends = element.get("NotBefore"), element.get("NotOnOrAfter")
    if (begins and now < _seconds(begins) - CLOCK_SKEW) or (ends and now >= _seconds(ends) + CLOCK_SKEW):
        raise SignInRefused("assertion: not yet valid, or no longer")


def _seconds(timestamp: str) -> int:
    return int(OneLogin_Saml2_Utils.parse_SAML_to_time(timestamp))


def _confirmation(assertion: Any, *, recipient: str) -> Any:
    """Profiles 4.1.4.3: the bearer's confirmation, which says where the assertion goes, until when, and to what."""
    bearer = f"saml:Subject/saml:SubjectConfirmation[@Method='{Names.CM_BEARER}']/saml:SubjectConfirmationData"
    confirmations = _find(assertion, bearer)
    if len(confirmations) != 1 or confirmations[0].get("Recipient") != recipient:
        raise SignInRefused("assertion: for another recipient")
    [confirmation] = confirmations
    if not confirmation.get("NotOnOrAfter"):
        raise SignInRefused("assertion: without an end")
    _check_time(confirmation)
    return confirmation


def _persistent_name_id(assertion: Any, *, audience: str) -> str:
    """Core 8.3.7: an id that stays with the person and is given to nobody else, as an e-mail may be."""
    [name_id] = _find(assertion, "saml:Subject/saml:NameID") or [None]
    if name_id is None or name_id.get("Format") != Names.NAMEID_PERSISTENT:
        raise SignInRefused("NameID: not persistent")
    if name_id.get("SPNameQualifier", audience) != audience:
        raise SignInRefused("NameID: another service's")
    subject = _text(name_id)
    if not 0 < len(subject) <= LONGEST_NAME_ID:
        raise SignInRefused("NameID: empty or too long")
    return subject


def _attribute(assertion: Any, names: Iterable[str]) -> list[str]:
    """The values of the attributes called one of `names`, in that order; some providers repeat an attribute."""
    attributes = _find(assertion, "saml:AttributeStatement/saml:Attribute")
    return [
        text
        for name in names
        for attribute in attributes
        if attribute.get("Name") == name
        for text in _texts(attribute, "saml:AttributeValue")
        if text
    ]


def _use_once(assertion: Any, *, until: int) -> None:
    """Remember the assertion for as long as it could come again. Kept in the database, where `add` is atomic."""
    key = "saml:" + hashlib.sha256(str(assertion.get("ID")).encode()).hexdigest()
    if not cache.add(key, True, timeout=max(1, until + CLOCK_SKEW - int(time.time()))):
        raise SignInRefused("assertion: used before")
