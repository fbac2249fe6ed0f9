"""What somebody with bad intentions sends to every URL there is."""

from __future__ import annotations

import csv
import io
import re
import zipfile

import pytest
from pytest_django import Settings

from onboarding import statuses
from onboarding.models import AuditEvent, Person, Plan, Team
from tests.repository.pages import Company, Page, make_company, pages
from tests.repository.test_audit_writes import DEEDS, page_of

pytestmark = pytest.mark.django_db

PAGES = pages()
UNSAFE = ("post", "put", "patch", "delete")
EVIL = "evil.example"


@pytest.fixture
def company() -> Company:
    return make_company()


def by_name(page: Page) -> str:
    return page.name


# --- Forged requests

# URLs of browsers and machines that take a POST without a token against forgery, each with what it asks for instead.
# Programs' own (rule "token") look at no cookie: tests/repository/test_roles.py.
WITHOUT_CSRF = {
    "back-channel-logout": "a token that the provider signed",
    "install-bundle": "a one-time code",
    "install-report": "a one-time code",
    "saml_acs": "an answer that the provider signed, for a request of this browser's",
}


def test_what_needs_no_token_against_forgery_is_on_the_list() -> None:
    exempt = {page.name for page in PAGES if getattr(page.entry.callback, "csrf_exempt", False)}
    programs = {page.name for page in PAGES if page.rule == "token"}

    assert exempt - programs == set(WITHOUT_CSRF)


@pytest.mark.parametrize("page", [page for page in PAGES if page.rule != "token"], ids=by_name)
def test_nothing_is_done_without_a_token_against_forgery(page: Page, company: Company) -> None:
    if page.name in WITHOUT_CSRF:
        return
    for who in ("anonymous", "admin"):
        client = company.client(who)
        client.handler.enforce_csrf_checks = True
        before = AuditEvent.objects.count()
        for method in UNSAFE:
            response = getattr(client, method)(page.url(company.stand_ins()))
            assert response.status_code == 403, method
            assert "CSRF" not in response.content.decode()
        assert AuditEvent.objects.count() == before


# --- Methods that nobody needs


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_no_trace_comes_back(page: Page, company: Company) -> None:
    for who in ("anonymous", "admin"):
        response = company.client(who).generic("TRACE", page.url(company.stand_ins()), headers={"X-Canary": "canary"})
        assert response.status_code in (302, 401, 403, 404, 405, 501), response.status_code
        assert "canary" not in f"{response.headers}{response.getvalue().decode()}"


# --- Another host


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_no_answer_repeats_a_host_that_is_not_ours(page: Page, company: Company) -> None:
    url, client = page.url(company.stand_ins()), company.client("admin")

    assert client.get(url, headers={"Host": EVIL}).status_code == 400
    for headers in ({"X-Forwarded-Host": EVIL}, {"Forwarded": f"host={EVIL}"}, {"X-Original-URL": f"//{EVIL}/"}):
        response = client.get(url, headers=headers)
        assert EVIL not in str(response.headers)
        assert EVIL.encode() not in response.getvalue()


# --- Being led away

TARGETS = (
    f"https://{EVIL}/",
    f"//{EVIL}/",
    f"/\\{EVIL}/",
    f"\\\\{EVIL}/",
    f"https:{EVIL}/",
    f"http://localhost@{EVIL}/",
    f"/\t/{EVIL}/",
    f"\x01https://{EVIL}/",
    "javascript:alert(1)",
    "data:text/html,x",
)
PARAMETERS = ("next", "redirect", "redirect_to", "return_to", "url", "continue", "RelayState", "target_link_uri")


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_nobody_is_led_away(page: Page, company: Company) -> None:
    url = page.url(company.stand_ins())
    for target in TARGETS:
        asked = dict.fromkeys(PARAMETERS, target)
        for who in ("anonymous", "admin"):
            client = company.client(who)
            data = asked | {"language": "es", "theme": "dark"}
            for response in (client.get(url, asked), client.post(url, data)):
                location = response.headers.get("Location", "/")
                assert re.match(r"/(?![/\\])", location), (target, location)
                # To the sign-in page and back, the target goes as a parameter, which is looked at then.
                assert not location.partition("?")[0].rstrip("/").endswith(EVIL), (target, location)


# --- What is somebody else's


@pytest.mark.parametrize("page", [page for page in PAGES if page.rule in ("person", "signed-in")], ids=by_name)
def test_no_parameter_shows_what_is_somebody_elses(page: Page, company: Company) -> None:
    """A person's own pages know nobody else, however one asks."""
    ana, stranger = company.people["person"], company.client("newcomer")
    for name, value in {"pk": str(ana.pk), "email": ana.email}.items():
        asked = dict.fromkeys(("person", "user", "id", "pk", "email", "owner", "team", "for", "caller"), value)
        said = stranger.get(page.url(company.stand_ins()), asked).getvalue().decode()
        # What was asked may be in the links that switch something else.
        told = re.sub(r'(?:href|value|action)="[^"]*"', "", said)
        assert ana.email not in told, name
        assert "Platform" not in told, name


