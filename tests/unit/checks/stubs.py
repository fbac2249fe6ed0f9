"""AWS for one test: what the test says it answers, checked by botocore's Stubber against AWS's own models.

And a healthy account for the checks: what AWS answers there, and what each check finds in it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import quote

import boto3
import botocore.session
import pytest
from botocore import xform_name
from botocore.exceptions import ParamValidationError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from onboarding.aws import session
from onboarding.aws.session import Access, forget_clients
from onboarding.catalog import inference_profile_arn, model_arn
from onboarding.checks.base import Case, Check
from onboarding.enums import CredentialMethod, IdentitySource
from onboarding.models import Finding
from tests.factories import HAIKU, OPUS, ROLE_ARN, SONNET, make_finding, make_person, make_revision, make_team

ACCOUNT, REGION = "111122223333", "eu-west-1"
DESTINATIONS = ("eu-central-1", "eu-south-2", REGION)
GLOBAL, FABLE = "global.anthropic.claude-sonnet-4-6", "eu.anthropic.claude-fable-5"
FEDERATED = f"arn:aws:iam::{ACCOUNT}:role/ClaudeCode"
APPLICATION = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:application-inference-profile/abcdefghijkl"
EMAIL = "ana.nunez@acme.example"
PERMISSION_SET = "ClaudeCodeDeveloper"
INSTANCE, STORE = "arn:aws:sso:::instance/ssoins-0123456789abcdef", "d-0123456789"
PERMISSION_SET_ARN = "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-0123456789abcdef"
USER_ID = "11111111-2222-3333-4444-555555555555"
GROUP_ID = "99999999-8888-7777-6666-555555555555"
ROLE_ID = "AROAEXAMPLE0123456789"
INVOKE = ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")
# An id of AWS's own form for everything of a directory, where the models ask for an ARN.
_ARN = "arn:aws:identitystore:::user/" + USER_ID

Params = Mapping[str, Any]
# The one service that the seam calls as somebody else, in a session of its own.
PROBED = "bedrock-runtime"
# As the seam makes clients, before any test puts stubs in their place.
_make: Callable[[str, str, Access], Any] = session._client.__wrapped__
_client_of: Callable[..., Any] = boto3.Session.client


# --- What an operation answers


@dataclass(frozen=True, slots=True)
class Error:
    """AWS answers with this error."""

    code: str
    status: int = 400
    message: str = "AWS says why."


# A response; an error of AWS; something raised on the way; one of these for each call in turn; or what the call's
# parameters make of it.
Reply = Mapping[str, Any] | Error | Exception | Sequence[Any] | Callable[[Params], Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One call as it reached a client, and what came of it: the response, or what was raised."""

    operation: str
    region: str
    access: Access
    params: Params
    told: Mapping[str, Any] | Error | Exception


@dataclass(slots=True)
class Stubs:
    """The answers of one test, and the calls that were made for them.

    An operation that the test says nothing of fails the test, whatever the code under test makes of the error; so does
    an answer that AWS could not give.
    """

    replies: dict[str, Reply] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)

    def answer(self, replies: Mapping[str, Reply] | None = None, /, **more: Reply) -> None:
        """What operations answer from now on; the others stay as they are."""
        self.replies |= {**(replies or {}), **more}

    def forget(self) -> None:
        """Let nothing be known of earlier calls."""
        self.calls.clear()

    def count(self, operation: str) -> int:
        return sum(call.operation == operation for call in self.calls)

    @property
    def operations(self) -> list[str]:
        return [call.operation for call in self.calls]

    def client(self, service: str, region: str, access: Access) -> Any:
        """A client in the place of the one that `onboarding.aws.session._client` makes."""
        stubbed = _stubbed(service, region, access)
        stubbed.stubs = self
        return stubbed.client

    def told(self, operation: str, params: Params) -> Mapping[str, Any] | Error | Exception:
        """What is answered to one call."""
        reply: Any = self.replies.get(operation)
        if isinstance(reply, list):
            reply = reply.pop(0) if reply else None
        if callable(reply):
            reply = reply(params)
        if reply is None:
            self.unexpected.append(operation)
            return AssertionError(f"The test does not say what {operation} answers.")
        told: Mapping[str, Any] | Error | Exception = reply
        return told


