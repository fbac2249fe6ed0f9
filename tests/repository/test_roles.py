"""Every URL, asked by everybody: who is let in follows from the rule that its view wears, and from nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from django.urls import Resolver404, resolve

from onboarding.models import AdminRequest
from tests.repository.pages import Company, Page, admin_paths, make_company, pages

pytestmark = pytest.mark.django_db

EVERYBODY = ("anonymous", "person", "auditor", "admin", "deactivated")
ACTIVE = frozenset(("person", "auditor", "admin"))
# By rule: who is let in with a GET, and who with a POST.
RULES: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "public": (frozenset(EVERYBODY), frozenset(EVERYBODY)),
    "signed-in": (ACTIVE | {"deactivated"}, ACTIVE | {"deactivated"}),
    "person": (ACTIVE, ACTIVE),
    "auditor": (frozenset(("auditor", "admin")), frozenset(("admin",))),
    "admin": (frozenset(("admin",)), frozenset(("admin",))),
    # A session opens nothing to programs, and nobody is sent to sign in.
    "token": (frozenset(), frozenset()),
}
_REFUSALS: Mapping[str, tuple[int, ...]] = {
    # An open URL may ask for proof of its own, such as a one-time code.
    "public": (403,),
    # Programs are told before anything else what is no address or no method there.
    "token": (401, 404, 405, 501),
}
PAGES = pages()


@pytest.fixture
def company() -> Company:
    return make_company()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_url_lets_in_whom_its_rule_says(page: Page, company: Company) -> None:
    assert page.rule in RULES, f"{page.name}: a rule that this test does not know"
    url, (readers, writers) = page.url(company.stand_ins()), RULES[page.rule]

    given, expected = {}, {}
    for who in EVERYBODY:
        client = company.client(who)
        given[who] = [_answer(client.get(url), page.rule), _answer(client.post(url), page.rule)]
        expected[who] = [_expected(who, page.rule, readers), _expected(who, page.rule, writers)]

    assert given == expected


def _expected(who: str, rule: str, allowed: frozenset[str]) -> str:
    if who in allowed:
        return "let in"
    return "sent to sign in" if who == "anonymous" and rule != "token" else "refused"


def _answer(response: Any, rule: str) -> str:
    """Whatever a view says after its rule is "let in": 404 and 405 tell nothing of roles."""
    assert response.status_code != 500
    if response.headers.get("Location", "").startswith("/?next="):
        return "sent to sign in"
    return "refused" if response.status_code in _REFUSALS.get(rule, (401, 403)) else "let in"


@pytest.mark.parametrize("page", [page for page in PAGES if page.rule == "auditor"], ids=lambda page: page.name)
def test_what_an_auditor_reads_offers_nothing_to_change(page: Page, company: Company) -> None:
    """Neither a form that writes, nor a link to where only admins may go."""
    response = company.client("auditor").get(page.url(company.stand_ins()))
    if not response.headers["Content-Type"].startswith("text/html"):
        return
    assert response.status_code == 200
    html = response.content.decode()

    forms = re.findall(r'<form[^>]*method="post"[^>]*action="([^"]*)"', html)
    posts = re.findall(r'<form[^>]*method="post"', html)
    assert set(forms) == {"/preferences/language/", "/preferences/theme/", "/sign-out/"}
    assert len(forms) == len(posts) == 3
    links = {link.partition("?")[0].partition("#")[0] for link in re.findall(r'href="(/[^"]*)"', html)}
    assert {link for link in links if _is_for_admins(link)} == set()


def _is_for_admins(path: str) -> bool:
    try:
        view = resolve(path).func
    except Resolver404:
        return False
    return path.startswith("/django-admin/") or getattr(view, "rule", "") == "admin"


@pytest.mark.parametrize("page", [page for page in PAGES if page.rule != "token"], ids=lambda page: page.name)
def test_every_page_has_the_way_out(page: Page, company: Company) -> None:
    """Also those of what is refused; parts of a page have their page's."""
    for who in ("person", "auditor", "admin"):
        html = company.client(who).get(page.url(company.stand_ins())).getvalue()
        assert b"</html>" not in html or b'action="/sign-out/"' in html, who


@pytest.mark.parametrize("who", ["anonymous", "person", "auditor", "deactivated"])
def test_djangos_admin_is_for_admins(who: str, company: Company) -> None:
    client = company.client(who)
    paths = {"/" + re.sub(r"<[^>]+>", "1", path) for path in admin_paths() if "(?" not in path}
    assert len(paths) > 50

    let_in = []
    for path in paths:
        response = client.get(path)
        # Its own page of sign-in shows nothing: tests/web/test_admin.py.
        is_sent_away = response.headers.get("Location", "").startswith(("/?next=", "/django-admin/login/"))
        # Whoever is not let in has nothing there to leave.
        is_sent_away |= path == "/django-admin/logout/" and response.headers.get("Location") == "/django-admin/"
        if response.status_code != 403 and not is_sent_away:
            let_in.append(path)

    assert let_in == []


def test_what_is_somebodys_own_is_nowhere_for_a_stranger(company: Company) -> None:
    """404, as if there were no such thing."""
    stranger = company.client("auditor")
    for page in PAGES:
        if page.rule in ("signed-in", "person") and page.entry.pattern.converters:
            url = page.url(company.stand_ins())
            answers = {stranger.get(url).status_code, stranger.post(url).status_code}
            assert answers - {405} == {404}, page.name

    assert stranger.post("/setup/ask/", {"finding": company.finding}).status_code == 404
    assert AdminRequest.objects.exclude(pk=company.request.pk).count() == 0
