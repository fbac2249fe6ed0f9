"""The sandbox's people as the portal sees them: verified through the real seam, and their bundles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import replace
from typing import Any, ClassVar

from onboarding.access import Access, access_of
from onboarding.bundles.build import build
from onboarding.bundles.inputs import BundleInputs
from onboarding.bundles.make import behaviour_of, credentials_of, inputs_for, make_bundle
from onboarding.checks.run import open_verification, run
from onboarding.enums import Outcome, Platform, Trigger
from onboarding.models import Finding, Person, PlanRevision, Verification
from onboarding.plans import publish

# The models of most plans, by tier.
OPUS, SONNET = "eu.anthropic.claude-opus-4-8", "eu.anthropic.claude-sonnet-4-6"
HAIKU = "eu.anthropic.claude-haiku-4-5-20251001-v1:0"
# What of a plan has to be verified anew when it changes.
_OF_MODELS = {"opus", "sonnet", "haiku", "default_tier"}


def verified(email: str) -> Access:
    """The person's access after a verification."""
    access = access_of(Person.objects.get(email=email))
    assert access.revision is not None
    run(open_verification(person=access.person, revision=access.revision, trigger=Trigger.COMMAND, actor="tests").pk)
    return access_of(access.person)


def bundle_of(access: Access) -> bytes:
    return make_bundle(access, platform=Platform.LINUX, language="en", actor="tests").built.archive


def denial(access: Access) -> Finding:
    """What the portal said about the permissions for the plan's default model."""
    assert access.verified is not None
    profile = access.verified.revision.default_profile
    answer = access.verified.answers.get(finding__check_name="permissions", about=profile)
    assert answer.finding.outcome == Outcome.FAILED
    return answer.finding


def change_plan(slug: str, **changes: Any) -> None:
    """Publish the plan's current revision once more, with these changes."""
    revision = PlanRevision.objects.with_sources().get(plan__slug=slug, is_current=True)
    plan = revision.plan
    revision.pk = None
    revision._state.adding = True
    for field, value in changes.items():
        setattr(revision, field, value)
    publish(plan, revision, note="", actor="tests")


class Bundles:
    """Bundles of the sandbox's people by what their plan says, each person verified once: that takes its time, and
    equal inputs give equal bytes. `company` fills the database where somebody has yet to be verified."""

    _inputs: ClassVar[dict[tuple[object, ...], tuple[BundleInputs, Verification]]] = {}

    def __init__(self, company: Callable[[], object]) -> None:
        self._company = company

    def of(self, email: str, **changes: str) -> bytes:
        """The person's bundle, where their plan has these values in place of its own."""
        models = {name: value for name, value in changes.items() if name in _OF_MODELS}
        inputs, verification = self._verified(email, models)
        revision = copy(verification.revision)
        for name, value in changes.items():
            setattr(revision, name, value)
        behaviour, credentials = behaviour_of(revision), credentials_of(revision, verification.principal)
        return build(replace(inputs, behaviour=behaviour, credentials=credentials)).archive

    def borrowed(self, colleague: str, finding: Finding) -> bytes:
        """The one the portal refuses: a colleague's, with the account and the permission set of a blocked person."""
        inputs, _ = self._verified(colleague, {})
        assert inputs.credentials.session is not None
        session = replace(inputs.credentials.session, role_name=finding.facts["role"])
        credentials = replace(inputs.credentials, session=session)
        place = {"account_id": finding.facts["account"], "role_name": finding.facts["role"]}
        return build(replace(inputs, credentials=credentials, **place)).archive

    def _verified(self, email: str, models: Mapping[str, str]) -> tuple[BundleInputs, Verification]:
        key = (email, *sorted(models.items()))
        if key not in self._inputs:
            self._company()
            if models:
                change_plan(_plan_of(email), **models)
            access = verified(email)
            assert access.verified is not None
            inputs = inputs_for(access, platform=Platform.LINUX, language="en")
            self._inputs[key] = inputs, access.verified
        return self._inputs[key]


def _plan_of(email: str) -> str:
    revision = access_of(Person.objects.get(email=email)).revision
    assert revision is not None
    return revision.plan.slug
