"""From a person's access to a bundle: who may have one, from which inputs, and the record that they got it."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from onboarding.access import Access, Proof
from onboarding.bundles.build import Built, build
from onboarding.bundles.inputs import BundleInputs, IdentityCenterSession, LeftOut
from onboarding.enums import CredentialMethod, Outcome, Platform, Tier
from onboarding.models import AuditEvent, Bundle, Finding, PlanRevision, Principal


class NotVerified(Exception):
    """The person's access has not been seen to work, so there is nothing to hand out."""


def inputs_for(access: Access, *, platform: Platform, language: str) -> BundleInputs:
    """Everything the bundle is made of. Equal rows give equal inputs, and equal inputs equal bytes.

    Raises NotVerified.
    """
    revision, principal = _proof(access).revision, _proof(access).principal
    return BundleInputs(
        person_name=access.person.name,
        person_email=access.person.email,
        platform=platform,
        language=language,
        plan_name=revision.plan.name,
        revision=revision.number,
        aws_profile=revision.plan.aws_profile,
        account_id=revision.account.account_id,
        account_name=revision.account.name,
        region=revision.region,
        models=access.usable,
        default_tier=Tier(revision.default_tier),
        left_out=_left_out(access, language),
        role_name=principal.permission_set,
        session=_session(revision, principal),
        max_output_tokens=revision.max_output_tokens,
        denied_tools=tuple(revision.denied_tools),
        portal_url=settings.PUBLIC_URL,
    )


def _session(revision: PlanRevision, principal: Principal) -> IdentityCenterSession | None:
    """Where to sign in; nowhere, when the company's own tool brings the credentials."""
    if revision.credential_method != CredentialMethod.IDENTITY_CENTER:
        return None
    center = revision.center
    return IdentityCenterSession(center.name, center.start_url, center.region, principal.permission_set)


def _proof(access: Access) -> Proof:
    proof = access.proof
    if proof is None:
        raise NotVerified(access.person.email)
    return proof


def _left_out(access: Access, language: str) -> tuple[LeftOut, ...]:
    """The tiers that were not seen to work, each with the layer that said no."""
    answers = _proof(access).verification.answers
    denied = answers.filter(finding__outcome__in=[Outcome.FAILED, Outcome.UNKNOWN]).select_related("finding")
    with translation.override(language):
        why: dict[str, str] = {}
        for answer in denied:
            why.setdefault(answer.about, _sentence(answer.finding))
        return tuple(LeftOut(tier, profile, why.get(profile, "")) for tier, profile in access.left_out.items())


def _sentence(finding: Finding) -> str:
    layer = {"layer": finding.get_layer_display()}
    if finding.outcome == Outcome.FAILED:
        return _("The layer that denies it: %(layer)s.") % layer
    return _("It could not be verified: %(layer)s.") % layer


@transaction.atomic
def make_bundle(access: Access, *, platform: Platform, language: str, actor: str) -> Built:
    """Build a person's bundle and record that it was made. Raises NotVerified."""
    proof = _proof(access)
    built = build(inputs_for(access, platform=platform, language=language))
    Bundle.objects.create(
        person=access.person,
        revision=proof.revision,
        verification=proof.verification,
        platform=platform,
        language=language,
        digest=built.digest,
    )
    AuditEvent.objects.record(
        actor=actor, action="bundle.made", target=access.person.email, digest=built.digest, platform=str(platform)
    )
    return built
