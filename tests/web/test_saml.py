"""Sign-in by SAML, through the real redirects, against pysaml2 on loopback."""

from __future__ import annotations

import base64
import time
import zlib
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from allauth.socialaccount.models import SocialAccount
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client
from lxml import etree
from saml2.saml import NAMEID_FORMAT_EMAILADDRESS, NAMEID_FORMAT_PERSISTENT, NAMEID_FORMAT_TRANSIENT, NameID
from saml2.xmldsig import DIGEST_SHA1, SIG_RSA_SHA1

from onboarding import oidc, saml
from onboarding.enums import Role
from onboarding.models import Person, Team, User
from onboarding.provisioning import UserData, save_group, save_user
from tests.web.saml_provider import XMLSEC, Form, SamlProvider, Someone, fetch_form, make_keys, running_provider

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(XMLSEC is None, reason="no xmlsec1: nothing signs for a SAML identity provider"),
]

LOGIN = "/accounts/saml/corp/login/"
ACS = "/accounts/saml/corp/acs/"
FINISH = ACS + "finish/"
METADATA = "/accounts/saml/corp/metadata/"
OURS = "http://localhost:8000"
ANA = Someone("a-1001", "ana.nunez@acme.example", "Ana Núñez", ("claude-platform", "onramp-admins"))
BRUNO = Someone("b-1002", "bruno.rey@acme.example", "Bruno Rey", ("claude-platform",))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SamlProvider]:
    with running_provider(tmp_path_factory.mktemp("saml"), ANA) as provider:
        yield provider


@pytest.fixture
def idp(running: SamlProvider, settings: Settings) -> Iterator[SamlProvider]:
    cache.clear()
    configure(settings, {"metadata_url": f"{running.url}/metadata"})
    if running.server is None:
        running.know(Client().get(METADATA).content)
    yield running
    running.someone, running.is_down = ANA, False
    running.changes.clear()
    running.asked.clear()


def configure(settings: Settings, idp: dict[str, str], **changes: Any) -> None:
    app = {
        "provider_id": "corp-saml",
        "name": "Acme SSO",
        "client_id": "corp",
        "settings": {
            "idp": idp,
            "entity_id": "",
            "email_attributes": settings.ENVIRONMENT.saml_email_attributes,
            "name_attributes": settings.ENVIRONMENT.saml_name_attributes,
            "groups_attributes": settings.ENVIRONMENT.saml_groups_attributes,
            "idp_initiated": False,
        }
        | changes,
    }
    settings.PUBLIC_URL = "http://localhost:8000"
    settings.SOCIALACCOUNT_PROVIDERS = settings.SOCIALACCOUNT_PROVIDERS | {"saml": {"APPS": [app]}}
    settings.ONRAMP_ADMIN_GROUPS = frozenset({"onramp-admins"})
    settings.ONRAMP_AUDITOR_GROUPS = frozenset({"onramp-auditors"})


@pytest.fixture
def team() -> Team:
    return Team.objects.create(name="Platform", group="claude-platform")


def start(client: Client, **form: str) -> str:
    response = client.post(LOGIN, form)
    assert response.status_code == 302, response.content
    return str(response["Location"])


def post(form: Form) -> Any:
    """The provider's page posts from another site: the browser sends no cookie of ours along."""
    parts = urlsplit(form.action)
    assert (parts.scheme, parts.netloc, parts.path) == ("http", "localhost:8000", ACS)
    return Client().post(parts.path, form.fields)


def finish(client: Client, form: Form) -> Any:
    """Post, and follow the redirect with all the cookies there are."""
    response = post(form)
    if response.status_code != 302:
        return response
    assert response["Location"] == FINISH
    client.cookies.update(response.cookies)
    return client.get(FINISH)


def sign_in(client: Client, **form: str) -> Any:
    return finish(client, fetch_form(start(client, **form)))


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def assert_refused(client: Client, response: Any) -> None:
    assert response.status_code == 401
    assert response.templates[0].name == "errors/sign_in_failed.html"
    assert not is_signed_in(client)
    assert not User.objects.exists()
    assert not Person.objects.exists()


def later(seconds: float) -> time_machine.travel:
    return time_machine.travel(time.time() + seconds)


# --- Coming in


