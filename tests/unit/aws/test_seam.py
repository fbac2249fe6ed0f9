"""Each verb of the seam: what it sends, how it pages, what it makes of the answer, and of an error."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from typing import Any
from urllib.parse import quote

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError, ConnectTimeoutError, NoCredentialsError, ReadTimeoutError
from urllib3 import HTTPResponse

from onboarding.aws import (
    AwsError,
    NoAnswer,
    NotConfigured,
    PortalDenied,
    Refused,
    bedrock,
    iam,
    identity,
    organizations,
    quotas,
    refusals_expected,
    runtime,
)
from onboarding.aws.bedrock import Availability, InferenceProfile, Lifecycle
from onboarding.aws.iam import PolicyText
from onboarding.aws.identity import Assignment, DirectoryUser, Grant, Instance
from onboarding.aws.quotas import Quota
from onboarding.aws.runtime import Probe
from onboarding.aws.session import Access, client, forget_clients
from onboarding.catalog import Destination
from tests.counted import aws_calls
from tests.factories import OPUS, ROLE_ARN, SONNET
from tests.unit.checks.stubs import (
    ACCOUNT,
    APPLICATION,
    EMAIL,
    GROUP_ID,
    INSTANCE,
    INVOKE,
    NOT_FOUND,
    PERMISSION_SET_ARN,
    REGION,
    ROLE_ID,
    STORE,
    USER_ID,
    Error,
    Params,
    Reply,
    Stubs,
    account_details,
    assignment,
    availability,
    group_answer,
    healthy,
    listed,
    membership,
    model_record,
    policy,
    profile_arn,
    profile_record,
    quota,
    role_record,
    spoken,
    user_answer,
    user_record,
)

ACCESS = Access(f"arn:aws:iam::{ACCOUNT}:role/OnrampReadOnly", "external")
CENTER = Instance(INSTANCE, STORE, REGION, ACCESS)
WHERE: Mapping[str, Any] = {"region": REGION, "access": ACCESS}
MODEL_ID = "anthropic.claude-sonnet-4-6"
SIMULATION: Mapping[str, Any] = {"actions": INVOKE, "resources": [profile_arn(SONNET)], "context": {}}
# Credentials are fetched on the way to a call.
ROLE_NOT_ASSUMED = ClientError(
    {"Error": {"Code": "AccessDenied"}, "ResponseMetadata": {"HTTPStatusCode": 403}},  # type: ignore[typeddict-item]
    "AssumeRole",
)
PROBE: Mapping[str, str] = {"role_arn": ROLE_ARN, "external_id": "external", "region": REGION}


def sent(stubs: Stubs, place: int = -1) -> Params:
    """The parameters of a call, the last unless said otherwise."""
    return stubs.calls[place].params


def pages(*answers: Mapping[str, Any], token: str) -> list[dict[str, Any]]:
    """Answers in turn, each but the last with a token to the next; its name is told, as AWS's differ."""
    return [{**answer, token: f"page-{n}"} for n, answer in enumerate(answers[:-1], start=2)] + [dict(answers[-1])]


# --- Every verb


# What is called, the operation's name in IAM, and the operation.
VERBS: tuple[tuple[Callable[[], object], str, str], ...] = (
    (lambda: bedrock.inference_profiles(**WHERE), "bedrock:ListInferenceProfiles", "ListInferenceProfiles"),
    (lambda: bedrock.inference_profile(OPUS, **WHERE), "bedrock:GetInferenceProfile", "GetInferenceProfile"),
    (
        lambda: bedrock.availability(MODEL_ID, **WHERE),
        "bedrock:GetFoundationModelAvailability",
        "GetFoundationModelAvailability",
    ),
    (lambda: bedrock.has_use_case_form(**WHERE), "bedrock:GetUseCaseForModelAccess", "GetUseCaseForModelAccess"),
    (lambda: bedrock.lifecycles(**WHERE), "bedrock:ListFoundationModels", "ListFoundationModels"),
    (lambda: bedrock.data_retention_mode(**WHERE), "bedrock:GetAccountDataRetention", "GetAccountDataRetention"),
    (
        lambda: bedrock.logging_destinations(**WHERE),
        "bedrock:GetModelInvocationLoggingConfiguration",
        "GetModelInvocationLoggingConfiguration",
    ),
    (lambda: quotas.bedrock_quotas(**WHERE), "servicequotas:ListServiceQuotas", "ListServiceQuotas"),
    (lambda: iam.principals(**WHERE), "iam:GetAccountAuthorizationDetails", "GetAccountAuthorizationDetails"),
    (
        lambda: iam.context_keys(ROLE_ARN, **WHERE),
        "iam:GetContextKeysForPrincipalPolicy",
        "GetContextKeysForPrincipalPolicy",
    ),
    (
        lambda: iam.simulate(ROLE_ARN, **SIMULATION, **WHERE),
        "iam:SimulatePrincipalPolicy",
        "SimulatePrincipalPolicy",
    ),
    (lambda: identity.instance(**WHERE), "sso:ListInstances", "ListInstances"),
    (lambda: identity.find_user(CENTER, EMAIL), "identitystore:GetUserId", "GetUserId"),
    (lambda: identity.find_user(CENTER, EMAIL), "identitystore:DescribeUser", "DescribeUser"),
    (lambda: list(identity.user_pages(CENTER)), "identitystore:ListUsers", "ListUsers"),
    (
        lambda: list(identity.member_pages(CENTER, GROUP_ID)),
        "identitystore:ListGroupMemberships",
        "ListGroupMemberships",
    ),
    (
        lambda: identity.permission_sets(CENTER, ACCOUNT),
        "sso:ListPermissionSetsProvisionedToAccount",
        "ListPermissionSetsProvisionedToAccount",
    ),
    (
        lambda: identity.permission_set_name(CENTER, PERMISSION_SET_ARN),
        "sso:DescribePermissionSet",
        "DescribePermissionSet",
    ),
    (
        lambda: identity.assignments(CENTER, ACCOUNT, PERMISSION_SET_ARN, "X"),
        "sso:ListAccountAssignments",
        "ListAccountAssignments",
    ),
    (lambda: identity.group_name(CENTER, GROUP_ID), "identitystore:DescribeGroup", "DescribeGroup"),
    (
        lambda: identity.memberships(CENTER, USER_ID, [GROUP_ID]),
        "identitystore:IsMemberInGroups",
        "IsMemberInGroups",
    ),
    (lambda: runtime.probe(SONNET, **PROBE), "sts:AssumeRole", "AssumeRole"),
    (lambda: runtime.probe(SONNET, **PROBE), "bedrock:InvokeModel", "InvokeModel"),
)
NAMES = [operation for _, _, operation in VERBS]


