"""Plans: the list, and one plan with its revisions and its people. For admins."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from onboarding.enums import CredentialMethod, Readiness, Role, Trigger
from onboarding.models import AuditEvent, Person, Plan, PlanRevision, Subject, Sweep
from tests.factories import (
    OPUS,
    make_account,
    make_finding,
    make_person,
    make_plan,
    make_principal,
    make_revision,
    make_team,
    make_user,
    make_verification,
)
from tests.web.plan_pages import (
    EDIT,
    HOSTILE,
    PAGES,
    client_of,
    member,
    newest,
    reported,
    text_of,
    took,
    values_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> Client:
    return client_of(Role.ADMIN)


# --- Who may


@pytest.mark.parametrize("path", PAGES)
def test_anonymous_visitors_are_sent_to_sign_in(path: str, client: Client) -> None:
    response = client.get(path)

    assert (response.status_code, response["Location"]) == (302, f"/?next={path}")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("role", [Role.PERSON, Role.AUDITOR])
def test_auditors_read_them_and_change_nothing(role: Role, path: str) -> None:
    revision = make_revision()
    client = client_of(role)

    is_read = role == Role.AUDITOR and path != EDIT
    assert client.get(path).status_code == (200 if is_read else 403)
    assert client.post(EDIT, {**values_of(revision), "publish": "1"}).status_code == 403
    assert PlanRevision.objects.count() == 1


@pytest.mark.parametrize("path", PAGES)
def test_a_user_who_is_nobodys_person_gets_403(path: str, client: Client) -> None:
    make_revision()
    client.force_login(make_user())

    assert client.get(path).status_code == 403


def test_a_plan_that_does_not_exist_is_not_found(admin: Client) -> None:
    assert admin.get("/plans/nowhere/").status_code == 404
    assert admin.get("/plans/nowhere/edit/").status_code == 404


def test_the_link_is_shown_to_admins_only(admin: Client) -> None:
    assert 'href="/plans/"' in admin.get("/plans/").content.decode()
    assert 'href="/plans/"' not in client_of(Role.PERSON).get("/setup/").content.decode()


# --- The list


def test_without_a_plan_the_list_says_what_to_do(admin: Client) -> None:
    assert "There is no plan yet" in text_of(admin.get("/plans/"))


def test_the_list_says_what_is_current_and_who_has_it(admin: Client) -> None:
    old, new = make_revision(), make_revision(lints=[{"name": "caching-off", "about": "prompt_caching", "facts": {}}])
    took(member("ana@acme.example"), new)
    took(member("bo@acme.example"), old)
    member("cy@acme.example")
    make_person("gone@acme.example", team=make_team(), is_active=False)

    page = admin.get("/plans/")

    assert "One person has an older revision of their plan" in text_of(page)
    row = re.search(r"<tbody>.*?</tr>", page.content.decode(), re.DOTALL)
    assert row is not None
    figures = re.findall(r'<td class="number">(?:<a[^>]*>)?(\d+)', row[0])
    assert figures == ["3", "0", "1", "1", "1"]
    assert "0 of 3" in row[0]
    assert "Revision 2" in row[0]
    assert "One thing" in row[0]


def test_a_plan_without_a_revision_is_listed(admin: Client) -> None:
    make_plan("empty", "Empty")

    assert "Nothing is published yet" in text_of(admin.get("/plans/"))


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_asks_a_constant_number_of_queries(
    count: int, admin: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(count):
        plan = make_plan(f"plan-{number}", f"Plan {number}")
        revision = make_revision(plan=plan)
        team = make_team(plan, f"group-{number}", f"Team {number}")
        for each in range(count):
            took(make_person(f"p{number}-{each}@acme.example", team=team), revision)

    with django_assert_num_queries(8):
        admin.get("/plans/")


# --- One plan


def test_a_plan_answers_what_is_current(admin: Client) -> None:
    make_revision()
    revision = make_revision(max_output_tokens=24_000, note="Less quota for each request")

    page = text_of(admin.get("/plans/platform/"))

    assert "Revision 2 is current" in page
    assert '"CLAUDE_CODE_MAX_OUTPUT_TOKENS": "24000"' in page
    assert "Less quota for each request" in page
    assert '+ "CLAUDE_CODE_MAX_OUTPUT_TOKENS": "24000"' in page
    assert revision.account.account_id in page
    assert "Nothing was to be said against it" in page


def test_a_plan_without_a_revision_says_so(admin: Client) -> None:
    make_plan()

    page = text_of(admin.get("/plans/platform/"))

    assert "Nothing of Platform engineering is published yet" in page
    assert "Write the first revision" in page


def test_stored_lints_are_shown_in_words(admin: Client) -> None:
    make_revision(lints=[{"name": "caching-off", "about": "prompt_caching", "facts": {}}, {"name": "of-tomorrow"}])

    assert "Without the prompt cache every turn pays" in text_of(admin.get("/plans/platform/"))


def test_the_policies_name_what_bedrock_described(admin: Client) -> None:
    revision = make_revision(sonnet="", haiku="", default_tier="opus")
    unasked = text_of(admin.get("/plans/platform/"))
    arn = f"arn:aws:bedrock:eu-west-1:111122223333:inference-profile/{OPUS}"
    row = {"arn": "arn:aws:bedrock:eu-south-2::foundation-model/m", "region": "eu-south-2", "model_id": "m"}
    facts = {"arn": arn, "models": ["anthropic.claude-opus-4-8"], "destinations": [row]}
    finding = make_finding("inference-profile", facts=facts)
    key = f"{revision.account.account_id}|eu-west-1|{OPUS}"
    Subject.objects.create(check_name="inference-profile", key=key, latest=finding, last_known=finding)

    asked = text_of(admin.get("/plans/platform/"))

    assert f"Bedrock has not been asked yet what {OPUS} leads to" in unasked
    assert "bedrock:InvokeModel" not in unasked
    assert arn in asked
    assert 'data "aws_iam_policy_document" "claude_code_platform"' in asked


def test_any_two_neighbours_can_be_compared(admin: Client) -> None:
    make_revision(max_output_tokens=16_000)
    make_revision(max_output_tokens=24_000)
    make_revision(max_output_tokens=32_000)

    page = admin.get("/plans/platform/?revision=2&installed=none").content.decode()

    assert '<span class="added">+    &quot;CLAUDE_CODE_MAX_OUTPUT_TOKENS&quot;: &quot;24000&quot;' in page
    assert '<span class="removed">-    &quot;CLAUDE_CODE_MAX_OUTPUT_TOKENS&quot;: &quot;16000&quot;' in page
    assert "&quot;32000&quot;" in page
    # What else the URL says stays.
    assert 'href="?revision=3&amp;installed=none#history"' in page
    assert "There is none before it" in text_of(admin.get("/plans/platform/?revision=1"))


@pytest.mark.parametrize("wanted", ["0", "9", "-1", "x", "2'", ""])
def test_of_a_revision_that_is_not_there_the_newest_is_shown(wanted: str, admin: Client) -> None:
    make_revision()
    make_revision()

    page = text_of(admin.get("/plans/platform/", {"revision": wanted}))

    assert "On people's machines it is the same as revision 1" in page


def test_a_helper_that_is_not_allowed_any_more_hides_the_files(admin: Client) -> None:
    make_revision(credential_method=CredentialMethod.CREDENTIAL_PROCESS, credential_helper="gone")
    make_revision()

    new = text_of(admin.get("/plans/platform/"))
    PlanRevision.objects.filter(number=2).delete()
    PlanRevision.objects.update(is_current=True)
    old = text_of(admin.get("/plans/platform/"))

    assert "What changed since revision 1 cannot be told" in new
    assert "Nobody can be given this revision" in old


def test_a_sweep_over_its_people_is_told(admin: Client) -> None:
    revision = make_revision()
    Sweep.objects.open(trigger=Trigger.PLAN_PUBLISHED, plan=revision.plan)

    assert "Its people are being verified against it" in text_of(admin.get("/plans/platform/"))


def test_hostile_words_are_text(admin: Client) -> None:
    make_revision(plan=make_plan(name=HOSTILE), note=HOSTILE, account=make_account(name=HOSTILE))
    person = make_person("x@acme.example", name=HOSTILE, team=make_team(make_plan(name=HOSTILE), name=HOSTILE))
    reported(person, newest(), machine=HOSTILE)

    for path in PAGES:
        page = admin.get(path).content.decode()
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize("path", PAGES)
def test_they_can_be_read_in_spanish(path: str, admin: Client) -> None:
    make_revision(prompt_caching="off", lints=[{"name": "caching-off", "about": "prompt_caching", "facts": {}}])
    member("ana@acme.example")
    admin.cookies["language"] = "es"

    assert '<html lang="es"' in admin.get(path).content.decode()


# --- Who would get what


def verified(email: str, revision: PlanRevision, **fields: Any) -> None:
    person = member(email)
    make_verification(person, revision, principal=make_principal(person), **fields)


def test_how_many_would_get_every_tier_is_told(admin: Client) -> None:
    old, revision = make_revision(), make_revision()
    verified("all@acme.example", revision)
    verified("more@acme.example", revision, verified_profiles=[*revision.profiles.values(), "another"])
    verified("some@acme.example", revision, verified_profiles=[revision.sonnet])
    verified("blocked@acme.example", revision, outcome=Readiness.BLOCKED)
    verified("before@acme.example", old)

    page, row = text_of(admin.get("/plans/platform/")), admin.get("/plans/").content.decode()

    assert "2 of 5 people would get every tier" in page
    assert "Ready2 with every tier, 1 without one or another Blocked1 Unknown1" in page
    assert "2 of 5" in row


def test_a_plan_of_nobody_covers_nobody(admin: Client) -> None:
    make_revision()

    assert "Nobody has this plan" in text_of(admin.get("/plans/platform/"))


# --- A new one


def test_a_new_plan_is_named_and_then_written(admin: Client) -> None:
    answer = admin.post("/plans/new/", {"name": "Data", "slug": "data"})

    assert (answer.status_code, answer["Location"]) == (302, "/plans/data/edit/")
    assert "Change Data" in text_of(admin.get("/plans/data/edit/"))
    event = AuditEvent.objects.get()
    assert (event.action, event.target, event.details) == ("plan.created", "Data", {"slug": "data"})


@pytest.mark.parametrize(
    ("slug", "words"),
    [
        ("platform", "There is a plan of this short name."),
        ("new", "Onramp uses this word itself."),
        ("Ünsafe", "consisting of letters"),
        ("", "This field is required."),
    ],
)
def test_a_plan_is_not_named_just_anything(slug: str, words: str, admin: Client) -> None:
    make_plan(name="Platform")

    page = text_of(admin.post("/plans/new/", {"name": "Platform", "slug": slug}))

    assert words in page
    assert "There is a plan of this name." in page
    assert Plan.objects.count() == 1
    assert AuditEvent.objects.count() == 0


def test_only_admins_name_plans() -> None:
    for role in (Role.AUDITOR, Role.PERSON):
        client = client_of(role)
        assert client.get("/plans/new/").status_code == 403
        assert client.post("/plans/new/", {"name": "Data", "slug": "data"}).status_code == 403
    assert Plan.objects.count() == 0


# --- Who is affected


def people_shown(client: Client, query: str = "") -> list[str]:
    page = client.get(f"/plans/platform/{query}").content.decode()
    return re.findall(r'<span class="cell-sub">(\w+)@acme\.example</span></th>', page)


def test_people_are_told_apart_by_what_they_have(admin: Client) -> None:
    old, new = make_revision(), make_revision()
    took(member("current@acme.example"), new)
    took(member("older@acme.example"), old)
    member("none@acme.example")
    make_person("elsewhere@acme.example")

    assert people_shown(admin) == ["current", "none", "older"]
    for installed in ("current", "older", "none"):
        assert people_shown(admin, f"?installed={installed}") == [installed]
    assert people_shown(admin, "?installed=other") == ["current", "none", "older"]
    assert "Everybody: 3 Current revision: 1 Older revision: 1 Nothing yet: 1" in text_of(
        admin.get("/plans/platform/")
    )


def test_of_bundle_and_report_the_newest_counts(admin: Client) -> None:
    old, new = make_revision(), make_revision()
    upgraded, second, downgraded = (member(f"{name}@acme.example") for name in ("upgraded", "second", "downgraded"))
    reported(upgraded, old, ago=2)
    took(upgraded, new, ago=1)
    took(second, old, ago=3)
    reported(second, old, "desk", ago=2)
    reported(second, new, "laptop", ago=1)
    took(downgraded, new, ago=2)
    reported(downgraded, old, ago=1)

    assert people_shown(admin, "?installed=current") == ["second", "upgraded"]
    assert people_shown(admin, "?installed=older") == ["downgraded"]


def test_a_bundle_of_another_plan_is_an_older_one(admin: Client) -> None:
    elsewhere = make_revision(plan=make_plan("data", "Data"))
    make_revision()
    took(member("ana@acme.example"), elsewhere)

    page = text_of(admin.get("/plans/platform/?installed=older"))

    assert "ana@acme.example" in page
    assert "of Data" in page


def test_they_come_in_pages_of_fifty(admin: Client) -> None:
    make_revision()
    team = make_team(make_plan())
    Person.objects.bulk_create(Person(email=f"p{each:03}@acme.example", name="P", team=team) for each in range(51))

    first, second = (admin.get(f"/plans/platform/?installed=none&page={page}") for page in (1, 2))

    assert "1 to 50 of 51" in text_of(first)
    assert 'href="?installed=none&amp;page=2#people"' in first.content.decode()
    assert "51 to 51 of 51" in text_of(second)
    assert "p050@acme.example" in text_of(second)
    assert "51 to 51 of 51" in text_of(admin.get("/plans/platform/?page=99"))


@pytest.mark.parametrize("people", [1, 3])
def test_a_plan_asks_a_constant_number_of_queries(
    people: int, admin: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(people):
        make_revision(max_output_tokens=20_000 + number)
    for number in range(people):
        person = member(f"p{number}@acme.example")
        took(person, newest())
        reported(person, newest())
    if people == 1:
        make_revision()

    with django_assert_num_queries(15):
        admin.get("/plans/platform/")
