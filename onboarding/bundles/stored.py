"""What a bundle is made of as JSON, and back: bytes made a moment ago can be made again without asking anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from onboarding.bundles.inputs import Behaviour, BundleInputs, Credentials, IdentityCenterSession, LeftOut, Route
from onboarding.enums import CredentialMethod, Platform, Tier


def as_json(inputs: BundleInputs) -> dict[str, Any]:
    """Plain values: what JSON turns a tuple or a choice into is turned back by `from_json`."""
    return asdict(inputs)


def from_json(values: Mapping[str, Any]) -> BundleInputs:
    """Equal to what `as_json` was given."""
    return BundleInputs(
        **{
            **values,
            "platform": Platform(values["platform"]),
            "models": {Tier(tier): profile for tier, profile in values["models"].items()},
            "routes": {profile: _route(route) for profile, route in values["routes"].items()},
            "default_tier": Tier(values["default_tier"]),
            "left_out": tuple(LeftOut(**{**left, "tier": Tier(left["tier"])}) for left in values["left_out"]),
            "credentials": _credentials(values["credentials"]),
            "behaviour": _behaviour(values["behaviour"]),
        }
    )


def _route(values: Mapping[str, Any]) -> Route:
    return Route(**{**values, "model_arns": tuple(values["model_arns"])})


def _credentials(values: Mapping[str, Any]) -> Credentials:
    session = values["session"]
    return Credentials(
        CredentialMethod(values["method"]), IdentityCenterSession(**session) if session else None, values["helper"]
    )


def _behaviour(values: Mapping[str, Any]) -> Behaviour:
    lists = {key: tuple(values[key]) for key in ("denied_tools", "announcements")}
    return Behaviour(**{**values, **lists})