def raised_by(call: Callable[[], object]) -> AwsError:
    with pytest.raises(AwsError) as caught:
        call()
    return caught.value


@pytest.mark.parametrize(("call", "label", "operation"), VERBS, ids=NAMES)
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Error("ThrottlingException", 429), NoAnswer),
        (Error("InternalServerException", 500), NoAnswer),
        (ReadTimeoutError(endpoint_url="https://aws.example"), NoAnswer),
        (ConnectTimeoutError(endpoint_url="https://aws.example"), NoAnswer),
        (NoCredentialsError(), NotConfigured),
        (Error("ConflictException", 409), Refused),
    ],
    ids=["429", "500", "read", "connect", "credentials", "409"],
)
def test_the_error_ladder(
    stubs: Stubs, call: Callable[[], object], label: str, operation: str, fault: Reply, kind: type[AwsError]
) -> None:
    stubs.answer({**healthy(), operation: fault})

    error = raised_by(call)

    assert (type(error), error.operation) == (kind, label)


# What a model says to a role with 403 is about that role; the portal's own trust is told as None.
@pytest.mark.parametrize(("call", "label", "operation"), VERBS[:-2], ids=NAMES[:-2])
@pytest.mark.parametrize(
    ("fault", "kind"),
    [(Error("AccessDeniedException", 403), PortalDenied), (Error("ExpiredTokenException", 403), NotConfigured)],
    ids=["denied", "expired"],
)
def test_the_portals_own_rights_and_credentials(
    stubs: Stubs, call: Callable[[], object], label: str, operation: str, fault: Reply, kind: type[AwsError]
) -> None:
    stubs.answer({**healthy(), operation: fault})

    error = raised_by(call)

    assert (type(error), error.operation) == (kind, label)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        *((code, 400, NoAnswer) for code in ("Throttling", "ThrottlingException", "RequestLimitExceeded")),
        *((code, 400, NoAnswer) for code in ("TooManyRequestsException", "ThrottledException")),
        # A status counts before the code beside it.
        ("AccessDenied", 429, NoAnswer),
        ("AccessDenied", 503, NoAnswer),
        ("ExpiredToken", 500, NoAnswer),
        *((code, 403, PortalDenied) for code in ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")),
        ("AccessDeniedException", 400, PortalDenied),
        *((code, 403, NotConfigured) for code in ("ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId")),
        *((code, 403, NotConfigured) for code in ("UnrecognizedClientException", "SignatureDoesNotMatch")),
        ("IncompleteSignature", 400, NotConfigured),
        # A clock that is wrong makes every signature one of another time.
        ("RequestExpired", 400, NotConfigured),
        ("RequestTimeoutException", 408, NoAnswer),
        ("ValidationException", 400, Refused),
    ],
)
def test_codes_and_statuses(stubs: Stubs, code: str, status: int, kind: type[AwsError]) -> None:
    stubs.answer(GetAccountDataRetention=Error(code, status))

    assert type(raised_by(lambda: bedrock.data_retention_mode(**WHERE))) is kind


def test_throttling_is_told_apart(stubs: Stubs) -> None:
    stubs.answer(GetAccountDataRetention=[Error("Throttling", 400), Error("InternalFailure", 500)])

    throttled, failed = (raised_by(lambda: bedrock.data_retention_mode(**WHERE)) for _ in range(2))

    assert (throttled.detail, failed.detail) == ("Throttling", "InternalFailure (HTTP 500)")
    assert [error.throttled for error in (throttled, failed) if isinstance(error, NoAnswer)] == [True, False]


def test_a_refusal_keeps_code_and_message(stubs: Stubs) -> None:
    stubs.answer(GetAccountDataRetention=Error("ConflictException", 409, "Come back later."))

    error = raised_by(lambda: bedrock.data_retention_mode(**WHERE))

    assert isinstance(error, Refused)
    assert (error.code, error.detail) == ("ConflictException", "Come back later.")
    assert str(error) == "bedrock:GetAccountDataRetention: Come back later."