def test_first_sign_in_creates_the_person_with_team_and_role(client: Client, idp: SamlProvider, team: Team) -> None:
    assert sign_in(client)["Location"] == "/setup/"
    assert is_signed_in(client)
    account = SocialAccount.objects.get()
    assert (account.provider, account.uid) == ("corp-saml", ANA.subject)
    person = Person.objects.get()
    assert person.user == account.user == User.objects.get()
    assert (person.email, person.name, person.team, person.role) == (ANA.email, ANA.name, team, Role.ADMIN)


def test_groups_lost_are_rights_lost(client: Client, idp: SamlProvider, team: Team) -> None:
    sign_in(client)
    idp.someone = replace(ANA, groups=())
    sign_in(Client())
    person = Person.objects.get()
    assert (person.team, person.role) == (None, Role.PERSON)
    assert not User.objects.get().is_superuser


def test_no_word_of_groups_leaves_what_the_directory_gave(
    client: Client, idp: SamlProvider, team: Team, settings: Settings
) -> None:
    settings.ONRAMP_REQUIRED_GROUPS = frozenset({team.group})
    user = save_user(UserData(ANA.email, "", ANA.email, ANA.name, is_active=True, document={"userName": ANA.email}))
    save_group(display_name=team.group, external_id="", members=[user.pk])
    idp.changes["identity"] = {"email": [ANA.email], "name": [ANA.name]}

    for _ in range(2):
        assert sign_in(client)["Location"] == "/setup/"
        assert Person.objects.get().team == team


@pytest.mark.parametrize("name", ["corp-saml", "saml", "openid_connect"])
def test_a_saml_provider_has_no_addresses_of_openid_connect(client: Client, idp: SamlProvider, name: str) -> None:
    for path in ("login/", "back-channel-logout/"):
        assert client.post(f"/accounts/oidc/{name}/{path}").status_code == 404
    assert client.get(f"/accounts/oidc/{name}/login/callback/").status_code == 404


def test_changed_email_is_the_same_person(client: Client, idp: SamlProvider) -> None:
    sign_in(client)
    idp.someone = replace(ANA, email="ana.nunez@acme-group.example")
    sign_in(Client())
    assert Person.objects.get().email == "ana.nunez@acme-group.example"
    assert User.objects.count() == 1


def test_two_name_ids_with_one_email_are_two_users(client: Client, idp: SamlProvider) -> None:
    sign_in(client)
    idp.someone = replace(BRUNO, email=ANA.email)
    sign_in(Client())
    assert User.objects.count() == Person.objects.count() == 2


def test_person_known_beforehand_is_linked_by_email(client: Client, idp: SamlProvider) -> None:
    Person.objects.create(email=ANA.email.upper())
    sign_in(client)
    assert Person.objects.get().user == User.objects.get()


def test_deactivated_person_is_refused(client: Client, idp: SamlProvider) -> None:
    sign_in(client)
    client.logout()
    Person.objects.update(is_active=False, name="As it was")
    assert sign_in(client).status_code == 403
    assert not is_signed_in(client)
    assert Person.objects.get().name == "As it was"


def test_only_what_is_read_is_kept(client: Client, idp: SamlProvider) -> None:
    sign_in(client)
    facts: dict[str, Any] = {"subject": ANA.subject, "email": ANA.email, "name": ANA.name, "groups": list(ANA.groups)}
    facts["tells_groups"] = True
    assert SocialAccount.objects.get().extra_data == facts
    # The answer's own session is gone; this browser's is what is left.
    assert [session.session_key for session in Session.objects.all()] == [client.session.session_key]


def test_attributes_of_entra_are_read_by_default(client: Client, idp: SamlProvider, team: Team) -> None:
    idp.changes["identity"] = {
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress": [ANA.email],
        "http://schemas.microsoft.com/identity/claims/displayname": [ANA.name],
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups": ["claude-platform"],
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/role": ["onramp-admins"],
    }
    sign_in(client)
    person = Person.objects.get()
    assert (person.email, person.name, person.team, person.role) == (ANA.email, ANA.name, team, Role.ADMIN)


def test_provider_may_sign_the_response_too(client: Client, idp: SamlProvider) -> None:
    idp.changes["sign_response"] = True
    assert sign_in(client)["Location"] == "/setup/"


