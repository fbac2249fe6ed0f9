"""Role policies: the role exists, and what its policies say; their fingerprint dates what is built on them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils.translation import gettext_lazy as _

from onboarding.aws import Refused, iam
from onboarding.aws.iam import PrincipalDetails
from onboarding.checks.base import Answer, Case, Check, Facts, Reason, Remedy, Text
from onboarding.checks.readings import principals
from onboarding.enums import Gate, Layer, Outcome, Scope


class RolePoliciesCheck(Check):
    name = "role-policies"
    scope = Scope.ROLE
    gate = Gate.PERMISSIONS
    title = _("Policies of the role")
    is_about_models = False
    needs = ("identity",)
    # Whoever asks again may just have had a policy changed.
    tolerance = dt.timedelta(seconds=15)
    REASONS = {
        "read": Reason(
            _("Policies of your role"),
            _("Onramp has read the policies of %(role)s: %(names)s."),
        ),
        "missing": Reason(
            _("Your role no longer exists"),
            _("IAM knows no %(role_arn)s in account %(account)s."),
            Remedy(
                _("An admin provisions the permission set to the account again."),
                _("Provision %(role)s to account %(account)s again."),
            ),
        ),
    }

    def subject(self, about: str, case: Case) -> str:
        return str(case.facts("identity")["role_arn"])

    def answer(self, about: str, case: Case) -> Answer:
        identity, region, access = case.facts("identity"), case.revision.region, case.account_access
        role_arn = identity["role_arn"]
        facts: dict[str, Any] = {
            "role": identity["permission_set"],
            "role_arn": role_arn,
            "account": case.revision.account.account_id,
            "region": region,
        }
        found = principals(case).get(role_arn)
        if found is None:
            return Answer(Outcome.FAILED, "missing", facts, Layer.ASSIGNMENT)
        try:
            keys = iam.context_keys(role_arn, region=region, access=access)
        except Refused as error:
            if error.code != "NoSuchEntity":
                raise
            return Answer(Outcome.FAILED, "missing", facts, Layer.ASSIGNMENT)
        return Answer(Outcome.PASSED, "read", facts | _facts_of(found) | {"context_keys": keys})

    def words(self, facts: Facts) -> dict[str, str]:
        return super().words(facts) | {"names": ", ".join(row["name"] for row in facts.get("policies", [])) or "-"}

    def evidence(self, facts: Facts) -> list[tuple[Text, str]]:
        return [
            (_("Asked"), "iam:GetAccountAuthorizationDetails, iam:GetContextKeysForPrincipalPolicy"),
            (_("Role"), facts.get("role_arn", "")),
            (_("Policies"), ", ".join(f"{row['name']} ({row['kind']})" for row in facts.get("policies", []))),
            (_("Condition keys"), ", ".join(facts.get("context_keys", []))),
        ]


def _facts_of(found: PrincipalDetails) -> dict[str, Any]:
    return {
        "fingerprint": found.fingerprint,
        "unique_id": found.unique_id,
        "tags": dict(found.tags),
        "policies": [{"name": row.name, "kind": row.kind, "document": row.document} for row in found.policies],
    }
