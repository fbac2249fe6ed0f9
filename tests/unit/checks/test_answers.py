"""What stands behind the checks' answers: what they ask, count and keep."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone, translation

from onboarding.aws import NoAnswer
from onboarding.checks.asking import ask, new_finding
from onboarding.checks.base import Answer, Case, Memory, Reading
from onboarding.checks.registry import BY_NAME, explain
from onboarding.enums import EndpointKind, Layer, Outcome, TokenClass
from onboarding.models import DirectoryEntry, Price, Principal
from tests.counted import aws_calls
from tests.factories import OPUS, ROLE_ARN, SONNET, make_person, make_principal
from tests.unit.checks.stubs import (
    APPLICATION,
    ASSIGNED_FACTS,
    DESTINATIONS,
    EMAIL,
    FEDERATED,
    GLOBAL,
    GROUP_ID,
    IDENTITY_FACTS,
    NOT_FOUND,
    PERMISSION_SET_ARN,
    REGION,
    ROLE_FACTS,
    USER_ID,
    Error,
    Params,
    Reply,
    Stubs,
    about_of,
    assignment,
    availability,
    healthy,
    know,
    make_known_case,
    policy,
    profile_facts,
    quota,
    simulated,
    sonnet_quotas,
)

pytestmark = pytest.mark.django_db

PASSED, WARNING, FAILED, UNKNOWN = Outcome.PASSED, Outcome.WARNING, Outcome.FAILED, Outcome.UNKNOWN
DOWN, DENIED = Error("InternalServerException", 500), Error("AccessDeniedException", 403)


def answered(name: str, case: Case) -> Answer:
    check = BY_NAME[name]
    return ask(check, about_of(check, case), case)


@pytest.fixture
def case(stubs: Stubs) -> Case:
    stubs.answer(healthy())
    return make_known_case()


# --- Permission sets and identity


def test_a_group_that_is_gone_reaches_nobody(stubs: Stubs, case: Case) -> None:
    """The directory was synchronized anew and the group deleted; the assignment is still there."""
    stubs.answer(DescribeGroup=NOT_FOUND)

    answer = answered("permission-sets", case)

    assert (answer.outcome, answer.facts.get("groups")) == (PASSED, {})


def test_who_is_assigned_what_is_asked_once_for_each_permission_set(stubs: Stubs, case: Case) -> None:
    arns = [PERMISSION_SET_ARN, PERMISSION_SET_ARN.replace("ps-0", "ps-f")]
    rows = [assignment("GROUP", GROUP_ID), assignment("USER", USER_ID)]
    stubs.answer(
        ListPermissionSetsProvisionedToAccount={"PermissionSets": arns},
        DescribePermissionSet=[{"PermissionSet": {"Name": name}} for name in ("ClaudeCodeDeveloper", "Analyst")],
        ListAccountAssignments={"AccountAssignments": rows},
    )

    facts = answered("permission-sets", case).facts

    assert facts["assignments"] == [
        [name, row["PrincipalType"], row["PrincipalId"]] for name in ("ClaudeCodeDeveloper", "Analyst") for row in rows
    ]
    assert (stubs.count("ListAccountAssignments"), stubs.count("DescribeGroup")) == (2, 1)


def test_an_assignment_of_ones_own_is_not_through_a_group(case: Case) -> None:
    own = [["ClaudeCodeDeveloper", "GROUP", GROUP_ID], ["ClaudeCodeDeveloper", "USER", USER_ID]]
    know(case, "permission-sets", {**ASSIGNED_FACTS, "assignments": own})

    facts = answered("identity", case).facts

    assert (facts["permission_set"], facts["via_group"]) == ("ClaudeCodeDeveloper", "")


def reading(case: Case, **changes: Any) -> Reading:
    """What a sweep read of Ana."""
    fields = {"user_id": USER_ID, "user_name": EMAIL, "email": EMAIL, "is_active": True, "groups": [GROUP_ID]}
    return Reading(DirectoryEntry(person=case.person, identity_center=case.revision.center, **{**fields, **changes}))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({}, "role-found"), ({"groups": []}, "no-assignment"), ({"is_active": False}, "disabled")],
)
def test_a_sweep_asks_nothing_of_anybody(stubs: Stubs, case: Case, changes: dict[str, Any], reason: str) -> None:
    case.reading = reading(case, **changes)

    assert answered("identity", case).reason == reason
    assert stubs.calls == []


def test_who_is_not_in_what_a_sweep_read_is_not_in_the_directory(case: Case) -> None:
    case.reading = Reading(None)

    assert answered("identity", case).reason == "not-in-directory"


def test_a_directory_that_could_not_be_read_is_unknown(case: Case) -> None:
    case.reading = Reading(error=NoAnswer("identitystore:ListUsers", "ThrottlingException", throttled=True))

    answer = answered("identity", case)

    assert (answer.outcome, answer.reason) == (UNKNOWN, "throttled")


def kept(case: Case, outcome: Outcome, facts: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """The person's principals after the identity check kept a finding, each with whether it is chosen."""
    layer = Layer.AWS if outcome in (FAILED, UNKNOWN) else None
    check = BY_NAME["identity"]
    finding = new_finding(check, "subject", Answer(outcome, "role-found", facts, layer))
    for _ in range(2):
        check.keep(finding, case)
    rows = Principal.objects.filter(person=case.person).order_by("role_arn")
    return [(row.role_arn, row.is_chosen) for row in rows]


