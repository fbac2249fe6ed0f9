"""The page of an account: Regions by models by checks, for admins."""

from __future__ import annotations

import datetime as dt
import html
import json
import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from onboarding.checks.registry import ACCOUNT_CHECKS
from onboarding.enums import BilledSource, Layer, Outcome, Problem, Role, RunState, Trigger
from onboarding.models import Account, AuditEvent, BillingFetch, Finding, LogSource, Subject, Sweep
from tests.factories import (
    HAIKU,
    OPUS,
    SONNET,
    make_account,
    make_finding,
    make_person,
    make_plan,
    make_ready_person,
    make_revision,
    make_user,
)

pytestmark = pytest.mark.django_db

ACCOUNT = "111122223333"
REGION = "eu-west-1"
PASSES: dict[str, tuple[str, dict[str, Any]]] = {
    "inference-profile": ("active", {"destinations": [{"arn": "arn", "region": "eu-south-2", "model_id": "m"}]}),
    "use-case-form": ("sent", {}),
    "model-access": ("available", {}),
    "model-lifecycle": ("active", {}),
    "data-retention": ("kept", {"mode": "default"}),
    "service-quota": ("enough", {"tokens": 2_000_000}),
    "invocation-logging": ("on", {}),
}


def client_of(role: Role) -> Client:
    person = make_person(f"{role}@acme.example", role=role)
    client = Client()
    assert person.user is not None
    client.force_login(person.user)
    return client


def answered(check: str, about: str = "", *, region: str = REGION, suffix: str = "", **fields: Any) -> Finding:
    """The newest finding of a subject, passed unless `fields` say otherwise."""
    reason, facts = PASSES[check]
    facts = {
        "account": ACCOUNT,
        "region": region,
        "profile": about,
        "model_id": about,
        **facts,
        **fields.pop("facts", {}),
    }
    key = "|".join(filter(None, [ACCOUNT, region, about, suffix]))
    finding = make_finding(check, subject=key, facts=facts, **{"reason": reason, **fields})
    Subject.objects.create(check_name=check, key=key, latest=finding, last_known=finding)
    return finding


def everything_passes(region: str = REGION) -> None:
    for check in ACCOUNT_CHECKS:
        about = [""] if check.name in ("use-case-form", "invocation-logging") else [OPUS, SONNET, HAIKU]
        for profile in about:
            answered(check.name, profile, region=region)


def page(path: str = "/account/") -> str:
    return client_of(Role.ADMIN).get(path).content.decode()


# --- Who may


def test_anonymous_visitors_are_sent_to_sign_in(client: Client) -> None:
    response = client.get("/account/")

    assert (response.status_code, response["Location"]) == (302, "/?next=/account/")


@pytest.mark.parametrize(("role", "status"), [(Role.PERSON, 403), (Role.AUDITOR, 200)])
def test_auditors_read_it_and_change_nothing(role: Role, status: int) -> None:
    client = client_of(role)
    make_revision()

    assert client.get("/account/").status_code == status
    assert client.post("/account/verify/", {"account": ACCOUNT}).status_code == 403
    assert Sweep.objects.count() == 0


def test_a_user_who_is_nobodys_person_gets_403(client: Client) -> None:
    client.force_login(make_user())

    assert client.get("/account/").status_code == 403


def test_its_link_is_shown_to_admins_only() -> None:
    person = make_ready_person()
    assert person.user is not None
    client = Client()
    client.force_login(person.user)

    assert 'href="/account/"' in page()
    assert 'href="/account/"' not in client.get("/setup/").content.decode()


# --- What it says


def test_without_a_plan_there_is_no_account() -> None:
    make_account()

    assert "No plan uses an AWS account yet" in page()


def test_an_account_nobody_asked_about_says_so() -> None:
    make_revision()

    shown = page()

    assert f"Nobody has asked AWS about account {ACCOUNT} yet" in shown
    assert "Not asked" in shown
    assert "What to fix" not in shown


