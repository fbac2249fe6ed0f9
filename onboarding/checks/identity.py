"""Identity: the person's e-mail, who that is in AWS, what reaches them there, the role they work as."""

from __future__ import annotations

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from onboarding.checks import links
from onboarding.checks.base import Answer, Case, Check, Facts, Paste, Reason, Remedy, Text
from onboarding.checks.commands import assign_permission_set, provision_permission_set
from onboarding.checks.sources import SOURCES
from onboarding.enums import Gate, IdentitySource, Outcome, Scope
from onboarding.models import Finding, Principal


class IdentityCheck(Check):
    name = "identity"
    scope = Scope.PERSON
    gate = Gate.IDENTITY
    title = _("Identity")
    is_about_models = False
    needs = ("permission-sets",)
    REASONS = {
        "role-found": Reason(
            _("Your AWS role"),
            _("%(user_name)s signs in to account %(account)s as %(permission_set)s."),
        ),
        "role-of-the-plan": Reason(
            _("Your AWS role"),
            _("You hold %(others)s in account %(account)s. Your bundle signs in as %(wanted)s, as your plan says."),
        ),
        "role-chosen": Reason(
            _("You have more than one role"),
            _(
                "You hold %(others)s in account %(account)s, and your plan names none of them. Your bundle signs in "
                "as %(permission_set)s, the first by name."
            ),
            Remedy(
                _("If that is the wrong one, an admin names the right permission set in the plan."),
                _("Name in the plan the permission set that people are to use."),
            ),
        ),
        "federated-role": Reason(
            _("Your AWS role"),
            _("You work in account %(account)s as %(permission_set)s, in sessions named %(session_name)s."),
        ),
        "iam-user": Reason(
            _("Your IAM user"),
            _("You work in account %(account)s as the IAM user %(user_name)s."),
        ),
        "iam-users": Reason(
            _("More than one IAM user is yours"),
            _("%(others)s in account %(account)s carry your e-mail. Your bundle is for %(user_name)s."),
            Remedy(
                _("An admin takes your e-mail off the IAM users that are not yours."),
                _("Leave the tag %(tag)s with %(email)s on one IAM user only."),
            ),
        ),
        "not-in-directory": Reason(
            _("You are not in the AWS directory"),
            _("IAM Identity Center knows no user with the e-mail or user name %(email)s."),
            Remedy(
                _("An admin adds you to the directory, or corrects the e-mail of your entry there."),
                _("Add %(email)s to Identity Center's directory, or correct the e-mail of the entry there."),
                link=links.USERS,
            ),
        ),
        "disabled": Reason(
            _("Your entry in the AWS directory is disabled"),
            _("IAM Identity Center knows you as %(user_name)s and has disabled that user, so you cannot sign in."),
            Remedy(
                _("An admin enables your user in Identity Center, or in the directory it is synchronized from."),
                _("Enable %(user_name)s in Identity Center, or in the directory it is synchronized from."),
                link=links.USERS,
            ),
        ),
        "no-assignment": Reason(
            _("You have no permission set in account %(account)s"),
            _("You are in the directory as %(user_name)s, but no permission set of account %(account)s reaches you."),
            Remedy(
                _("An admin assigns you, or a group of yours, a permission set for Claude Code in this account."),
                _("Assign %(user_name)s, or a group they are in, a permission set in account %(account)s."),
                pastes=(Paste(_("Command that assigns one"), "command.sh", assign_permission_set),),
                link=links.ASSIGNMENTS,
            ),
        ),
        "not-the-plans": Reason(
            _("You do not have the plan's permission set"),
            _("The plan asks for %(wanted)s in account %(account)s; you hold %(others)s."),
            Remedy(
                _("An admin assigns you %(wanted)s, or names another permission set in the plan."),
                _("Assign %(user_name)s the permission set %(wanted)s in account %(account)s, or change the plan."),
                pastes=(Paste(_("Command that assigns it"), "command.sh", assign_permission_set),),
                link=links.ASSIGNMENTS,
            ),
        ),
        "role-missing": Reason(
            _("The role of your permission set does not exist"),
            _("%(permission_set)s is assigned to you, but account %(account)s has no role for it."),
            Remedy(
                _("An admin provisions the permission set to the account again."),
                _("Provision %(permission_set)s to account %(account)s again."),
                pastes=(Paste(_("Command that provisions it"), "command.sh", provision_permission_set),),
                link=links.PERMISSION_SETS,
            ),
        ),
        "federated-role-missing": Reason(
            _("The plan's role does not exist"),
            _("Account %(account)s has no role %(role_arn)s, which your plan has people assume."),
            Remedy(
                _("An admin creates the role, or names another one in the plan."),
                _("Create %(role_arn)s, or name another role in the plan."),
            ),
        ),
        "no-iam-user": Reason(
            _("There is no IAM user for you"),
            _("Account %(account)s has no IAM user named %(email)s."),
            Remedy(
                _("An admin creates an IAM user with your e-mail as its name."),
                _("Create an IAM user named %(email)s in account %(account)s."),
            ),
        ),
        "no-iam-user-tag": Reason(
            _("There is no IAM user for you"),
            _("No IAM user of account %(account)s carries your e-mail, %(email)s, in the tag %(tag)s."),
            Remedy(
                _("An admin tags your IAM user with your e-mail."),
                _("Tag the person's IAM user in account %(account)s with %(tag)s = %(email)s."),
            ),
        ),
    }

    def can_ask(self, about: str, case: Case) -> bool:
        """Permission sets are what one of the three sources builds on; the others need nothing before them."""
        return case.revision.identity_source != IdentitySource.IDENTITY_CENTER or super().can_ask(about, case)

    def subject(self, about: str, case: Case) -> str:
        person, source = case.person, SOURCES[case.revision.identity_source]
        return f"{person.pk}|{person.email.lower()}|{source.subject(case)}"

    def answer(self, about: str, case: Case) -> Answer:
        return SOURCES[case.revision.identity_source].find(case)

    def keep(self, finding: Finding, case: Case) -> None:
        """Remember the role as the person's principal in this account; forget the one it replaces."""
        mine = Principal.objects.filter(person=case.person, account=case.revision.account)
        facts = finding.facts
        if finding.outcome == Outcome.FAILED:
            mine.update(is_chosen=False)
        elif "role_arn" in facts:
            mine.exclude(role_arn=facts["role_arn"]).update(is_chosen=False)
            Principal.objects.update_or_create(
                person=case.person, role_arn=facts["role_arn"], defaults=principal_fields(facts, case)
            )

    def evidence(self, facts: Facts) -> list[tuple[Text, str]]:
        rows: list[tuple[Text, str]] = [(_("Asked for"), facts.get("email", ""))]
        if "user_name" in facts:
            rows.append((_("AWS user name"), facts["user_name"]))
        if facts.get("directory_email", "").lower() not in ("", facts.get("email", "").lower()):
            rows.append((_("E-mail in the directory"), facts["directory_email"]))
        if "permission_set" in facts:
            rows.append((_("Found through"), facts["via_group"] or str(_("A direct assignment"))))
        if "role_arn" in facts:
            rows.append((_("Role"), facts["role_arn"]))
        return rows


def principal_fields(facts: Facts, case: Case) -> dict[str, object]:
    """The columns of the principal that a passed finding names."""
    return {
        "account": case.revision.account,
        "permission_set": facts["permission_set"],
        "session_name": facts["session_name"],
        "found_via": facts["via_group"],
        "is_chosen": True,
        "seen_at": timezone.now(),
    }
