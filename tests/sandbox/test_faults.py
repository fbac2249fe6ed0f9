"""Faults and the control endpoints."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from tests.sandbox_aws import MANAGEMENT, PROD, Aws


def code_of(call: Callable[..., Any], **arguments: Any) -> tuple[str, int]:
    """The error's code and status, or ("", 200)."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    return "", 200


def test_the_scenario_throttles_one_role(aws: Aws) -> None:
    iam = aws.portal("iam")
    ask = {"ActionNames": ["bedrock:InvokeModel"]}
    throttled, developer = aws.role_arn("ClaudeCodeThrottled"), aws.role_arn("ClaudeCodeDeveloper")
    assert code_of(iam.simulate_principal_policy, PolicySourceArn=throttled, **ask) == ("Throttling", 400)
    assert code_of(iam.simulate_principal_policy, PolicySourceArn=developer, **ask) == ("", 200)
    assert code_of(iam.get_role, RoleName=throttled.rpartition("/")[2]) == ("", 200)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (
            "throttle",
            [("Throttling", 400), ("ThrottlingException", 429), ("ThrottlingException", 429)],
        ),
        (
            "error",
            [("InternalFailure", 500), ("InternalServerException", 500), ("InternalServerException", 500)],
        ),
        (
            "denied",
            [("AccessDenied", 403), ("AccessDeniedException", 403), ("AccessDeniedException", 400)],
        ),
    ],
)
def test_every_protocol_in_its_own_words(aws: Aws, kind: str, expected: list[tuple[str, int]]) -> None:
    iam, bedrock, admin = aws.portal("iam"), aws.portal("bedrock"), aws.portal("sso-admin", MANAGEMENT)
    aws.call("PUT", "/sandbox/faults", [{"operation": "*", "kind": kind}])
    calls = [iam.list_roles, bedrock.list_inference_profiles, admin.list_instances]
    assert [code_of(call) for call in calls] == expected


def test_when_times_and_order(aws: Aws) -> None:
    bedrock = aws.portal("bedrock")
    faults = [
        {
            "operation": "bedrock.GetFoundation*",
            "kind": "error",
            "when": {"modelId": "*opus*", "account": PROD, "region": "eu-*"},
            "times": 2,
        },
        {"operation": "bedrock.ListInferenceProfiles", "kind": "throttle", "when": {"absent": "*"}},
    ]
    assert aws.call("PUT", "/sandbox/faults", faults) == {"faults": 2}
    ask = bedrock.get_foundation_model_availability
    seen = [code_of(ask, modelId="anthropic.claude-opus-4-8")[1] for _ in range(3)]
    assert seen == [500, 500, 200]
    assert code_of(ask, modelId="anthropic.claude-sonnet-4-6") == ("", 200)
    assert code_of(bedrock.list_inference_profiles) == ("", 200)


def test_the_dice_are_seeded(aws: Aws) -> None:
    bedrock = aws.portal("bedrock")
    rounds = []
    for _ in range(2):
        aws.call("PUT", "/sandbox/faults", [{"operation": "bedrock.*", "kind": "throttle", "probability": 0.5}])
        rounds.append([code_of(bedrock.list_inference_profiles)[1] for _ in range(12)])
    assert rounds[0] == rounds[1]
    assert set(rounds[0]) == {200, 429}


def test_slow_answers_and_hang_does_not(aws: Aws) -> None:
    bedrock = aws.portal("bedrock")
    faults = [{"operation": "bedrock.ListInferenceProfiles", "kind": "slow", "seconds": 0.3}]
    aws.call("PUT", "/sandbox/faults", faults)
    began = time.monotonic()
    assert code_of(bedrock.list_inference_profiles) == ("", 200)
    assert time.monotonic() - began >= 0.3
    aws.call("PUT", "/sandbox/faults", [{"operation": "bedrock.*", "kind": "hang", "seconds": 6}])
    with pytest.raises(ReadTimeoutError):
        bedrock.list_inference_profiles()


@pytest.mark.parametrize(
    "wrong", [{"operation": "x"}, [{"operation": "x"}], [{"operation": "x", "kind": "odd"}], [{"kin": "x"}]]
)
def test_faults_that_are_none(aws: Aws, wrong: object) -> None:
    assert aws.call("PUT", "/sandbox/faults", wrong) == 400


def test_calls_are_counted_by_operation(aws: Aws) -> None:
    iam, admin = aws.portal("iam"), aws.portal("sso-admin", MANAGEMENT)
    assert aws.call("DELETE", "/sandbox/calls") == 204
    iam.list_roles()
    iam.list_roles()
    admin.list_instances()
    aws.sign_in("ana.nunez@acme.example")
    assert aws.call("GET", "/sandbox/calls") == {
        "iam.ListRoles": 2,
        "sso-admin.ListInstances": 1,
        "sso-oidc.CreateToken": 1,
        "sso-oidc.RegisterClient": 1,
        "sso-oidc.StartDeviceAuthorization": 1,
    }


