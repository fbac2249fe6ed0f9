"""Service Quotas: ListServiceQuotas for Bedrock, in the words AWS names the quotas with; moto has none of them.

https://docs.aws.amazon.com/general/latest/gr/bedrock.html lists the names.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from moto.servicequotas.responses import ServiceQuotasResponse

from sandbox.aws import catalog, world
from sandbox.aws.errors import AwsError
from sandbox.aws.pages import page_of
from sandbox.company import Company, Quota

# What an account has beside Claude: enough for more than one page.
_OTHER_MODELS = (
    "AI21 Labs Jamba 1.5 Large",
    "AI21 Labs Jamba 1.5 Mini",
    "Amazon Nova 2 Lite",
    "Amazon Nova Lite",
    "Amazon Nova Micro",
    "Amazon Nova Premier V1",
    "Amazon Nova Pro",
    "Amazon Titan Text Embeddings V2",
    "Cohere Command R",
    "Cohere Command R Plus",
    "Cohere Embed V4",
    "Cohere Rerank 3.5",
    "DeepSeek R1 V1",
    "DeepSeek V3.1",
    "Google Gemma 3 27B",
    "Luma Ray V2",
    "Meta Llama 3 70B Instruct",
    "Meta Llama 3 8B Instruct",
    "Meta Llama 3.1 70B Instruct",
    "Meta Llama 3.1 8B Instruct",
    "Meta Llama 3.3 70B Instruct",
    "Meta Llama 4 Maverick V1",
    "Meta Llama 4 Scout V1",
    "Mistral AI Mistral 7B Instruct",
    "Mistral AI Mixtral 8X7B Instruct",
    "Mistral Large 2407",
    "Mistral Pixtral Large 25.02 V1",
    "Mistral Small",
    "OpenAI GPT OSS 120B",
    "OpenAI GPT OSS 20B",
    "Qwen3 235B A22B 2507",
    "Qwen3 32B",
    "Qwen3 Coder 30B A3B",
    "Stability.ai Stable Image Ultra 1.0",
    "TwelveLabs Pegasus 1.2 V1",
    "Writer AI Palmyra X5 V1",
)
_ROUTED, _GLOBAL, _DIRECT = "Cross-region", "Global cross-region", "On-demand"
_NOTHING, _OTHERS = Quota(0, 0), Quota(400_000, 200)


def _pair(kind: str, model: str, quota: Quota) -> Iterator[tuple[str, int]]:
    """The names and values of a model's two quotas of one kind."""
    yield f"{kind} model inference tokens per minute for {model}", quota.tokens_per_minute
    yield f"{kind} model inference requests per minute for {model}", quota.requests_per_minute


def quotas(company: Company, account_id: str, region: str) -> Iterator[tuple[str, int]]:
    """Names and values: each Claude model's in the Region, then the other vendors'.

    The newest models are called through inference profiles only, so nothing of them is there on demand.
    """
    account = company.account(account_id)
    known = catalog.system_profiles(company, account_id, region)
    worldwide = {profile.model_id for profile in known if profile.id.startswith("global.")}
    for model in catalog.models_in(company, account_id, region):
        name, quota = f"Anthropic {model.name}", account.quota(region, model.id) if account else Quota()
        yield from _pair(_ROUTED, name, quota)
        yield from _pair(_DIRECT, name, _NOTHING)
        if model.id in worldwide:
            yield from _pair(_GLOBAL, name, quota)
    for name in _OTHER_MODELS:
        yield from _pair(_ROUTED, name, _OTHERS)
        yield from _pair(_DIRECT, name, _OTHERS)


def _row(account_id: str, region: str, name: str, value: int) -> dict[str, Any]:
    code = f"L-{hashlib.sha256(name.encode()).hexdigest()[:8].upper()}"
    return {
        "ServiceCode": "bedrock",
        "ServiceName": "Amazon Bedrock",
        "QuotaArn": f"arn:aws:servicequotas:{region}:{account_id}:bedrock/{code}",
        "QuotaCode": code,
        "QuotaName": name,
        "Value": float(value),
        "Unit": "None",
        "Adjustable": not name.startswith(_DIRECT),
        "GlobalQuota": False,
        "QuotaAppliedAtLevel": "ACCOUNT",
    }


def list_service_quotas(self: ServiceQuotasResponse) -> str:
    """In the order of their codes, so the quotas of one model are spread over the pages, as AWS's are."""
    params = json.loads(self.body)
    size = params.get("MaxResults", 100)
    if params.get("ServiceCode") != "bedrock":
        raise AwsError("NoSuchResourceException", "The request failed because the specified service does not exist.")
    if not 1 <= size <= 100:
        raise AwsError("IllegalArgumentException", "MaxResults must be between 1 and 100.")
    found = quotas(world.current().company, self.current_account, self.region)
    rows = [_row(self.current_account, self.region, name, value) for name, value in found]
    rows.sort(key=lambda row: row["QuotaCode"])
    page, token = page_of(rows, params.get("NextToken"), size, error="InvalidPaginationTokenException")
    return json.dumps({"Quotas": page, **({"NextToken": token} if token else {})})


def extend() -> None:
    """Teach moto this operation."""
    setattr(ServiceQuotasResponse, list_service_quotas.__name__, list_service_quotas)
