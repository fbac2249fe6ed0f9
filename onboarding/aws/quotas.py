"""Service Quotas: how many requests and tokens a minute an account may use of each of Anthropic's models."""

from __future__ import annotations

from dataclasses import dataclass

from onboarding.aws.errors import mapped
from onboarding.aws.session import Access, client


@dataclass(frozen=True, slots=True)
class Quota:
    """One quota by the name AWS gives it; the name is all that says which model it is about."""

    name: str
    code: str
    value: float


def bedrock_quotas(*, region: str, access: Access) -> list[Quota]:
    """The quotas of Bedrock in a Region that are about Anthropic's models; one call for every hundred of Bedrock's."""
    quotas = client("service-quotas", region=region, access=access)
    with mapped("servicequotas:ListServiceQuotas"):
        pages = quotas.get_paginator("list_service_quotas").paginate(
            ServiceCode="bedrock", PaginationConfig={"PageSize": 100}
        )
        rows = [row for page in pages for row in page["Quotas"] if "Anthropic" in row.get("QuotaName", "")]
    # Of some quotas AWS says only why it could not tell their value.
    return [Quota(row["QuotaName"], row["QuotaCode"], row["Value"]) for row in rows if "Value" in row]