class _Stubbed:
    """A real client that asks the running test for each answer, and gives it through a Stubber."""

    def __init__(self, service: str, region: str, access: Access) -> None:
        # The probe's client is the one that the seam makes elsewhere; see `stubbed`.
        is_probe = service == PROBED
        self.client: Any = _core().create_client(service, region) if is_probe else _make(service, region, Access())
        self.client.meta.events.register("provide-client-params.*.*", self._prepare)
        self.region, self.access = region, access
        self.stubs = Stubs()
        self._stubber = Stubber(self.client)

    def _prepare(self, params: Params, model: Any, **_: Any) -> None:
        """A Stubber of its own for each call: its queue holds one answer, and a call that botocore refuses none."""
        told = self.stubs.told(model.name, params)
        self.stubs.calls.append(Call(model.name, self.region, self.access, dict(params), told))
        if isinstance(told, Exception):
            raise told
        self._stubber.deactivate()
        self._stubber = Stubber(self.client)
        self._stubber.activate()
        try:
            self._queue(xform_name(model.name), told)
        except ParamValidationError as error:
            self.stubs.unexpected.append(f"{model.name}: {error}")
            raise

    def _queue(self, method: str, told: Mapping[str, Any] | Error) -> None:
        if isinstance(told, Error):
            self._stubber.add_client_error(method, told.code, told.message, told.status)
        else:
            # botocore decodes policies in place; a streaming body can be read once, and is made anew by its test.
            response: Any = told if {"body", "Body"} & set(told) else deepcopy(told)
            self._stubber.add_response(method, response)


@cache
def _core() -> botocore.session.Session:
    return botocore.session.Session()


@cache
def _stubbed(service: str, region: str, access: Access) -> _Stubbed:
    return _Stubbed(service, region, access)


_SERVICES = (
    *("bedrock", "bedrock-runtime", "iam", "identitystore", "organizations", "service-quotas", "sso-admin", "sts"),
)


@cache
def output_shape(operation: str) -> Any:
    """The shape that AWS's own models give an operation's answer."""
    models = (_core().get_service_model(service) for service in _SERVICES)
    return (
        next(model for model in models if operation in model.operation_names).operation_model(operation).output_shape
    )


@contextmanager
def stubbed() -> Iterator[Stubs]:
    """The seam's clients are stubs inside, also the one that the live probe makes as the role."""
    stubs = Stubs()

    def as_role(made: boto3.Session, service: str, **options: Any) -> Any:
        if service != PROBED:
            return _client_of(made, service, **options)
        credentials = made.get_credentials()
        return stubs.client(service, made.region_name, Access(str(credentials and credentials.token)))

    forget_clients()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "_client", stubs.client)
        patch.setattr(boto3.Session, "client", as_role)
        yield stubs
    forget_clients()
    assert not stubs.unexpected, stubs.unexpected


# --- What AWS answers in a healthy account


def profile_arn(profile: str, region: str = REGION) -> str:
    return inference_profile_arn(region, ACCOUNT, profile)


def profile_record(profile: str, destinations: Sequence[str] = DESTINATIONS, **changes: Any) -> dict[str, Any]:
    """An inference profile, as Bedrock lists it; a destination without a name is the region-less one."""
    model = profile.partition(".")[2]
    return {
        "inferenceProfileName": "Claude",
        "inferenceProfileId": profile,
        "inferenceProfileArn": profile_arn(profile),
        "models": [{"modelArn": model_arn(region, model)} for region in destinations],
        "status": "ACTIVE",
        "type": "SYSTEM_DEFINED",
    } | changes


def listed(*records: Mapping[str, Any]) -> dict[str, Any]:
    return {"inferenceProfileSummaries": list(records)}


def availability(**changes: str) -> dict[str, Any]:
    """A model the account has; `agreement` and `message` stand for what is nested in AWS's answer."""
    agreement = {"status": changes.pop("agreement", "AVAILABLE")}
    if "message" in changes:
        agreement["errorMessage"] = changes.pop("message")
    return {
        "modelId": "anthropic.claude-sonnet-4-6",
        "agreementAvailability": agreement,
        "authorizationStatus": "AUTHORIZED",
        "entitlementAvailability": "AVAILABLE",
        "regionAvailability": "AVAILABLE",
    } | changes


def model_record(profile: str, **lifecycle: Any) -> dict[str, Any]:
    model = profile.partition(".")[2]
    life = {"status": "ACTIVE"} | lifecycle
    return {"modelArn": model_arn(REGION, model), "modelId": model, "modelLifecycle": life}


def quota(name: str, value: float, code: str = "L-00000000") -> dict[str, Any]:
    return {"QuotaName": name, "QuotaCode": code, "Value": value}