def test_a_role_that_was_found_is_kept_as_the_persons(case: Case) -> None:
    assert kept(case, PASSED, IDENTITY_FACTS) == [(ROLE_ARN, True)]
    row = Principal.objects.get()
    assert (row.permission_set, row.session_name, row.found_via) == ("ClaudeCodeDeveloper", EMAIL, "developers")


def test_another_role_takes_its_place(case: Case) -> None:
    make_principal(case.person, role_arn=FEDERATED)

    assert kept(case, WARNING, IDENTITY_FACTS) == [(FEDERATED, False), (ROLE_ARN, True)]


def test_nobody_keeps_a_role_after_a_no(case: Case) -> None:
    make_principal(case.person)

    assert kept(case, FAILED, {}) == [(ROLE_ARN, False)]


def test_a_role_is_kept_while_nobody_can_tell(case: Case) -> None:
    make_principal(case.person)

    assert kept(case, UNKNOWN, {}) == [(ROLE_ARN, True)]


# --- Inference profiles and model access


def test_an_application_profile_that_is_gone_is_a_no_whatever_the_others_are(stubs: Stubs) -> None:
    stubs.answer({**healthy(), "GetInferenceProfile": NOT_FOUND, "ListInferenceProfiles": DOWN})

    assert answered("inference-profile", make_known_case(sonnet=APPLICATION)).reason == "absent"


@pytest.mark.parametrize(
    ("profile", "listed", "routed"),
    [
        (SONNET, ["eu-central-1"], ["eu-central-1", REGION]),
        (SONNET, list(DESTINATIONS), list(DESTINATIONS)),
        (GLOBAL, [REGION], ["", REGION]),
        (GLOBAL, [""], ["", REGION]),
    ],
)
def test_every_arn_that_is_authorized_is_routed_to(
    stubs: Stubs, profile: str, listed: list[str], routed: list[str]
) -> None:
    models = [row["arn"] for row in profile_facts(profile, listed)["destinations"]]
    record = {
        "inferenceProfileName": "Claude",
        "inferenceProfileId": profile,
        "inferenceProfileArn": "arn:aws:bedrock:eu-west-1:111122223333:inference-profile/" + profile,
        "models": [{"modelArn": arn} for arn in models],
        "status": "ACTIVE",
        "type": "SYSTEM_DEFINED",
    }
    stubs.answer(ListInferenceProfiles={"inferenceProfileSummaries": [record]})

    facts = answered("inference-profile", make_known_case(sonnet=profile)).facts

    assert [row["region"] for row in facts["destinations"]] == routed
    assert facts["models"] == ["anthropic.claude-sonnet-4-6"]


def test_the_source_region_is_asked_first_and_every_destination(stubs: Stubs, case: Case) -> None:
    answer = answered("model-access", case)

    assert [call.region for call in stubs.calls] == [REGION, "eu-central-1", "eu-south-2"]
    assert answer.facts["asked"] == [REGION, "eu-central-1", "eu-south-2"]


def test_the_region_less_arn_is_not_asked_about(stubs: Stubs, case: Case) -> None:
    know(case, "inference-profile", profile_facts(SONNET, ["", REGION]), about=SONNET)

    answered("model-access", case)

    assert [call.region for call in stubs.calls] == [REGION]


@pytest.mark.parametrize(
    ("second", "outcome", "unasked"),
    [
        # Routing needs no destination to be enabled in the account.
        (DENIED, PASSED, ["eu-central-1"]),
        (Error("UnrecognizedClientException", 403), PASSED, ["eu-central-1"]),
        (DOWN, UNKNOWN, None),
        (Error("ConflictException", 409), UNKNOWN, None),
        (availability(regionAvailability="NOT_AVAILABLE"), FAILED, []),
    ],
)
def test_what_a_destination_answers(
    stubs: Stubs, case: Case, second: Reply, outcome: Outcome, unasked: list[str] | None
) -> None:
    stubs.answer(GetFoundationModelAvailability=[availability(), second, availability()])

    answer = answered("model-access", case)

    assert (answer.outcome, answer.facts.get("unasked")) == (outcome, unasked)


