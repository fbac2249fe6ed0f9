"""Permission sets: which ones exist in the plan's account, whom they are assigned to, and their roles.

Asked once for an account, however many people it serves: the identity check finds its person in the answer.
"""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from onboarding.aws import NoAnswer, identity, organizations
from onboarding.aws.identity import Assignment, Instance
from onboarding.checks import links
from onboarding.checks.base import Answer, Case, Check, Facts, Reason, Remedy, Text
from onboarding.checks.readings import principals
from onboarding.enums import Gate, IdentitySource, Layer, Outcome, Scope
from onboarding.models import PlanRevision


class PermissionSetsCheck(Check):
    name = "permission-sets"
    scope = Scope.ACCOUNT
    gate = Gate.IDENTITY
    title = _("Permission sets")
    is_about_models = False
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
            Remedy(
                _("An admin corrects the Region of the plan's Identity Center."),
                _("Set the Region of the plan's Identity Center to the one its instance lives in."),
                link=links.IDENTITY_CENTER,
            ),
        ),
    }

    def questions(self, revision: PlanRevision) -> tuple[str, ...]:
        return super().questions(revision) if revision.identity_source == IdentitySource.IDENTITY_CENTER else ()

    def subject(self, about: str, case: Case) -> str:
        return f"{case.revision.center.pk}|{case.revision.account.account_id}"

    def answer(self, about: str, case: Case) -> Answer:
        revision, account_id = case.revision, case.revision.account.account_id
        facts: dict[str, Any] = {"account": account_id, "region": revision.center.region}
        center = case.once(
            ("instance", revision.center.region, case.directory_access),
            lambda: identity.instance(region=revision.center.region, access=case.directory_access),
        )
        if center is None:
            return Answer(Outcome.FAILED, "no-instance", facts, Layer.DIRECTORY)
        names = {arn: _name(center, arn, case) for arn in identity.permission_sets(center, account_id)}
        assigned = [row for arn, name in names.items() for row in identity.assignments(center, account_id, arn, name)]
        facts |= {
            "instance": center.arn,
            "identity_store": center.identity_store_id,
            "permission_sets": {name: arn for arn, name in names.items()},
            "assignments": [[row.permission_set, row.principal_type, row.principal_id] for row in assigned],
            "groups": _group_names(center, assigned, case),
            "roles": _roles(case),
            "has_scps": _has_scps(case),
        }
        return Answer(Outcome.PASSED, "listed", facts)

    def words(self, facts: Facts) -> dict[str, str]:
        count = len(_names(facts))
        sets = ngettext("%(count)s permission set is", "%(count)s permission sets are", count) % {"count": count}
        return super().words(facts) | {"count": sets}

    def evidence(self, facts: Facts) -> list[tuple[Text, str]]:
        return [
            (_("Asked"), "sso:ListAccountAssignments, iam:GetAccountAuthorizationDetails"),
            (_("Permission sets"), ", ".join(_names(facts))),
        ]


def _has_scps(case: Case) -> bool | None:
    """Whether service control policies may have a say in what the account's roles do; None where nobody can tell.

    The answer saves questions and decides none, so that its absence is no reason to know nothing else.
    """
    region, access = case.revision.center.region, case.directory_access
    try:
        return case.once(
            ("scps", access), partial(organizations.has_service_control_policies, region=region, access=access)
        )
    except NoAnswer:
        return None


def _name(center: Instance, arn: str, case: Case) -> str:
    """Permission sets and groups are the organization's: accounts share them, and what they are called."""
    return case.once(("permission-set", arn), partial(identity.permission_set_name, center, arn))


def _group_names(center: Instance, assigned: list[Assignment], case: Case) -> dict[str, str]:
    groups = sorted({row.principal_id for row in assigned if row.principal_type == "GROUP"})
    named = ((group, case.once(("group", group), partial(identity.group_name, center, group))) for group in groups)
    return {group: name for group, name in named if name is not None}


def _roles(case: Case) -> dict[str, str]:
    """The ARN of each permission set's role in the account; it exists only where the set is provisioned."""
    found = principals(case).values()
    return {details.permission_set: details.arn for details in found if details.permission_set}


def _names(facts: Facts) -> list[str]:
    return sorted({permission_set for permission_set, _type, _id in facts.get("assignments", [])})
