"""bedrock-runtime: InvokeModel, streaming or not, answered as Claude would and refused as AWS would."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from moto.core.eventstream import EventStreamEncoder
from werkzeug.datastructures import Headers
from werkzeug.wrappers import Response

from sandbox.aws import catalog, usage
from sandbox.aws.bedrock import FORM_MISSING, INVALID_MODEL, availability, has_use_case_form, retention_mode
from sandbox.aws.errors import AwsError
from sandbox.aws.operations import Operation
from sandbox.aws.principals import Caller, require
from sandbox.aws.traits import traits_of
from sandbox.aws.world import Invocation, World

_ON_DEMAND = (
    "Invocation of model ID {} with on-demand throughput isn\u2019t supported. Retry your request with the "
    "ID or ARN of an inference profile that contains this model."
)
_NO_AGREEMENT = (
    "Model access is denied due to IAM user or service role is not authorized to perform the required AWS "
    "Marketplace actions (aws-marketplace:ViewSubscriptions, aws-marketplace:Subscribe) to enable access to "
    "this model. Refer to the Amazon Bedrock documentation for further details. Your AWS Marketplace "
    "subscription for this model cannot be completed at this time. If you recently fixed this issue, try "
    "again after 5 minutes."
)
_ENDED = "This model version has reached the end of its life. Please refer to the AWS documentation for more details."
# Models of this family run in this data-retention mode only; all others run in every mode.
# https://docs.aws.amazon.com/bedrock/latest/userguide/data-retention.html
_RETAINED_FAMILY, _RETAINED_MODE = "anthropic.claude-fable-", "provider_data_share"
_EVENT_HEADERS = {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}


@dataclass(frozen=True, slots=True)
class _Answer:
    """A message of the Anthropic Messages API; the token counts derive from the lengths in bytes."""

    id: str
    model: str
    text: str
    input_tokens: int
    output_tokens: int

    @property
    def usage(self) -> dict[str, int]:
        cache = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
        return {"input_tokens": self.input_tokens, **cache, "output_tokens": self.output_tokens}

    def message(self, *, is_start: bool = False) -> dict[str, Any]:
        return {
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": [] if is_start else [{"type": "text", "text": self.text}],
            "stop_reason": None if is_start else "end_turn",
            "stop_sequence": None,
            "usage": {**self.usage, "output_tokens": 1} if is_start else self.usage,
        }


def _answer(profile: catalog.Profile, body: bytes) -> _Answer:
    text = f"Hello from the sandbox, {profile.id}."
    digest = hashlib.sha256(profile.id.encode() + body).hexdigest()[:24]
    model = profile.model_id.removeprefix("anthropic.")
    return _Answer(f"msg_bdrk_{digest}", model, text, max(1, len(body) // 4), max(1, len(text) // 4))


def _events(answer: _Answer) -> Iterator[dict[str, Any]]:
    """The stream of the Messages API, with Bedrock's metrics in the last event."""
    yield {"type": "message_start", "message": answer.message(is_start=True)}
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    for word in answer.text.split(" "):
        piece = word if word.endswith(".") else f"{word} "
        delta = {"type": "text_delta", "text": piece}
        yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    stop = {"stop_reason": "end_turn", "stop_sequence": None}
    yield {"type": "message_delta", "delta": stop, "usage": {"output_tokens": answer.output_tokens}}
    metrics = {
        "inputTokenCount": answer.input_tokens,
        "outputTokenCount": answer.output_tokens,
        "invocationLatency": 5,
        "firstByteLatency": 1,
    }
    yield {"type": "message_stop", "amazon-bedrock-invocationMetrics": metrics}


def _frames(answer: _Answer) -> Iterator[bytes]:
    """Each event as one message of application/vnd.amazon.eventstream."""
    encoder = EventStreamEncoder()
    for event in _events(answer):
        payload = json.dumps({"bytes": base64.b64encode(json.dumps(event).encode()).decode()})
        yield encoder.encode_message(_EVENT_HEADERS, payload.encode())


def _check_body(body: bytes) -> None:
    try:
        members = json.loads(body)
    except ValueError as error:
        raise AwsError("ValidationException", "Malformed input request, please reformat your input.") from error
    for name in ("anthropic_version", "max_tokens", "messages"):
        if not isinstance(members, dict) or name not in members:
            raise AwsError("ValidationException", f"{name}: Field required")


