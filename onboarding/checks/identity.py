"""Identity: the person's e-mail, the directory's user, the permission sets that reach them, the role."""

from __future__ import annotations

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from onboarding.aws import identity
from onboarding.aws.identity import Assignment, Instance
from onboarding.checks.base import Answer, Case, Check, Facts, Reason, Text, fingerprint
from onboarding.enums import Actor, Layer, Outcome, Scope
from onboarding.models import Finding, PlanRevision, Principal


class IdentityCheck(Check):
    name = "identity"
    scope = Scope.PERSON
    title = _("Identity")
    needs = ("permission-sets",)
    REASONS = {
        "role-found": Reason(
            _("Your AWS role"),
            _("%(user_name)s signs in to account %(account)s as %(permission_set)s."),
        ),
        "role-chosen": Reason(
            _("You have more than one role"),
            _("You hold %(others)s in account %(account)s. Your bundle signs in as %(permission_set)s."),
            _("If that is the wrong one, an admin names the right permission set in the plan."),
            Actor.ADMIN,
        ),
        "not-in-directory": Reason(
            _("You are not in the AWS directory"),
            _("IAM Identity Center knows no user with the e-mail or user name %(email)s."),
            _("An admin adds you to the directory, or corrects the e-mail of your entry there."),
            Actor.ADMIN,
        ),
        "no-assignment": Reason(
            _("You have no permission set in account %(account)s"),
            _("You are in the directory as %(user_name)s, but no permission set of account %(account)s reaches you."),
            _("An admin assigns you, or a group of yours, a permission set for Claude Code in this account."),
            Actor.ADMIN,
        ),
        "not-the-plans": Reason(
            _("You do not have the plan's permission set"),
            _("The plan asks for %(wanted)s in account %(account)s; you hold %(others)s."),
            _("An admin assigns you %(wanted)s, or names another permission set in the plan."),
            Actor.ADMIN,
        ),
        "role-missing": Reason(
            _("The role of your permission set does not exist"),
            _("%(permission_set)s is assigned to you, but account %(account)s has no role for it."),
            _("An admin provisions the permission set to the account again."),
            Actor.ADMIN,
        ),
    }

    def questions(self, revision: PlanRevision) -> tuple[str, ...]:
        return ("",)

    def subject(self, about: str, case: Case) -> str:
        person, revision = case.person, case.revision
        where = f"{revision.identity_center_id}|{revision.account.account_id}|{revision.permission_set}"
        account = case.facts("permission-sets")
        found = fingerprint([*("|".join(row) for row in account["assignments"]), *account["roles"].values()])
        return f"{person.pk}|{person.email.lower()}|{where}|{found}"

    def answer(self, about: str, case: Case) -> Answer:
        account = case.facts("permission-sets")
        facts = {"email": case.person.email, "account": account["account"], "region": account["region"]}
        center = Instance(account["instance"], account["identity_store"], account["region"], case.directory_access)
        user = identity.find_user(center, case.person.email)
        if user is None:
            return Answer(Outcome.FAILED, "not-in-directory", facts, Layer.DIRECTORY)
        assigned = [Assignment(*row) for row in account["assignments"]]
        grants = identity.grants(center, user, assigned)
        return self._choose(case, facts | {"user_name": user.user_name}, grants)

    def _choose(self, case: Case, facts: dict[str, str], grants: list[identity.Grant]) -> Answer:
        """Which of the permission sets the bundle uses: the plan's, or the only one, or the first by name."""
        wanted = case.revision.permission_set
        held = {grant.permission_set: grant for grant in grants}
        facts |= {"others": ", ".join(held), "wanted": wanted}
        if not held:
            return Answer(Outcome.FAILED, "no-assignment", facts, Layer.ASSIGNMENT)
        if wanted and wanted not in held:
            return Answer(Outcome.FAILED, "not-the-plans", facts, Layer.ASSIGNMENT)
        chosen = held[wanted] if wanted else grants[0]
        facts |= {"permission_set": chosen.permission_set, "via_group": chosen.via_group}
        role_arn = case.facts("permission-sets")["roles"].get(chosen.permission_set)
        if role_arn is None:
            return Answer(Outcome.FAILED, "role-missing", facts, Layer.ASSIGNMENT)
        facts["role_arn"] = role_arn
        if len(held) > 1 and not wanted:
            return Answer(Outcome.WARNING, "role-chosen", facts)
        return Answer(Outcome.PASSED, "role-found", facts)

    def keep(self, finding: Finding, case: Case) -> None:
        """Remember the role as the person's principal in this account; forget the one it replaces."""
        mine = Principal.objects.filter(person=case.person, account=case.revision.account)
        facts = finding.facts
        if "role_arn" not in facts:
            if finding.outcome == Outcome.FAILED:
                mine.update(is_chosen=False)
            return
        mine.exclude(role_arn=facts["role_arn"]).update(is_chosen=False)
        Principal.objects.update_or_create(
            person=case.person,
            role_arn=facts["role_arn"],
            defaults={
                "account": case.revision.account,
                "permission_set": facts["permission_set"],
                "session_name": facts["user_name"],
                "found_via": facts["via_group"],
                "is_chosen": True,
                "seen_at": timezone.now(),
            },
        )

    def evidence(self, facts: Facts) -> list[tuple[Text, str]]:
        rows: list[tuple[Text, str]] = [(_("Asked for"), facts.get("email", ""))]
        if "user_name" in facts:
            rows.append((_("Directory user name"), facts["user_name"]))
        if "permission_set" in facts:
            rows.append((_("Found through"), facts["via_group"] or str(_("A direct assignment"))))
        if "role_arn" in facts:
            rows.append((_("Role"), facts["role_arn"]))
        return rows
