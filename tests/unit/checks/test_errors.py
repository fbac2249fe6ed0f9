"""Every known error is recognized, however it was pasted, and nothing else is made of it."""

from __future__ import annotations

import json
import re
import time
from urllib.parse import urlsplit

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from onboarding.checks.errors import CATALOGUE, LIMIT, UNRECOGNIZED, Diagnosis, diagnose, reason_of
from onboarding.checks.errors.entries import Entry
from onboarding.enums import Actor, Layer

PRINCIPAL = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_ClaudeCode_0123456789abcdef/ana@acme.example"
OHIO = "arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-sonnet-4-6"
ANYWHERE = "arn:aws:bedrock:::foundation-model/anthropic.claude-opus-4-6-v1"
PROFILE = "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.anthropic.claude-sonnet-4-6"
STREAM = "bedrock:InvokeModelWithResponseStream"


def said(why: str, *, resource: str = OHIO, action: str = STREAM, principal: str = PRINCIPAL) -> str:
    """IAM's sentence. https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html"""
    return f"User: {principal} is not authorized to perform: {action} on resource: {resource} {why}"


def raised(code: str, message: str, operation: str = "InvokeModelWithResponseStream") -> str:
    return f"An error occurred ({code}) when calling the {operation} operation: {message}"


NO_IDENTITY_POLICY = f"because no identity-based policy allows the {STREAM} action"
BY_SCP = "with an explicit deny in a service control policy"
PAYMENT = (
    "Model access is denied due to INVALID_PAYMENT_INSTRUMENT:A valid payment instrument must be provided. Your AWS "
    "Marketplace subscription for this model cannot be completed at this time."
)
MARKETPLACE = (
    "Model access is denied due to IAM user or service role is not authorized to perform the required AWS Marketplace "
    "actions (aws-marketplace:ViewSubscriptions, aws-marketplace:Subscribe) to enable access to this model. Refer to "
    "the Amazon Bedrock documentation for further details. Your AWS Marketplace subscription for this model cannot be "
    "completed at this time. If you recently fixed this issue, try again after 5 minutes."
)
FORM = (
    "Model use case details have not been submitted for this account. Fill out the Anthropic use case details form "
    "before using the model. If you have already filled out the form, try again in 15 minutes."
)
ON_DEMAND = (
    "Invocation of model ID anthropic.claude-sonnet-4-6 with on-demand throughput isn\u2019t supported. Retry your "
    "request with the ID or ARN of an inference profile that contains this model."
)
LEGACY = (
    "Access denied. This Model is marked by provider as Legacy and you have not been actively using the model in the "
    "last 15 days. Please upgrade to an active model on Amazon Bedrock"
)
NO_ACCESS = "You don't have access to the model with the specified model ID."
SSO = (
    "The SSO session token associated with profile=team-x was not found or is invalid. To refresh this SSO session "
    "run 'aws sso login' with the corresponding profile."
)