@pytest.mark.parametrize(
    ("fault", "operation", "result"),
    [
        (Error("AccessDeniedException", 403), "bedrock:GetAccountDataRetention", "refused"),
        # What a Region that the account has not switched on says of any credentials.
        (Error("UnrecognizedClientException", 403), "bedrock:GetAccountDataRetention", "refused"),
        (Error("InvalidClientTokenId", 403), "bedrock:GetAccountDataRetention", "refused"),
        # Nobody expects these.
        (Error("ExpiredTokenException", 403), "bedrock:GetAccountDataRetention", "not-configured"),
        (NoCredentialsError(), "bedrock:GetAccountDataRetention", "not-configured"),
        (ROLE_NOT_ASSUMED, "sts:AssumeRole", "denied"),
        (Error("ThrottlingException", 429), "bedrock:GetAccountDataRetention", "throttled"),
    ],
)
def test_only_a_refusal_of_the_call_itself_is_expected(
    stubs: Stubs, fault: Reply, operation: str, result: str
) -> None:
    stubs.answer(GetAccountDataRetention=fault)
    before = aws_calls(operation)

    with refusals_expected():
        raised_by(lambda: bedrock.data_retention_mode(**WHERE))

    assert aws_calls(operation) - before == {result: 1}


def test_what_one_caller_expects_nobody_else_does(stubs: Stubs) -> None:
    stubs.answer(GetAccountDataRetention=Error("AccessDeniedException", 403))
    before = aws_calls("bedrock:GetAccountDataRetention")

    with refusals_expected():
        pass
    raised_by(lambda: bedrock.data_retention_mode(**WHERE))

    assert aws_calls("bedrock:GetAccountDataRetention") - before == {"denied": 1}


# --- What does not come from AWS


@contextmanager
def answering(service: str, status: int, body: bytes) -> Iterator[None]:
    """Something on the way answers in AWS's place; the clients are the seam's own."""

    def respond(request: Any, **_: Any) -> AWSResponse:
        return AWSResponse(request.url, status, HTTPHeaders(), HTTPResponse(BytesIO(body), preload_content=False))

    forget_clients()
    client(service, region=REGION, access=Access()).meta.events.register_last("before-send", respond)
    yield
    forget_clients()


PAGE = b"<!DOCTYPE html><html><br>Sign in to the network</html>"


@pytest.mark.parametrize("body", [PAGE, b"<html><body>Well-formed</body></html>", b"Forbidden", b""])
@pytest.mark.parametrize("status", [200, 302, 403, 407])
def test_a_page_in_the_place_of_xml_is_no_answer(status: int, body: bytes) -> None:
    with answering("iam", status, body):
        error = raised_by(lambda: iam.context_keys(ROLE_ARN, region=REGION, access=Access()))

    assert type(error) is NoAnswer


@pytest.mark.parametrize("status", [302, 403, 407])
def test_a_page_in_the_place_of_json_is_no_answer(status: int) -> None:
    with answering("bedrock", status, PAGE):
        error = raised_by(lambda: bedrock.data_retention_mode(region=REGION, access=Access()))

    assert type(error) is NoAnswer


@pytest.mark.parametrize("body", [PAGE, b""])
def test_a_page_is_not_taken_for_a_form_that_was_sent(body: bytes) -> None:
    with answering("bedrock", 200, body), pytest.raises((AwsError, KeyError)):
        bedrock.has_use_case_form(region=REGION, access=Access())


# --- Where each call goes


@pytest.mark.parametrize(("call", "label", "operation"), VERBS[:-2], ids=NAMES[:-2])
def test_each_call_goes_out_as_it_was_told(
    stubs: Stubs, call: Callable[[], object], label: str, operation: str
) -> None:
    stubs.answer({**healthy(), "ListUsers": {"Users": [user_answer()]}, "ListGroupMemberships": _members()})

    call()

    assert {(made.region, made.access) for made in stubs.calls} == {(REGION, ACCESS)}
    assert operation in stubs.operations


# --- Bedrock


def test_system_profiles_are_listed_in_pages_of_a_thousand(stubs: Stubs) -> None:
    records = [profile_record(OPUS), profile_record(SONNET, ["eu-south-2", "eu-west-1"])]
    stubs.answer(ListInferenceProfiles=pages(*(listed(record) for record in records), token="nextToken"))

    found = bedrock.inference_profiles(**WHERE)

    assert set(found) == {OPUS, SONNET}
    assert found[SONNET] == InferenceProfile(
        SONNET,
        profile_arn(SONNET),
        "ACTIVE",
        tuple(
            Destination(f"arn:aws:bedrock:{region}::foundation-model/{MODEL_ID}", region, MODEL_ID)
            for region in ("eu-south-2", "eu-west-1")
        ),
    )
    assert found[SONNET].is_active
    assert sent(stubs, 0) == {"typeEquals": "SYSTEM_DEFINED", "maxResults": 1000}
    assert sent(stubs) == {"typeEquals": "SYSTEM_DEFINED", "maxResults": 1000, "nextToken": "page-2"}


