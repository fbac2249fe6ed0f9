"""Every URL that writes, and every one that hands something out, leaves exactly one audit event, in one transaction.

A new URL that takes anything but GET, or answers with a file, needs an entry in `DEEDS`; one that only shows something
needs none: it is asked, and must write no event and hand out nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session
from django.test import Client

from onboarding.enums import CodePurpose
from onboarding.models import AuditEvent, PlanRevision
from tests.repository.pages import Company, Page, failing_after_an_event, make_company, pages
from tests.web.plan_pages import preview_and_publish
from tests.web.test_install import report

pytestmark = pytest.mark.django_db

Perform = Callable[[Company, Client, str], Any]


@dataclass(frozen=True)
class Deed:
    """What is done at a URL, by whom ("person", "auditor", "admin", or a "machine" without a session), and the action
    of the event that comes of it."""

    action: str
    by: str
    perform: Perform
    status: int = 302


def post(**data: Any) -> Perform:
    return lambda company, client, url: client.post(url, data)


def get(company: Company, client: Client, url: str) -> Any:
    return client.get(url)


def claim(company: Company, client: Client, url: str) -> Any:
    return client.post(url, {f"claim-{company.caller.pk}-email": company.people["person"].email})


def ask_about_finding(company: Company, client: Client, url: str) -> Any:
    return client.post(url, {"finding": company.finding, "note": ""})


def fetch_bundle(company: Company, client: Client, url: str) -> Any:
    return client.post(url, data=company.codes[CodePurpose.INSTALL], content_type="text/plain")


def send_report(company: Company, client: Client, url: str) -> Any:
    headers = {"Authorization": f"Onramp {company.codes[CodePurpose.REPORT]}"}
    return client.post(url, data=json.dumps(report()), content_type="application/json", headers=headers)


def publish(company: Company, client: Client, url: str) -> Any:
    return preview_and_publish(client, PlanRevision.objects.get(is_current=True), thinking_tokens="1024")


BUDGET = post(amount="100", reason="A new project")
PRICE = post(
    model_id="anthropic.claude-opus-5",
    endpoint_kind="global",
    token_class="input",
    usd_per_million="5",
    valid_from="2026-11-01",
    source="Our contract",
)

# By the name of the URL. More than one deed at a URL is told apart by a word after a colon.
DEEDS: Mapping[str, Deed] = {
    "account-verify": Deed("account.asked", "admin", post(account="111122223333")),
    "audit-csv": Deed("audit.exported", "auditor", get, 200),
    "budget-person": Deed("budget.changed", "admin", BUDGET),
    "budget-plan": Deed("budget.changed", "admin", BUDGET),
    "budget-team": Deed("budget.changed", "admin", BUDGET),
    "bundle-make": Deed("bundle.made", "person", post(platform="linux")),
    "caller-claim": Deed("caller.claimed", "admin", claim),
    "caller-release": Deed("caller.released", "admin", post()),
    "costs-csv": Deed("costs.exported", "auditor", get, 200),
    "diagnose-ask": Deed("request.opened", "person", post(text="AccessDeniedException", note="")),
    "install-bundle": Deed("bundle.made", "machine", fetch_bundle, 200),
    "install-codes": Deed("code.issued", "person", post(platform="linux"), 200),
    "install-report": Deed("machine.reported", "machine", send_report, 204),
    "plan-edit": Deed("plan.published", "admin", publish),
    "prices": Deed("price.added", "admin", PRICE),
    "prices: a multiplier": Deed(
        "account.multiplier_changed", "admin", post(account="111122223333", multiplier="0.9", reason="A discount")
    ),
    "request-close": Deed("request.closed", "admin", post(answer="Done")),
    # The first visit after a sign-in verifies.
    "setup": Deed("verification.opened", "person", get, 200),
    "setup-ask": Deed("request.opened", "person", ask_about_finding),
    "setup-verify": Deed("verification.opened", "person", post()),
    "sign-out": Deed("person.signed_out", "person", post()),
    "usage-ask": Deed("request.opened", "person", post(note="For the release")),
}
# URLs that take more than GET, or hand something out, and leave no event; each with its reason.
WITHOUT_EVENT: Mapping[str, str] = {
    "bundle-download": "the bytes of what bundle-make recorded a moment before, for the same session",
    "diagnose": "explains the text that was sent, and keeps nothing of it",
    "language": "how somebody reads the portal: nobody else's business",
    "openid_connect_callback": "ends a sign-in, whose event tests/web/test_oidc.py looks for",
    "openid_connect_login": "leads to the identity provider; who comes back from there signs in",
    "theme": "how somebody reads the portal: nobody else's business",
}

PAGES = {page.name: page for page in pages()}
SHOWN = [page for page in PAGES.values() if page.name not in WITHOUT_EVENT and page.name not in DEEDS]


@pytest.fixture
def company() -> Company:
    return make_company()


def page_of(deed: str) -> Page:
    return PAGES[deed.partition(":")[0]]


def test_the_tables_name_urls_that_exist() -> None:
    named = {name.partition(":")[0] for name in DEEDS} | set(WITHOUT_EVENT)
    assert named - set(PAGES) == set()


@pytest.mark.parametrize("name", DEEDS)
def test_a_deed_leaves_exactly_one_event(name: str, company: Company) -> None:
    deed, page = DEEDS[name], page_of(name)
    client, newest = company.client(deed.by), AuditEvent.objects.order_by("pk").last()
    assert newest is not None

    response = deed.perform(company, client, page.url(company.stand_ins()))

    assert response.status_code == deed.status
    events = AuditEvent.objects.filter(pk__gt=newest.pk)
    actor = company.people.get(deed.by, company.people["person"])
    assert [(event.action, event.actor) for event in events] == [(deed.action, actor.email)]


@pytest.mark.parametrize("name", DEEDS)
def test_what_fails_after_its_event_leaves_neither(name: str, company: Company) -> None:
    deed, page = DEEDS[name], page_of(name)
    client, url = company.client(deed.by), page.url(company.stand_ins())
    before = _everything()

    with failing_after_an_event():
        response = deed.perform(company, client, url)

    assert response.status_code == 500
    assert _everything() == before


@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.name)
def test_what_only_shows_something_has_no_need_of_an_event(page: Page, company: Company) -> None:
    client, url = company.client("admin"), page.url(company.stand_ins())
    before = _everything()

    refused = client.generic("NO-SUCH-METHOD", url)
    response = client.get(url)

    said = f"{page.name} writes or hands something out: it needs an entry in DEEDS"
    assert refused.status_code == 405, said
    assert set(refused.headers["Allow"].split(", ")) <= {"GET", "HEAD"}, said
    assert response.status_code < 400
    assert "attachment" not in response.headers.get("Content-Disposition", ""), said
    assert _everything() == before, said


def _everything() -> dict[str, list[dict[str, Any]]]:
    """All rows there are, but for what sessions hold."""
    models = [model for model in apps.get_models() if model is not Session]
    return {model._meta.label: list(model._default_manager.order_by("pk").values()) for model in models}
