"""What a bundle is made of survives being kept as JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given

from onboarding.bundles.inputs import BundleInputs
from onboarding.bundles.stored import as_json, from_json
from onboarding.enums import CredentialMethod
from tests.unit.bundles.examples import (
    EXAMPLE,
    behaving,
    hostile_text,
    with_application_profiles,
    with_method,
    without_haiku,
)


@pytest.mark.parametrize(
    "inputs",
    [
        EXAMPLE,
        without_haiku(),
        with_application_profiles(),
        behaving(free_settings={"env": {"API_TIMEOUT_MS": "1"}}, announcements=("Hello",)),
        *(with_method(method) for method in CredentialMethod),
    ],
)
def test_it_comes_back_as_it_was(inputs: BundleInputs) -> None:
    assert from_json(json.loads(json.dumps(as_json(inputs)))) == inputs


@given(name=hostile_text, email=hostile_text)
def test_so_does_whatever_somebody_is_called(name: str, email: str) -> None:
    inputs = replace(EXAMPLE, person_name=name, person_email=email)
    assert from_json(json.loads(json.dumps(as_json(inputs)))) == inputs