def test_the_hop_without_a_region_is_a_destination(stubs: Stubs) -> None:
    stubs.answer(ListInferenceProfiles=listed(profile_record("global." + MODEL_ID, ["", REGION])))

    (found,) = bedrock.inference_profiles(**WHERE).values()

    assert [row.region for row in found.destinations] == ["", REGION]


def test_what_is_no_model_is_no_destination(stubs: Stubs) -> None:
    odd = [{"modelArn": "arn:aws:bedrock:eu-west-1:111122223333:custom-model/x"}, {"modelArn": "x"}]
    stubs.answer(ListInferenceProfiles=listed(profile_record(SONNET, models=odd, status="CREATING")))

    (found,) = bedrock.inference_profiles(**WHERE).values()

    assert (found.destinations, found.is_active) == ((), False)


def test_an_application_profile_is_asked_for_by_its_arn(stubs: Stubs) -> None:
    stubs.answer(GetInferenceProfile=profile_record(SONNET, [REGION], type="APPLICATION"))

    found = bedrock.inference_profile(APPLICATION, **WHERE)

    assert found is not None
    assert [row.model_id for row in found.destinations] == [MODEL_ID]
    assert sent(stubs) == {"inferenceProfileIdentifier": APPLICATION}


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "ValidationException"])
def test_a_profile_that_is_not_there_is_none(stubs: Stubs, code: str) -> None:
    stubs.answer(GetInferenceProfile=Error(code, 400))

    assert bedrock.inference_profile(APPLICATION, **WHERE) is None


def test_availability_is_told_in_awss_own_words(stubs: Stubs) -> None:
    stubs.answer(
        GetFoundationModelAvailability=availability(
            agreement="ERROR", message="INVALID_PAYMENT_INSTRUMENT", regionAvailability="NOT_AVAILABLE"
        )
    )

    found = bedrock.availability(MODEL_ID, **WHERE)

    assert found == Availability(
        region="NOT_AVAILABLE",
        authorization="AUTHORIZED",
        agreement="ERROR",
        entitlement="AVAILABLE",
        agreement_error="INVALID_PAYMENT_INSTRUMENT",
    )
    assert sent(stubs) == {"modelId": MODEL_ID}


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "ValidationException"])
def test_a_model_that_a_region_does_not_know_is_not_available(stubs: Stubs, code: str) -> None:
    stubs.answer(GetFoundationModelAvailability=Error(code, 400, "The provided model identifier is invalid."))

    found = bedrock.availability(MODEL_ID, **WHERE)

    assert (found.region, found.agreement_error) == ("NOT_AVAILABLE", "The provided model identifier is invalid.")


@pytest.mark.parametrize(("reply", "sent_one"), [({"formData": b"0123456789"}, True), (NOT_FOUND, False)])
def test_whether_the_form_was_sent(stubs: Stubs, reply: Reply, sent_one: bool) -> None:
    stubs.answer(GetUseCaseForModelAccess=reply)

    assert bedrock.has_use_case_form(**WHERE) is sent_one


def test_lifecycles_are_anthropics(stubs: Stubs) -> None:
    begin, end = dt.datetime(2027, 1, 1, tzinfo=dt.UTC), dt.datetime(2027, 6, 1, tzinfo=dt.UTC)
    without = {"modelArn": f"arn:aws:bedrock:{REGION}::foundation-model/anthropic.x", "modelId": "anthropic.x"}
    legacy = model_record(SONNET, status="LEGACY", legacyTime=begin, endOfLifeTime=end)
    stubs.answer(ListFoundationModels={"modelSummaries": [legacy, without]})

    assert bedrock.lifecycles(**WHERE) == {MODEL_ID: Lifecycle("LEGACY", begin, end), "anthropic.x": Lifecycle("")}
    assert sent(stubs) == {"byProvider": "Anthropic"}


@pytest.mark.parametrize("mode", ["default", "none", "aws_review", "provider_data_share", "inherit"])
def test_the_retention_mode(stubs: Stubs, mode: str) -> None:
    stubs.answer(GetAccountDataRetention={"mode": mode})

    assert bedrock.data_retention_mode(**WHERE) == mode


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({"s3Config": {"bucketName": "logs"}}, ["s3://logs"]),
        ({"s3Config": {"bucketName": "logs", "keyPrefix": "calls/"}}, ["s3://logs/calls"]),
        ({"cloudWatchConfig": {"logGroupName": "bedrock", "roleArn": ROLE_ARN}}, ["bedrock"]),
        (
            {
                "s3Config": {"bucketName": "logs"},
                "cloudWatchConfig": {"logGroupName": "bedrock", "roleArn": ROLE_ARN},
            },
            ["s3://logs", "bedrock"],
        ),
        ({"textDataDeliveryEnabled": True}, []),
        (None, []),
    ],
)
def test_where_calls_are_logged(stubs: Stubs, config: dict[str, Any] | None, found: list[str]) -> None:
    stubs.answer(GetModelInvocationLoggingConfiguration={} if config is None else {"loggingConfig": config})

    assert bedrock.logging_destinations(**WHERE) == found


# --- Service Quotas