def _authorize(caller: Caller, action: str, profile: catalog.Profile, region: str) -> None:
    """The profile as it was named, and every model it may route to; the first denial is the answer."""
    require(caller, action, profile.arn, {"aws:RequestedRegion": region})
    for arn in profile.model_arns:
        context = {"aws:RequestedRegion": catalog.region_of(arn), "bedrock:InferenceProfileArn": profile.arn}
        require(caller, action, arn, context)


def _check_gates(world: World, account_id: str, region: str, model_id: str) -> None:
    """What the account must have before any of its people can use the model."""
    company = world.company
    if any(model.has_ended for model in company.models if model.id == model_id):
        raise AwsError("ResourceNotFoundException", _ENDED, 404)
    if not has_use_case_form(company, account_id):
        raise AwsError("ResourceNotFoundException", FORM_MISSING, 404)
    if availability(company, account_id, model_id).agreement != "AVAILABLE":
        raise AwsError("AccessDeniedException", _NO_AGREEMENT, 403)
    mode = retention_mode(company, account_id, region)
    if model_id.startswith(_RETAINED_FAMILY) and mode != _RETAINED_MODE:
        raise AwsError("ValidationException", f"data retention mode '{mode}' is not available for this model")
    account = company.account(account_id)
    if account and account.quota(region, model_id).lets_nothing_through:
        raise AwsError("ThrottlingException", "Too many requests, please wait before trying again.", 429)


def _admit(world: World, caller: Caller, operation: Operation, body: bytes) -> catalog.Profile:
    """The profile asked for, when this caller may invoke it."""
    model_id, region = operation.parameter("modelId"), operation.signature.region
    action = f"bedrock:{operation.name}"
    profile = catalog.find_profile(world.company, caller.account, region, model_id)
    if profile is None:
        bare = model_id.rpartition("foundation-model/")[2]
        if not any(model.id == bare for model in catalog.models_in(world.company, caller.account, region)):
            raise AwsError("ValidationException", INVALID_MODEL)
        require(caller, action, catalog.model_arn(region, bare), {"aws:RequestedRegion": region})
        raise AwsError("ValidationException", _ON_DEMAND.format(bare))
    _authorize(caller, action, profile, region)
    _check_gates(world, caller.account, region, profile.model_id)
    _check_body(body)
    return profile


def _respond(operation: Operation, answer: _Answer) -> Response:
    if operation.name == "InvokeModelWithResponseStream":
        response = Response(_frames(answer), content_type="application/vnd.amazon.eventstream")
        response.headers["X-Amzn-Bedrock-Content-Type"] = "application/json"
        return response
    response = Response(json.dumps(answer.message()), content_type="application/json")
    response.headers["X-Amzn-Bedrock-Input-Token-Count"] = str(answer.input_tokens)
    response.headers["X-Amzn-Bedrock-Output-Token-Count"] = str(answer.output_tokens)
    return response


def _metered(caller: Caller, operation: Operation, answer: _Answer) -> usage.Invocation:
    """What AWS counts of it, and logs where logging is on: never a word of what was said."""
    return usage.Invocation(
        at=datetime.now(UTC),
        account=caller.account,
        region=operation.signature.region,
        principal=caller.arn,
        owner="",
        model_id=operation.parameter("modelId"),
        request_id=str(uuid4()),
        operation=operation.name,
        input=answer.input_tokens,
        output=answer.output_tokens,
    )


def invoke(world: World, caller: Caller, operation: Operation, headers: Headers, body: bytes) -> Response:
    """Answer one invocation and record it, also a refused one.

    Raises:
        AwsError: the refusal.
    """
    place = (caller.arn, caller.account, operation.signature.region)
    asked = (operation.name, operation.parameter("modelId"), traits_of(headers, body))
    try:
        profile = _admit(world, caller, operation, body)
    except AwsError as error:
        world.record(Invocation(*place, *asked, error.status))
        raise
    answer = _answer(profile, body)
    world.record(Invocation(*place, *asked, 200, answer.input_tokens, answer.output_tokens))
    world.metering.add(_metered(caller, operation, answer))
    return _respond(operation, answer)
