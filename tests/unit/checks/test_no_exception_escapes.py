"""Whatever AWS answers, or does not: a check gives an answer, and a no only where AWS said no."""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest
from botocore import exceptions
from botocore.parsers import ResponseParserError
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from onboarding.checks.asking import ask, new_finding
from onboarding.checks.base import UNKNOWN_REASONS, Answer, Case, Memory
from onboarding.checks.registry import BY_NAME, explain, pastes_for
from onboarding.enums import Outcome
from tests.factories import HAIKU, OPUS, ROLE_ARN, SONNET
from tests.unit.checks.stubs import (
    ASKS,
    EMAIL,
    FEDERATED,
    GROUP_ID,
    REPLIES,
    REVISIONS,
    Call,
    Error,
    Params,
    Stubs,
    about_of,
    account_details,
    healthy,
    keys_of_a_role,
    make_known_case,
    model_record,
    output_shape,
    policy,
    profile_arn,
    role_record,
    spoken,
    statement,
    user_record,
)

pytestmark = pytest.mark.django_db

ASKED = [(check, operation) for check, operations in ASKS.items() for operation in operations]
FAILED, UNKNOWN = Outcome.FAILED, Outcome.UNKNOWN
# A no in the form of an error, for these operations. Of the simulator, only the permissions check takes it for one.
NO_BY_CODE: Mapping[str, frozenset[str]] = {
    "DescribeGroup": frozenset({"ResourceNotFoundException"}),
    "GetUserId": frozenset({"ResourceNotFoundException"}),
    "GetInferenceProfile": frozenset({"ResourceNotFoundException", "ValidationException"}),
    "GetFoundationModelAvailability": frozenset({"ResourceNotFoundException", "ValidationException"}),
    "GetUseCaseForModelAccess": frozenset({"ResourceNotFoundException"}),
    "GetContextKeysForPrincipalPolicy": frozenset({"NoSuchEntity"}),
    "SimulatePrincipalPolicy": frozenset({"NoSuchEntity"}),
}
CODES = [
    *("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "ExpiredToken", "ExpiredTokenException"),
    *("InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "RequestExpired"),
    *("Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown"),
    *("InternalFailure", "InternalServerException", "ServiceUnavailable", "ModelTimeoutException", "500", "403", ""),
    *("ValidationException", "ResourceNotFoundException", "NoSuchEntity", "ConflictException", "InvalidInput"),
]
errors = st.builds(
    Error,
    code=st.sampled_from(CODES) | st.text(max_size=20),
    status=st.sampled_from([400, 401, 403, 404, 405, 408, 409, 413, 424, 429, 500, 502, 503, 504, 599]),
    message=st.sampled_from(["", "denied", "not found", "%(model)s %s", "access is denied; policy"])
    | st.text(max_size=30),
)
BOTOCORES = (
    exceptions.ConnectTimeoutError(endpoint_url="https://aws.example"),
    exceptions.ReadTimeoutError(endpoint_url="https://aws.example"),
    exceptions.EndpointConnectionError(endpoint_url="https://aws.example"),
    exceptions.ConnectionClosedError(endpoint_url="https://aws.example"),
    exceptions.SSLError(endpoint_url="https://aws.example", error=OSError("expired")),
    exceptions.ProxyConnectionError(proxy_url="https://proxy.example"),
    exceptions.HTTPClientError(error="odd"),
    exceptions.IncompleteReadError(actual_bytes=1, expected_bytes=2),
    exceptions.PaginationError(message="The same token twice."),
    exceptions.NoCredentialsError(),
    exceptions.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
    exceptions.CredentialRetrievalError(provider="sso", error_msg="expired"),
    exceptions.UnauthorizedSSOTokenError(),
    exceptions.NoRegionError(),
    exceptions.MetadataRetrievalError(error_msg="none"),
    exceptions.ParamValidationError(report="odd"),
    ResponseParserError("Not XML: <html>"),
)
PYTHONS = (
    KeyError("Arn"),
    IndexError("none"),
    TypeError("None"),
    AttributeError("get"),
    ValueError("odd"),
    json.JSONDecodeError("odd", "<html>", 0),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "odd"),
    ZeroDivisionError(),
    RecursionError(),
    AssertionError(),
    TimeoutError(),
    OSError("disk"),
    LookupError("nothing"),
    NotImplementedError(),
    MemoryError(),
    StopIteration(),
    Exception(),
)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Each of thousands of failures would be logged, with where it came from."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def answered(stubs: Stubs, check_name: str, case: Case) -> Answer:
    """The check's answer, which can be kept and read."""
    case.memory, check = Memory(), BY_NAME[check_name]
    stubs.forget()
    answer = ask(check, about_of(check, case), case)
    assert answer.reason in {**check.REASONS, **UNKNOWN_REASONS}
    assert answer.layer is not None or answer.outcome not in (FAILED, UNKNOWN)
    json.dumps(answer.facts, allow_nan=False)
    finding = new_finding(check, "subject", answer)
    explain(finding)
    pastes_for([finding])
    return answer


def is_overruled(error: Error) -> bool:
    """Whether its status says already that nobody could tell."""
    return error.status == 429 or error.status >= 500


@pytest.mark.parametrize(("check_name", "operation"), ASKED)
def test_an_error_is_unknown_unless_it_says_no(stubs: Stubs, check_name: str, operation: str) -> None:
    stubs.answer({**healthy(), **REPLIES.get((check_name, operation), {})})
    case = make_known_case(**REVISIONS.get((check_name, operation), {}))

    @hypothesis_settings(max_examples=20)
    @given(errors)
    def holds(error: Error) -> None:
        stubs.answer({operation: error})
        answer = answered(stubs, check_name, case)
        if operation == "ListPolicies":
            assert answer.outcome != FAILED
        elif error.code not in NO_BY_CODE.get(operation, ()) or is_overruled(error):
            assert answer.outcome == UNKNOWN

    holds()


@pytest.mark.parametrize(("check_name", "operation"), ASKED)
def test_whatever_is_raised_is_unknown(stubs: Stubs, check_name: str, operation: str) -> None:
    stubs.answer({**healthy(), **REPLIES.get((check_name, operation), {})})
    case = make_known_case(**REVISIONS.get((check_name, operation), {}))

    for raised in (*BOTOCORES, *PYTHONS):
        stubs.answer({operation: raised})
        answer = answered(stubs, check_name, case)
        if operation == "ListPolicies":
            assert answer.outcome != FAILED
        else:
            assert answer.outcome == UNKNOWN


@pytest.mark.parametrize("operation", ["AssumeRole", "InvokeModel"])
@pytest.mark.parametrize("error", [Error("ExpiredTokenException", 403), Error("ThrottlingException", 400)])
def test_a_probe_that_did_not_reach_the_model_is_no_denial(stubs: Stubs, operation: str, error: Error) -> None:
    stubs.answer({**healthy(), operation: error})

    assert answered(stubs, "live-probe", make_known_case(live_probe=True)).outcome == UNKNOWN


# --- Answers in AWS's own shapes, with anything in them

ODD = [
    *("", "*", "-", "ñandú", "%(model)s", "a b", "x" * 70, "arn:aws:iam::111122223333:role/x", "not-an-arn-at-all"),
    *("arn:aws:bedrock:::foundation-model/anthropic.claude-sonnet-4-6", "arn:aws-us-gov:bedrock:us-gov-west-1::x"),
    *("arn:aws:bedrock:eu-west-1:111122223333:custom-model/x", "arn:aws:bedrock:xx-moon-1::foundation-model/a.b"),
    *(
        OPUS,
        SONNET,
        HAIKU,
        profile_arn(SONNET),
        ROLE_ARN,
        FEDERATED,
        EMAIL,
        GROUP_ID,
        "AWSReservedSSO_X_0123456789abcdef",
    ),
    *("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream", "aws:PrincipalTag/team", "bedrock:*"),
    "Cross-region model inference tokens per minute for Anthropic Claude Sonnet 4.6",
]
POLICIES = [
    *(
        quote(text)
        for text in ('{"Statement": []}', '{"Statement": {"Effect": "Allow", "Action": "*"}}', "[1]", "null")
    ),
    *("{", "%", '"text"', "0"),
]
BODIES = ['{"usage": {"input_tokens": 1}}', "{}", "[]", "", "<html>", "null", '{"usage": null}', '{"usage": {}}']
NOW = dt.datetime.now(dt.UTC)
TIMES = [NOW - dt.timedelta(days=400), NOW + dt.timedelta(days=30), NOW + dt.timedelta(days=4000)]


DOCUMENT = quote(policy({"Effect": "Allow", "Action": "bedrock:*", "Resource": "*"}))
BOUNDARY = {"PermissionsBoundaryArn": "arn:aws:iam::111122223333:policy/Limit"}
USER = {
    **user_record("ana", email=EMAIL),
    "UserPolicyList": [{"PolicyName": "Own", "PolicyDocument": DOCUMENT}],
    "GroupList": ["developers"],
    "AttachedManagedPolicies": [{"PolicyName": "Admin", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}],
    "PermissionsBoundary": BOUNDARY,
}
GROUP = {"GroupName": "developers", "GroupPolicyList": [{"PolicyName": "Group", "PolicyDocument": DOCUMENT}]}
MANAGED = {
    "Arn": BOUNDARY["PermissionsBoundaryArn"],
    "PolicyVersionList": [{"Document": DOCUMENT, "IsDefaultVersion": True, "VersionId": "v1"}],
}


def _simulated(params: Params) -> dict[str, Any]:
    """The simulator's answer in the layout of since 2026, with everything it may say."""
    verdict = {
        "MatchedStatements": [statement("AwsSSOInlinePolicy", (1, 41), (1, 99))],
        "MissingContextValues": ["aws:PrincipalTag/team"],
        "PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": True},
    }
    return {
        "EvaluationResults": [
            {
                "EvalActionName": action,
                "EvalResourceName": "*",
                "EvalDecision": "allowed",
                "OrganizationsDecisionDetail": {"AllowedByOrganizations": True},
                "ResourceSpecificResults": [
                    {"EvalResourceName": arn, "EvalResourceDecision": "allowed", **verdict}
                    for arn in params["ResourceArns"]
                ],
            }
            for action in params["ActionNames"]
        ]
    }