@pytest.mark.parametrize(
    ("answers", "result"),
    [
        ([availability(), DENIED, availability()], "refused"),
        ([availability(), Error("UnrecognizedClientException", 403), availability()], "refused"),
        # The plan's own Region has to answer.
        ([DENIED], "denied"),
    ],
)
def test_a_destination_that_is_not_enabled_rings_no_alert(
    stubs: Stubs, case: Case, answers: list[Reply], result: str
) -> None:
    stubs.answer(GetFoundationModelAvailability=answers)
    before = aws_calls("bedrock:GetFoundationModelAvailability")

    answered("model-access", case)

    grown = aws_calls("bedrock:GetFoundationModelAvailability") - before
    assert (grown[result], grown["denied"] + grown["not-configured"]) == (1, int(result == "denied"))


def test_the_regions_that_say_no_are_named(stubs: Stubs, case: Case) -> None:
    shut = availability(agreement="PENDING")
    stubs.answer(GetFoundationModelAvailability=[availability(), shut, shut])

    answer = answered("model-access", case)

    assert (answer.reason, answer.facts["regions"], answer.facts["agreement"]) == (
        "no-agreement",
        ["eu-central-1", "eu-south-2"],
        "PENDING",
    )


def test_the_first_gate_that_is_shut_counts(stubs: Stubs, case: Case) -> None:
    none = availability(
        agreement="NOT_AVAILABLE",
        authorizationStatus="NOT_AUTHORIZED",
        entitlementAvailability="NOT_AVAILABLE",
        regionAvailability="NOT_AVAILABLE",
    )
    reasons = []
    for opened in ("regionAvailability", "authorizationStatus", "agreementAvailability", "entitlementAvailability"):
        stubs.answer(GetFoundationModelAvailability=none)
        case.memory = Memory()
        reasons.append(answered("model-access", case).reason)
        none = {**none, opened: availability()[opened]}

    assert reasons == ["not-in-region", "not-authorized", "no-agreement", "not-entitled"]


def test_a_missing_form_is_said_once(case: Case) -> None:
    check = BY_NAME["model-access"]
    assert check.can_ask(SONNET, case)

    know(case, "use-case-form", {}, outcome=FAILED)
    assert not check.can_ask(SONNET, case)


def test_one_question_answers_two_checks(stubs: Stubs, case: Case) -> None:
    stubs.answer(GetUseCaseForModelAccess=NOT_FOUND)

    assert answered("use-case-form", case).reason == "inherited"
    answered("model-access", case)

    assert stubs.count("GetFoundationModelAvailability") == 1 + len(DESTINATIONS)


# --- Quotas


def test_the_arithmetic_of_a_quota(stubs: Stubs, case: Case) -> None:
    """Ten people, two at work: 2 x (10,000 + 32,000 held, 3 x (10,000 + 5 x 1,000) settled); 2 x 3 requests."""
    for number in range(9):
        make_person(f"p{number}@acme.example", user=None, team=case.person.team)
    make_person("left@acme.example", user=None, team=case.person.team, is_active=False)
    needed = {"tokens": 2 * (42_000 + 3 * 15_000), "requests": 6}

    stubs.answer(ListServiceQuotas=sonnet_quotas(**needed))
    assert answered("service-quota", case).reason == "enough"

    case = Case(whose=case.person, revision=case.revision, findings=case.findings)
    stubs.answer(ListServiceQuotas=sonnet_quotas(tokens=needed["tokens"] - 1, requests=6))
    short = answered("service-quota", case)
    assert (short.reason, short.facts["people"], short.facts["active"]) == ("low", 10, 2)
    assert [(row["unit"], row["value"], row["needed"]) for row in short.facts["short"]] == [
        ("tokens", needed["tokens"] - 1, needed["tokens"])
    ]


def test_the_plans_limit_of_output_counts(stubs: Stubs) -> None:
    stubs.answer({**healthy(), "ListServiceQuotas": sonnet_quotas(tokens=1, requests=100)})

    facts = answered("service-quota", make_known_case(max_output_tokens=4096)).facts

    assert (facts["max_tokens"], facts["short"][0]["needed"]) == (4096, 10_000 + 4096 + 3 * 15_000)