def test_quotas_are_anthropics_and_read_to_the_end(stubs: Stubs) -> None:
    rows = [quota("... for Anthropic Claude Sonnet 4.6", 5, "L-1"), quota("... for Amazon Nova", 6)]
    last = [quota("... for Anthropic Claude Opus 4.8", 7, "L-2")]
    stubs.answer(ListServiceQuotas=pages({"Quotas": rows}, {"Quotas": last}, token="NextToken"))

    found = quotas.bedrock_quotas(**WHERE)

    assert [(row.code, row.value) for row in found] == [("L-1", 5), ("L-2", 7)]
    assert found[0] == Quota("... for Anthropic Claude Sonnet 4.6", "L-1", 5)
    assert sent(stubs) == {"ServiceCode": "bedrock", "MaxResults": 100, "NextToken": "page-2"}


def test_a_quota_without_a_value_is_left_out(stubs: Stubs) -> None:
    """Service Quotas says of some only why it could not tell."""
    name = "Cross-region model inference tokens per minute for Anthropic Claude Sonnet 4.6"
    untold = {"QuotaName": name, "QuotaCode": "L-0", "ErrorReason": {"ErrorCode": "DEPENDENCY_SERVICE_ERROR"}}
    stubs.answer(ListServiceQuotas={"Quotas": [untold, {"QuotaCode": "L-9"}, quota(name, 5, "L-1")]})

    assert [row.code for row in quotas.bedrock_quotas(**WHERE)] == ["L-1"]


# --- IAM

LIMIT = f"arn:aws:iam::{ACCOUNT}:policy/Limit"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
OWN, OTHER = policy({"Sid": "Own"}), policy({"Sid": "Other"})


def managed(arn: str, *versions: tuple[str, bool]) -> dict[str, Any]:
    rows = [{"Document": quote(text), "IsDefaultVersion": is_default} for text, is_default in versions]
    return {"Arn": arn, "PolicyName": arn.rpartition("/")[2], "PolicyVersionList": rows}


def test_principals_have_the_policies_that_limit_them(stubs: Stubs) -> None:
    attached = [{"PolicyName": "Limit", "PolicyArn": LIMIT}, {"PolicyName": "AdministratorAccess", "PolicyArn": ADMIN}]
    role = role_record(
        document=OWN,
        AttachedManagedPolicies=attached,
        PermissionsBoundary={"PermissionsBoundaryArn": LIMIT},
        Tags=[{"Key": "team", "Value": "platform"}],
    )
    stubs.answer(
        GetAccountAuthorizationDetails=account_details(role, policies=[managed(LIMIT, (OWN, False), (OTHER, True))])
    )

    (found,) = iam.principals(**WHERE).values()

    assert (found.arn, found.unique_id, found.tags) == (ROLE_ARN, ROLE_ID, {"team": "platform"})
    assert found.permission_set == "ClaudeCodeDeveloper"
    assert found.policies == (
        PolicyText("AwsSSOInlinePolicy", "inline", OWN),
        PolicyText("Limit", "attached", OTHER),
        PolicyText("AdministratorAccess", "attached", ADMIN),
        PolicyText("Limit", "boundary", OTHER),
    )


def test_a_user_has_the_policies_of_its_groups(stubs: Stubs) -> None:
    user = {**user_record("ana"), "GroupList": ["developers", "gone"]}
    group = {
        "GroupName": "developers",
        "GroupPolicyList": [{"PolicyName": "Group", "PolicyDocument": quote(OWN)}],
        "AttachedManagedPolicies": [{"PolicyName": "AdministratorAccess", "PolicyArn": ADMIN}],
    }
    stubs.answer(GetAccountAuthorizationDetails=account_details(users=[user], groups=[group]))

    (found,) = iam.principals(**WHERE).values()

    assert (found.name, found.permission_set) == ("ana", "")
    assert [(row.name, row.kind) for row in found.policies] == [
        ("Group", "inline"),
        ("AdministratorAccess", "attached"),
    ]


def test_principals_are_read_to_the_end_and_policies_found_on_any_page(stubs: Stubs) -> None:
    attached = role_record(AttachedManagedPolicies=[{"PolicyName": "Limit", "PolicyArn": LIMIT}])
    stubs.answer(
        GetAccountAuthorizationDetails=[
            {**account_details(attached), "IsTruncated": True, "Marker": "page-2"},
            account_details(users=[user_record("ana")], policies=[managed(LIMIT, (OTHER, True))]),
        ]
    )

    found = iam.principals(**WHERE)

    assert list(found) == [ROLE_ARN, f"arn:aws:iam::{ACCOUNT}:user/ana"]
    assert found[ROLE_ARN].policies[-1].document == OTHER
    kinds = ["Role", "User", "Group", "LocalManagedPolicy"]
    assert sent(stubs) == {"Filter": kinds, "MaxItems": 1000, "Marker": "page-2"}


def test_a_policy_is_kept_as_it_was_written(stubs: Stubs) -> None:
    """The simulator says by line and column which of its statements decided."""
    text = '{\n    "Version": "2012-10-17",\n    "Statement": [\n        {"Sid": "A"}\n    ]\n}'
    stubs.answer(
        GetAccountAuthorizationDetails=account_details(
            role_record(document=text, AttachedManagedPolicies=[{"PolicyName": "Limit", "PolicyArn": LIMIT}]),
            policies=[managed(LIMIT, (text, True))],
        )
    )

    (found,) = iam.principals(**WHERE).values()

    assert [row.document for row in found.policies] == [text, text]


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        (ROLE_ARN, "ClaudeCodeDeveloper"),
        (ROLE_ARN.replace("/eu-west-1/", "/"), "ClaudeCodeDeveloper"),
        (ROLE_ARN.replace("ClaudeCodeDeveloper", "A_b-c_1"), "A_b-c_1"),
        # Not made by Identity Center: another path, or another name.
        (f"arn:aws:iam::{ACCOUNT}:role/AWSReservedSSO_X_0123456789abcdef", ""),
        (f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/Other", ""),
    ],
)
def test_the_permission_set_of_a_role(stubs: Stubs, arn: str, name: str) -> None:
    stubs.answer(GetAccountAuthorizationDetails=account_details(role_record(arn)))

    assert [found.permission_set for found in iam.principals(**WHERE).values()] == [name]