def test_an_account_in_which_everything_works() -> None:
    make_revision()
    everything_passes()

    shown = page()

    assert f"Everything in account {ACCOUNT} works" in shown
    assert "Source Region of one plan: Platform engineering" in shown
    assert "2\u202f000\u202f000 tokens per minute" in shown
    assert '<span class="tag">eu-south-2</span>' in shown
    assert "What to fix" not in shown


def test_what_needs_attention_comes_with_layer_fix_and_a_link_into_the_right_account() -> None:
    make_revision()
    answered("use-case-form", outcome=Outcome.FAILED, reason="missing", layer=Layer.USE_CASE_FORM)
    answered("invocation-logging", outcome=Outcome.WARNING, reason="off")

    shown = page()

    assert f"2 things need attention in account {ACCOUNT}" in shown
    assert "use-case form has not been sent" in shown
    assert "Anthropic use-case form" in shown
    assert "put-use-case-for-model-access" in shown
    assert f'href="https://acme.awsapps.com/start/#/console?account_id={ACCOUNT}&amp;' in shown
    assert "Waits for an earlier check" in shown


def test_a_model_without_a_quota_is_one_thing() -> None:
    make_revision()
    everything_passes()
    row = {"unit": "tokens", "name": "n", "code": "L-1", "value": 0, "needed": 1}
    facts = {"people": 1, "active": 1, "max_tokens": 1, "short": [row], "quotas": [row], "tokens": 0}
    failed: dict[str, Any] = {
        "outcome": Outcome.FAILED,
        "reason": "zero",
        "layer": Layer.SERVICE_QUOTA,
        "facts": facts,
    }
    # Two plans have the same model: their people make the difference, and the worse answer is shown.
    answered("service-quota", OPUS, suffix="plan 2|", **failed)
    answered("service-quota", OPUS, suffix="plan 3|", **failed)

    shown = page()

    assert f"One thing needs attention in account {ACCOUNT}" in shown
    assert shown.count("finding-open") == 1


def test_the_destination_at_fault_is_marked() -> None:
    make_revision()
    answered("inference-profile", OPUS)
    facts = {"regions": ["eu-south-2"], "asked": ["eu-south-2"]}
    answered(
        "model-access",
        OPUS,
        outcome=Outcome.FAILED,
        reason="not-in-region",
        layer=Layer.REGION_AVAILABILITY,
        facts=facts,
    )

    assert "No access: </span>eu-south-2" in page()


def test_unknown_is_never_worded_as_a_denial() -> None:
    make_revision()
    known = make_finding("invocation-logging", reason="on", facts={"region": REGION, "destinations": "s3://logs"})
    facts = {"operation": "bedrock:GetModelInvocationLoggingConfiguration"}
    answered(
        "invocation-logging",
        outcome=Outcome.UNKNOWN,
        reason="throttled",
        layer=Layer.AWS,
        last_known=known,
        facts=facts,
    )

    shown = page()

    assert f"AWS has not answered everything about account {ACCOUNT}" in shown
    assert "What has no answer yet" in shown
    assert "Last known answer" in shown
    assert "are logged to s3://logs" in shown
    for word in ('data-outcome="failed"', "Who says no", "Failed"):
        assert word not in shown


def test_it_can_be_read_in_spanish() -> None:
    make_revision()
    client = client_of(Role.ADMIN)
    client.cookies["language"] = "es"

    assert '<html lang="es"' in client.get("/account/").content.decode()


def test_hostile_words_are_text() -> None:
    hostile = "<script>alert(1)</script>"
    make_revision(plan=make_plan(name=hostile), account=make_account(name=hostile))
    answered(
        "inference-profile",
        OPUS,
        outcome=Outcome.FAILED,
        reason="absent",
        layer=Layer.INFERENCE_PROFILE,
        facts={"alternatives": [hostile]},
    )

    shown = page()

    assert "<script>alert" not in shown
    assert shown.count("&lt;script&gt;alert(1)") >= 3


# --- Choosing an account