def sonnet_quotas(tokens: float, requests: float) -> dict[str, Any]:
    unit = "Cross-region model inference {} per minute for Anthropic Claude Sonnet 4.6"
    return {
        "Quotas": [
            quota(unit.format("tokens"), tokens, "L-1"),
            quota(unit.format("requests"), requests, "L-2"),
            quota("On-demand model inference tokens per minute for Amazon Nova Pro", 1),
        ]
    }


def policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


# What Claude Code needs and no more, as far as its breadth is judged.
NARROW = policy(
    {
        "Sid": "Invoke",
        "Effect": "Allow",
        "Action": list(INVOKE),
        "Resource": ["arn:aws:bedrock:eu-*::foundation-model/anthropic.*", profile_arn(SONNET)],
    }
)


def role_record(arn: str = ROLE_ARN, document: str = NARROW, **changes: Any) -> dict[str, Any]:
    """A role with one inline policy, URL-encoded as IAM sends it."""
    return {
        "RoleName": arn.rpartition("/")[2],
        "RoleId": ROLE_ID,
        "Arn": arn,
        "RolePolicyList": [{"PolicyName": "AwsSSOInlinePolicy", "PolicyDocument": quote(document)}],
        "AttachedManagedPolicies": [],
        "Tags": [],
    } | changes


def user_record(name: str, **tags: str) -> dict[str, Any]:
    """An IAM user without policies."""
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    arn = f"arn:aws:iam::{ACCOUNT}:user/{name}"
    return {"UserName": name, "UserId": "AIDAEXAMPLE0123456789", "Arn": arn, "Tags": listed}


def account_details(
    *roles: Mapping[str, Any], users: Sequence[Any] = (), groups: Sequence[Any] = (), policies: Sequence[Any] = ()
) -> dict[str, Any]:
    return {
        "RoleDetailList": list(roles),
        "UserDetailList": list(users),
        "GroupDetailList": list(groups),
        "Policies": list(policies),
    }


def user_answer(**changes: Any) -> dict[str, Any]:
    """A user of the directory, as DescribeUser tells it."""
    return {
        "IdentityStoreId": STORE,
        "UserId": USER_ID,
        "UserArn": _ARN,
        "Revision": "1",
        "UserName": EMAIL,
        "Emails": [{"Value": EMAIL, "Primary": True}],
        "UserStatus": "ENABLED",
    } | changes


def group_answer(**changes: Any) -> dict[str, Any]:
    return {
        "IdentityStoreId": STORE,
        "GroupId": GROUP_ID,
        "GroupArn": _ARN,
        "Revision": "1",
        "DisplayName": "developers",
    } | changes


def assignment(principal_type: str, principal_id: str) -> dict[str, Any]:
    return {"PrincipalType": principal_type, "PrincipalId": principal_id, "PermissionSetArn": PERMISSION_SET_ARN}


def membership(exists: bool = True) -> dict[str, Any]:
    row = {"GroupId": GROUP_ID, "MemberId": {"UserId": USER_ID}, "MembershipExists": exists}
    return {"Results": [row]}


def simulated(
    deny: Callable[[str, str, Mapping[str, str]], bool] = lambda action, resource, context: False, **details: Any
) -> Callable[[Params], dict[str, Any]]:
    """IAM's simulator: it allows what `deny` does not pick, and says `details` with each denial.

    `deny` is asked for an action, a resource and the condition keys. `EvalDecision` among the details says which kind
    of denial it is.
    """

    def answer(params: Params) -> dict[str, Any]:
        context = {row["ContextKeyName"]: row["ContextKeyValues"][0] for row in params["ContextEntries"]}
        asked = [(action, arn) for action in params["ActionNames"] for arn in params["ResourceArns"]]
        rows = []
        for action, arn in asked:
            told = {"EvalDecision": "implicitDeny"} | details if deny(action, arn, context) else ALLOWED
            rows.append({"EvalActionName": action, "EvalResourceName": arn, **told})
        return {"EvaluationResults": rows}

    return answer


ALLOWED: Mapping[str, Any] = {"EvalDecision": "allowed"}


def statement(policy_id: str, start: tuple[int, int], end: tuple[int, int]) -> dict[str, Any]:
    """A statement that decided, as the simulator points at it."""
    return {
        "SourcePolicyId": policy_id,
        "SourcePolicyType": "role",
        "StartPosition": {"Line": start[0], "Column": start[1]},
        "EndPosition": {"Line": end[0], "Column": end[1]},
    }


def keys_of_a_role(_params: Params) -> dict[str, Any]:
    credentials = {
        "AccessKeyId": "ASIAEXAMPLE012345678",
        "SecretAccessKey": "secret",
        "SessionToken": "token",
        "Expiration": "2099-01-01T00:00:00Z",
    }
    return {"Credentials": credentials}


