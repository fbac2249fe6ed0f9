"""Secrets that are put into every input there is, and looked for wherever the portal writes."""

from __future__ import annotations

import base64
import datetime as dt
import io
import json
from collections.abc import Callable
from itertools import cycle
from typing import Any
from urllib.parse import quote

import pytest
import redis
from django.apps import apps
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from onboarding.doctor import CHECKS
from onboarding.enrolments import issue_codes
from onboarding.enums import ApiScope, CodePurpose, Platform, Role
from onboarding.models import AuditEvent
from onboarding.provisioning import issue_token as issue_scim_token
from onboarding.tokens import issue_token as issue_api_token
from tests.factories import make_person
from tests.repository.pages import Company, Page, failing_after_an_event, make_company, pages

pytestmark = pytest.mark.django_db

PAGES = pages()
# Each in its own shape, and none of value.
CANARIES = {
    "client secret": "client_secret=Canary0Client-Secret_5f3a91c07b2e",
    "access key": "AKIACANARYCANARY7Q2X",
    "temporary access key": "ASIACANARYCANARY7Q2X",
    "secret access key": "aws_secret_access_key=cAnArY7/K7MDENG+bPxRfiCYEXAMPLEKEYabcdef",
    "session token": "IQoJb3JpZ2luX2VjECANARY" + "aB3x7" * 20,
    "Bedrock key": "ABSKQ2FuYXJ5QmVkcm9ja0FQSUtleS0xMjM0NTY3ODkw",
    "short-term Bedrock key": "bedrock-api-key-Q2FuYXJ5c2hvcnR0ZXJt",
    "ID token": "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.Y2FuYXJ5c2lnbmF0dXJl",
    "bearer token": "Bearer canary-Opaque_Token-0123456789",
    "API token": "onramp_api_CanaryCanaryCanaryCanary0123456789",
    "directory's token": "onramp_scim_CanaryCanaryCanaryCanary0123456789",
    "webhook": "https://hooks.slack.com/services/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",
    "password in a URL": "https://proxy:CanaryPassword01@proxy.example:8080/",
}
# What of each must be nowhere.
SECRETS = {
    "client secret": "Canary0Client-Secret_5f3a91c07b2e",
    "access key": "AKIACANARY",
    "temporary access key": "ASIACANARY",
    "secret access key": "cAnArY7/K7MDENG",
    "session token": "IQoJb3JpZ2luX2VjECANARY",
    "Bedrock key": "ABSKQ2FuYXJ5",
    "short-term Bedrock key": "Q2FuYXJ5c2hvcnR0ZXJt",
    "ID token": "Y2FuYXJ5c2lnbmF0dXJl",
    "bearer token": "canary-Opaque_Token",
    "API token": "onramp_api_Canary",
    "directory's token": "onramp_scim_Canary",
    "webhook": "CanaryCanaryCanary012345",
    "password in a URL": "CanaryPassword01",
}
TEXT = "It failed: " + " ; ".join(CANARIES.values())
# Sign-in's own parameters, by name: what they carry has no shape.
SIGN_IN = {name: f"canary-of-{name}-0123456789abcdef" for name in ("code", "state", "id_token_hint", "token")}
SIGN_IN["SAMLResponse"] = base64.b64encode(b"<samlp:Response><saml:NameID>canary</saml:NameID>").decode()
FIELDS = (
    "text",
    "note",
    "reason",
    "answer",
    "name",
    "email",
    "q",
    "source",
    "group",
    "slug",
    "machine",
    "logout_token",
    "RelayState",
    "next",
    "platform",
    "error",
    "error_description",
)


@pytest.fixture
def company() -> Company:
    return make_company()


@pytest.fixture
def published(broker: redis.Redis) -> Callable[[], list[tuple[str, str]]]:
    """What the broker was handed: the task and its arguments, each as JSON."""

    def read() -> list[tuple[str, str]]:
        lists = [queue for queue in broker.scan_iter() if broker.type(queue) == b"list"]
        messages = [json.loads(message) for queue in lists for message in broker.lrange(queue, 0, -1)]
        return [(json.dumps(each["headers"]), base64.b64decode(each["body"]).decode()) for each in messages]

    return read