# What is pasted, and the entry that explains it.
TEXTS: list[tuple[str, str]] = [
    # --- the account
    (raised("AccessDeniedException", PAYMENT), "payment"),
    (raised("AccessDeniedException", MARKETPLACE), "marketplace"),
    (
        f"AWS authentication failed · refresh your AWS credentials and retry · API Error: 403 {MARKETPLACE}",
        "marketplace",
    ),
    (
        "Model access is denied due to arn:aws:iam::111122223333:user/ana is not authorized to perform: "
        "aws-marketplace:Subscribe on resource: * because no identity-based policy allows the "
        "aws-marketplace:Subscribe action",
        "marketplace",
    ),
    (raised("ResourceNotFoundException", FORM), "use-case-form"),
    (
        "You have not filled out the required use-case form for this model. Complete the form at https://...",
        "use-case-form",
    ),
    ("FTUFormNotFilled: 404", "use-case-form"),
    (raised("AccessDeniedException", NO_ACCESS), "not-entitled"),
    ("Your account is not authorized to invoke this API operation.", "not-entitled"),
    (
        "AWS authentication failed - enable this model for your account and region in the Amazon Bedrock console, or "
        f"run --model ... 403 {NO_ACCESS}",
        "not-entitled",
    ),
    (
        "API Error: 403 anthropic.claude-opus-5 is not available for this account. You can explore other available "
        "models on Amazon Bedrock.",
        "account-refused",
    ),
    ("BadCScoreException: Your account is not authorized to access this model", "account-refused"),
    (raised("ValidationException", "Operation not allowed"), "account-refused"),
    (
        "API Error: 400 Access to Anthropic models is not allowed from unsupported countries, regions, or "
        "territories.",
        "unsupported-country",
    ),
    # --- denials
    (said(NO_IDENTITY_POLICY), "identity-policy-model"),
    (said(NO_IDENTITY_POLICY, resource=PROFILE), "identity-policy-profile"),
    (
        said(
            "because no identity-based policy allows the x action",
            resource="*",
            action="bedrock:ListInferenceProfiles",
        ),
        "identity-policy",
    ),
    (
        f"User: {PRINCIPAL} is not authorized to perform: bedrock:ListFoundationModels because no identity-based "
        "policy allows the bedrock:ListFoundationModels action",
        "identity-policy",
    ),
    (said("with an explicit deny in an identity-based policy"), "identity-policy-deny"),
    (said(f"because no permissions boundary allows the {STREAM} action"), "permissions-boundary"),
    (said("with an explicit deny in a permissions boundary"), "permissions-boundary-deny"),
    (said(BY_SCP), "service-control-policy-region"),
    (said(BY_SCP, resource=ANYWHERE), "service-control-policy-global"),
    (said(BY_SCP, resource=PROFILE), "service-control-policy"),
    (said(f"because no service control policy allows the {STREAM} action"), "service-control-policy-missing"),
    (said("with an explicit deny in a resource control policy"), "resource-control-policy"),
    (said(f"because no resource control policy allows the {STREAM} action"), "resource-control-policy"),
    (said(f"because no session policy allows the {STREAM} action"), "session-policy"),
    (said("with an explicit deny in a session policy"), "session-policy-deny"),
    (said(f"because no VPC endpoint policy allows the {STREAM} action"), "vpc-endpoint-policy"),
    (said("with an explicit deny in a VPC endpoint policy"), "vpc-endpoint-policy-deny"),
    (
        said(
            "because no role trust policy allows the sts:AssumeRole action",
            resource="arn:aws:iam::111122223333:role/X",
            action="sts:AssumeRole",
        ),
        "trust-policy",
    ),
    (said("with an explicit deny in a resource-based policy"), "trust-policy"),
    (said("").strip(), "denied"),
    ("User is not authorized to perform: bedrock:InvokeModel", "denied"),
    ("AccessDeniedException: no", "access-denied"),
    # --- models
    (raised("ValidationException", ON_DEMAND), "on-demand"),
    ("API Error (anthropic.claude-sonnet-4-6): 400 " + ON_DEMAND.replace("\u2019", "'"), "on-demand"),
    ("API Error (us.anthropic.claude-sonnet-4-6): 400 The provided model identifier is invalid.", "invalid-model-id"),
    (
        raised(
            "ResourceNotFoundException", "Could not resolve the foundation model from the provided model identifier."
        ),
        "unresolved-model",
    ),
    (raised("ResourceNotFoundException", LEGACY), "legacy-model"),
    (
        raised("ResourceNotFoundException", "This model version has reached the end of its life."),
        "legacy-model",
    ),
    ("API Error: 400 data retention mode 'default' is not available for this model", "data-retention"),
    ("API Error: 400 thinking.type.enabled is not supported for this model", "thinking"),
    (
        "The model us.anthropic.claude-opus-4-8 is not available on your bedrock deployment. Try --model to switch to "
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0, or ask your admin to enable this model.",
        "model-not-found",
    ),
    # --- quotas, and no answer
    (
        "API Error: Request rejected (429) · Too many tokens per day, please wait before trying again.",
        "tokens-per-day",
    ),
    ("API Error: Request rejected (429) - Too many tokens, please wait before trying again.", "throttled"),
    (raised("ThrottlingException", "Too many requests, please wait before trying again."), "throttled"),
    (raised("Throttling", "Rate exceeded", "ListInferenceProfiles"), "throttled"),
    (raised("ServiceQuotaExceededException", "Your request exceeds the service quota"), "quota-exceeded"),
    (raised("ModelNotReadyException", "Model is not ready for inference."), "transient"),
    (raised("ModelTimeoutException", "Model has timed out in processing the request."), "transient"),
    (raised("ModelErrorException", "The model failed."), "transient"),
    (raised("ServiceUnavailableException", "Service is unavailable."), "transient"),
    (raised("InternalServerException", "The server had an error."), "transient"),
    ("API Error: 503 upstream", "transient"),
    # --- credentials
    (f"API Error: Could not load AWS credentials · {SSO}", "sso-session"),
    (
        "The SSO session associated with this profile has expired or is otherwise invalid. To refresh this SSO "
        "session run aws sso login with the corresponding profile.",
        "sso-session",
    ),
    ("Error when retrieving token from sso: Token has expired and refresh failed", "sso-session"),
    ("Error loading SSO Token: Token for acme does not exist", "sso-session"),
    ("API Error: UnauthorizedException: Session token not found or invalid", "sso-region"),
    (raised("ForbiddenException", "No access", "GetRoleCredentials"), "no-assignment"),
    ("Could not load AWS credentials · Could not load credentials from any providers", "no-credentials"),
    ("Could not load AWS credentials - Could not load credentials from any providers", "no-credentials"),
    ("botocore.exceptions.NoCredentialsError: Unable to locate credentials", "no-credentials"),
    ("The config profile (team-x) could not be found", "profile-missing"),
    (
        "AWS authentication failed · refresh your AWS credentials and retry · API Error: 403 The security token "
        "included in the request is expired",
        "expired-token",
    ),
    (raised("ExpiredTokenException", "The security token included in the request is expired"), "expired-token"),
    (raised("ExpiredToken", "Token", "GetCallerIdentity"), "expired-token"),
    ("API Error: 403 The security token included in the request is invalid.", "invalid-token"),
    (raised("UnrecognizedClientException", "The security token included in the request is invalid."), "invalid-token"),
    (raised("InvalidClientTokenId", "The security token"), "invalid-token"),
    (
        raised(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided.",
        ),
        "invalid-signature",
    ),
    (
        raised(
            "InvalidSignatureException", "Signature expired: 20261122T100000Z is now earlier than 20261122T110000Z"
        ),
        "clock",
    ),
    ("AWS authentication failed · 403 Bearer Token has expired", "bearer-token"),
    ("API Error: 403 Authentication failed: Please make sure your API Key is valid.", "bearer-token"),
    (
        "Error getting AWS credentials from awsCredentialExport (in settings or ~/.claude.json): awsCredentialExport "
        "did not return valid AWS STS output structure",
        "credential-helper",
    ),
    ("AWS default-chain credential resolve timed out", "credentials-timeout"),
    ("Browser tabs spawn in a loop with SSO", "sign-in-loop"),
    ("AWS authentication failed · run /login and select", "authentication"),
    # --- network
    (
        'Could not connect to the endpoint URL: "https://bedrock-runtime.eu-west-1.amazonaws.com/model/x/invoke"',
        "unreachable",
    ),
    ("Unable to connect to API (ECONNREFUSED)", "unreachable"),
    ("getaddrinfo ENOTFOUND bedrock-runtime.eu-west-9.amazonaws.com", "unreachable"),
    ("botocore.exceptions.NoRegionError: You must specify a region.", "no-region"),
    ("Couldn't connect through your proxy (ERR_PROXY_TUNNEL)", "proxy"),
    (
        'Bedrock streaming response has content-type "text/event-stream"; expected '
        '"application/vnd.amazon.eventstream"',
        "content-type",
    ),
    (
        "Unable to connect to API: SSL certificate verification failed. Check your proxy or corporate SSL "
        "certificates",
        "tls-inspection",
    ),
    (
        "SSL validation failed for https://sts.eu-west-1.amazonaws.com/ [SSL: CERTIFICATE_VERIFY_FAILED]",
        "tls-inspection",
    ),
    # --- Claude Code
    ("Not logged in · Please run /login", "not-logged-in"),
    ("Not logged in - Please run /login", "not-logged-in"),
    (
        "Your organization's managed settings allow Claude Code to use: Amazon Bedrock. This session is set up for "
        "the Anthropic API.",
        "provider-not-allowed",
    ),
    ("Claude Code 2.1.197 is older than the minimum version required by your organization (2.1.300).", "version"),
    ("Managed settings contain invalid entries (remaining valid policies are still enforced)", "managed-settings"),
    ("Invalid settings - ~/.claude/settings.json > availableModels: expected array", "settings"),
    ("otelHeadersHelper failed (OpenTelemetry export headers unavailable): exited 1", "telemetry-helper"),
    ("this session isn't eligible because your requests go through gateway.acme.example", "auto-mode"),
    ("/context shows 0 tokens", "context"),
    (
        "Warning: Opus: Opus 5.5 not available - using Sonnet 4.5. Enable Opus 5.5 in the Bedrock console.",
        "model-replaced",
    ),
    ("$ claude --version\n2.1.197 (Claude Code)", "old-npm"),
]


