"""The sandbox's people as the portal sees them: verified through the real seam, and their bundles."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from onboarding.access import Access, access_of
from onboarding.bundles.build import build
from onboarding.bundles.inputs import BundleInputs
from onboarding.bundles.make import inputs_for, make_bundle
from onboarding.checks.run import open_verification, run
from onboarding.enums import Outcome, Platform, Trigger
from onboarding.models import Finding, Person, PlanRevision
from onboarding.plans import publish


def verified(email: str) -> Access:
    """The person's access after a verification."""
    access = access_of(Person.objects.get(email=email))
    assert access.revision is not None
    run(open_verification(person=access.person, revision=access.revision, trigger=Trigger.COMMAND, actor="tests").pk)
    return access_of(access.person)


def bundle_of(access: Access) -> bytes:
    return make_bundle(access, platform=Platform.LINUX, language="en", actor="tests").archive


def denial(access: Access) -> Finding:
    """What the portal said about the permissions for the plan's default model."""
    assert access.verified is not None
    profile = access.verified.revision.default_profile
    answer = access.verified.answers.get(finding__check_name="permissions", about=profile)
    assert answer.finding.outcome == Outcome.FAILED
    return answer.finding


def hand_made(colleague: Access, finding: Finding) -> bytes:
    """The bundle the portal refuses: a colleague's, with the account and the permission set of the blocked person."""
    inputs = inputs_for(colleague, platform=Platform.LINUX, language="en")
    assert inputs.session is not None
    session = replace(inputs.session, role_name=finding.facts["role"])
    borrowed: BundleInputs = replace(inputs, account_id=finding.facts["account"], session=session)
    return build(borrowed).archive


def change_plan(slug: str, **changes: Any) -> None:
    """Publish the plan's current revision once more, with these changes."""
    revision = PlanRevision.objects.with_sources().get(plan__slug=slug, is_current=True)
    plan = revision.plan
    revision.pk = None
    revision._state.adding = True
    for field, value in changes.items():
        setattr(revision, field, value)
    publish(plan, revision, note="", actor="tests")