def test_a_fingerprint_changes_with_whatever_limits_a_role(stubs: Stubs) -> None:
    boundary = {"PermissionsBoundaryArn": LIMIT}
    changed: list[dict[str, Any]] = [
        role_record(),
        role_record(document=OTHER),
        role_record(RoleId="AROAEXAMPLE9999999999"),
        role_record(Tags=[{"Key": "team", "Value": "platform"}]),
        role_record(AttachedManagedPolicies=[{"PolicyName": "AdministratorAccess", "PolicyArn": ADMIN}]),
        role_record(PermissionsBoundary=boundary),
    ]
    stubs.answer(GetAccountAuthorizationDetails=[account_details(row) for row in [*changed, role_record()]])

    *found, again = [iam.principals(**WHERE)[ROLE_ARN].fingerprint for _ in range(len(changed) + 1)]

    assert len(set(found)) == len(changed)
    assert again == found[0]


def test_the_keys_a_principals_policies_look_at(stubs: Stubs) -> None:
    stubs.answer(GetContextKeysForPrincipalPolicy={"ContextKeyNames": ["aws:userid"]})

    assert iam.context_keys(ROLE_ARN, **WHERE) == ["aws:userid"]
    assert sent(stubs) == {"PolicySourceArn": ROLE_ARN}