every_text = pytest.mark.parametrize(
    ("text", "key"), TEXTS, ids=[f"{key}-{place}" for place, (_, key) in enumerate(TEXTS)]
)


@every_text
def test_it_is_recognized(text: str, key: str) -> None:
    assert diagnose(text).key == key


@every_text
def test_it_is_recognized_with_the_other_apostrophe(text: str, key: str) -> None:
    assert diagnose(text.replace("'", "\u2019")).key == key
    assert diagnose(text.replace("\u2019", "'")).key == key


@every_text
def test_its_words_may_be_in_any_case(text: str, key: str) -> None:
    # Codes and ARNs are what they are in one spelling only.
    if diagnose(text).facts.keys().isdisjoint({"code", "resource"}):
        assert diagnose(text.upper()).key == key


@every_text
@pytest.mark.parametrize("width", [20, 47, 80])
def test_it_is_recognized_as_a_terminal_breaks_it(text: str, key: str, width: int) -> None:
    pieces = [text[start : start + width] for start in range(0, len(text), width)]
    boxed = "\n".join(f"\x1b[31m│\x1b[0m {piece:<{width}} \x1b[31m│\x1b[0m" for piece in pieces)

    assert diagnose(boxed).key == key
    assert diagnose("\n".join(f"  {piece}" for piece in pieces)).key == key


