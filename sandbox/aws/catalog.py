"""What Bedrock offers, per account and Region: models and inference profiles."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sandbox.company import Company, Model


@dataclass(frozen=True, slots=True)
class Profile:
    """An inference profile and the model ARNs it routes to, the source Region's among them.

    `type` is SYSTEM_DEFINED, with an id of a geography and a model, or APPLICATION, with an opaque one.
    """

    id: str
    arn: str
    name: str
    model_id: str
    model_arns: tuple[str, ...]
    type: str = "SYSTEM_DEFINED"


def model_arn(region: str, model_id: str) -> str:
    return f"arn:aws:bedrock:{region}::foundation-model/{model_id}"


def region_of(arn: str) -> str:
    """The Region as a condition on `aws:RequestedRegion` sees it: a Region-less ARN is "unspecified"."""
    return arn.split(":")[3] or "unspecified"


def system_profiles(company: Company, account_id: str, region: str) -> tuple[Profile, ...]:
    """Those AWS defines, for one account and Region; () where the scenario has none."""
    account = company.account(account_id)
    names = {model.id: model.name for model in company.models}
    return tuple(
        Profile(
            id=f"{group.geography}.{model}",
            arn=f"arn:aws:bedrock:{region}:{account_id}:inference-profile/{group.geography}.{model}",
            name=f"{group.geography.upper()} {names[model]}",
            model_id=model,
            model_arns=tuple(model_arn(destination, model) for destination in group.destinations),
        )
        for group in (account.regions.get(region, ()) if account else ())
        for model in group.models
    )


def application_profiles(company: Company, account_id: str, region: str) -> tuple[Profile, ...]:
    """Those the account made for itself; each routes where its source does."""
    account = company.account(account_id)
    sources = {profile.id: profile for profile in system_profiles(company, account_id, region)}
    return tuple(
        replace(
            sources[item.source],
            id=item.id,
            arn=f"arn:aws:bedrock:{region}:{account_id}:application-inference-profile/{item.id}",
            name=item.name,
            type="APPLICATION",
        )
        for item in (account.application_profiles.get(region, ()) if account else ())
    )


def profiles(company: Company, account_id: str, region: str) -> tuple[Profile, ...]:
    return system_profiles(company, account_id, region) + application_profiles(company, account_id, region)


def find_profile(company: Company, account_id: str, region: str, identifier: str) -> Profile | None:
    """By id or by ARN."""
    found = profiles(company, account_id, region)
    return next((profile for profile in found if identifier in (profile.id, profile.arn)), None)


def models_in(company: Company, account_id: str, region: str) -> tuple[Model, ...]:
    """The models an account has in a Region, in the scenario's order: those any of its profiles routes there."""
    account = company.account(account_id)
    groups = [group for groups in (account.regions.values() if account else ()) for group in groups]
    offered = {model for group in groups if region in group.destinations for model in group.models}
    return tuple(model for model in company.models if model.id in offered)
