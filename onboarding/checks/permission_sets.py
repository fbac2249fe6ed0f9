"""Permission sets: which ones exist in the plan's account, whom they are assigned to, and their roles.

Asked once for an account, however many people it serves: the identity check finds its person in the answer.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from onboarding.aws import iam, identity
from onboarding.checks.base import Answer, Case, Check, Facts, Reason, Text
from onboarding.enums import Actor, Layer, Outcome, Scope
from onboarding.models import PlanRevision


class PermissionSetsCheck(Check):
    name = "permission-sets"
    scope = Scope.ACCOUNT
    title = _("Permission sets")
    # Whoever asks again may just have been assigned one.
    tolerance = dt.timedelta(seconds=15)
    REASONS = {
        "listed": Reason(
            _("Assignments of the account"),
            _("%(count)s assigned in account %(account)s."),
        ),
        "no-instance": Reason(
            _("There is no IAM Identity Center in %(region)s"),
            _("AWS lists no Identity Center instance in %(region)s for the plan's directory."),
            _("An admin corrects the Region of the plan's Identity Center."),
            Actor.ADMIN,
        ),
    }

    def questions(self, revision: PlanRevision) -> tuple[str, ...]:
        return ("",)

    def subject(self, about: str, case: Case) -> str:
        return f"{case.revision.identity_center_id}|{case.revision.account.account_id}"

    def answer(self, about: str, case: Case) -> Answer:
        revision, account_id = case.revision, case.revision.account.account_id
        facts: dict[str, Any] = {"account": account_id, "region": revision.identity_center.region}
        center = identity.instance(region=revision.identity_center.region, access=case.directory_access)
        if center is None:
            return Answer(Outcome.FAILED, "no-instance", facts, Layer.DIRECTORY)
        assigned = identity.assignments(center, account_id)
        facts |= {
            "instance": center.arn,
            "identity_store": center.identity_store_id,
            "assignments": [[row.permission_set, row.principal_type, row.principal_id] for row in assigned],
            "roles": iam.permission_set_roles(region=revision.region, access=case.account_access),
        }
        return Answer(Outcome.PASSED, "listed", facts)

    def words(self, facts: Facts) -> dict[str, str]:
        count = len(_names(facts))
        sets = ngettext("%(count)s permission set is", "%(count)s permission sets are", count) % {"count": count}
        return super().words(facts) | {"count": sets}

    def evidence(self, facts: Facts) -> list[tuple[Text, str]]:
        return [
            (_("Asked"), "sso:ListAccountAssignments, iam:ListRoles"),
            (_("Permission sets"), ", ".join(_names(facts))),
        ]


def _names(facts: Facts) -> list[str]:
    return sorted({permission_set for permission_set, _type, _id in facts.get("assignments", [])})