@every_text
def test_it_is_recognized_in_json(text: str, key: str) -> None:
    body = json.dumps({"type": "error", "error": {"message": text}})

    assert diagnose(body).key == key
    assert diagnose(json.dumps({"Message": body})).key == key


@every_text
def test_it_is_recognized_in_a_traceback(text: str, key: str) -> None:
    traceback = (
        "Traceback (most recent call last):\n"
        '  File "ask.py", line 12, in <module>\n'
        "    answer = client.invoke_model(modelId=MODEL, body=body)\n"
        '  File "botocore/client.py", line 602, in _api_call\n'
        "    return self._make_api_call(operation_name, kwargs)\n"
        f"{text}\n"
    )

    assert diagnose(traceback).key == key


@every_text
def test_its_words_are_complete(text: str, key: str) -> None:
    found = diagnose(text)

    words = [found.title, found.summary, found.remedy]
    assert all(words)
    assert not [word for word in [*words, found.admin_remedy] if "%(" in word or "None" in word]
    assert found.admin_remedy or found.actor != Actor.ADMIN
    with translation.override("es"):
        assert found.title


def test_every_entry_has_a_text_of_its_own() -> None:
    assert {key for _, key in TEXTS} == {entry.key for entry in CATALOGUE}
    assert len({entry.key for entry in CATALOGUE}) == len(CATALOGUE)


@pytest.mark.parametrize("entry", [*CATALOGUE, UNRECOGNIZED], ids=lambda entry: str(entry.key))
def test_every_entry_can_do_without_facts(entry: Entry) -> None:
    reason = reason_of(entry.key)

    assert reason is not None
    assert reason.remedy is not None
    texts = [reason.title, reason.summary, reason.remedy.person, reason.remedy.admin]
    assert not [str(text) for text in texts if "%(" in str(text)]
    assert len(entry.key) <= 40


def test_an_unknown_key_has_no_reason() -> None:
    assert reason_of("something-else") is None


# --- what is a denial

KEYS_OF_DENIALS = {
    "payment", "marketplace", "not-entitled", "account-refused", "identity-policy-model", "identity-policy-profile",
    "identity-policy", "identity-policy-deny", "permissions-boundary", "permissions-boundary-deny",
    "service-control-policy-region", "service-control-policy-global", "service-control-policy",
    "service-control-policy-missing", "resource-control-policy", "session-policy", "vpc-endpoint-policy",
    "session-policy-deny", "vpc-endpoint-policy-deny", "trust-policy", "denied",
}  # fmt: skip


@every_text
def test_only_what_aws_denies_is_a_denial(text: str, key: str) -> None:
    found = diagnose(text)

    is_other_code = found.facts.get("code", "AccessDeniedException") not in (
        "AccessDeniedException",
        "BadCScoreException",
    )
    assert found.is_denial == (key in KEYS_OF_DENIALS and not is_other_code)