def test_another_account_is_chosen_by_its_id() -> None:
    make_revision()
    other = make_account("222233334444", name="zzz-ai")
    make_revision(plan=make_plan("payments", "Payments"), account=other)

    assert '<option value="222233334444" selected>' in page("/account/?account=222233334444")


def test_with_one_account_there_is_nothing_to_choose() -> None:
    make_revision()

    assert "<select" not in page()


@pytest.mark.parametrize("account", ["999900001111", "x", "'"])
def test_an_account_that_no_plan_uses_is_not_there(account: str) -> None:
    make_revision()
    make_account("999900001111")

    assert client_of(Role.ADMIN).get("/account/", {"account": account}).status_code == 404


# --- Asking again


def test_asking_again_joins_the_asking_that_waits() -> None:
    make_revision()
    client = client_of(Role.ADMIN)

    responses = [client.post("/account/verify/", {"account": ACCOUNT}) for _ in range(2)]

    assert [response["Location"] for response in responses] == [f"/account/?account={ACCOUNT}"] * 2
    sweep = Sweep.objects.get()
    assert (sweep.account.account_id if sweep.account else "", sweep.covers_people) == (ACCOUNT, False)
    assert AuditEvent.objects.filter(action="account.asked", target=ACCOUNT, actor="admin@acme.example").count() == 2


def test_an_account_that_does_not_exist_cannot_be_asked_about() -> None:
    assert client_of(Role.ADMIN).post("/account/verify/", {"account": "000000000000"}).status_code == 404


def test_what_writes_rejects_get() -> None:
    assert client_of(Role.ADMIN).get("/account/verify/").status_code == 405


def test_it_is_polled_only_while_aws_is_being_asked() -> None:
    revision = make_revision()
    sweep = Sweep.objects.open(trigger=Trigger.RECHECK, account=revision.account, covers_people=False)
    client = client_of(Role.ADMIN)

    live = client.get("/account/").content.decode()
    Sweep.objects.filter(pk=sweep.pk).update(state=RunState.DONE, finished_at=timezone.now())
    done = client.get("/account/").content.decode()

    for sign in ("hx-get", 'http-equiv="refresh"', "htmx-2", " disabled"):
        assert sign in live
        assert sign not in done
    assert f"Asking AWS about account {ACCOUNT}" in live
    assert "Waiting" in live


def test_what_was_asked_in_part_does_not_work_yet() -> None:
    make_revision()
    answered("inference-profile", OPUS)

    assert f"AWS has not answered everything about account {ACCOUNT}" in page()


def test_the_region_that_needs_attention_comes_first() -> None:
    make_revision(plan=make_plan("a", "A"), region="eu-central-1")
    make_revision(plan=make_plan("b", "B"), region="eu-west-1")
    answered("use-case-form", outcome=Outcome.FAILED, reason="missing", layer=Layer.USE_CASE_FORM)

    shown = page()

    assert shown.index('id="eu-west-1"') < shown.index('id="eu-central-1"')


def test_answers_that_were_given_together_count_together() -> None:
    """Of two plans' answers the worse one counts; an old one does not."""
    make_revision()
    facts = {"people": 9, "active": 2, "max_tokens": 1, "short": [], "quotas": [], "tokens": 1}
    old = timezone.now() - dt.timedelta(hours=3)
    answered(
        "service-quota", OPUS, suffix="plan 1|", outcome=Outcome.WARNING, reason="low", facts=facts, checked_at=old
    )
    answered("service-quota", OPUS, suffix="plan 2|")

    assert "What to fix" not in page()