@pytest.mark.parametrize(
    ("name", "destinations", "is_recognized"),
    [
        ("Cross-region model inference tokens per minute for Anthropic Claude Sonnet 4.6", DESTINATIONS, True),
        ("cross-region Model Inference Tokens Per Minute for Anthropic Claude Sonnet 4.6 V1", DESTINATIONS, True),
        ("Global cross-region model inference tokens per minute for Anthropic Claude Sonnet 4.6", ["", REGION], True),
        ("Global cross-region model inference tokens per minute for Anthropic Claude Sonnet 4.6", DESTINATIONS, False),
        ("Cross-region model inference tokens per minute for Anthropic Claude Sonnet 4.6", ["", REGION], False),
        ("On-demand model inference tokens per minute for Anthropic Claude Sonnet 4.6", DESTINATIONS, False),
        ("Cross-region model inference tokens per minute for Anthropic Claude Sonnet 4", DESTINATIONS, False),
        ("Cross-region model inference tokens per day for Anthropic Claude Sonnet 4.6", DESTINATIONS, False),
    ],
)
def test_a_quota_is_known_by_its_name(
    stubs: Stubs, case: Case, name: str, destinations: list[str], is_recognized: bool
) -> None:
    know(case, "inference-profile", profile_facts(SONNET, destinations), about=SONNET)
    stubs.answer(ListServiceQuotas={"Quotas": [quota(name, 10_000_000)]})

    assert answered("service-quota", case).reason == ("enough" if is_recognized else "not-listed")


# --- What the role may do


def contexts(stubs: Stubs) -> list[dict[str, str]]:
    return [
        {row["ContextKeyName"]: row["ContextKeyValues"][0] for row in call.params["ContextEntries"]}
        for call in stubs.calls
    ]


def test_subscribing_is_asked_about_as_bedrock_does_it(stubs: Stubs, case: Case) -> None:
    stubs.answer(SimulatePrincipalPolicy=simulated(lambda action, arn, context: "aws:CalledViaLast" not in context))

    assert answered("marketplace", case).outcome == PASSED
    assert contexts(stubs) == [{"aws:CalledViaLast": "bedrock.amazonaws.com", "aws:RequestedRegion": REGION}]


def test_listing_has_to_be_granted_on_everything(stubs: Stubs, case: Case) -> None:
    stubs.answer(SimulatePrincipalPolicy=simulated(lambda action, arn, context: arn == "*"))

    answer = answered("discovery", case)

    assert (answer.reason, answer.facts["missing"]) == ("denied", ["bedrock:ListInferenceProfiles"])


def test_each_profile_has_to_be_looked_up(stubs: Stubs, case: Case) -> None:
    stubs.answer(SimulatePrincipalPolicy=simulated(lambda action, arn, context: arn.endswith(OPUS)))

    assert answered("discovery", case).facts["missing"] == ["bedrock:GetInferenceProfile"]


@pytest.mark.parametrize("check", ["discovery", "marketplace"])
@pytest.mark.parametrize(
    ("details", "layer"),
    [
        ({}, Layer.IDENTITY_POLICY),
        (
            {"PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": False}},
            Layer.PERMISSIONS_BOUNDARY,
        ),
        ({"OrganizationsDecisionDetail": {"AllowedByOrganizations": False}}, Layer.SERVICE_CONTROL_POLICY),
    ],
)
def test_the_layer_that_denies_is_named(
    stubs: Stubs, case: Case, check: str, details: dict[str, Any], layer: Layer
) -> None:
    stubs.answer(SimulatePrincipalPolicy=simulated(lambda action, arn, context: True, **details))

    answer = answered(check, case)

    assert (answer.outcome, answer.layer) == (WARNING, layer)


@pytest.mark.parametrize("check", ["discovery", "marketplace"])
def test_what_the_simulator_leaves_out_is_no_denial(stubs: Stubs, case: Case, check: str) -> None:
    stubs.answer(SimulatePrincipalPolicy={"EvaluationResults": []})

    answer = answered(check, case)

    assert (answer.outcome, answer.reason) == (UNKNOWN, "incomplete")