def spoken(body: str) -> Callable[[Params], dict[str, Any]]:
    """What a model answers."""

    def answer(_params: Params) -> dict[str, Any]:
        raw = body.encode()
        return {"body": StreamingBody(io.BytesIO(raw), len(raw)), "contentType": "application/json"}

    return answer


def healthy() -> dict[str, Reply]:
    """What each operation answers while Ana has everything she needs."""
    return {
        "ListInstances": {"Instances": [{"InstanceArn": INSTANCE, "IdentityStoreId": STORE}]},
        "ListPermissionSetsProvisionedToAccount": {"PermissionSets": [PERMISSION_SET_ARN]},
        "DescribePermissionSet": {"PermissionSet": {"Name": PERMISSION_SET}},
        "ListAccountAssignments": {"AccountAssignments": [assignment("GROUP", GROUP_ID)]},
        "DescribeGroup": group_answer(),
        "ListPolicies": {"Policies": [{"Id": "p-FullAWSAccess"}]},
        "GetUserId": {"UserId": USER_ID, "IdentityStoreId": STORE, "UserArn": _ARN},
        "DescribeUser": user_answer(),
        "IsMemberInGroups": membership(),
        "GetAccountAuthorizationDetails": account_details(role_record()),
        "GetContextKeysForPrincipalPolicy": {"ContextKeyNames": []},
        "SimulatePrincipalPolicy": simulated(),
        "ListInferenceProfiles": {
            "inferenceProfileSummaries": [profile_record(name) for name in (OPUS, SONNET, HAIKU)]
        },
        "GetInferenceProfile": profile_record(SONNET, type="APPLICATION"),
        "GetFoundationModelAvailability": availability(),
        "GetUseCaseForModelAccess": {"formData": b"0123456789"},
        "ListFoundationModels": {"modelSummaries": [model_record(name) for name in (OPUS, SONNET, HAIKU)]},
        "GetAccountDataRetention": {"mode": "provider_data_share"},
        "GetModelInvocationLoggingConfiguration": {"loggingConfig": {"s3Config": {"bucketName": "acme-logs"}}},
        "ListServiceQuotas": sonnet_quotas(tokens=2_000_000, requests=1_000),
        "AssumeRole": keys_of_a_role,
        "InvokeModel": spoken('{"usage": {"input_tokens": 8, "output_tokens": 1}}'),
    }


# --- What the checks find in a healthy account


def profile_facts(profile: str, destinations: Sequence[str] = DESTINATIONS) -> dict[str, Any]:
    model = profile.partition(".")[2]
    rows = [{"arn": model_arn(region, model), "region": region, "model_id": model} for region in sorted(destinations)]
    about = {"profile": profile, "region": REGION, "arn": profile_arn(profile), "status": "ACTIVE"}
    return about | {"destinations": rows, "models": [model]}


ASSIGNED_FACTS: Mapping[str, Any] = {
    "account": ACCOUNT,
    "region": REGION,
    "instance": INSTANCE,
    "identity_store": STORE,
    "permission_sets": {PERMISSION_SET: PERMISSION_SET_ARN},
    "assignments": [[PERMISSION_SET, "GROUP", GROUP_ID]],
    "groups": {GROUP_ID: "developers"},
    "roles": {PERMISSION_SET: ROLE_ARN},
    "has_scps": False,
}
IDENTITY_FACTS: Mapping[str, Any] = {
    "email": EMAIL,
    "account": ACCOUNT,
    "region": REGION,
    "instance": INSTANCE,
    "permission_sets": {PERMISSION_SET: PERMISSION_SET_ARN},
    "user_name": EMAIL,
    "user_id": USER_ID,
    "directory_email": EMAIL,
    "others": PERMISSION_SET,
    "wanted": "",
    "permission_set": PERMISSION_SET,
    "via_group": "developers",
    "session_name": EMAIL,
    "role_arn": ROLE_ARN,
}
ROLE_FACTS: Mapping[str, Any] = {
    "role": PERMISSION_SET,
    "role_arn": ROLE_ARN,
    "account": ACCOUNT,
    "region": REGION,
    "fingerprint": "3ee170c65f95df26",
    "unique_id": ROLE_ID,
    "tags": {},
    "policies": [{"name": "AwsSSOInlinePolicy", "kind": "inline", "document": NARROW}],
    "context_keys": [],
}
ACCESS_FACTS: Mapping[str, Any] = {
    "profile": SONNET,
    "model_id": "anthropic.claude-sonnet-4-6",
    "account": ACCOUNT,
    "region": REGION,
    "asked": [REGION, "eu-central-1", "eu-south-2"],
    "unasked": [],
}