@pytest.mark.parametrize(
    ("text", "is_denial"),
    [
        (raised("AccessDeniedException", said(BY_SCP)), True),
        (f"API Error: 403 {said(BY_SCP)}", True),
        (raised("ValidationException", said(BY_SCP)), False),
        (raised("ThrottlingException", NO_ACCESS), False),
        (f"HTTP 503 {said(BY_SCP)}", False),
        (raised("AccessDeniedException", "No."), False),
        (raised("ResourceNotFoundException", LEGACY), False),
    ],
)
def test_the_code_or_the_status_decides_whether_it_is_one(text: str, is_denial: bool) -> None:
    assert diagnose(text).is_denial is is_denial


@pytest.mark.parametrize(
    ("why", "layer"),
    [
        (NO_IDENTITY_POLICY, Layer.IDENTITY_POLICY),
        ("because no permissions boundary allows the x action", Layer.PERMISSIONS_BOUNDARY),
        (BY_SCP, Layer.SERVICE_CONTROL_POLICY),
        ("with an explicit deny in a resource control policy", Layer.RESOURCE_CONTROL_POLICY),
        ("because no session policy allows the x action", Layer.SESSION_POLICY),
        ("because no VPC endpoint policy allows the x action", Layer.VPC_ENDPOINT_POLICY),
        ("", None),
    ],
)
def test_the_layer_is_the_one_that_aws_names(why: str, layer: Layer | None) -> None:
    assert diagnose(said(why)).layer == layer


# --- what is found


def test_the_facts_of_a_denial() -> None:
    text = (
        "botocore.errorfactory.AccessDeniedException: "
        + raised("AccessDeniedException", said(BY_SCP))
        + ": arn:aws:organizations::999988887777:policy/o-a1b2c3/service_control_policy/p-d4e5f6g7. "
        + "Go to https://console.aws.amazon.com/iam/home#/authorization-details/5arhuwacg4o48yxyin4kcrony for more. "
        + "(Status Code: 403, Request ID: 3f2504e0-4f89-11d3-9a0c-0305e82c3301)"
    )

    assert diagnose(text).facts == {
        "action": STREAM,
        "resource": OHIO,
        "region": "us-east-2",
        "model": "anthropic.claude-sonnet-4-6",
        "principal": PRINCIPAL,
        "account": "111122223333",
        "role": "AWSReservedSSO_ClaudeCode_0123456789abcdef",
        "permission_set": "ClaudeCode",
        "session": "ana@acme.example",
        "policy": "arn:aws:organizations::999988887777:policy/o-a1b2c3/service_control_policy/p-d4e5f6g7",
        "code": "AccessDeniedException",
        "status": "403",
        "request_id": "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "authorization_id": "5arhuwacg4o48yxyin4kcrony",
    }


@pytest.mark.parametrize("width", [31, 60, 80, 100])
def test_the_facts_survive_a_terminal_that_breaks_words(width: int) -> None:
    text = said(NO_IDENTITY_POLICY)
    broken = "\n".join(text[start : start + width] for start in range(0, len(text), width))

    assert diagnose(broken).facts == diagnose(text).facts


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        (said(BY_SCP, resource=ANYWHERE), {"region": "unspecified", "model": "anthropic.claude-opus-4-6-v1"}),
        (said(NO_IDENTITY_POLICY, resource=PROFILE), {"region": "us-east-1", "inference_profile": PROFILE}),
        (
            said(BY_SCP, principal="arn:aws:iam::111122223333:user/team/ana"),
            {"user": "ana", "account": "111122223333"},
        ),
        (ON_DEMAND, {"model": "anthropic.claude-sonnet-4-6"}),
        (SSO, {"profile": "team-x"}),
        ("run `aws sso login --profile myprofile` in another terminal", {"profile": "myprofile"}),
        ("The config profile (team-x) could not be found", {"profile": "team-x"}),
        (
            "could not connect to bedrock-runtime.eu-west-1.amazonaws.com:443",
            {"host": "bedrock-runtime.eu-west-1.amazonaws.com", "region": "eu-west-1"},
        ),
        (
            "$metadata: {'httpStatusCode': 429, 'requestId': '158a2e26-c851'}",
            {"status": "429", "request_id": "158a2e26-c851"},
        ),
        ("API Error (403 {", {"status": "403"}),
        ("Request rejected (429)", {"status": "429"}),
        ('{"__type":"com.amazon.coral#AccessDeniedException"}', {"code": "AccessDeniedException"}),
        ("data retention mode 'none' is not available", {"retention_mode": "none"}),
    ],
)
def test_facts_of_other_texts(text: str, facts: dict[str, str]) -> None:
    found = diagnose(text).facts

    assert {key: found.get(key) for key in facts} == facts


