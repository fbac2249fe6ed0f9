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
from onboarding.models import AuditEvent, PlanRevision, RateBucket
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
    return preview_and_publish(
        client, PlanRevision.objects.get(is_current=True, plan__slug="platform"), thinking_tokens="1024"
    )


def end_the_others(company: Company, client: Client, url: str) -> Any:
    """The session that is not this client's."""
    return client.post(url)


def change_a_team(company: Company, client: Client, url: str) -> Any:
    team = company.people["person"].team
    assert team is not None
    said = {"name": "Renamed", "group": team.group, "plan": team.plan_id, "cost_centre": "", "monthly_budget": ""}
    return client.post(url, said)


def verify_many(company: Company, client: Client, url: str) -> Any:
    return client.post(url, {"scope": "selected", "person": [company.people["person"].pk]})


def put_into_a_team(company: Company, client: Client, url: str) -> Any:
    return client.post(url, {"team": company.empty_team.pk})


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
    "notifications-choose": Deed("notifications.chosen", "person", post(kind="access-ready")),
    "notifications-test": Deed("notification.tested", "admin", post(channel="mail")),
    "people-csv": Deed("people.exported", "auditor", get, 200),
    "people-verify": Deed("people.verified", "admin", verify_many),
    "person-bundle": Deed("bundle.copied", "admin", post(platform="linux", reason="A ticket"), 200),
    "person-deactivate": Deed("person.deactivated", "admin", post(reason="Left the company")),
    "person-reactivate": Deed("person.reactivated", "admin", post(reason="Came back")),
    "person-sessions-end": Deed("session.ended", "admin", post()),
    "person-team": Deed("person.changed", "admin", put_into_a_team),
    "person-verify": Deed("verification.opened", "admin", post()),
    "person-view-as": Deed("person.viewed-as", "admin", post(reason="A ticket")),
    "plan-managed-bundle": Deed("bundle.managed", "admin", post(platform="linux"), 200),
    "plan-new": Deed("plan.created", "admin", post(name="Data", slug="data")),
    "plan-restore": Deed("plan.published", "admin", post(note="Back to less", based_on="2")),
    "request-answer": Deed("request.answered", "admin", post(answer="The network team has it")),
    "request-close": Deed("request.closed", "admin", post(answer="Done")),
    # The first visit after a sign-in verifies.
    "setup": Deed("verification.opened", "person", get, 200),
    "session-end": Deed("session.ended", "person", post()),
    "sessions-end-others": Deed("session.ended", "person", end_the_others),
    "setup-ask": Deed("request.opened", "person", ask_about_finding),
    "setup-ask-access": Deed("request.opened", "newcomer", post(note="I am new")),
    "setup-verify": Deed("verification.opened", "person", post()),
    "sign-out": Deed("person.signed_out", "person", post()),
    "team": Deed("team.changed", "admin", change_a_team),
    "team-delete": Deed("team.deleted", "admin", post()),
    "team-new": Deed("team.created", "admin", post(name="Data", group="claude-data", plan="", monthly_budget="")),
    "token-issue": Deed("token.issued", "admin", post(name="Report", days="30", scopes="costs"), 200),
    "token-revoke": Deed("token.revoked", "admin", post()),
    "usage-ask": Deed("request.opened", "person", post(note="For the release")),
}
# URLs that take more than GET, or hand something out, and leave no event; each with its reason.
WITHOUT_EVENT: Mapping[str, str] = {
    "back-channel-logout": "ends the sessions that a provider names: see tests/web/test_oidc_logout.py",
    "break-glass": "takes a link that a command made: tests/web/test_break_glass.py looks for both events",
    "bundle-download": "the bytes of what bundle-make recorded a moment before, for the same session",
    "diagnose": "explains the text that was sent, and keeps nothing of it",
    "language": "how somebody reads the portal: nobody else's business",
    "openid_connect_callback": "ends a sign-in, whose event tests/web/test_oidc.py looks for",
    "openid_connect_login": "leads to the identity provider; who comes back from there signs in",
    "saml_acs": "waits for the browser to come back: what signs in is saml_finish_acs",
    "saml_finish_acs": "ends a sign-in, whose event tests/web/test_saml.py looks for",
    "saml_login": "leads to the identity provider; who comes back from there signs in",
    "saml_metadata": "who we are, for a provider to read; nothing where SAML is not configured, as here",
    "security-txt": "whom to tell of a hole, for anybody to read; nothing where nobody is named, as here",
    "theme": "how somebody reads the portal: nobody else's business",
    "view-as-end": "ends what person-view-as began: tests/web/test_view_as.py looks for both events",
}

PAGES = {page.name: page for page in pages()}
# A program's reading is one event a token and day (tests/web/test_api.py), and a directory's deeds have one for each
# thing that they change (tests/web/test_scim.py).
SHOWN = [
    page
    for page in PAGES.values()
    if page.rule != "token" and page.name not in WITHOUT_EVENT and page.name not in DEEDS
]


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
    """All rows there are, but for what sessions hold, and for how often somebody asked: also what fails was asked."""
    models = [model for model in apps.get_models() if model not in (Session, RateBucket)]
    return {model._meta.label: list(model._default_manager.order_by("pk").values()) for model in models}
