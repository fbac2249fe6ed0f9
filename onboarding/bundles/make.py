"""From a person's access to a bundle: who may have one, from which inputs, and the record that they got it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from onboarding import statuses
from onboarding.access import Access, Proof
from onboarding.bundles.build import Built, build
from onboarding.bundles.inputs import Behaviour, BundleInputs, Credentials, IdentityCenterSession, LeftOut, Route
from onboarding.enums import CredentialMethod, Outcome, Platform, Tier
from onboarding.models import (
    AuditEvent,
    Bundle,
    Finding,
    Person,
    PlanRevision,
    Principal,
    Subject,
    VerificationFinding,
)

# Stands in a preview for the permission set, where a plan leaves it to who has which.
_ANY_ROLE = "PERMISSION-SET"


class NotVerified(Exception):
    """The person's access has not been seen to work, so there is nothing to hand out."""


def inputs_for(access: Access, *, platform: Platform, language: str) -> BundleInputs:
    """Everything the bundle is made of. Equal rows give equal inputs, and equal inputs equal bytes.

    Raises NotVerified.
    """
    return _inputs(access.person, _proof(access), platform=platform, language=language)


def inputs_of(bundle: Bundle) -> BundleInputs | None:
    """What a bundle was made of, as far as rows still tell; the person's name and team are those of today.

    None where the role it was made for is not known any more. Raises NotVerified as `inputs_for` does.
    """
    verification = bundle.verification
    if verification.principal is None:
        return None
    proof = Proof(bundle.revision, verification, verification.principal)
    return _inputs(bundle.person, proof, platform=Platform(bundle.platform), language=bundle.language)


def _inputs(person: Person, proof: Proof, *, platform: Platform, language: str) -> BundleInputs:
    revision, principal, team = proof.revision, proof.principal, person.team
    answers = list(_answers(proof))
    return BundleInputs(
        person_name=person.name,
        person_email=person.email,
        team_name=team.name if team else "",
        cost_centre=team.cost_centre if team else "",
        platform=platform,
        language=language,
        plan_name=revision.plan.name,
        plan_slug=revision.plan.slug,
        revision=revision.number,
        aws_profile=revision.plan.aws_profile,
        account_id=revision.account.account_id,
        account_name=revision.account.name,
        region=revision.region,
        models=proof.usable,
        routes=routes_of(answers, proof.usable.values()),
        default_tier=Tier(revision.default_tier),
        left_out=_left_out(proof, answers, language),
        role_name=principal.permission_set,
        credentials=credentials_of(revision, principal),
        behaviour=behaviour_of(revision),
        portal_url=settings.PUBLIC_URL,
    )


def _answers(proof: Proof) -> QuerySet[VerificationFinding]:
    """What Bedrock said of the profiles; and everything else only where something is left out, to say why."""
    answers = proof.verification.answers.select_related("finding__last_known")
    return answers if proof.left_out else answers.filter(check_name="inference-profile").order_by()


def preview_of(revision: PlanRevision, *, platform: Platform, language: str) -> BundleInputs:
    """What somebody for whom everything is verified would get of a revision, saved or not; nobody's name is in it.

    Raises NotVerified where the plan names a helper that the operator does not allow.
    """
    place = f"{revision.account.account_id}|{revision.region}"
    return BundleInputs(
        person_name="",
        person_email="",
        team_name="",
        cost_centre="",
        platform=platform,
        language=language,
        plan_name=revision.plan.name,
        plan_slug=revision.plan.slug,
        revision=revision.number or 0,
        aws_profile=revision.plan.aws_profile,
        account_id=revision.account.account_id,
        account_name=revision.account.name,
        region=revision.region,
        models=dict(revision.profiles),
        routes=_known_routes(place, revision.profiles.values()),
        default_tier=Tier(revision.default_tier),
        left_out=(),
        role_name=revision.permission_set or revision.role_arn.rpartition("/")[2],
        credentials=credentials_of(revision, None),
        behaviour=behaviour_of(revision),
        portal_url=settings.PUBLIC_URL,
    )


def _known_routes(place: str, profiles: Iterable[str]) -> dict[str, Route]:
    """What Bedrock said last of a plan's profiles, whoever was verified; nothing of one nobody asked about yet."""
    keys = {f"{place}|{profile}": profile for profile in profiles}
    subjects = Subject.objects.filter(check_name="inference-profile", key__in=keys).select_related("last_known")
    known = {keys[row.key]: row.last_known.facts for row in subjects if row.last_known is not None}
    return {profile: _route(facts) for profile, facts in known.items() if "arn" in facts}