RATE = {"operations": ["bedrock.List*", "sso-admin.*"], "per_second": 0.01, "burst": 2}


def test_a_rate_throttles_and_throttles_are_counted(aws: Aws) -> None:
    bedrock, admin, iam = aws.portal("bedrock"), aws.portal("sso-admin", MANAGEMENT), aws.portal("iam")
    aws.forget_calls()
    aws.rate(**RATE)
    assert [code_of(bedrock.list_inference_profiles)[0] for _ in range(4)] == ["", "", *["ThrottlingException"] * 2]
    # Another account has a bucket of its own, and another operation none.
    assert [code_of(admin.list_instances)[1] for _ in range(3)] == [200, 200, 429]
    assert code_of(bedrock.get_use_case_for_model_access) == ("", 200)
    aws.fault(operation="iam.ListRoles", kind="throttle", times=1)
    assert [code_of(iam.list_roles)[0] for _ in range(2)] == ["Throttling", ""]
    assert aws.throttles() == {
        "bedrock.ListInferenceProfiles": 2,
        "iam.ListRoles": 1,
        "sso-admin.ListInstances": 1,
    }
    assert aws.calls()["bedrock.ListInferenceProfiles"] == 4
    aws.forget_calls()
    assert aws.throttles() == aws.calls() == {}


def test_other_faults_are_no_throttles(aws: Aws) -> None:
    aws.fault(operation="iam.*", kind="denied")
    assert code_of(aws.portal("iam").list_roles)[0] == "AccessDenied"
    assert aws.throttles() == {}


def test_settings_one_by_one_and_together(aws: Aws) -> None:
    bedrock = aws.portal("bedrock")
    assert aws.call("PUT", "/sandbox/settings", {"rates": [RATE, RATE]}) == {"rates": 2}
    assert aws.call("PUT", "/sandbox/settings", {"simulate_layout": "old"}) == {"simulate_layout": "old"}
    assert [code_of(bedrock.list_inference_profiles)[1] for _ in range(3)] == [200, 200, 429]
    both = {"simulate_layout": "new", "rates": []}
    assert aws.call("PUT", "/sandbox/settings", both) == {"simulate_layout": "new", "rates": 0}
    assert code_of(bedrock.list_inference_profiles) == ("", 200)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        [],
        {"rate": []},
        {"rates": RATE},
        {"rates": [{**RATE, "burst": 0}]},
        {"rates": [{**RATE, "per_second": "1"}]},
        {"rates": [{**RATE, "operations": "iam.*"}]},
        {"simulate_layout": "odd"},
        {"simulate_layout": None},
        {"simulate_layout": "odd", "rates": [RATE]},
    ],
)
def test_settings_that_are_none_change_nothing(aws: Aws, wrong: object) -> None:
    assert aws.call("PUT", "/sandbox/settings", wrong) == 400
    bedrock = aws.portal("bedrock")
    assert [code_of(bedrock.list_inference_profiles)[1] for _ in range(3)] == [200, 200, 200]


def test_reset_ends_rates(aws: Aws) -> None:
    aws.rate(**{**RATE, "operations": ["*"], "burst": 1})
    aws.call("POST", "/sandbox/reset", {})
    assert [code_of(aws.portal("iam").list_roles)[1] for _ in range(3)] == [200, 200, 200]
    assert aws.throttles() == {}


def test_reset_brings_the_scenario_back(aws: Aws) -> None:
    aws.portal("iam").create_role(RoleName="New", AssumeRolePolicyDocument="{}")
    before = aws.portal("sso-admin", MANAGEMENT).list_instances()["Instances"]
    aws.call("PUT", "/sandbox/faults", [])
    assert aws.call("POST", "/sandbox/reset", {}) == {"status": "reset"}
    iam = aws.portal("iam")
    assert code_of(iam.get_role, RoleName="New")[0] == "NoSuchEntity"
    after = aws.portal("sso-admin", MANAGEMENT).list_instances()["Instances"]
    assert [row["IdentityStoreId"] for row in before] == [row["IdentityStoreId"] for row in after]
    assert aws.call("GET", "/sandbox/invocations") == []


def test_health_and_what_is_not_there(aws: Aws) -> None:
    assert aws.call("GET", "/sandbox/health") == {"status": "ok"}
    assert aws.call("GET", "/sandbox/absent") == 404
    assert aws.call("PUT", "/sandbox/settings", {"simulate_layout": "odd"}) == 400


def test_services_by_another_signing_name(aws: Aws) -> None:
    aws.call("PUT", "/sandbox/faults", [{"operation": "service-quotas.*", "kind": "throttle"}])
    quotas = aws.portal("service-quotas")
    assert code_of(quotas.list_service_quotas, ServiceCode="bedrock") == ("ThrottlingException", 429)
    listed = aws.portal("s3").list_buckets()
    assert [bucket["Name"] for bucket in listed["Buckets"]] == ["acme-ai-prod-bedrock-logs", "acme-ai-prod-billing"]
    assert aws.call("GET", "/sandbox/calls")["s3.ListBuckets"] == 1