def attack(client: Client, url: str) -> list[Any]:
    """Everything, everywhere: in the query, the form, the body, the headers and the cookies."""
    query = "&".join(f"{name}={quote(value)}" for name, value in SIGN_IN.items())
    # All at once, and one each: a field that is short refuses the first.
    fields = SIGN_IN | dict.fromkeys(FIELDS, TEXT)
    short = SIGN_IN | dict(zip(FIELDS, cycle(CANARIES.values())))
    headers = {
        "Authorization": CANARIES["bearer token"],
        "User-Agent": TEXT,
        "X-Api-Key": CANARIES["Bedrock key"],
        "Referer": f"http://localhost:8000/?{query}",
        "Accept-Language": TEXT,
    }
    client.cookies["theme"] = CANARIES["access key"]
    return [
        client.get(f"{url}?{query}&q={quote(TEXT)}", headers=headers),
        client.post(f"{url}?{query}", fields, headers=headers),
        client.post(url, short, headers=headers),
        client.post(url, json.dumps(fields), content_type="application/json", headers=headers),
        client.put(url, TEXT, content_type="text/plain", headers=headers),
    ]


def stored() -> str:
    """Every row but those of sessions, which hold what their owner is doing."""
    models = [model for model in apps.get_models() if model is not Session]
    return "\n".join(str(row) for model in models for row in model._default_manager.values())


def found(text: str) -> set[str]:
    """Which canaries are in a text; JSON writes some of their characters another way."""
    return {name for name, secret in SECRETS.items() if secret in text or json.dumps(secret)[1:-1] in text}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_secret_that_is_put_into_a_request_is_in_no_log(
    page: Page,
    company: Company,
    log: io.StringIO,
    published: Callable[[], list[tuple[str, str]]],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    url = page.url(company.stand_ins())
    with django_capture_on_commit_callbacks(execute=True):
        for who in ("anonymous", "person", "admin"):
            attack(company.client(who), url)

    written = log.getvalue()
    assert "request_finished" in written
    assert found(written) == set()
    assert [name for name, value in SIGN_IN.items() if value in written] == []
    assert found("\n".join(map(str, published()))) == set()
    assert found("\n".join(str(message.message()) for message in mail.outbox)) == set()
    assert found("\n".join(str(event) for event in AuditEvent.objects.values())) == set()


def test_what_was_sent_is_on_nobodys_page_afterwards(company: Company) -> None:
    for page in PAGES:
        for who in ("person", "admin"):
            attack(company.client(who), page.url(company.stand_ins()))
    reader, admin = Client(), make_person("reader@acme.example", role=Role.ADMIN)
    assert admin.user is not None
    reader.force_login(admin.user)

    shown = {page.name: reader.get(page.url(company.stand_ins())) for page in PAGES}

    assert sum(response.status_code == 200 for response in shown.values()) > 30
    on_pages = {name: found(response.getvalue().decode("utf-8", "replace")) for name, response in shown.items()}
    assert {name: secrets for name, secrets in on_pages.items() if secrets} == {}
    assert found(stored()) == set()


# --- Machines, with what lets them in


def test_what_scripts_and_the_directory_send_is_in_no_log_and_no_event(company: Company, log: io.StringIO) -> None:
    scopes = list(ApiScope)
    api = issue_api_token(owner=company.people["admin"], name="Canary", scopes=scopes, holds=dt.timedelta(days=1))
    directory = issue_scim_token(actor="tests")
    query = f"?q={quote(TEXT)}&month={quote(TEXT)}&filter={quote(TEXT)}"
    user = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "x@acme.example", "active": True}
    told = [
        Client().get(f"{page.url(company.stand_ins())}{query}", headers={"Authorization": f"Bearer {api}"})
        for page in PAGES
        if page.path.startswith("api/")
    ]
    for secret in CANARIES.values():
        for content in ({**user, "userName": secret}, {**user, "displayName": secret, "nickName": secret}, secret):
            told.append(
                Client().post(
                    f"/scim/v2/Users{query}",
                    json.dumps(content),
                    content_type="application/scim+json",
                    headers={"Authorization": f"Bearer {directory}"},
                )
            )

    assert {200, 201, 400} <= {response.status_code for response in told}
    assert found(log.getvalue()) == set()
    assert api not in log.getvalue()
    assert directory not in log.getvalue()
    assert found("\n".join(str(event) for event in AuditEvent.objects.values())) == set()