@pytest.mark.parametrize(
    "text",
    [
        "The SSO session token associated with profile=;rm was not found or is invalid",
        "The SSO session token associated with profile=$(id) was not found or is invalid",
        "The SSO session token associated with profile=--no-verify was not found or is invalid",
        "inference profile: team-x",
    ],
)
def test_a_profile_that_cannot_stand_in_a_command_is_none(text: str) -> None:
    assert "profile" not in diagnose(text).facts


def test_what_is_found_is_shown_with_labels() -> None:
    found = diagnose(said(BY_SCP, resource=ANYWHERE)).found()

    assert found[:3] == [
        ("Action", STREAM),
        ("Resource", ANYWHERE),
        ("Region", "any Region (global inference)"),
    ]
    assert ("Principal", PRINCIPAL) in found


# --- the words


def test_a_denial_in_words() -> None:
    found = diagnose(said(NO_IDENTITY_POLICY))

    assert found.title == "Your role may not invoke Claude Sonnet 4.6 in Ohio (us-east-2)"
    assert found.summary == (
        f"The policy of ClaudeCode does not allow {STREAM} on anthropic.claude-sonnet-4-6 in Ohio (us-east-2)."
    )
    assert found.remedy == "An admin adds this statement to your role's policy."
    assert found.actor == Actor.ADMIN


def test_missing_facts_leave_no_gap() -> None:
    found = diagnose("... because no permissions boundary allows the action")

    assert found.title == "A permissions boundary denies the request"
    assert found.summary == (
        "The permissions boundary of your role does not allow the request, so no policy of the role can."
    )
    assert found.pastes() == []


def test_text_with_a_percent_sign_is_only_text() -> None:
    assert "100%s" not in diagnose("profile=100%s could not load aws credentials").summary


def test_unknown_text_says_so() -> None:
    found = diagnose("the printer is on fire")

    assert found.key == "unrecognized"
    assert not found.is_recognized
    assert (found.layer, found.is_denial, found.facts) == (None, False, {})
    assert found.title == "Onramp does not recognize this text"
    assert "claude --debug-file debug.txt" in found.remedy


@pytest.mark.parametrize("text", ["", " \n\t", "\x1b[0m", "%", "%(action)s", "{0}"])
def test_next_to_nothing_is_not_recognized(text: str) -> None:
    assert diagnose(text).key == "unrecognized"


# --- what is pasted


def paste_of(text: str, place: int = 0) -> str:
    return diagnose(text).pastes()[place].text


def test_the_statement_allows_just_what_was_denied() -> None:
    assert json.loads(paste_of(said(NO_IDENTITY_POLICY, resource=PROFILE)))["Statement"] == [
        {"Effect": "Allow", "Action": STREAM, "Resource": PROFILE}
    ]


def test_the_statement_allows_a_model_through_the_profile_that_the_text_names() -> None:
    found = diagnose(f"modelId='{PROFILE}'\n" + said(NO_IDENTITY_POLICY))

    assert json.loads(found.pastes()[0].text)["Statement"] == [
        {
            "Effect": "Allow",
            "Action": STREAM,
            "Resource": OHIO,
            "Condition": {"StringEquals": {"bedrock:InferenceProfileArn": PROFILE}},
        }
    ]
    assert found.admin_remedy.endswith(f"it allows the model only through {PROFILE}.")


@pytest.mark.parametrize("layer", ["identity-based policy", "permissions boundary", "session policy"])
def test_without_the_profile_the_sentence_says_so(layer: str) -> None:
    found = diagnose(said(f"because no {layer} allows the {STREAM} action"))

    assert json.loads(found.pastes()[0].text)["Statement"] == [{"Effect": "Allow", "Action": STREAM, "Resource": OHIO}]
    assert "The text does not name the inference profile" in found.admin_remedy
    assert "name the inference" not in diagnose(said(f"because no {layer} allows it", resource=PROFILE)).admin_remedy


@pytest.mark.parametrize("width", [40, 80])
def test_what_a_terminal_may_have_cut_is_no_address(width: int) -> None:
    text = f"{'x' * (width - 30)} authorization-details/5arhuwacg4o48yxyin4kcrony"
    broken = "\n".join(text[start : start + width] for start in range(0, len(text), width))

    assert "authorization_id" not in diagnose(broken).facts
    assert diagnose(f"{text}\n\n{broken}").facts["authorization_id"] == "5arhuwacg4o48yxyin4kcrony"