def behaviour_of(revision: PlanRevision) -> Behaviour:
    """What the revision says besides its models: the fields have the same names in both."""
    values = {field.name: _frozen(getattr(revision, field.name)) for field in fields(Behaviour)}
    return Behaviour(**values)


def credentials_of(revision: PlanRevision, principal: Principal | None) -> Credentials:
    """Raises NotVerified where the plan names a helper that the operator does not allow any more."""
    method = CredentialMethod(revision.credential_method)
    helper = settings.ONRAMP_CREDENTIAL_HELPERS.get(revision.credential_helper, "")
    if method.has_helper and not helper:
        raise NotVerified(revision.credential_helper)
    return Credentials(method, _session(revision, principal) if method.signs_in else None, helper)


def routes_of(answers: Sequence[VerificationFinding], profiles: Iterable[str]) -> dict[str, Route]:
    """What Bedrock said of each inference profile, by its id, from the findings the bundle stands on."""
    now = timezone.now()
    found = {
        answer.about: answer.finding.standing(now).facts
        for answer in answers
        if answer.check_name == "inference-profile"
    }
    return {profile: _route(found[profile]) for profile in profiles if "arn" in found.get(profile, {})}


def _route(facts: Mapping[str, Any]) -> Route:
    arns = tuple(row["arn"] for row in facts.get("destinations", []))
    return Route(facts["arn"], next(iter(facts.get("models", [])), ""), arns)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _session(revision: PlanRevision, principal: Principal | None) -> IdentityCenterSession:
    center = revision.center
    role = principal.permission_set if principal else revision.permission_set or _ANY_ROLE
    return IdentityCenterSession(center.start_url, center.region, role)


def _proof(access: Access) -> Proof:
    proof = access.proof
    if proof is None:
        raise NotVerified(access.person.email)
    return proof


def _left_out(proof: Proof, answers: Sequence[VerificationFinding], language: str) -> tuple[LeftOut, ...]:
    """The tiers that were not seen to work, each with the layer that said no."""
    with translation.override(language):
        why: dict[str, str] = {}
        for answer in answers:
            if answer.finding.outcome in (Outcome.FAILED, Outcome.UNKNOWN):
                why.setdefault(answer.about, _sentence(answer.finding))
        return tuple(LeftOut(tier, profile, why.get(profile, "")) for tier, profile in proof.left_out.items())


def _sentence(finding: Finding) -> str:
    layer = {"layer": finding.get_layer_display()}
    if finding.outcome == Outcome.FAILED:
        return _("The layer that denies it: %(layer)s.") % layer
    return _("It could not be verified: %(layer)s.") % layer


@transaction.atomic
def copy_for_support(access: Access, *, platform: Platform, language: str, actor: str, reason: str) -> Built:
    """What the person would get now, for somebody who helps them. It is no `Bundle` of theirs: they took none.

    Raises NotVerified, and ValueError without a reason.
    """
    if not reason.strip():
        raise ValueError("A bundle of somebody else is taken with a reason.")
    inputs = inputs_for(access, platform=platform, language=language)
    built = build(inputs)
    AuditEvent.objects.record(
        actor=actor,
        action="bundle.copied",
        target=access.person.email,
        plan=inputs.plan_slug,
        revision=inputs.revision,
        platform=str(platform),
        digest=built.digest,
        reason=reason,
    )
    return built


class Made(NamedTuple):
    """A bundle that was made and recorded, and what it was made of."""

    built: Built
    inputs: BundleInputs


@transaction.atomic
def make_bundle(access: Access, *, platform: Platform, language: str, actor: str) -> Made:
    """Build a person's bundle and record that it was made. Raises NotVerified."""
    proof = _proof(access)
    inputs = inputs_for(access, platform=platform, language=language)
    built = build(inputs)
    row = Bundle.objects.create(
        person=access.person,
        revision=proof.revision,
        verification=proof.verification,
        platform=platform,
        language=language,
        digest=built.digest,
    )
    AuditEvent.objects.record(
        actor=actor,
        action="bundle.made",
        target=access.person.email,
        bundle=row.pk,
        digest=built.digest,
        platform=str(platform),
    )
    statuses.refresh([access.person.pk])
    return Made(built, inputs)
