"""What one SAML answer says, and whether it may be believed.

The library has verified the signatures when `read` is called. Checked here is what it leaves open: which algorithms
and transforms may stand in a signature, and that the assertion is for us, answers one request, is young, and comes
once. Everything is read out of the one element that the signature covers, and no message holds data of it. Sources:
SAML 2.0 Core 2.3 to 2.7, 5.4, 8.3.7; Profiles 4.1.4.3; "On Breaking SAML: Be Whoever You Want to Be" (USENIX
Security 2012) for wrapped signatures.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Names
from onelogin.saml2.utils import OneLogin_Saml2_Utils
from onelogin.saml2.xml_utils import OneLogin_Saml2_XML

from onboarding.oidc import CLOCK_SKEW, LONGEST_SUBJECT, SignInRefused

# Without SHA-1, and without what would run or fetch something before the signature is known to be good.
_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
SIGNATURES = {
    *(f"{_MORE}{key}-sha{bits}" for key in ("rsa", "ecdsa") for bits in (256, 384, 512)),
    *(f"http://www.w3.org/2007/05/xmldsig-more#sha{bits}-rsa-MGF1" for bits in (256, 384, 512)),
}
DIGESTS = {Names.SHA256, Names.SHA384, Names.SHA512}
TRANSFORMS = {"http://www.w3.org/2000/09/xmldsig#enveloped-signature", "http://www.w3.org/2001/10/xml-exc-c14n#"}


@dataclass(frozen=True, slots=True)
class Assertion:
    """The provider's word about somebody: to the request `request_id`, or unasked; until `ends_at`, in seconds."""

    element: Any
    audience: str
    request_id: str | None
    ends_at: int

    def persistent_name_id(self) -> str:
        """Core 8.3.7: an id that stays with the person and is given to nobody else, as an e-mail may be."""
        [name_id] = _find(self.element, "saml:Subject/saml:NameID") or [None]
        if name_id is None or name_id.get("Format") != Names.NAMEID_PERSISTENT:
            raise SignInRefused("NameID: not persistent")
        if name_id.get("SPNameQualifier", self.audience) != self.audience:
            raise SignInRefused("NameID: another service's")
        subject = _text(name_id)
        if not 0 < len(subject) <= LONGEST_SUBJECT:
            raise SignInRefused("NameID: empty or too long")
        return subject

    def values_of(self, names: Iterable[str]) -> list[str]:
        """The values of the attributes called one of `names`, in that order; some providers repeat an attribute."""
        attributes = _find(self.element, "saml:AttributeStatement/saml:Attribute")
        return [
            text
            for name in names
            for attribute in attributes
            if attribute.get("Name") == name
            for text in _texts(attribute, "saml:AttributeValue")
            if text
        ]

    def has_any(self, names: Collection[str]) -> bool:
        """Whether an attribute is called one of `names`, with values or without."""
        attributes = _find(self.element, "saml:AttributeStatement/saml:Attribute")
        return any(attribute.get("Name") in names for attribute in attributes)

    def use_once(self) -> None:
        """Remember it for as long as it could come again. Kept in the database, where `add` is atomic."""
        key = "saml:" + hashlib.sha256(str(self.element.get("ID")).encode()).hexdigest()
        if not cache.add(key, True, timeout=max(1, self.ends_at + CLOCK_SKEW - int(time.time()))):
            raise SignInRefused("assertion: used before")


def read(response: Any, *, issuer: str, audience: str, recipient: str) -> Assertion:
    """The one assertion of a response, if it is the issuer's, for us, and in time. Raises SignInRefused."""
    [element] = _find(response, "saml:Assertion")
    if _texts(element, "saml:Issuer") != [issuer]:
        raise SignInRefused("assertion: another issuer's")
    _check_conditions(element, audience=audience)
    confirmation = _confirmation(element, recipient=recipient)
    request_id = confirmation.get("InResponseTo")
    # The response's own attributes need not be signed. They must not say anything else.
    if response.get("InResponseTo") != request_id or response.get("Destination", recipient) != recipient:
        raise SignInRefused("answer: InResponseTo or Destination differ from what is signed")
    return Assertion(element, audience, request_id, _seconds(confirmation.get("NotOnOrAfter")))


def check_signatures(response: Any) -> None:
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