@pytest.mark.parametrize(
    "profile", [PROFILE.replace("sonnet", "opus"), f"{PROFILE[:-10]}\n{PROFILE[-10:]}"], ids=["another", "broken"]
)
def test_a_profile_of_another_model_or_half_of_one_gets_into_no_policy(profile: str) -> None:
    assert "Condition" not in json.loads(paste_of(f"{profile}\n\n{said(NO_IDENTITY_POLICY)}"))["Statement"][0]


def test_an_application_profile_is_a_profile() -> None:
    profile = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/a1b2c3d4e5f6"

    statement = json.loads(paste_of(f"modelId={profile},\n{said(NO_IDENTITY_POLICY)}"))["Statement"][0]

    assert statement["Condition"] == {"StringEquals": {"bedrock:InferenceProfileArn": profile}}


def test_listing_is_allowed_on_everything() -> None:
    text = said(
        "because no identity-based policy allows the bedrock:ListInferenceProfiles action",
        action="bedrock:ListInferenceProfiles",
        resource="arn:aws:bedrock:us-east-1:111122223333:inference-profile/*",
    )

    assert json.loads(paste_of(text))["Statement"] == [
        {"Effect": "Allow", "Action": "bedrock:ListInferenceProfiles", "Resource": "*"}
    ]


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("iam:CreateUser", "arn:aws:iam::111122223333:user/mallory"),
        ("bedrock:InvokeModel", "*"),
        ("bedrock:DeleteGuardrail", "arn:aws:bedrock:us-east-1:111122223333:guardrail/abc"),
        ("bedrock:InvokeModel", "arn:aws:bedrock:*:*:foundation-model/*"),
    ],
)
def test_no_policy_is_written_for_anything_else(action: str, resource: str) -> None:
    found = diagnose(
        said(f"because no identity-based policy allows the {action} action", action=action, resource=resource)
    )

    assert found.layer == Layer.IDENTITY_POLICY
    assert found.pastes() == []


def test_what_is_pasted_cannot_add_to_a_policy() -> None:
    hostile = 'arn:aws:bedrock:us-east-1::foundation-model/x", "Action": "*", "Resource": "*'

    assert json.loads(paste_of(said(NO_IDENTITY_POLICY, resource=hostile)))["Statement"] == [
        {"Effect": "Allow", "Action": STREAM, "Resource": "arn:aws:bedrock:us-east-1::foundation-model/x"}
    ]


def test_an_scp_exempts_the_profile() -> None:
    assert json.loads(paste_of(f"modelId='{PROFILE}' {said(BY_SCP)}")) == {
        "ArnNotLike": {"bedrock:InferenceProfileArn": [PROFILE]}
    }


@pytest.mark.parametrize(
    ("resource", "pattern"),
    [
        (OHIO, "arn:aws:bedrock:*:111122223333:inference-profile/*.anthropic.claude-sonnet-4-6"),
        (ANYWHERE, "arn:aws:bedrock:*:111122223333:inference-profile/global.anthropic.claude-opus-4-6-v1"),
    ],
)
def test_an_scp_exempts_the_models_profiles_when_the_text_names_none(resource: str, pattern: str) -> None:
    assert json.loads(paste_of(said(BY_SCP, resource=resource))) == {
        "ArnNotLike": {"bedrock:InferenceProfileArn": [pattern]}
    }


def test_an_endpoints_policy_names_principals() -> None:
    statement = json.loads(paste_of(said("because no VPC endpoint policy allows the x action")))["Statement"][0]

    assert statement == {
        "Effect": "Allow",
        "Principal": "*",
        "Action": STREAM,
        "Resource": OHIO,
        "Condition": {"StringEquals": {"aws:PrincipalAccount": "111122223333"}},
    }


def test_marketplace_is_allowed_when_bedrock_calls_it() -> None:
    statement = json.loads(paste_of(MARKETPLACE))["Statement"][0]

    assert statement["Condition"] == {"StringEquals": {"aws:CalledViaLast": "bedrock.amazonaws.com"}}


def test_the_command_signs_in_as_the_profile_of_the_text() -> None:
    assert paste_of(SSO) == "aws sso login --profile team-x"
    assert paste_of("Error loading SSO Token: Token for x does not exist") == "aws sso login --profile NAME"


# --- links