def test_what_the_simulator_is_asked(stubs: Stubs) -> None:
    stubs.answer(SimulatePrincipalPolicy={"EvaluationResults": []})
    context = {"bedrock:InferenceProfileArn": profile_arn(SONNET), "aws:RequestedRegion": REGION}

    found = iam.simulate(ROLE_ARN, actions=INVOKE, resources=["a"], context=context, **WHERE)

    assert (found.decisions, found.has_organization) == ((), False)
    assert sent(stubs) == {
        "PolicySourceArn": ROLE_ARN,
        "ActionNames": list(INVOKE),
        "ResourceArns": ["a"],
        "ContextEntries": [
            {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
            for key, value in sorted(context.items())
        ],
        "MaxItems": 1000,
    }


# --- Identity Center


@pytest.mark.parametrize(
    ("instances", "found"),
    [([], None), ([{"InstanceArn": INSTANCE, "IdentityStoreId": STORE}], Instance(INSTANCE, STORE, REGION, ACCESS))],
)
def test_the_instance(stubs: Stubs, instances: list[dict[str, str]], found: Instance | None) -> None:
    stubs.answer(ListInstances={"Instances": instances})

    assert identity.instance(**WHERE) == found


def looked_up(stubs: Stubs) -> list[tuple[str, str]]:
    asked = [
        call.params["AlternateIdentifier"]["UniqueAttribute"] for call in stubs.calls if "Alt" in str(call.params)
    ]
    return [(row["AttributePath"], row["AttributeValue"]) for row in asked]


def test_a_user_is_found_by_mail(stubs: Stubs) -> None:
    stubs.answer(healthy())

    assert identity.find_user(CENTER, EMAIL) == DirectoryUser(USER_ID, EMAIL, EMAIL)
    assert looked_up(stubs) == [("emails.value", EMAIL)]
    assert sent(stubs) == {"IdentityStoreId": STORE, "UserId": USER_ID}


def test_a_user_is_found_by_name_where_no_mail_fits(stubs: Stubs) -> None:
    stubs.answer({**healthy(), "GetUserId": [NOT_FOUND, healthy()["GetUserId"]]})

    assert identity.find_user(CENTER, EMAIL) is not None
    assert looked_up(stubs) == [("emails.value", EMAIL), ("userName", EMAIL)]


def test_a_user_is_looked_up_as_written_and_in_lower_case(stubs: Stubs) -> None:
    stubs.answer(GetUserId=NOT_FOUND)

    assert identity.find_user(CENTER, "Ana.Nunez@Acme.example") is None
    assert looked_up(stubs) == [
        ("emails.value", "Ana.Nunez@Acme.example"),
        ("userName", "Ana.Nunez@Acme.example"),
        ("emails.value", EMAIL),
        ("userName", EMAIL),
    ]


OTHER_MAIL = {"Value": "ana@acme.example"}


@pytest.mark.parametrize(
    ("changes", "user"),
    [
        ({"UserStatus": "DISABLED"}, DirectoryUser(USER_ID, EMAIL, EMAIL, is_active=False)),
        (
            {"Emails": [{"Value": "a@x.example"}, {"Value": EMAIL, "Primary": True}]},
            DirectoryUser(USER_ID, EMAIL, EMAIL),
        ),
        ({"Emails": [{"Value": "a@x.example"}]}, DirectoryUser(USER_ID, EMAIL, "a@x.example")),
        ({"UserName": "ana"}, DirectoryUser(USER_ID, "ana", EMAIL)),
    ],
)
def test_what_is_told_of_a_user(stubs: Stubs, changes: dict[str, Any], user: DirectoryUser) -> None:
    stubs.answer({**healthy(), "DescribeUser": user_answer(**changes)})

    assert identity.find_user(CENTER, EMAIL) == user


def test_an_older_directory_says_less_of_a_user(stubs: Stubs) -> None:
    told = {name: value for name, value in user_answer().items() if name not in ("UserStatus", "Emails")}
    stubs.answer({**healthy(), "DescribeUser": told})

    assert identity.find_user(CENTER, EMAIL) == DirectoryUser(USER_ID, EMAIL)


def _members(*members: dict[str, str]) -> dict[str, Any]:
    more = {"IdentityStoreId": STORE, "MembershipId": USER_ID, "MembershipArn": user_answer()["UserArn"]}
    return {"GroupMemberships": [{**more, "MemberId": member} for member in members]}


def test_users_come_in_pages_of_a_hundred(stubs: Stubs) -> None:
    luis = user_answer(UserName="luis", Emails=[{"Value": "luis@acme.example"}])
    stubs.answer(ListUsers=pages({"Users": [user_answer()]}, {"Users": [luis]}, token="NextToken"))

    found = list(identity.user_pages(CENTER))

    assert [[user.user_name for user in page] for page in found] == [[EMAIL], ["luis"]]
    assert sent(stubs) == {"IdentityStoreId": STORE, "MaxResults": 100, "NextToken": "page-2"}


def test_a_page_of_users_is_asked_for_when_the_one_before_is_done_with(stubs: Stubs) -> None:
    stubs.answer(ListUsers=[{"Users": [], "NextToken": "page-2"}, Error("ThrottlingException", 429)])
    reading = identity.user_pages(CENTER)

    assert next(reading) == []
    assert stubs.count("ListUsers") == 1
    assert type(raised_by(lambda: next(reading))) is NoAnswer


def test_what_is_done_with_a_page_is_not_blamed_on_aws(stubs: Stubs) -> None:
    """What the reader raises between two pages is none of the ladder's errors."""
    stubs.answer(ListUsers={"Users": [], "NextToken": "page-2"})
    reading = identity.user_pages(CENTER)
    next(reading)

    with pytest.raises(ReadTimeoutError):
        reading.throw(ReadTimeoutError(endpoint_url="https://elsewhere.example"))  # type: ignore[attr-defined]  # a generator


def test_members_come_in_pages_of_a_hundred(stubs: Stubs) -> None:
    stubs.answer(ListGroupMemberships=pages(_members({"UserId": USER_ID}), _members(), token="NextToken"))

    assert list(identity.member_pages(CENTER, GROUP_ID)) == [[USER_ID], []]
    assert sent(stubs) == {
        "IdentityStoreId": STORE,
        "GroupId": GROUP_ID,
        "MaxResults": 100,
        "NextToken": "page-2",
    }


def test_permission_sets_are_read_to_the_end(stubs: Stubs) -> None:
    stubs.answer(
        ListPermissionSetsProvisionedToAccount=pages(
            {"PermissionSets": [PERMISSION_SET_ARN]}, {}, {"PermissionSets": ["b" * 10]}, token="NextToken"
        )
    )

    assert identity.permission_sets(CENTER, ACCOUNT) == [PERMISSION_SET_ARN, "b" * 10]
    assert sent(stubs, 0) == {"InstanceArn": INSTANCE, "AccountId": ACCOUNT}


def test_the_name_of_a_permission_set(stubs: Stubs) -> None:
    stubs.answer(healthy())

    assert identity.permission_set_name(CENTER, PERMISSION_SET_ARN) == "ClaudeCodeDeveloper"
    assert sent(stubs) == {"InstanceArn": INSTANCE, "PermissionSetArn": PERMISSION_SET_ARN}


def test_assignments_are_read_to_the_end(stubs: Stubs) -> None:
    stubs.answer(
        ListAccountAssignments=pages(
            {"AccountAssignments": [assignment("GROUP", GROUP_ID)]},
            {"AccountAssignments": [assignment("USER", USER_ID)]},
            token="NextToken",
        )
    )

    assert identity.assignments(CENTER, ACCOUNT, PERMISSION_SET_ARN, "Dev") == [
        Assignment("Dev", "GROUP", GROUP_ID),
        Assignment("Dev", "USER", USER_ID),
    ]
    assert sent(stubs, 0) == {
        "InstanceArn": INSTANCE,
        "AccountId": ACCOUNT,
        "PermissionSetArn": PERMISSION_SET_ARN,
    }


def test_a_group_without_a_name_goes_by_its_id(stubs: Stubs) -> None:
    unnamed = {name: value for name, value in group_answer().items() if name != "DisplayName"}
    stubs.answer(DescribeGroup=[group_answer(), unnamed])

    assert [identity.group_name(CENTER, GROUP_ID) for _ in range(2)] == ["developers", GROUP_ID]
    assert sent(stubs) == {"IdentityStoreId": STORE, "GroupId": GROUP_ID}


def test_memberships_are_asked_of_a_hundred_groups_a_call(stubs: Stubs) -> None:
    stubs.answer(IsMemberInGroups=[membership(), membership(exists=False), {"Results": []}])
    groups = [f"{n:08}-0000-0000-0000-000000000000" for n in range(250)]

    assert identity.memberships(CENTER, USER_ID, groups) == {GROUP_ID}
    assert [len(call.params["GroupIds"]) for call in stubs.calls] == [100, 100, 50]
    assert sent(stubs)["MemberId"] == {"UserId": USER_ID}


def test_nobody_is_asked_about_no_group(stubs: Stubs) -> None:
    assert identity.memberships(CENTER, USER_ID, []) == set()


def test_an_assignment_of_ones_own_counts_before_a_groups() -> None:
    assigned = [
        Assignment("Dev", "GROUP", "g"),
        Assignment("Dev", "USER", "ana"),
        Assignment("Dev", "GROUP", "h"),
        Assignment("Analyst", "GROUP", "h"),
        Assignment("Analyst", "GROUP", "g"),
        Assignment("Admin", "USER", "luis"),
        Assignment("Admin", "GROUP", "other"),
    ]

    assert identity.grants(assigned, "ana", {"g", "h"}) == [Grant("Analyst", "h"), Grant("Dev")]


# --- Organizations


@pytest.mark.parametrize(
    ("reply", "has_any"),
    [
        ({"Policies": [{"Id": "p-FullAWSAccess"}]}, False),
        ({"Policies": []}, False),
        ({"Policies": [{"Id": "p-FullAWSAccess"}, {"Id": "p-0123456789"}]}, True),
        (Error("AccessDeniedException", 403), None),
        (Error("AWSOrganizationsNotInUseException", 400), None),
    ],
)
def test_whether_anybody_is_limited_by_an_organization(stubs: Stubs, reply: Reply, has_any: bool | None) -> None:
    stubs.answer(ListPolicies=reply)

    assert organizations.has_service_control_policies(**WHERE) is has_any
    assert sent(stubs) == {"Filter": "SERVICE_CONTROL_POLICY"}


def test_an_organizations_policies_are_read_to_the_end(stubs: Stubs) -> None:
    stubs.answer(
        ListPolicies=pages(
            {"Policies": [{"Id": "p-FullAWSAccess"}]}, {"Policies": [{"Id": "p-0123456789"}]}, token="NextToken"
        )
    )

    assert organizations.has_service_control_policies(**WHERE) is True


def test_an_administrator_who_may_not_look_rings_no_alert(stubs: Stubs) -> None:
    stubs.answer(ListPolicies=Error("AccessDeniedException", 403))
    before = aws_calls("organizations:ListPolicies")

    organizations.has_service_control_policies(**WHERE)

    assert aws_calls("organizations:ListPolicies") - before == {"refused": 1}


def test_an_organization_that_gives_no_answer_is_not_taken_for_none(stubs: Stubs) -> None:
    stubs.answer(ListPolicies=Error("TooManyRequestsException", 400))

    assert type(raised_by(lambda: organizations.has_service_control_policies(**WHERE))) is NoAnswer


# --- The live probe


def test_a_probe_calls_the_profile_once_as_the_role(stubs: Stubs) -> None:
    stubs.answer(healthy())

    assert runtime.probe(SONNET, **PROBE) == Probe(input_tokens=8, output_tokens=1)
    assuming, invoking = stubs.calls
    assert (assuming.access, assuming.params) == (
        Access(),
        {"RoleArn": ROLE_ARN, "RoleSessionName": "onramp", "DurationSeconds": 900, "ExternalId": "external"},
    )
    # The stub says in the place of a role whose token it was called with.
    assert (invoking.region, invoking.access) == (REGION, Access("token"))
    assert invoking.params["modelId"] == SONNET
    assert json.loads(invoking.params["body"]) == {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 1,
        "messages": [{"role": "user", "content": "."}],
    }


def test_a_role_is_assumed_without_an_external_id_where_there_is_none(stubs: Stubs) -> None:
    stubs.answer(healthy())

    runtime.probe(SONNET, **{**PROBE, "external_id": ""})

    assert "ExternalId" not in sent(stubs, 0)


def test_a_role_that_does_not_trust_the_portal_is_not_probed(stubs: Stubs) -> None:
    stubs.answer(AssumeRole=Error("AccessDenied", 403))

    before = aws_calls("sts:AssumeRole")

    assert runtime.probe(SONNET, **PROBE) is None
    assert stubs.operations == ["AssumeRole"]
    assert aws_calls("sts:AssumeRole") - before == {"refused": 1}


@pytest.mark.parametrize("status", [400, 403, 404])
def test_what_a_model_refuses_is_told_as_botocore_words_it(stubs: Stubs, status: int) -> None:
    stubs.answer({**healthy(), "InvokeModel": Error("AccessDeniedException", status, "You may not.")})

    assert runtime.probe(SONNET, **PROBE) == Probe(
        error="An error occurred (AccessDeniedException) when calling the InvokeModel operation: You may not."
    )


@pytest.mark.parametrize("body", ["{}", '{"usage": {}}'])
def test_an_answer_that_counts_no_tokens_is_an_answer(stubs: Stubs, body: str) -> None:
    stubs.answer({**healthy(), "InvokeModel": spoken(body)})

    assert runtime.probe(SONNET, **PROBE) == Probe()