@pytest.mark.parametrize("way", ["by document", "by hand"])
def test_provider_may_be_named_without_a_url(client: Client, idp: SamlProvider, settings: Settings, way: str) -> None:
    by_hand = {
        "entity_id": f"{idp.url}/metadata",
        "sso_url": f"{idp.url}/sso",
        "certificates": idp.keys[1].read_text(),
    }
    configure(settings, by_hand if way == "by hand" else {"metadata": idp.metadata()})
    assert sign_in(client)["Location"] == "/setup/"
    assert idp.asked == ["/sso"]


def test_two_certificates_while_the_provider_changes_keys(
    client: Client, idp: SamlProvider, settings: Settings, tmp_path: Path
) -> None:
    new = make_keys(tmp_path, "new")[1].read_text()
    named = {"entity_id": f"{idp.url}/metadata", "sso_url": f"{idp.url}/sso"}
    configure(settings, named | {"certificates": new + idp.keys[1].read_text()})
    assert sign_in(client)["Location"] == "/setup/"


# --- The request


def test_request_asks_for_a_persistent_name_id_at_our_public_address(client: Client, idp: SamlProvider) -> None:
    response = client.post(LOGIN, headers={"host": "127.0.0.1"})
    query = parse_qs(urlsplit(response["Location"]).query, keep_blank_values=True)
    request = etree.fromstring(zlib.decompress(base64.b64decode(query["SAMLRequest"][0]), -15))
    assert request.get("AssertionConsumerServiceURL") == OURS + ACS
    assert request.findtext("{*}Issuer") == OURS + METADATA
    assert request.find("{*}NameIDPolicy").get("Format") == NAMEID_FORMAT_PERSISTENT
    assert query["RelayState"] == [""]


def test_login_needs_the_csrf_token(idp: SamlProvider) -> None:
    assert Client(enforce_csrf_checks=True).post(LOGIN).status_code == 403


def test_answer_needs_none(idp: SamlProvider) -> None:
    assert Client(enforce_csrf_checks=True).post(ACS).status_code == 401


def test_login_on_get_is_the_sign_in_page(client: Client, idp: SamlProvider) -> None:
    assert client.get(LOGIN, {"next": "/setup/"})["Location"] == "/?next=%2Fsetup%2F"
    assert idp.asked == []


def test_unknown_provider_is_not_found(client: Client, idp: SamlProvider, settings: Settings) -> None:
    assert client.post(LOGIN.replace("corp", "other")).status_code == 404
    settings.SOCIALACCOUNT_PROVIDERS = {"saml": {"APPS": []}}
    assert [client.post(LOGIN).status_code, client.get(METADATA).status_code] == [404, 404]


def test_metadata_is_public_and_wants_signed_assertions(client: Client, idp: SamlProvider) -> None:
    response = client.get(METADATA)
    assert response.headers["Content-Type"] == "application/samlmetadata+xml; charset=utf-8"
    document = etree.fromstring(response.content)
    assert document.get("entityID") == OURS + METADATA
    assert document.get("validUntil") is None
    assert document.find("{*}SPSSODescriptor").get("WantAssertionsSigned") == "true"


def test_portal_may_have_an_entity_id_of_its_own(client: Client, idp: SamlProvider, settings: Settings) -> None:
    configure(settings, {"metadata_url": f"{idp.url}/metadata"}, entity_id="urn:acme:onramp")
    assert etree.fromstring(client.get(METADATA).content).get("entityID") == "urn:acme:onramp"


# --- Where people go


def test_next_is_followed(client: Client, idp: SamlProvider) -> None:
    assert sign_in(client, next="/setup/?step=2")["Location"] == "/setup/?step=2"


EVIL = ["https://evil.example/", "//evil.example/", "/\\evil.example/", "javascript:alert(1)"]


@pytest.mark.parametrize("target", EVIL)
def test_next_and_relay_state_stay_on_the_portal(
    client: Client, idp: SamlProvider, settings: Settings, target: str
) -> None:
    form = fetch_form(start(client, next=target))
    assert finish(client, replace(form, fields=form.fields | {"RelayState": target}))["Location"] == "/setup/"


def test_relay_state_of_an_answer_that_was_asked_for_means_nothing(client: Client, idp: SamlProvider) -> None:
    form = fetch_form(start(client))
    assert finish(client, replace(form, fields=form.fields | {"RelayState": "/usage/"}))["Location"] == "/setup/"