def test_the_links_lead_to_the_consoles_pages() -> None:
    found = diagnose(
        said(BY_SCP) + " https://evil.example/iam/home#/authorization-details/5arhuwacg4o48yxyin4kcrony ."
    )

    assert found.links() == [
        (
            "This denial in the console",
            "https://us-east-1.console.aws.amazon.com/iam/home?region=us-east-1"
            "#/authorization-details/5arhuwacg4o48yxyin4kcrony",
        ),
        (
            "Service control policies in the console",
            "https://us-east-1.console.aws.amazon.com/organizations/v2/home/policies/service-control-policy"
            "?region=us-east-1",
        ),
    ]


def test_the_links_stay_in_the_partition() -> None:
    text = said(
        NO_IDENTITY_POLICY,
        resource="arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/anthropic.claude-sonnet-4-6",
        principal="arn:aws-us-gov:sts::111122223333:assumed-role/Dev/ana",
    )

    assert diagnose(text).links() == [
        (
            "The role in the console",
            "https://us-gov-west-1.console.amazonaws-us-gov.com/iam/home?region=us-gov-west-1#/roles/details/Dev",
        )
    ]


@every_text
def test_every_link_is_the_consoles(text: str, key: str) -> None:
    for _, url in diagnose(text).links():
        parts = urlsplit(url)
        assert parts.scheme == "https"
        assert re.fullmatch(r"[a-z0-9-]+\.console\.aws\.amazon\.com", parts.netloc)


# --- anything at all

SECRETS = [
    "AKIAIOSFODNN7EXAMPLE",
    "aws_secret_access_key=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "IQoJb3JpZ2luX2VjEJr" + "aB3/+" * 30,
    "bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29tLz9BY3Rpb249Q2FsbFdpdGhCZWFyZXJUb2tlbg==",
    "ABSKQmVkcm9ja0FQSUtleS0xMjM0LWF0LTExMTEyMjIyMzMzMzpzZWNyZXQ=",
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0abc.c2lnbmF0dXJl",
]
PIECES = [text for text, _ in TEXTS] + [
    "profile=",
    "account 111122223333 ",
    "request id: ",
    "authorization-details/",
    "arn:aws:bedrock:us-east-1:111122223333:inference-profile/",
    "User: ",
    "modelId ",
    "An error occurred (",
    "\\u2019",
    "\x1b[1m",
    "\n",
    " ",
    '"',
]


def everything_of(found: Diagnosis) -> str:
    return "\n".join(
        [found.key, str(found.facts), found.title, found.summary, found.remedy, found.admin_remedy]
        + [str(row) for rows in (found.pastes(), found.links(), found.found()) for row in rows]
    )


@given(st.text() | st.lists(st.sampled_from(PIECES) | st.text(max_size=5)).map("".join))
def test_any_text_gets_a_diagnosis(text: str) -> None:
    found = diagnose(text)

    assert found.title
    assert "%(" not in found.title
    for paste in found.pastes():
        if paste.name.endswith(".json"):
            json.loads(paste.text)
    assert everything_of(found)


@given(
    st.lists(st.sampled_from(PIECES) | st.text(max_size=3)).map("".join),
    st.sampled_from(SECRETS),
    st.sampled_from(PIECES),
)
def test_no_secret_gets_into_a_diagnosis(before: str, secret: str, after: str) -> None:
    told = everything_of(diagnose(before + secret + after))

    assert secret.rpartition("=")[2] not in told or secret.endswith("=")
    assert secret not in told


def test_a_secret_that_its_terminal_or_json_hides_is_none_the_less_one() -> None:
    for hidden in ("AKIA\x1b[0mIOSFODNN7EXAMPLE", "AKIA\u200bIOSFODNN7EXAMPLE", "\\u0041KIAIOSFODNN7EXAMPLE"):
        assert "IOSFODNN7EXAMPLE" not in everything_of(diagnose(f"profile={hidden} could not load aws credentials"))


def test_what_is_beyond_the_limit_is_not_read() -> None:
    assert diagnose("x" * (LIMIT - 1) + " " + said(BY_SCP)).key == "unrecognized"
    assert diagnose(said(BY_SCP) + "x" * LIMIT).key == "service-control-policy-region"


@pytest.mark.parametrize(
    "piece",
    ["arn:aws:bedrock:", "is not authorized to perform: a:b on resource: ", "\\", "\x1b[", "browser tabs ", "a"],
)
def test_hostile_text_takes_no_time(piece: str) -> None:
    begun = time.perf_counter()
    diagnose(piece * LIMIT)

    assert time.perf_counter() - begun < 20