# Usual answers with more in them than a healthy account's.
FULL: Mapping[str, Any] = {
    "SimulatePrincipalPolicy": _simulated,
    "GetAccountAuthorizationDetails": account_details(
        role_record(PermissionsBoundary=BOUNDARY, Tags=[{"Key": "team", "Value": "platform"}]),
        role_record(FEDERATED),
        users=[USER],
        groups=[GROUP],
        policies=[MANAGED],
    ),
    "GetModelInvocationLoggingConfiguration": {
        "loggingConfig": {
            "cloudWatchConfig": {"logGroupName": "bedrock", "roleArn": ROLE_ARN},
            "s3Config": {"bucketName": "acme-logs", "keyPrefix": "calls"},
        }
    },
    "ListFoundationModels": {
        "modelSummaries": [
            model_record(SONNET, status="LEGACY", legacyTime=TIMES[0], endOfLifeTime=TIMES[1]),
            model_record(OPUS),
        ]
    },
}


@st.composite
def altered(draw: st.DrawFn, value: Any, shape: Any) -> Any:
    """A response of an operation with optional members missing, lists empty or longer, and odd values."""
    if draw(st.integers(0, 3)) == 0:
        return value
    match shape.type_name:
        case "structure":
            always = value if shape.is_tagged_union else shape.required_members
            kept = {name for name in value if name in always or draw(st.integers(0, 5))}
            return {name: draw(altered(value[name], shape.members[name])) for name in value if name in kept}
        case "list":
            shortest = shape.metadata.get("min", 0)
            kept_rows = value if shortest or draw(st.integers(0, 3)) else []
            return [draw(altered(row, shape.member)) for row in kept_rows] * draw(st.sampled_from([1, 1, 2]))
        case "string":
            shortest = shape.metadata.get("min", 0)
            if shape.enum:
                return draw(st.sampled_from(shape.enum))
            # Names have to be those that were asked about, mostly, for anything else to count.
            pool = POLICIES if shape.name == "policyDocumentType" else ODD
            others = [text for text in pool if len(text) >= shortest]
            return value if draw(st.integers(0, 9)) else draw(st.sampled_from(others))
        case "double" | "integer":
            return draw(st.sampled_from([value, 0, 1, 10_000_000]))
        case "boolean":
            return draw(st.booleans())
        case "timestamp":
            return draw(st.sampled_from([value, *TIMES]))
    return value