@pytest.mark.parametrize("page", [page for page in PAGES if page.entry.pattern.converters], ids=by_name)
def test_what_there_is_not_is_not_found(page: Page, company: Company) -> None:
    """Also a number that no database holds; and what is not found is no fault of ours."""
    arguments = company.stand_ins()
    for number in (0, 2**31, 2**63, 10**30):
        strange = {
            name: number if isinstance(value, int) and not isinstance(value, bool) else value
            for name, value in arguments.items()
        }
        url = page.url(strange)
        if url == page.url(arguments):
            return
        for who in ("person", "admin"):
            client = company.client(who)
            for response in (client.get(url), client.post(url)):
                assert response.status_code in (302, 401, 403, 404, 405), (number, response.status_code)
                assert response.status_code != 302 or response.headers["Location"].startswith("/")


# --- Files

FORMULAS = ('=HYPERLINK("http://evil.example","x")', "+1+1", "-2+3", "@SUM(1)", "\t=1", "\r=1", "|calc", "\uff1d1")
_FORMULA = re.compile("^[=+\\-@\t\r\n|%\uff1d\uff0b\uff0d\uff20]")


@pytest.mark.parametrize("page", [page for page in PAGES if page.path.endswith(".csv")], ids=by_name)
def test_no_file_for_a_spreadsheet_holds_a_formula(page: Page, company: Company) -> None:
    for formula in FORMULAS:
        Person.objects.update(name=formula)
        Team.objects.filter(pk=company.empty_team.pk).update(name=formula, cost_centre=formula[:20])
        Team.objects.filter(people=company.people["person"]).update(name=f"{formula} ", cost_centre=formula[:20])
        AuditEvent.objects.record(actor=formula, action="person.changed", target=formula, note=formula)
        list(statuses.refresh_everybody())
        for by in ("person", "team"):
            response = company.client("admin").get(page.url(company.stand_ins()), {"by": by})
            assert response.status_code == 200
            rows = list(csv.reader(io.StringIO(response.getvalue().decode("utf-8-sig"))))
            assert len(rows) > 1
            bad = [cell for row in rows[1:] for cell in row if _FORMULA.match(cell) and not _is_number(cell)]
            assert bad == []


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", cell) is not None


DOWNLOADS = [name for name, deed in DEEDS.items() if deed.status == 200 and deed.by != "newcomer"]
HOSTILE = '../../"; filename="evil.exe"; é\u202e <script>'


@pytest.mark.parametrize("name", DOWNLOADS)
def test_no_name_that_somebody_chose_gets_into_a_files_name(name: str, company: Company, settings: Settings) -> None:
    """Neither into that of a download, nor of what is in it."""
    settings.ONRAMP_COMPANY = HOSTILE
    Person.objects.update(name=HOSTILE)
    Team.objects.filter(people=company.people["person"]).update(name=HOSTILE)
    for plan in Plan.objects.all():
        Plan.objects.filter(pk=plan.pk).update(name=f"{plan.pk}{HOSTILE}")
    deed, page = DEEDS[name], page_of(name)

    response = deed.perform(company, company.client(deed.by), page.url(company.stand_ins()))

    assert response.status_code == 200
    disposition = response.headers.get("Content-Disposition")
    if disposition is None:
        return
    assert re.fullmatch(r'attachment; filename="[a-z0-9][a-z0-9.-]*"', disposition)
    if ".zip" in disposition:
        names = zipfile.ZipFile(io.BytesIO(response.getvalue())).namelist()
        assert names
        for member in names:
            assert re.fullmatch(r"[A-Za-z0-9._/-]+", member)
            assert not member.startswith("/")
            assert ".." not in member.split("/")


# --- Too much at once


FORM = "application/x-www-form-urlencoded"
LARGE = {
    "form": "x=" + "x" * 3_000_000,
    "fields": "&".join(f"f{number}=1" for number in range(1500)),
}
# Either it is refused, or the answer came without reading it.
_REFUSED = (400, 401, 403, 404, 405, 410, 413, 501)


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_what_is_too_large_is_refused_or_not_read(page: Page, company: Company) -> None:
    url, client = page.url(company.stand_ins()), company.client("admin")
    for body in LARGE.values():
        response = client.post(url, body, content_type=FORM)
        assert response.status_code in _REFUSED or (response.status_code, page.name) in _NOT_READ

    assert client.post(url, {"file": io.BytesIO(b"x" * 3_000_000)}).status_code == 413


# POSTs that ask for no field.
_NOT_READ = {
    (302, name)
    for name in (
        "caller-release",
        "install-codes",
        "person-reactivate",
        "person-sessions-end",
        "person-verify",
        "sessions-end-others",
        "sign-out",
        "team-delete",
        "token-revoke",
        "view-as-end",
    )
} | {(503, "openid_connect_login"), (503, "saml_login")}
