"""The pages of the AWS console on which findings are acted upon, built from a finding's Region and role."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from onboarding import console
from onboarding.checks.base import Link

ROLE = Link(_("The role in the console"), lambda facts: console.role(facts["region"], facts["role_arn"]))
SERVICE_CONTROL_POLICIES = Link(
    _("Service control policies in the console"), lambda facts: console.service_control_policies(facts["region"])
)
MODEL_CATALOG = Link(_("Model catalog in the console"), lambda facts: console.model_catalog(facts["region"]))
INFERENCE_PROFILES = Link(
    _("Inference profiles in the console"), lambda facts: console.inference_profiles(facts["region"])
)
BEDROCK_SETTINGS = Link(
    _("Bedrock's settings in the console"), lambda facts: console.bedrock_settings(facts["region"])
)
SERVICE_QUOTAS = Link(_("Service Quotas in the console"), lambda facts: console.service_quotas(facts["region"]))
USERS = Link(_("Users in the console"), lambda facts: console.directory_users(facts["region"]))
ASSIGNMENTS = Link(_("Assignments in the console"), lambda facts: console.assignments(facts["region"]))
PERMISSION_SETS = Link(_("Permission sets in the console"), lambda facts: console.permission_sets(facts["region"]))
IDENTITY_CENTER = Link(_("Identity Center in the console"), lambda facts: console.assignments(facts["region"]))
