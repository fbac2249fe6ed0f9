"""Every way each check can be answered: what AWS says, what is made of it, and how it reads.

A row changes what a healthy account answers, or what the checks before found, and says what comes of it.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError, ReadTimeoutError
from django.utils import timezone, translation

from onboarding import doctor
from onboarding.checks.asking import ask, new_finding
from onboarding.checks.base import UNKNOWN_REASONS, Answer, Case
from onboarding.checks.registry import BY_NAME, CHECKS, explain, pastes_for
from onboarding.enums import Actor, Layer, Outcome
from onboarding.models import Finding
from tests.factories import OPUS, ROLE_ARN, SONNET, make_finding, make_person
from tests.unit.checks.stubs import (
    ACCOUNT,
    API_KEYS,
    APPLICATION,
    ASKS,
    ASSIGNED_FACTS,
    EMAIL,
    FABLE,
    FEDERATED,
    FEDERATION,
    GLOBAL,
    GUARDED,
    IAM_USERS,
    NOT_FOUND,
    PERMISSION_SET_ARN,
    REPLIES,
    REVISIONS,
    ROLE_FACTS,
    TAGGED_USERS,
    USER_ID,
    Error,
    Reply,
    Stubs,
    about_of,
    account_details,
    availability,
    healthy,
    know,
    listed,
    make_known_case,
    membership,
    model_record,
    policy,
    profile_arn,
    profile_facts,
    profile_record,
    role_record,
    simulated,
    sonnet_quotas,
    statement,
    user_answer,
    user_record,
)

pytestmark = pytest.mark.django_db

PASSED, WARNING, FAILED, UNKNOWN = Outcome.PASSED, Outcome.WARNING, Outcome.FAILED, Outcome.UNKNOWN
MODEL = "arn:aws:bedrock:eu-south-2::foundation-model/anthropic.claude-sonnet-4-6"
TWO_SETS: dict[str, Any] = {
    **ASSIGNED_FACTS,
    "permission_sets": {"Analyst": PERMISSION_SET_ARN, "ClaudeCodeDeveloper": PERMISSION_SET_ARN},
    "assignments": [["Analyst", "USER", USER_ID], ["ClaudeCodeDeveloper", "USER", USER_ID]],
    "roles": {"Analyst": FEDERATED, "ClaudeCodeDeveloper": ROLE_ARN},
}


@dataclass(frozen=True, slots=True)
class Row:
    """One way a check is answered: what differs from a healthy account, and what comes of it.

    `revision` are fields of the plan, `arrange` changes the case, `pastes` are the things to paste, by name.
    """

    check: str
    reason: str
    outcome: Outcome
    layer: Layer | None = None
    replies: Mapping[str, Reply] = field(default_factory=dict)
    revision: Mapping[str, Any] = field(default_factory=dict)
    arrange: Callable[[Case], object] = lambda case: None
    pastes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.check}, {self.reason}"

    def case(self) -> Case:
        case = make_known_case(**self.revision)
        self.arrange(case)
        return case


def knowing(check: str, facts: Mapping[str, Any], about: str = "") -> Callable[[Case], object]:
    return lambda case: know(case, check, facts, about=about)


def before(reason: str, **fields: Any) -> Callable[[Case], object]:
    """What the check last knew."""

    def arrange(case: Case) -> None:
        case.before = make_finding("model-access", reason=reason, outcome=WARNING, **fields)

    return arrange


def crowd(count: int) -> Callable[[Case], object]:
    """So many people on the plan, beside Ana."""
    return lambda case: [make_person(f"p{n}@acme.example", user=None, team=case.person.team) for n in range(count)]


def denying(pick: Callable[[str, str], bool] = lambda action, arn: True, **details: Any) -> dict[str, Reply]:
    """The simulator denies the actions and ARNs that `pick` picks."""
    return {"SimulatePrincipalPolicy": simulated(lambda action, arn, context: pick(action, arn), **details)}


def spain(_action: str, arn: str) -> bool:
    return arn == MODEL


def in_days(days: int) -> dict[str, Reply]:
    end = timezone.now() + dt.timedelta(days=days, hours=1)
    return {"ListFoundationModels": {"modelSummaries": [model_record(SONNET, endOfLifeTime=end)]}}


OUTSIDE = {"OrganizationsDecisionDetail": {"AllowedByOrganizations": False}}
BOUNDARY = {"PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": False}}
DENIED = Error("AccessDeniedException", 403)
NO_ENTITY = Error("NoSuchEntity", 404)
DENIAL = (
    f"User: arn:aws:sts::{ACCOUNT}:assumed-role/X/ana is not authorized to perform: bedrock:InvokeModel on resource: "
    f"{MODEL} because no identity-based policy allows the bedrock:InvokeModel action"
)

ROWS: tuple[Row, ...] = (
    # --- Who somebody is
    Row("permission-sets", "listed", PASSED),
    Row("permission-sets", "no-instance", FAILED, Layer.DIRECTORY, {"ListInstances": {"Instances": []}}),
    Row("identity", "role-found", PASSED),
    Row(
        "identity",
        "role-of-the-plan",
        PASSED,
        revision={"permission_set": "ClaudeCodeDeveloper"},
        arrange=knowing("permission-sets", TWO_SETS),
    ),
    Row("identity", "role-chosen", WARNING, arrange=knowing("permission-sets", TWO_SETS)),
    Row("identity", "not-in-directory", FAILED, Layer.DIRECTORY, {"GetUserId": NOT_FOUND}),
    Row("identity", "disabled", FAILED, Layer.DIRECTORY, {"DescribeUser": user_answer(UserStatus="DISABLED")}),
    Row(
        "identity",
        "no-assignment",
        FAILED,
        Layer.ASSIGNMENT,
        {"IsMemberInGroups": membership(exists=False)},
        pastes=("command.sh",),
    ),
    Row(
        "identity",
        "no-assignment",
        FAILED,
        Layer.ASSIGNMENT,
        {"IsMemberInGroups": membership(exists=False)},
        revision={"permission_set": "NotInThisAccount"},
    ),
    Row(
        "identity",
        "not-the-plans",
        FAILED,
        Layer.ASSIGNMENT,
        revision={"permission_set": "Analyst"},
        arrange=knowing("permission-sets", {**TWO_SETS, "assignments": [["ClaudeCodeDeveloper", "USER", USER_ID]]}),
        pastes=("command.sh",),
    ),
    Row(
        "identity",
        "role-missing",
        FAILED,
        Layer.ASSIGNMENT,
        arrange=knowing("permission-sets", {**ASSIGNED_FACTS, "roles": {}}),
        pastes=("command.sh",),
    ),
    Row(
        "identity",
        "federated-role",
        PASSED,
        replies={"GetAccountAuthorizationDetails": account_details(role_record(FEDERATED))},
        revision=FEDERATION,
    ),
    Row("identity", "federated-role-missing", FAILED, Layer.ASSIGNMENT, revision=FEDERATION),
    Row(
        "identity",
        "iam-user",
        PASSED,
        replies={"GetAccountAuthorizationDetails": account_details(users=[user_record(EMAIL.upper())])},
        revision=IAM_USERS,
    ),
    Row(
        "identity",
        "iam-users",
        WARNING,
        replies={
            "GetAccountAuthorizationDetails": account_details(
                users=[user_record("ana", email=EMAIL), user_record("ana-2", email=EMAIL)]
            )
        },
        revision=TAGGED_USERS,
    ),
    Row("identity", "no-iam-user", FAILED, Layer.DIRECTORY, revision=IAM_USERS),
    Row("identity", "no-iam-user-tag", FAILED, Layer.DIRECTORY, revision=TAGGED_USERS),
    # --- What the account has
    Row("inference-profile", "active", PASSED),
    Row(
        "inference-profile",
        "active",
        PASSED,
        replies={"ListInferenceProfiles": listed(profile_record(GLOBAL))},
        revision={"sonnet": GLOBAL},
    ),
    Row("inference-profile", "active", PASSED, revision={"sonnet": APPLICATION}),
    Row(
        "inference-profile",
        "absent",
        FAILED,
        Layer.INFERENCE_PROFILE,
        {"ListInferenceProfiles": listed(profile_record(GLOBAL))},
    ),
    Row(
        "inference-profile",
        "absent",
        FAILED,
        Layer.INFERENCE_PROFILE,
        {"GetInferenceProfile": NOT_FOUND},
        revision={"sonnet": APPLICATION},
    ),
    Row(
        "inference-profile",
        "inactive",
        FAILED,
        Layer.INFERENCE_PROFILE,
        {"ListInferenceProfiles": listed(profile_record(SONNET, status="CREATING"))},
    ),
    Row("use-case-form", "sent", PASSED),
    Row("use-case-form", "inherited", PASSED, replies={"GetUseCaseForModelAccess": NOT_FOUND}),
    Row(
        "use-case-form",
        "missing",
        FAILED,
        Layer.USE_CASE_FORM,
        {
            "GetUseCaseForModelAccess": NOT_FOUND,
            "GetFoundationModelAvailability": availability(authorizationStatus="NOT_AUTHORIZED"),
        },
        pastes=("command.sh",),
    ),
    Row(
        "use-case-form",
        "not-told",
        UNKNOWN,
        Layer.USE_CASE_FORM,
        {"GetUseCaseForModelAccess": NOT_FOUND},
        arrange=lambda case: case.findings.clear(),
    ),
    Row("model-access", "available", PASSED),
    Row("model-access", "available", PASSED, arrange=before("not-in-region")),
    Row("model-access", "provisional", WARNING, arrange=before("no-agreement")),
    Row(
        "model-access",
        "provisional",
        WARNING,
        arrange=lambda case: before("provisional", settles_at=timezone.now() + dt.timedelta(minutes=1))(case),
    ),
    Row(
        "model-access",
        "available",
        PASSED,
        arrange=lambda case: before("provisional", settles_at=timezone.now() - dt.timedelta(minutes=1))(case),
    ),
    Row(
        "model-access",
        "not-in-region",
        FAILED,
        Layer.REGION_AVAILABILITY,
        {"GetFoundationModelAvailability": availability(regionAvailability="NOT_AVAILABLE")},
    ),
    Row(
        "model-access",
        "not-in-region",
        FAILED,
        Layer.REGION_AVAILABILITY,
        {"GetFoundationModelAvailability": Error("ValidationException", 400)},
    ),
    Row(
        "model-access",
        "not-authorized",
        FAILED,
        Layer.AUTHORIZATION,
        {"GetFoundationModelAvailability": availability(authorizationStatus="NOT_AUTHORIZED")},
    ),
    Row(
        "model-access",
        "no-agreement",
        FAILED,
        Layer.AGREEMENT,
        {"GetFoundationModelAvailability": availability(agreement="ERROR", message="No payment instrument.")},
        pastes=("command.sh",),
    ),
    Row(
        "model-access",
        "not-entitled",
        FAILED,
        Layer.ENTITLEMENT,
        {"GetFoundationModelAvailability": availability(entitlementAvailability="NOT_AVAILABLE")},
    ),
    Row("model-lifecycle", "active", PASSED),
    Row("model-lifecycle", "active", PASSED, replies=in_days(91)),
    Row(
        "model-lifecycle",
        "not-listed",
        UNKNOWN,
        Layer.MODEL_LIFECYCLE,
        {"ListFoundationModels": {"modelSummaries": [model_record(OPUS)]}},
    ),
    Row(
        "model-lifecycle",
        "legacy",
        WARNING,
        Layer.MODEL_LIFECYCLE,
        {"ListFoundationModels": {"modelSummaries": [model_record(SONNET, status="LEGACY")]}},
    ),
    Row("model-lifecycle", "ending", WARNING, Layer.MODEL_LIFECYCLE, in_days(89)),
    Row("model-lifecycle", "ended", FAILED, Layer.MODEL_LIFECYCLE, in_days(-1)),
    Row(
        "data-retention",
        "not-needed",
        PASSED,
        revision={"sonnet": APPLICATION},
        arrange=knowing("inference-profile", profile_facts(SONNET), APPLICATION),
    ),
    Row("data-retention", "kept", PASSED, revision={"sonnet": FABLE}),
    Row(
        "data-retention",
        "mode-refused",
        FAILED,
        Layer.DATA_RETENTION,
        {"GetAccountDataRetention": {"mode": "none"}},
        revision={"sonnet": FABLE},
        pastes=("command.sh",),
    ),
    Row("service-quota", "enough", PASSED),
    Row("service-quota", "not-listed", UNKNOWN, Layer.SERVICE_QUOTA, {"ListServiceQuotas": {"Quotas": []}}),
    Row(
        "service-quota",
        "zero",
        FAILED,
        Layer.SERVICE_QUOTA,
        {"ListServiceQuotas": sonnet_quotas(tokens=0, requests=0)},
        pastes=("command.sh",),
    ),
    Row(
        "service-quota",
        "low",
        WARNING,
        Layer.SERVICE_QUOTA,
        {"ListServiceQuotas": sonnet_quotas(tokens=90_000, requests=4)},
        arrange=crowd(9),
        pastes=("command.sh",),
    ),
    Row("invocation-logging", "on", PASSED),
    Row(
        "invocation-logging",
        "off",
        WARNING,
        replies={"GetModelInvocationLoggingConfiguration": {}},
        pastes=("command.sh",),
    ),
    # --- What the role may do
    Row("role-policies", "read", PASSED),
    Row(
        "role-policies",
        "missing",
        FAILED,
        Layer.ASSIGNMENT,
        {"GetAccountAuthorizationDetails": account_details(role_record(FEDERATED))},
    ),
    Row("role-policies", "missing", FAILED, Layer.ASSIGNMENT, {"GetContextKeysForPrincipalPolicy": NO_ENTITY}),
    Row("permissions", "allowed", PASSED),
    Row("permissions", "identity-policy", FAILED, Layer.IDENTITY_POLICY, denying(spain), pastes=("policy.json",)),
    Row(
        "permissions",
        "identity-policy-profile",
        FAILED,
        Layer.IDENTITY_POLICY,
        denying(lambda action, arn: arn == profile_arn(SONNET)),
        pastes=("policy.json",),
    ),
    Row(
        "permissions",
        "identity-policy-deny",
        FAILED,
        Layer.IDENTITY_POLICY,
        denying(
            spain,
            EvalDecision="explicitDeny",
            MatchedStatements=[statement("AwsSSOInlinePolicy", (1, 41), (1, 200))],
        ),
        pastes=("condition.json",),
    ),
    Row(
        "permissions",
        "needs-context",
        UNKNOWN,
        Layer.IDENTITY_POLICY,
        denying(MissingContextValues=["aws:PrincipalTag/team"]),
    ),
    Row(
        "permissions",
        "permissions-boundary",
        FAILED,
        Layer.PERMISSIONS_BOUNDARY,
        denying(spain, **BOUNDARY),
        pastes=("policy.json",),
    ),
    Row(
        "permissions",
        "permissions-boundary-deny",
        FAILED,
        Layer.PERMISSIONS_BOUNDARY,
        denying(spain, EvalDecision="explicitDeny", **BOUNDARY),
        pastes=("condition.json",),
    ),
    Row(
        "permissions",
        "service-control-policy",
        FAILED,
        Layer.SERVICE_CONTROL_POLICY,
        denying(spain, EvalDecision="explicitDeny", **OUTSIDE),
        pastes=("condition.json",),
    ),
    Row("permissions", "role-missing", FAILED, Layer.ASSIGNMENT, {"SimulatePrincipalPolicy": NO_ENTITY}),
    Row("permissions", "incomplete", UNKNOWN, Layer.AWS, {"SimulatePrincipalPolicy": {"EvaluationResults": []}}),
    Row("plan-settings", "allowed", PASSED, revision=API_KEYS),
    Row("plan-settings", "allowed", PASSED, revision=GUARDED),
    Row(
        "plan-settings",
        "denied",
        FAILED,
        Layer.IDENTITY_POLICY,
        denying(),
        revision=API_KEYS | GUARDED,
        pastes=("policy.json",),
    ),
    Row(
        "plan-settings",
        "needs-context",
        UNKNOWN,
        Layer.IDENTITY_POLICY,
        denying(MissingContextValues=["aws:PrincipalTag/team"]),
        revision=API_KEYS,
    ),
    Row(
        "discovery",
        "needs-context",
        UNKNOWN,
        Layer.IDENTITY_POLICY,
        denying(MissingContextValues=["aws:PrincipalTag/team"]),
    ),
    Row(
        "marketplace",
        "needs-context",
        UNKNOWN,
        Layer.IDENTITY_POLICY,
        denying(MissingContextValues=["aws:PrincipalTag/team"]),
    ),
    Row("discovery", "allowed", PASSED),
    Row("discovery", "denied", WARNING, Layer.IDENTITY_POLICY, denying(), pastes=("policy.json",)),
    Row("marketplace", "allowed", PASSED),
    Row("marketplace", "denied", WARNING, Layer.IDENTITY_POLICY, denying(), pastes=("policy.json",)),
    Row("broad-grants", "narrow", PASSED),
    Row(
        "broad-grants",
        "broad",
        WARNING,
        Layer.IDENTITY_POLICY,
        arrange=knowing(
            "role-policies",
            {
                **ROLE_FACTS,
                "policies": [
                    {
                        "name": "All",
                        "kind": "inline",
                        "document": policy({"Effect": "Allow", "Action": "*", "Resource": "*"}),
                    }
                ],
            },
        ),
        pastes=("policy.json", "policy.json"),
    ),
    Row("live-probe", "answered", PASSED, revision={"live_probe": True}),
    Row("live-probe", "not-trusted", UNKNOWN, Layer.PORTAL, {"AssumeRole": DENIED}, revision={"live_probe": True}),
    Row(
        "live-probe",
        "model-refused",
        FAILED,
        Layer.IDENTITY_POLICY,
        {"InvokeModel": Error("AccessDeniedException", 403, DENIAL)},
        revision={"live_probe": True},
    ),
    Row(
        "live-probe",
        "unclear",
        UNKNOWN,
        Layer.AWS,
        {"InvokeModel": Error("ValidationException", 400, "Malformed input request.")},
        revision={"live_probe": True},
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_every_reason(stubs: Stubs, row: Row) -> None:
    stubs.answer({**healthy(), **row.replies})
    check, case = BY_NAME[row.check], row.case()
    about = about_of(check, case)

    answer = ask(check, about, case)

    assert (answer.outcome, answer.reason, answer.layer) == (row.outcome, row.reason, row.layer)
    assert set(stubs.operations) <= set(ASKS[row.check])
    reads_well(new_finding(check, check.subject(about, case), answer), row.pastes)


def reads_well(finding: Finding, pastes: Sequence[str] = ()) -> None:
    """It has everything a page shows, in both languages, with nothing left to fill in."""
    for language in ("es", "en"):
        with translation.override(language):
            _is_whole(finding)
            assert [pasted.name for pasted in pastes_for([finding])] == list(pastes)
            for pasted in pastes_for([finding]):
                assert is_filled(pasted.title)
                assert PARSERS[pasted.name](pasted.text)


def _is_whole(finding: Finding) -> None:
    told = explain(finding)
    said = [told.title, told.summary]
    if finding.outcome in (WARNING, FAILED) or told.actor != Actor.NOBODY:
        said.append(told.remedy)
    if told.actor == Actor.ADMIN:
        said.append(told.admin_remedy)
    assert all(said)
    assert [text for text in [*said, told.remedy] if not is_filled(text)] == []
    assert [row for row in told.evidence if not all(row)] == []
    if told.link is not None:
        assert re.fullmatch(
            r"https://eu-west-1\.console\.aws\.amazon\.com/\S+\?region=eu-west-1(#/\S+)?", told.link[1]
        )


CONSOLE = re.compile(r"https://eu-west-1\.console\.aws\.amazon\.com/\S+\?region=eu-west-1(#/\S+)?")


def is_filled(text: str) -> bool:
    return "?" not in text and "%(" not in text


PARSERS: Mapping[str, Callable[[str], object]] = {
    "policy.json": json.loads,
    "condition.json": json.loads,
    "command.sh": lambda text: shlex.split(text.replace(" \\\n", " ")),
}


# --- What AWS does not answer

FAULTS: tuple[tuple[str, Layer, Reply], ...] = (
    ("throttled", Layer.AWS, Error("Throttling", 400)),
    ("throttled", Layer.AWS, Error("ThrottlingException", 400)),
    ("throttled", Layer.AWS, Error("TooManyRequestsException", 429)),
    ("no-answer", Layer.AWS, Error("InternalServerException", 500)),
    ("no-answer", Layer.AWS, Error("ServiceUnavailable", 503)),
    ("no-answer", Layer.AWS, ReadTimeoutError(endpoint_url="https://aws.example")),
    ("no-answer", Layer.AWS, EndpointConnectionError(endpoint_url="https://aws.example")),
    ("portal-denied", Layer.PORTAL, Error("AccessDenied", 403)),
    ("portal-denied", Layer.PORTAL, Error("AccessDeniedException", 403)),
    ("not-configured", Layer.PORTAL, Error("ExpiredTokenException", 403)),
    ("not-configured", Layer.PORTAL, Error("UnrecognizedClientException", 403)),
    ("not-configured", Layer.PORTAL, NoCredentialsError()),
    ("refused", Layer.AWS, Error("ConflictException", 409)),
)


def says_nothing(operation: str, fault: Reply) -> bool:
    """Whether this fault of this operation says nothing but that nobody could ask.

    A model is called as the person's role: what it says with 400 or 403 is about that role, or about the call. And
    who cannot look for service control policies asks the simulator more often instead.
    """
    if operation == "AssumeRole":
        return not (isinstance(fault, Error) and fault.code.startswith("AccessDenied"))
    if operation == "InvokeModel":
        return not (isinstance(fault, Error) and fault.status in (400, 403))
    return operation != "ListPolicies"


def name_of(fault: Reply) -> str:
    return fault.code if isinstance(fault, Error) else type(fault).__name__


UNANSWERED = [
    pytest.param(check, operation, fault, reason, layer, id=f"{check}, {operation}, {name_of(fault)}")
    for check, operations in ASKS.items()
    for operation in operations
    for reason, layer, fault in FAULTS
    if says_nothing(operation, fault)
]


@pytest.mark.parametrize(("check_name", "operation", "fault", "reason", "layer"), UNANSWERED)
def test_what_aws_does_not_answer_is_unknown(
    stubs: Stubs, check_name: str, operation: str, fault: Reply, reason: str, layer: Layer
) -> None:
    stubs.answer({**healthy(), **REPLIES.get((check_name, operation), {}), operation: fault})
    case = make_known_case(**REVISIONS.get((check_name, operation), {}))
    check = BY_NAME[check_name]

    answer = ask(check, about_of(check, case), case)

    assert (answer.outcome, answer.reason, answer.layer) == (UNKNOWN, reason, layer)
    assert stubs.operations[-1] == operation
    reads_well(new_finding(check, "subject", answer))
    assert answer.facts["operation"].rpartition(":")[2] == operation


@pytest.mark.parametrize("check_name", [name for name, operations in ASKS.items() if operations])
def test_a_fault_of_our_own_is_unknown(stubs: Stubs, check_name: str) -> None:
    stubs.answer(dict.fromkeys(ASKS[check_name], RuntimeError("A bug.")))
    operation = ASKS[check_name][0]
    case = make_known_case(**REVISIONS.get((check_name, operation), {}))
    check = BY_NAME[check_name]

    answer = ask(check, about_of(check, case), case)

    assert answer == Answer(UNKNOWN, "internal", {}, Layer.PORTAL)
    reads_well(new_finding(check, "subject", answer))


def test_a_fault_of_our_own_is_unknown_where_nothing_is_asked() -> None:
    case = make_known_case()
    know(case, "role-policies", {})

    assert ask(BY_NAME["broad-grants"], "", case) == Answer(UNKNOWN, "internal", {}, Layer.PORTAL)


# --- What an older version wrote


@pytest.mark.parametrize("check_name", list(BY_NAME))
def test_a_finding_that_lacks_facts_fails_no_page(stubs: Stubs, check_name: str) -> None:
    check = BY_NAME[check_name]
    for row in [row for row in ROWS if row.check == check_name]:
        stubs.answer({**healthy(), **row.replies})
        case = row.case()
        finding = new_finding(check, "subject", ask(check, about_of(check, case), case))
        facts = finding.facts
        for left_out in [{name} for name in facts] + [set(facts)]:
            finding.facts = {name: value for name, value in facts.items() if name not in left_out}
            explain(finding)
            pastes_for([finding])
        case.person.delete()


def test_a_finding_of_an_unknown_check_or_reason_is_read_by_its_outcome() -> None:
    for name, reason in (("gone", "ok"), ("identity", "gone")):
        finding = make_finding(name, reason=reason, outcome=FAILED)

        told = explain(finding)

        assert (told.title, told.summary, told.remedy, told.link) == (f"{name}: Failed", "Failed", "", None)
        assert pastes_for([finding]) == []


# --- The doctor's report


DOCTOR = [(check.id, name, reason) for check in doctor.CHECKS for name, reason in check.reasons.items()]


@pytest.mark.parametrize(("check", "name", "reason"), DOCTOR, ids=lambda part: part if isinstance(part, str) else "")
def test_the_doctors_words(check: str, name: str, reason: doctor.Reason) -> None:
    facts = {"machine": "ana-mbp", "detail": "what was seen", "other": "what the plan says"}
    outcome = reason.outcome or UNKNOWN
    layer = Layer.CREDENTIALS if outcome in (FAILED, UNKNOWN) else ""

    reads_well(make_finding("doctor", reason=f"{check}.{name}", outcome=outcome, layer=layer, facts=facts))


def test_the_doctor_says_that_nothing_failed() -> None:
    reads_well(make_finding("doctor", reason="works", facts={"machine": "ana-mbp"}))


# --- The table itself


def test_every_reason_of_every_check_is_in_the_table() -> None:
    told = {(row.check, row.reason) for row in ROWS}
    wanted = {(check.name, reason) for check in CHECKS for reason in check.REASONS}

    assert told - {("permissions", "incomplete")} == wanted


def test_what_a_check_says_is_told_apart_from_what_aws_did_not_answer() -> None:
    """A finding names its reason alone: the same name twice would read as the wrong one of the two."""
    shared = {(check.name, reason) for check in CHECKS for reason in set(check.REASONS) & set(UNKNOWN_REASONS)}

    assert shared == set()


def test_every_check_says_what_it_asks() -> None:
    assert set(ASKS) == {check.name for check in CHECKS}


def test_every_unknown_reason_is_in_the_table() -> None:
    assert {reason for reason, *_ in FAULTS} | {"incomplete", "internal"} == set(UNKNOWN_REASONS)