def make_case(**revision: Any) -> Case:
    """Ana, who is on a plan and of whom nothing is known."""
    made = make_revision(**revision)
    return Case(whose=make_person(EMAIL, team=make_team(made.plan)), revision=made)


def know(case: Case, check: str, facts: Mapping[str, Any], *, about: str = "", **fields: Any) -> Finding:
    """Let a check have been answered, with a pass unless `fields` say otherwise."""
    finding = make_finding(check, facts=dict(facts), **{"reason": "", **fields})
    case.findings[check, about] = finding
    return finding


def make_known_case(**revision: Any) -> Case:
    """Ana, of whom everything is known that checks learn from one another."""
    case = make_case(**revision)
    know(case, "permission-sets", ASSIGNED_FACTS)
    know(case, "identity", IDENTITY_FACTS)
    for name in case.revision.profiles.values():
        know(case, "inference-profile", profile_facts(name), about=name)
        know(case, "model-access", {**ACCESS_FACTS, "profile": name, "model_id": name.partition(".")[2]}, about=name)
        know(case, "permissions", {}, about=name)
    know(case, "role-policies", ROLE_FACTS)
    return case


def about_of(check: Check, case: Case) -> str:
    """What a check is asked about: the plan's default profile where it asks of each, else nothing."""
    asked = check.questions(case.revision)
    return case.revision.default_profile if case.revision.default_profile in asked else asked[0]


# --- What each check asks

NOT_FOUND = Error("ResourceNotFoundException", 404)
# A plan without an Identity Center; the factory would give it one.
_WITHOUT_CENTER = {"credential_method": CredentialMethod.OWN, "identity_center_id": None}
FEDERATION = {**_WITHOUT_CENTER, "identity_source": IdentitySource.FEDERATED_ROLE, "role_arn": FEDERATED}
IAM_USERS = {**_WITHOUT_CENTER, "identity_source": IdentitySource.IAM_USER}
TAGGED_USERS = {**IAM_USERS, "user_tag": "email"}

API_KEYS = {"credential_method": CredentialMethod.BEDROCK_API_KEY}
GUARDED = {"guardrail": "abc123", "guardrail_version": "1"}

# The operations each check may ask.
ASKS: Mapping[str, tuple[str, ...]] = {
    "permission-sets": (
        "ListInstances",
        "ListPermissionSetsProvisionedToAccount",
        "DescribePermissionSet",
        "ListAccountAssignments",
        "DescribeGroup",
        "GetAccountAuthorizationDetails",
        "ListPolicies",
    ),
    "identity": ("GetUserId", "DescribeUser", "IsMemberInGroups", "GetAccountAuthorizationDetails"),
    "inference-profile": ("ListInferenceProfiles", "GetInferenceProfile"),
    "use-case-form": ("GetUseCaseForModelAccess", "GetFoundationModelAvailability"),
    "model-access": ("GetFoundationModelAvailability",),
    "model-lifecycle": ("ListFoundationModels",),
    "data-retention": ("GetAccountDataRetention",),
    "service-quota": ("ListServiceQuotas",),
    "invocation-logging": ("GetModelInvocationLoggingConfiguration",),
    "role-policies": ("GetAccountAuthorizationDetails", "GetContextKeysForPrincipalPolicy"),
    "permissions": ("SimulatePrincipalPolicy",),
    "plan-settings": ("SimulatePrincipalPolicy",),
    "discovery": ("SimulatePrincipalPolicy",),
    "marketplace": ("SimulatePrincipalPolicy",),
    "broad-grants": (),
    "live-probe": ("AssumeRole", "InvokeModel"),
}
# What has to be different for an operation to be asked at all.
REVISIONS: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("identity", "GetAccountAuthorizationDetails"): FEDERATION,
    ("inference-profile", "GetInferenceProfile"): {"sonnet": APPLICATION},
    ("data-retention", "GetAccountDataRetention"): {"sonnet": FABLE},
    ("plan-settings", "SimulatePrincipalPolicy"): API_KEYS,
    ("live-probe", "AssumeRole"): {"live_probe": True},
    ("live-probe", "InvokeModel"): {"live_probe": True},
}
REPLIES: Mapping[tuple[str, str], Mapping[str, Reply]] = {
    ("use-case-form", "GetFoundationModelAvailability"): {"GetUseCaseForModelAccess": NOT_FOUND},
}