# --- Answers that nobody asked for


def unsolicited(idp: SamlProvider, relay_state: str = "") -> Form:
    xml = idp.answer(in_response_to=None, destination=OURS + ACS, sp_entity_id=OURS + METADATA)
    return Form(OURS + ACS, {"SAMLResponse": "", "RelayState": relay_state}).with_xml(xml)


def test_unsolicited_answer_is_refused(client: Client, idp: SamlProvider) -> None:
    assert_refused(client, finish(client, unsolicited(idp)))


@pytest.mark.parametrize(
    ("relay_state", "target"), [("/usage/", "/usage/"), *((evil, "/setup/") for evil in EVIL[:2])]
)
def test_unsolicited_answer_may_be_taken(
    client: Client, idp: SamlProvider, settings: Settings, relay_state: str, target: str
) -> None:
    configure(settings, {"metadata_url": f"{idp.url}/metadata"}, idp_initiated=True)
    form = unsolicited(idp, relay_state)
    assert finish(client, form)["Location"] == target
    assert post(form).status_code == 401


def test_answer_with_its_request_struck_out_is_refused(client: Client, idp: SamlProvider, settings: Settings) -> None:
    configure(settings, {"metadata_url": f"{idp.url}/metadata"}, idp_initiated=True)
    form = fetch_form(start(Client()))
    root = etree.fromstring(form.xml)
    del root.attrib["InResponseTo"]
    assert_refused(client, finish(client, form.with_xml(etree.tostring(root, encoding="unicode"))))


def test_checked_answer_waits_for_one_redirect_and_not_longer(client: Client, idp: SamlProvider) -> None:
    response = post(fetch_form(start(client)))
    cookie = response.cookies["saml-acs-session"]
    assert (cookie["path"], bool(cookie["httponly"]), cookie["samesite"]) == (FINISH, True, "Lax")
    client.cookies.update(response.cookies)
    with later(121):
        assert_refused(client, client.get(FINISH))


# --- Answers that prove nothing


def test_replayed_answer_is_refused(client: Client, idp: SamlProvider) -> None:
    form = fetch_form(start(client))
    assert finish(client, form).status_code == 302
    client.logout()
    response = post(form)
    assert response.status_code == 401
    assert not is_signed_in(client)


def test_answer_in_another_browser_is_refused(client: Client, idp: SamlProvider) -> None:
    assert_refused(client, finish(client, fetch_form(start(Client()))))


def test_finish_without_an_answer_is_refused(client: Client, idp: SamlProvider) -> None:
    assert_refused(client, client.get(FINISH))


def test_stolen_assertion_in_ones_own_sign_in_is_refused(client: Client, idp: SamlProvider) -> None:
    """The response's InResponseTo is not signed; the assertion's is."""
    stolen, own = (etree.fromstring(fetch_form(start(browser)).xml) for browser in (Client(), client))
    stolen.set("InResponseTo", own.get("InResponseTo"))
    form = Form(OURS + ACS, {"RelayState": ""}).with_xml(etree.tostring(stolen, encoding="unicode"))
    assert_refused(client, finish(client, form))