def test_half_an_answer_is_no_pass(stubs: Stubs, case: Case) -> None:
    def half(params: Params) -> dict[str, Any]:
        rows = simulated()(params)["EvaluationResults"]
        return {"EvaluationResults": rows[: len(rows) // 2]}

    stubs.answer(SimulatePrincipalPolicy=half)

    answer = answered("permissions", case)

    assert (answer.outcome, answer.reason) == (UNKNOWN, "incomplete")


def test_the_outermost_layer_counts(stubs: Stubs, case: Case) -> None:
    """Opening the role's own policy would help nobody while the organization denies it."""

    def both(params: Params) -> dict[str, Any]:
        outside = {"OrganizationsDecisionDetail": {"AllowedByOrganizations": False}}
        rows = simulated(lambda action, arn, context: True)(params)["EvaluationResults"]
        return {"EvaluationResults": [{**row, **(outside if number else {})} for number, row in enumerate(rows)]}

    stubs.answer(SimulatePrincipalPolicy=both)

    assert answered("permissions", case).layer == Layer.SERVICE_CONTROL_POLICY


def test_a_certain_denial_counts_before_one_that_lacks_context(stubs: Stubs, case: Case) -> None:
    def mixed(params: Params) -> dict[str, Any]:
        rows = simulated(lambda action, arn, context: True)(params)["EvaluationResults"]
        return {
            "EvaluationResults": [{**row, "MissingContextValues": ["aws:SourceIp"]} for row in rows[:1]] + rows[1:]
        }

    stubs.answer(SimulatePrincipalPolicy=mixed)

    assert answered("permissions", case).outcome == FAILED


def test_a_boundary_grants_nothing(case: Case) -> None:
    everything = policy({"Effect": "Allow", "Action": "*", "Resource": "*"})
    policies = [*ROLE_FACTS["policies"], {"name": "Limit", "kind": "boundary", "document": everything}]
    know(case, "role-policies", {**ROLE_FACTS, "policies": policies})

    assert answered("broad-grants", case).reason == "narrow"


# --- The live probe


def price(kind: EndpointKind, token_class: TokenClass, usd: str) -> None:
    Price.objects.create(
        model_id="anthropic.claude-sonnet-4-6",
        endpoint_kind=kind,
        token_class=token_class,
        usd_per_million=Decimal(usd),
        valid_from=timezone.now().date() - dt.timedelta(days=1),
        source="a test",
    )


@pytest.mark.parametrize(("profile", "usd"), [(SONNET, "$0.0000429"), (GLOBAL, "$0.000039")])
def test_a_probe_is_priced_where_it_ran(stubs: Stubs, profile: str, usd: str) -> None:
    """8 tokens in at 3.30 and 1 out at 16.50 a million; a tenth less for a global profile."""
    Price.objects.all().delete()
    price(EndpointKind.GEOGRAPHIC, TokenClass.INPUT, "3.3")
    price(EndpointKind.GEOGRAPHIC, TokenClass.OUTPUT, "16.5")
    price(EndpointKind.GLOBAL, TokenClass.INPUT, "3")
    price(EndpointKind.GLOBAL, TokenClass.OUTPUT, "15")
    stubs.answer(healthy())
    case = make_known_case(live_probe=True, sonnet=profile)

    finding = new_finding(BY_NAME["live-probe"], "subject", answered("live-probe", case))

    assert dict(explain(finding).evidence)["Cost of the probe"].rstrip("0") == usd


def test_a_model_without_a_price_is_unpriced(stubs: Stubs) -> None:
    Price.objects.all().delete()
    stubs.answer(healthy())

    finding = new_finding(BY_NAME["live-probe"], "subject", answered("live-probe", make_known_case(live_probe=True)))

    assert dict(explain(finding).evidence)["Cost of the probe"] == "unpriced"


def test_a_role_that_is_to_be_probed_trusts_the_portal_with_its_tags(stubs: Stubs) -> None:
    """AWS denies the whole of AssumeRole where tags come along and may not."""
    stubs.answer({**healthy(), "AssumeRole": DENIED})

    finding = new_finding(BY_NAME["live-probe"], "subject", answered("live-probe", make_known_case(live_probe=True)))

    for language in ("en", "es"):
        with translation.override(language):
            told = explain(finding).admin_remedy
        assert {"sts:AssumeRole", "sts:TagSession"} <= set(re.findall(r"sts:\w+", told))


@pytest.mark.parametrize(("outcome", "can_ask"), [(PASSED, True), (WARNING, False), (FAILED, False), (UNKNOWN, False)])
def test_nobody_calls_a_model_first(outcome: Outcome, can_ask: bool) -> None:
    """The first call accepts the agreement; a provisional one may just be in the making."""
    case = make_known_case(live_probe=True)
    know(case, "model-access", {"model_id": "x"}, about=SONNET, outcome=outcome)

    assert BY_NAME["live-probe"].can_ask(SONNET, case) is can_ask


def test_the_live_probe_is_a_plans_own_choice() -> None:
    case = make_known_case()

    assert BY_NAME["live-probe"].questions(case.revision) == ()
