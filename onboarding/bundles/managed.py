"""What device management puts on the machines of a whole plan: one file of settings, and where it goes.

It names no model but those that were verified for everybody on the plan who is ready: what one of them lacks is left
out for all, since one file cannot tell people apart. Nobody's name is in it.
"""

from __future__ import annotations

from dataclasses import replace

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from onboarding.bundles import archive, markdown
from onboarding.bundles.aws_config import aws_config
from onboarding.bundles.build import Built, checksums, manifest
from onboarding.bundles.iam_policy import iam_policies
from onboarding.bundles.inputs import BundleInputs, LeftOut
from onboarding.bundles.json_text import json_text
from onboarding.bundles.make import NotVerified, preview_of
from onboarding.bundles.platforms import COMMANDS
from onboarding.bundles.settings_json import settings_of
from onboarding.enums import Platform
from onboarding.models import AuditEvent, PlanRevision
from onboarding.readiness import Shared, shared_by

FILENAME = "onramp-managed.zip"


@transaction.atomic
def make_managed(revision: PlanRevision, *, platform: Platform, language: str, actor: str) -> Built:
    """Build it from a plan's current revision, and record who took it. Raises NotVerified where nobody is ready."""
    shared = shared_by(revision.plan)
    if shared is None:
        raise NotVerified(revision.plan.slug)
    inputs = managed_inputs(revision, shared, platform=platform, language=language)
    built = _build(inputs, has_role=bool(inputs.role_name))
    AuditEvent.objects.record(
        actor=actor,
        action="bundle.managed",
        target=revision.plan.name,
        plan=revision.plan.slug,
        revision=revision.number,
        platform=str(platform),
        digest=built.digest,
        left_out=[left.tier.value for left in inputs.left_out],
    )
    return built


def managed_inputs(revision: PlanRevision, shared: Shared, *, platform: Platform, language: str) -> BundleInputs:
    """As a preview, cut down to what they share. `role_name` is empty where they have different roles."""
    inputs = preview_of(revision, platform=platform, language=language)
    models = {tier: profile for tier, profile in inputs.models.items() if profile in shared.profiles}
    left_out = tuple(LeftOut(tier, profile, "") for tier, profile in inputs.models.items() if tier not in models)
    role = next(iter(shared.roles)) if len(shared.roles) == 1 else ""
    session = inputs.credentials.session
    if session is not None and role:
        inputs = replace(inputs, credentials=replace(inputs.credentials, session=replace(session, role_name=role)))
    teams = list(revision.plan.teams.values_list("name", "cost_centre"))
    team, cost_centre = teams[0] if len(teams) == 1 else ("", "")
    return replace(
        inputs,
        models=models,
        routes={profile: route for profile, route in inputs.routes.items() if profile in models.values()},
        left_out=left_out,
        role_name=role,
        team_name=team,
        cost_centre=cost_centre,
    )


def _build(inputs: BundleInputs, *, has_role: bool) -> Built:
    """Raises `UnsafeValue` when a value must not reach a file."""
    config = aws_config(inputs) if has_role else b""
    files = {
        inputs.settings_name: json_text(settings_of(inputs)),
        **({"aws-config": config} if config else {}),
        **(iam_policies(inputs) if inputs.routes else {}),
    }
    with translation.override(inputs.language):
        files["README.md"] = _readme(inputs, has_config=bool(config)).encode()
    files["MANIFEST.json"] = manifest(inputs, files)
    files["SHA256SUMS"] = checksums(files)
    return Built(files, archive.pack(files))


def _readme(inputs: BundleInputs, *, has_config: bool) -> str:
    code = markdown.code
    names = {"plan": markdown.text(inputs.plan_name), "revision": inputs.revision}
    parts = [
        "# " + _("Settings of %(plan)s for device management, revision %(revision)s") % names,
        _("Put %(file)s on the machines of everybody on this plan:") % {"file": code(inputs.settings_name)},
        markdown.table(
            (_("System"), _("File")),
            [(str(platform.label), code(COMMANDS[platform].managed_path)) for platform in Platform],
        ),
        _("On macOS, a configuration profile of the domain %(domain)s does the same; on Windows, the value %(value)s.")
        % {"domain": code("com.anthropic.claudecode"), "value": code(r"HKLM\SOFTWARE\Policies\ClaudeCode\Settings")},
        _("One source counts as a whole: where a profile or a registry value exists, the file is not read."),
    ]
    if inputs.credentials.helper:
        parts.append(
            _("Made for %(platform)s: on other systems the helper's command is written differently.")
            % {"platform": inputs.platform.label}
        )
    if has_config:
        parts.append(
            _("%(file)s belongs at the end of everybody's AWS config, where their own installer puts it, too.")
            % {"file": code("aws-config")}
        )
    if inputs.left_out:
        tiers = ", ".join(left.tier.label for left in inputs.left_out)
        parts.append(
            _("Not everybody on the plan can use %(tiers)s, so it is left out for all: its alias means %(default)s.")
            % {"tiers": tiers, "default": inputs.default_tier.label}
        )
    return "\n\n".join(parts) + "\n"