def name_id(kind: str, text: str = "ana.nunez@acme.example") -> NameID:
    return NameID(format=kind, text=text)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sign_assertion": False}, "no signed assertion"),
        ({"sign_assertion": False, "sign_response": True}, "no signed assertion"),
        ({"sign_alg": SIG_RSA_SHA1}, "not allowed"),
        ({"digest_alg": DIGEST_SHA1}, "not allowed"),
        ({"sign_response": True, "sign_alg": SIG_RSA_SHA1, "digest_alg": DIGEST_SHA1}, "not allowed"),
        ({"sp_entity_id": "https://other.example"}, "wrong audience"),
        ({"destination": "https://other.example/acs/"}, "wrong destination"),
        ({"in_response_to": "another"}, "did not make"),
        ({"issuer": "https://evil.example"}, "wrong issuer"),
        ({"name_id": name_id(NAMEID_FORMAT_EMAILADDRESS)}, "NameID: not persistent"),
        ({"name_id": name_id(NAMEID_FORMAT_TRANSIENT)}, "NameID: not persistent"),
        ({"name_id": name_id(NAMEID_FORMAT_PERSISTENT, " ")}, "NameID: empty"),
        ({"name_id": name_id(NAMEID_FORMAT_PERSISTENT, "a" * 192)}, "too long"),
        ({"identity": {}}, "no attributestatement"),
    ],
    ids=lambda said: said if isinstance(said, str) else "-".join(said),
)
def test_answer_that_says_something_else_is_refused(
    client: Client, idp: SamlProvider, changes: dict[str, Any], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    idp.changes |= changes
    assert_refused(client, sign_in(client))
    assert reason in caplog.text


def test_more_groups_than_the_provider_lists_is_said_and_nobody_comes_in(client: Client, idp: SamlProvider) -> None:
    idp.changes |= {"identity": {saml.TOO_MANY_GROUPS: ["https://graph.example/groups"]}}
    response = sign_in(client)
    assert response.status_code == 403
    assert "did not name your groups" in response.content.decode()
    assert not is_signed_in(client)
    assert not Person.objects.exists()


def without_audience(assertion: Any) -> None:
    conditions = assertion.find("{*}Conditions")
    conditions.remove(conditions.find("{*}AudienceRestriction"))


def with_another_audience(assertion: Any) -> None:
    """Every restriction has to hold."""
    conditions = assertion.find("{*}Conditions")
    other = deepcopy(conditions.find("{*}AudienceRestriction"))
    other.find("{*}Audience").text = "https://other.example"
    conditions.append(other)


def without(name: str) -> Callable[[Any], None]:
    def change(assertion: Any) -> None:
        del assertion.find(".//{*}SubjectConfirmationData").attrib[name]

    return change


def qualified_for_another(assertion: Any) -> None:
    assertion.find(".//{*}NameID").set("SPNameQualifier", "https://other.example")


def with_markup_in_a_group(assertion: Any) -> None:
    value = assertion.find(".//{*}Attribute[@Name='groups']/{*}AttributeValue")
    value.text = "onramp-admins"
    value.attrib.clear()  # of the type xs:string, which holds no markup
    etree.SubElement(value, "b").tail = "-not"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (without_audience, "for another audience"),
        (with_another_audience, "for another audience"),
        (without("Recipient"), "for another recipient"),
        (without("NotOnOrAfter"), "without an end"),
        (without("InResponseTo"), "differ from what is signed"),
        (qualified_for_another, "another service's"),
        (with_markup_in_a_group, "markup within a value"),
    ],
)
def test_properly_signed_assertion_that_says_too_little_is_refused(
    client: Client,
    idp: SamlProvider,
    change: Callable[[Any], None],
    reason: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    form = fetch_form(start(client))
    root = etree.fromstring(form.xml)
    change(root.find("{*}Assertion"))
    assert_refused(client, finish(client, form.with_xml(idp.sign_again(etree.tostring(root, encoding="unicode")))))
    assert reason in caplog.text


def test_signature_made_anew_counts(client: Client, idp: SamlProvider) -> None:
    """What is changed in the test above, and not how, is why those are refused."""
    form = fetch_form(start(client))
    assert finish(client, form.with_xml(idp.sign_again(form.xml)))["Location"] == "/setup/"


@pytest.mark.parametrize("recipient", ["https://other.example/acs/", f"https://other.example/?{OURS}{ACS}"])
def test_assertion_for_another_recipient_is_refused(client: Client, idp: SamlProvider, recipient: str) -> None:
    """Also where the response, which is not signed, names us as its destination."""
    idp.changes["destination"] = recipient
    form = fetch_form(start(client))
    root = etree.fromstring(form.xml)
    root.set("Destination", OURS + ACS)
    assert_refused(client, finish(client, form.with_xml(etree.tostring(root, encoding="unicode"))))


@pytest.mark.parametrize(("seconds", "is_good"), [(-120, False), (-30, True), (240, True), (361, False)])
def test_assertion_counts_for_its_time(client: Client, idp: SamlProvider, seconds: int, is_good: bool) -> None:
    form = fetch_form(start(client))
    with later(seconds):
        finish(client, form)
    assert Person.objects.exists() is is_good


def test_assertion_signed_with_another_key_is_refused(
    client: Client, idp: SamlProvider, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Though it brings its certificate along."""
    server = idp.server
    idp.know(client.get(METADATA).content, keys=make_keys(tmp_path, "attacker"))
    try:
        assert_refused(client, sign_in(client))
    finally:
        idp.server = server
    assert "invalid signature" in caplog.text


def with_a_dtd(xml: str) -> str:
    return '<!DOCTYPE r [<!ENTITY e "onramp-admins">]>' + xml.partition("?>")[2]


@pytest.mark.parametrize(
    ("tamper", "reason"),
    [
        (lambda xml: xml.replace("claude-platform", "onramp-auditors"), "invalid signature"),
        (lambda xml: xml.replace("a-1001", "b-1002"), "invalid signature"),
        (lambda xml: xml.replace("status:Success", "status:Responder"), "status code is not success"),
        (with_a_dtd, "DTDForbidden"),
        (lambda xml: with_a_dtd(xml).replace("claude-platform", "&e;"), "DTDForbidden"),
        (
            lambda xml: xml.replace(
                "http://www.w3.org/2000/09/xmldsig#enveloped-signature", "http://www.w3.org/TR/1999/REC-xslt-19991116"
            ),
            "not allowed",
        ),
        (lambda xml: xml.replace('URI="#', 'URI="" X="#'), "over another element"),
        (lambda xml: xml[: len(xml) // 2], "XMLSyntaxError"),
        (lambda xml: "<a/>", "unsupported saml version"),
    ],
    ids=["group", "NameID", "status", "DTD", "entity", "XSLT", "whole document", "cut off", "other XML"],
)
def test_tampered_answer_is_refused(
    client: Client,
    idp: SamlProvider,
    tamper: Callable[[str], str],
    reason: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    form = fetch_form(start(client))
    assert_refused(client, finish(client, form.with_xml(tamper(form.xml))))
    assert reason in caplog.text


@pytest.mark.parametrize("encoded", ["", "not base64", "AAAA", "A" * (saml.LARGEST_ANSWER + 1)], ids=len)
def test_what_is_no_answer_is_refused(client: Client, idp: SamlProvider, encoded: str) -> None:
    assert_refused(client, finish(client, Form(OURS + ACS, {"SAMLResponse": encoded})))


def test_text_around_a_comment_is_read_whole(client: Client, idp: SamlProvider) -> None:
    """A comment may be put in without breaking the signature. Nobody becomes who stands in front of it."""
    longer = replace(
        BRUNO, subject=f"{ANA.subject}.evil", email=f"{ANA.email}.evil.example", groups=("onramp-admins-no",)
    )
    idp.someone = longer
    form = fetch_form(start(client))
    xml = form.xml
    for text in (ANA.subject, ANA.email, "onramp-admins"):
        xml = xml.replace(f">{text}", f">{text}<!-- -->")
    assert xml.count("<!-- -->") == 3
    assert finish(client, form.with_xml(xml)).status_code == 302
    assert SocialAccount.objects.get().uid == longer.subject
    person = Person.objects.get()
    assert (person.email, person.role) == (longer.email, Role.PERSON)


# --- Wrapped signatures: what is signed stays in the document, something else is where it is looked for


def forged(assertion: Any) -> Any:
    """The assertion as the attacker would like it, without the signature."""
    copy = deepcopy(assertion)
    copy.remove(copy.find("{*}Signature"))
    copy.set("ID", "forged")
    copy.find("{*}Subject/{*}NameID").text = BRUNO.subject
    return copy


def beside(root: Any, assertion: Any) -> None:
    root.insert(list(root).index(assertion), forged(assertion))


def in_the_forged(root: Any, assertion: Any) -> None:
    evil = forged(assertion)
    root.replace(assertion, evil)
    evil.append(assertion)


def in_extensions(root: Any, assertion: Any) -> None:
    evil = forged(assertion)
    root.replace(assertion, evil)
    extensions = etree.Element("{urn:oasis:names:tc:SAML:2.0:protocol}Extensions")
    extensions.append(assertion)
    root.insert(1, extensions)


def in_an_object(root: Any, assertion: Any) -> None:
    """The signature moves into the forged assertion, and takes what it signs along."""
    signature = assertion.find("{*}Signature")
    evil = forged(assertion)
    root.replace(assertion, evil)
    evil.insert(1, signature)
    etree.SubElement(signature, "{http://www.w3.org/2000/09/xmldsig#}Object").append(assertion)


def under_the_same_id(root: Any, assertion: Any) -> None:
    in_an_object(root, assertion)
    root.find("{*}Assertion").set("ID", assertion.get("ID"))


@pytest.mark.parametrize("wrap", [beside, in_the_forged, in_extensions, in_an_object, under_the_same_id])
def test_wrapped_signature_is_refused(client: Client, idp: SamlProvider, wrap: Callable[[Any, Any], None]) -> None:
    form = fetch_form(start(client))
    root = etree.fromstring(form.xml)
    wrap(root, root.find("{*}Assertion"))
    assert_refused(client, finish(client, form.with_xml(etree.tostring(root, encoding="unicode"))))


def test_nothing_of_an_assertion_is_logged(
    client: Client, idp: SamlProvider, caplog: pytest.LogCaptureFixture, settings: Settings
) -> None:
    form = fetch_form(start(client))
    caplog.clear()
    finish(client, form)
    post(form)
    post(form.with_xml(form.xml.replace("claude-platform", "onramp-auditors")))
    assert caplog.text.count("sign_in_failed") == 2
    for secret in (ANA.subject, ANA.email, "claude-platform", form.fields["SAMLResponse"][:40], "<ns"):
        assert secret not in caplog.text


# --- Outages


def assert_unavailable(response: Any) -> None:
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    assert response.templates[0].name == "errors/identity_provider_down.html"


def test_metadata_is_fetched_once(client: Client, idp: SamlProvider) -> None:
    sign_in(client)
    sign_in(Client())
    assert idp.asked.count("/metadata") == 1


def test_provider_down_is_a_503_and_stale_metadata_is_used_for_a_day(client: Client, idp: SamlProvider) -> None:
    idp.is_down = True
    response = client.post(LOGIN, {"next": "/setup/"})
    assert_unavailable(response)
    assert response.context["retry_url"] == "/?next=%2Fsetup%2F"
    idp.is_down = False
    start(client)
    idp.is_down = True
    with later(oidc.FRESH_FOR + 1):
        assert start(client).startswith(f"{idp.url}/sso?")
    with later(oidc.STALE_FOR + 1):
        assert_unavailable(client.post(LOGIN))
        assert_unavailable(client.post(ACS, {"SAMLResponse": "AAAA"}))


@pytest.mark.parametrize(
    "change",
    [
        lambda document: "<html>maintenance</html>",
        lambda document: "{}",
        lambda document: "",
        lambda document: document.replace("HTTP-Redirect", "SOAP"),
        lambda document: document.replace('Location="http://localhost', 'Location="http://login.example'),
        lambda document: document.replace("X509Certificate>", "Other>"),
        lambda document: document.replace("entityID=", "other="),
    ],
    ids=["a page", "JSON", "nothing", "no redirect binding", "plain HTTP", "no certificate", "no entity id"],
)
def test_metadata_that_is_no_providers_is_an_outage(
    client: Client, idp: SamlProvider, settings: Settings, change: Callable[[str], str]
) -> None:
    document = idp.metadata()
    assert change(document) != document
    configure(settings, {"metadata": change(document) or " "})
    assert_unavailable(client.post(LOGIN))


def test_metadata_over_plain_http_is_not_asked_for(client: Client, idp: SamlProvider, settings: Settings) -> None:
    configure(settings, {"metadata_url": "http://login.example/metadata"})
    assert_unavailable(client.post(LOGIN))


# --- The page


def test_one_button_for_each_way(client: Client, idp: SamlProvider, settings: Settings) -> None:
    page = client.get("/", {"next": "/setup/"}).content.decode()
    assert f'action="{LOGIN}"' in page
    assert 'action="/accounts/oidc/corp/login/"' in page
    assert f"Sign in on {urlsplit(idp.url).netloc}" in page
    configure(settings, {"metadata": idp.metadata()})
    settings.SOCIALACCOUNT_PROVIDERS = {"saml": settings.SOCIALACCOUNT_PROVIDERS["saml"]}
    page = client.get("/").content.decode()
    assert "/accounts/oidc/" not in page
    assert f"You continue on {urlsplit(idp.url).netloc}" in page


def test_sign_in_page_stands_though_the_metadata_file_is_none(
    client: Client, idp: SamlProvider, settings: Settings
) -> None:
    configure(settings, {"metadata": "<html/>"})
    page = client.get("/").content.decode()
    assert f'action="{LOGIN}"' in page
    assert "Sign in with Acme SSO" in page