def said(operation: str, data: st.DataObject) -> Callable[[Params], Any]:
    """An altered answer to each call of an operation."""
    if operation == "InvokeModel":
        return spoken(data.draw(st.sampled_from(BODIES)))
    if operation == "AssumeRole":
        return keys_of_a_role
    usual: Any = FULL.get(operation) or healthy()[operation]

    def answer(params: Params) -> Any:
        response = usual(params) if callable(usual) else usual
        return data.draw(altered(response, output_shape(operation)))

    return answer


def _rows(response: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = response.get(name, [])
    return rows


def _says_no(call: Call, case: Case) -> bool:
    """Whether an answer is, or holds, a no. Read apart from the code under test, and generously."""
    if isinstance(call.told, Error):
        return call.told.code in NO_BY_CODE.get(call.operation, ())
    told: Any = call.told
    match call.operation:
        case "ListInstances":
            return not told["Instances"]
        case "DescribeUser":
            return bool(told["UserStatus"] == "DISABLED")
        case "IsMemberInGroups":
            return not any(row["MembershipExists"] and row["GroupId"] == GROUP_ID for row in told["Results"])
        case "ListInferenceProfiles":
            wanted = case.revision.sonnet
            rows = _rows(told, "inferenceProfileSummaries")
            return not any(row["inferenceProfileId"] == wanted and row["status"] == "ACTIVE" for row in rows)
        case "GetFoundationModelAvailability":
            gates = (told["authorizationStatus"], told["agreementAvailability"]["status"])
            return gates != ("AUTHORIZED", "AVAILABLE") or "NOT_AVAILABLE" in told.values()
        case "ListFoundationModels":
            ends = [
                row["modelLifecycle"].get("endOfLifeTime")
                for row in _rows(told, "modelSummaries")
                if "modelLifecycle" in row
            ]
            return any(end and end <= NOW for end in ends)
        case "GetAccountDataRetention":
            return bool(told["mode"] != "provider_data_share")
        case "ListServiceQuotas":
            return any(row.get("Value", 1) < 1 for row in _rows(told, "Quotas"))
        case "GetAccountAuthorizationDetails":
            arns = {row.get("Arn") for row in _rows(told, "RoleDetailList")}
            return not {ROLE_ARN, FEDERATED} <= arns
        case "SimulatePrincipalPolicy":
            return any(_denies(row) for row in _rows(told, "EvaluationResults"))
    return False


def _denies(row: Mapping[str, Any]) -> bool:
    specific = row.get("ResourceSpecificResults") or []
    decisions = {row["EvalDecision"], *(each["EvalResourceDecision"] for each in specific)}
    organization = row.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations", True)
    return decisions != {"allowed"} or not organization


@pytest.mark.parametrize(("check_name", "operation"), ASKED)
def test_a_no_is_in_what_aws_said(stubs: Stubs, check_name: str, operation: str) -> None:
    stubs.answer({**healthy(), **REPLIES.get((check_name, operation), {})})
    case = make_known_case(**REVISIONS.get((check_name, operation), {}))

    @hypothesis_settings(max_examples=40)
    @given(st.data())
    def holds(data: st.DataObject) -> None:
        stubs.answer({operation: said(operation, data)})
        answer = answered(stubs, check_name, case)
        if answer.outcome == FAILED:
            assert any(_says_no(call, case) for call in stubs.calls)

    holds()