def test_what_a_doctor_reports_is_kept_without_its_secrets(company: Company, log: io.StringIO) -> None:
    ana = company.people["person"]
    statuses = []
    for name, secret in CANARIES.items():
        code = issue_codes(person=ana, purposes=[CodePurpose.REPORT], platform=Platform.LINUX, language="en")
        results = [{"check": check.id, "outcome": "failed", "reason": "other", "detail": secret} for check in CHECKS]
        report = {"version": 1, "plan": "platform", "revision": 1, "machine": name, "os": secret, "cli_version": "1"}
        response = Client().post(
            "/install/report/",
            json.dumps({**report, "results": results}),
            content_type="application/json",
            headers={"Authorization": f"Onramp {code[CodePurpose.REPORT]}"},
        )
        statuses.append(response.status_code)

    assert 204 in statuses
    assert found(log.getvalue() + stored()) == set()


@pytest.mark.parametrize("page", [page for page in PAGES if page.rule != "token"], ids=lambda page: page.name)
def test_a_traceback_tells_no_secret(page: Page, company: Company, log: io.StringIO, settings: Settings) -> None:
    """The page of a fault says nothing of it, and the log says where it was, without what was sent."""
    settings.DEBUG = False
    client, url = company.client("admin"), page.url(company.stand_ins())
    with failing_after_an_event():
        responses = attack(client, url)

    assert found(log.getvalue()) == set()
    for response in responses:
        if response.status_code == 500:
            assert found(response.content.decode()) == set()
            assert "Traceback" not in response.content.decode()


def test_a_one_time_code_is_in_no_log_and_in_no_row(company: Company, log: io.StringIO) -> None:
    shown = company.client("person").post("/install/codes/", {"platform": "linux"})
    codes = shown.context["codes"].values()
    for code in codes:
        Client().post("/install/bundle/", code, content_type="text/plain")
        Client().post(
            "/install/report/", "{}", content_type="application/json", headers={"Authorization": f"Onramp {code}"}
        )

    assert len(codes) == len(CodePurpose)
    everything = log.getvalue() + stored()
    assert [code for code in codes if code in everything] == []


def test_the_secrets_of_the_installation_are_on_no_page(
    company: Company, log: io.StringIO, settings: Settings
) -> None:
    settings.ONRAMP_SLACK_WEBHOOK = CANARIES["webhook"]
    settings.EMAIL_HOST_PASSWORD = "CanaryPassword01"
    secret = settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"][0]["secret"]
    said = []
    for page in PAGES:
        for who in ("anonymous", "person", "admin"):
            response = company.client(who).get(page.url(company.stand_ins()))
            said.append(response.getvalue().decode("utf-8", "replace"))
    everything = "\n".join(said) + log.getvalue() + stored()

    assert found(everything) == set()
    assert secret not in everything
    assert settings.SECRET_KEY not in everything


@pytest.mark.parametrize("path", ["/diagnose/", "/diagnose/ask/"])
def test_a_pasted_secret_is_kept_nowhere_and_shown_to_nobody(path: str, company: Company) -> None:
    client = company.client("person")
    text = "AccessDeniedException\n" + "\n".join(value for name, value in CANARIES.items() if name != "webhook")
    answer = client.post(path, {"text": text, "note": text}, follow=True)

    read = answer.content.decode() + company.client("admin").get("/requests/").content.decode()
    assert found(read) == set()
    assert found(stored()) == set()


MARKUP = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script>"


def test_markup_in_names_is_text_on_every_page_and_in_every_mail(company: Company) -> None:
    for person in company.people.values():
        type(person).objects.filter(pk=person.pk).update(name=MARKUP)
    team = company.people["person"].team
    assert team is not None
    type(team).objects.filter(pk=team.pk).update(name=MARKUP)
    for page in PAGES:
        for who in ("person", "admin"):
            response = company.client(who).get(page.url(company.stand_ins()))
            if response.headers["Content-Type"].startswith("text/html"):
                said = response.content.decode()
                assert "<img src=x" not in said, page.name
                assert "<script>alert" not in said, page.name


def test_the_broker_is_asked_with_numbers_only(
    published: Callable[[], list[tuple[str, str]]],
    company: Company,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    """So nothing that somebody typed can be in a message."""
    with django_capture_on_commit_callbacks(execute=True):
        company.client("person").post("/setup/verify/", {"check": TEXT})

    assert published()
    for headers, body in published():
        arguments, named, _ = json.loads(body)
        assert json.loads(headers)["task"].startswith("onboarding.")
        assert arguments == []
        assert all(isinstance(value, int) for value in named.values())