@pytest.mark.parametrize("regions", [1, 4])
def test_the_page_asks_a_constant_number_of_queries(
    regions: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(regions):
        region = f"eu-west-{number + 1}"
        make_revision(plan=make_plan(f"plan-{number}", f"Plan {number}"), region=region)
        everything_passes(region)
        if number:
            answered("invocation-logging", region=f"{region}x", outcome=Outcome.WARNING, reason="off")
    client = client_of(Role.ADMIN)

    with django_assert_num_queries(12):
        client.get("/account/")


# --- Logging, quotas


def logged(region: str = REGION, **fields: Any) -> LogSource:
    now = timezone.now()
    defaults = {"destination": "s3://acme-logs/bedrock", "read_at": now, "read_until": now}
    return LogSource.objects.create(account=make_account(), region=region, **{**defaults, **fields})


def part(name: str) -> str:
    """What a section of the page says, without its markup."""
    shown = page().partition(f'<section class="card" id="{name}"')[2].partition("</section>")[0]
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", shown)))


def test_each_region_says_whether_it_logs_and_how_far_that_was_read() -> None:
    make_revision()
    long_ago = timezone.now() - dt.timedelta(days=3)
    logged("eu-north-1")
    logged("eu-south-2", destination="", off_since=long_ago)
    logged("eu-central-1", read_at=long_ago)
    denied = {"problem": Problem.NO_ANSWER, "problem_detail": "s3:ListBucket: ReadTimeout", "problem_since": long_ago}
    logged("eu-west-3", **denied)
    logged("eu-west-2", read_at=None)

    rows = re.split(r"(?=\w+ \(eu-)", part("logging"))

    said = {row.partition("(")[2].partition(")")[0]: row for row in rows[1:]}
    assert "Logged, and read" in said["eu-north-1"]
    assert "s3://acme-logs/bedrock" in said["eu-north-1"]
    assert "Logging is off, seen on" in said["eu-south-2"]
    assert "Not read since" in said["eu-central-1"]
    assert "AWS gave no answer, since" in said["eu-west-3"]
    assert "s3:ListBucket: ReadTimeout" in said["eu-west-3"]
    assert "Being read for the first time" in said["eu-west-2"]
    # The plan's own, which nobody looked up.
    assert "Not looked up yet" in said[REGION]


def test_quotas_stand_beside_what_is_needed() -> None:
    make_revision()
    rows = [
        {"unit": "requests", "name": "Requests of Opus", "code": "L-1", "value": 10, "needed": 30},
        {"unit": "tokens", "name": "Tokens of Opus", "code": "L-2", "value": 2_000_000, "needed": 348_000},
    ]
    answered("service-quota", OPUS, outcome=Outcome.WARNING, reason="low", facts={"quotas": rows, "short": rows[:1]})

    said = part("quotas")

    assert re.search(r"Requests of OpusL-1 10 30 Warning", said)
    assert re.search(r"Tokens of OpusL-2 2.000.000 348.000 Passed", said)


def test_without_answers_there_are_no_quotas_to_show() -> None:
    make_revision()

    assert "Nobody asked yet" in part("quotas")


# --- What is denied to the portal itself


def policies(prefix: str) -> dict[str, Any]:
    """The policies of the page that are there to be copied, by where they belong."""
    found = re.findall(rf'<code id="{prefix}-(\w+)">(.*?)</code>', page(), re.DOTALL)
    return {place: json.loads(html.unescape(re.sub(r"<[^>]+>", "", text))) for place, text in found}


def actions(policy: dict[str, Any]) -> list[str]:
    return [action for statement in policy["Statement"] for action in statement["Action"]]


def denied(check: str, operation: str, key: str) -> None:
    facts = {"operation": operation, "detail": "AccessDeniedException"}
    finding = make_finding(check, outcome=Outcome.UNKNOWN, layer=Layer.PORTAL, reason="portal-denied", facts=facts)
    Subject.objects.create(check_name=check, key=key, latest=finding)


def test_where_nothing_was_denied_the_whole_policy_is_there_all_the_same() -> None:
    make_revision()
    Account.objects.update(role_arn="arn:aws:iam::111122223333:role/OnrampReadOnly")
    logged()
    assert "Onramp has not asked AWS about this account yet." in part("portal")
    answered("model-access", OPUS)

    assert "Nothing was denied to Onramp when it last asked." in part("portal")
    assert policies("missing") == {}
    whole = policies("whole")
    assert set(whole) == {"account", "directory", "own"}
    assert "bedrock:GetInferenceProfile" in actions(whole["account"])
    assert whole["account"]["Statement"][1]["Resource"] == ["arn:aws:s3:::acme-logs"]
    assert whole["own"]["Statement"][0]["Resource"] == ["arn:aws:iam::111122223333:role/OnrampReadOnly"]


def test_what_is_denied_is_named_with_exactly_the_policy_it_needs() -> None:
    make_revision()
    since = timezone.now()
    denied("model-access", "bedrock:GetFoundationModelAvailability", f"{ACCOUNT}|{REGION}|{OPUS}")
    denied("model-access", "bedrock:GetFoundationModelAvailability", f"{ACCOUNT}|{REGION}|{SONNET}")
    denied("identity", "identitystore:GetUserId", "person 1")
    denied("model-access", "bedrock:GetUseCaseForModelAccess", "222233334444|eu-west-1|x")
    logged(problem=Problem.DENIED, problem_detail="s3:GetObject: AccessDenied", problem_since=since)
    BillingFetch.objects.create(
        account=make_account(),
        source=BilledSource.COST_EXPLORER,
        since=since.date(),
        until=since.date(),
        state=RunState.DONE,
        finished_at=since,
        problem=Problem.DENIED,
        problem_detail="ce:GetCostAndUsage: AccessDeniedException",
    )

    said, missing = part("portal"), policies("missing")

    assert "What the account offers" in said
    assert actions(missing["account"]) == [
        "bedrock:GetFoundationModelAvailability",
        "ce:GetCostAndUsage",
        "s3:GetObject",
    ]
    assert missing["account"]["Statement"][1]["Resource"] == ["arn:aws:s3:::acme-logs/*"]
    assert actions(missing["directory"]) == ["identitystore:GetUserId"]
    assert set(missing) == {"account", "directory"}


def test_what_was_answered_since_is_denied_no_more() -> None:
    make_revision()
    denied("model-access", "bedrock:GetFoundationModelAvailability", f"{ACCOUNT}|{REGION}|{OPUS}")
    Subject.objects.update(latest=make_finding("model-access", reason="available"))
    for problem in (Problem.DENIED, ""):
        BillingFetch.objects.create(
            account=make_account(),
            source=BilledSource.COST_EXPLORER,
            since=timezone.now().date(),
            until=timezone.now().date(),
            state=RunState.DONE,
            finished_at=timezone.now(),
            problem=problem,
            problem_detail="ce:GetCostAndUsage: AccessDeniedException" if problem else "",
        )

    assert "Nothing was denied to Onramp when it last asked." in part("portal")


def test_no_answer_is_not_a_denial() -> None:
    make_revision()
    logged(problem=Problem.NO_ANSWER, problem_detail="s3:GetObject: ReadTimeout", problem_since=timezone.now())
    answered("model-access", OPUS, outcome=Outcome.UNKNOWN, layer=Layer.AWS, reason="no-answer")

    assert policies("missing") == {}


def test_of_two_calls_it_is_told_that_either_was_denied() -> None:
    make_revision()
    logged(control_problem=Problem.DENIED, control_at=timezone.now())

    said = part("portal")

    assert "cloudwatch:ListMetricsor cloudwatch:GetMetricData: which of them was not recorded" in said
    assert actions(policies("missing")["account"]) == ["cloudwatch:ListMetrics", "cloudwatch:GetMetricData"]


def test_a_role_that_may_not_be_assumed_is_a_matter_of_the_portals_own_credentials() -> None:
    make_revision()
    Account.objects.update(role_arn="arn:aws:iam::111122223333:role/OnrampReadOnly")
    denied("model-access", "sts:AssumeRole", f"{ACCOUNT}|{REGION}|{OPUS}")

    assert set(policies("missing")) == {"own"}


def test_a_nul_is_no_account() -> None:
    assert client_of(Role.ADMIN).post("/account/verify/", {"account": "\0"}).status_code == 404
