"""The catalogue of errors, denials by a role's own policies, in IAM's words, and by a policy that nobody names.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from onboarding.checks.base import Paste, Remedy
from onboarding.checks.errors.entries import EXEMPTION, ROLE, STATEMENT, Entry, Sign
from onboarding.enums import Actor, Layer

_MODEL = r"arn:[^:]+:bedrock:[^:]*::foundation-model/.+"
_PROFILE = r"arn:[^:]+:bedrock:[^:]+:[0-9]+:(application-)?inference-profile/.+"

_ADD_TO_ROLE = _("An admin adds this statement to your role's policy.")
_WIDEN_ROLE = (
    Remedy(_ADD_TO_ROLE, _("Add this statement to the policy of %(who)s."), pastes=(STATEMENT,), link=ROLE),
    Remedy(_ADD_TO_ROLE, _("Add this statement to the role's policy."), pastes=(STATEMENT,), link=ROLE),
)
_WIDEN_ROLE_FOR_MODEL = (
    Remedy(
        _ADD_TO_ROLE,
        _("Add this statement to the role's policy: it allows the model only through %(through)s."),
        pastes=(STATEMENT,),
        link=ROLE,
    ),
    Remedy(
        _ADD_TO_ROLE,
        _("Add this statement for %(allowed)s to the role's policy.%(caveat)s"),
        pastes=(STATEMENT,),
        link=ROLE,
    ),
    Remedy(
        _("An admin looks what your role lacks, and allows it in the role's policy."),
        _("Allow what the text names in the role's policy, if people need it."),
        link=ROLE,
    ),
)
DENIALS: tuple[Entry, ...] = (
    Entry(
        "identity-policy-model",
        Layer.IDENTITY_POLICY,
        signs=(Sign("because no identity-based policy allows", resource=_MODEL),),
        titles=(_("Your role may not invoke %(model)s in %(where)s"), _("Your role may not invoke the model")),
        summaries=(
            _("The policy of %(who)s does not allow %(action)s on %(model_id)s in %(where)s."),
            _("Your role's policy does not allow %(action)s on %(model_id)s in %(where)s."),
            _("Your role's policy does not allow the model in the Region where it was to run."),
        ),
        remedies=_WIDEN_ROLE_FOR_MODEL,
        is_denial=True,
    ),
    Entry(
        "identity-policy-profile",
        Layer.IDENTITY_POLICY,
        signs=(Sign("because no identity-based policy allows", resource=_PROFILE),),
        titles=(_("Your role may not use %(model_id)s"), _("Your role may not use the inference profile")),
        summaries=(
            _("The policy of %(who)s does not allow %(action)s on the inference profile %(model_id)s."),
            _("Your role's policy does not allow %(action)s on the inference profile %(model_id)s."),
            _("Your role's policy does not allow the inference profile."),
        ),
        remedies=_WIDEN_ROLE,
        is_denial=True,
    ),
    Entry(
        "identity-policy",
        Layer.IDENTITY_POLICY,
        signs=(Sign("because no identity-based policy allows"),),
        titles=(_("Your role may not call %(action)s"), _("Your role lacks a permission")),
        summaries=(
            _("The policy of %(who)s does not allow %(action)s."),
            _("Your role's policy does not allow %(action)s."),
            _("Your role's policy does not allow the request."),
        ),
        remedies=(
            Remedy(
                _("An admin looks whether your role needs %(action)s, and allows it in the role's policy."),
                _("Allow %(action)s in the role's policy, if people need it."),
                pastes=(STATEMENT,),
                link=ROLE,
            ),
            Remedy(
                _("An admin looks what your role lacks, and allows it in the role's policy."),
                _("Allow what the text names in the role's policy, if people need it."),
                link=ROLE,
            ),
        ),
        is_denial=True,
    ),
    Entry(
        "identity-policy-deny",
        Layer.IDENTITY_POLICY,
        signs=(Sign("with an explicit deny in an identity-based policy"),),
        titles=(_("Your role's policy denies %(action)s"), _("Your role's policy denies the request")),
        summaries=(
            _("The policy of %(who)s explicitly denies %(action)s, whatever else allows it."),
            _("A policy of your role explicitly denies the request, whatever else allows it."),
        ),
        remedies=(
            Remedy(
                _("An admin narrows the deny in your role's policy, or exempts your inference profile from it."),
                _("Narrow the deny in the role's policy, or exempt %(exempted)s from it by this condition."),
                pastes=(EXEMPTION,),
                link=ROLE,
            ),
            Remedy(
                _("An admin narrows the deny in your role's policy."),
                _("Narrow the deny in the role's policy."),
                link=ROLE,
            ),
        ),
        is_denial=True,
    ),
    Entry(
        "permissions-boundary",
        Layer.PERMISSIONS_BOUNDARY,
        signs=(Sign("because no permissions boundary allows"),),
        titles=(_("A permissions boundary denies %(action)s"), _("A permissions boundary denies the request")),
        summaries=(
            _("The permissions boundary of %(who)s does not allow %(action)s, so no policy of the role can."),
            _("The permissions boundary of your role does not allow the request, so no policy of the role can."),
        ),
        remedies=(
            Remedy(
                _("An admin adds what is missing to the permissions boundary of your role."),
                _("Add this statement for %(allowed)s to the role's boundary policy.%(caveat)s"),
                pastes=(Paste(_("Statement the boundary lacks"), "policy.json", STATEMENT.make),),
                link=ROLE,
            ),
            Remedy(
                _("An admin adds what is missing to the permissions boundary of your role."),
                _("Add what is missing to the role's boundary policy."),
                link=ROLE,
            ),
        ),
        is_denial=True,
    ),
    Entry(
        "permissions-boundary-deny",
        Layer.PERMISSIONS_BOUNDARY,
        signs=(Sign("with an explicit deny in a permissions boundary"),),
        titles=(_("A permissions boundary denies %(action)s"), _("A permissions boundary denies the request")),
        summaries=(
            _("The permissions boundary of %(who)s explicitly denies %(action)s."),
            _("The permissions boundary of your role explicitly denies the request."),
        ),
        remedies=(
            Remedy(
                _("An admin narrows the deny in the boundary policy, or exempts your inference profile from it."),
                _("Narrow the deny in the boundary policy, or exempt %(exempted)s from it by this condition."),
                pastes=(EXEMPTION,),
                link=ROLE,
            ),
            Remedy(
                _("An admin narrows the deny in the boundary policy of your role."),
                _("Narrow the deny in the role's boundary policy."),
                link=ROLE,
            ),
        ),
        is_denial=True,
    ),
    Entry(
        "session-policy",
        Layer.SESSION_POLICY,
        signs=(Sign("because no session policy allows"),),
        titles=(_("Your session is limited by a session policy"),),
        summaries=(
            _("Your session was opened with a policy of its own, and that does not allow %(action)s."),
            _("Your session was opened with a policy of its own, and that does not allow the request."),
        ),
        remedies=(
            Remedy(
                _("An admin changes what opens your session. Credentials of your profile itself may work."),
                _(
                    "Add this statement for %(allowed)s to the session policy that is passed when the role is "
                    "assumed.%(caveat)s"
                ),
                pastes=(STATEMENT,),
            ),
            Remedy(
                _("An admin changes what opens your session. Credentials of your profile itself may work."),
                _("Widen the session policy that is passed when the role is assumed."),
            ),
        ),
        is_denial=True,
    ),
    Entry(
        "session-policy-deny",
        Layer.SESSION_POLICY,
        signs=(Sign("with an explicit deny in a session policy"),),
        titles=(_("Your session is limited by a session policy"),),
        summaries=(
            _("Your session was opened with a policy of its own, which explicitly denies %(action)s."),
            _("Your session was opened with a policy of its own, which explicitly denies the request."),
        ),
        remedies=(
            Remedy(
                _("An admin changes what opens your session. Credentials of your profile itself may work."),
                _("Narrow the deny in the session policy that is passed when the role is assumed."),
            ),
        ),
        is_denial=True,
    ),
    Entry(
        "trust-policy",
        None,
        signs=(
            Sign("because no (role trust|resource-based) policy allows"),
            Sign("with an explicit deny in (the|a) (role trust|resource-based) policy"),
        ),
        titles=(_("The resource's own policy denies %(action)s"), _("The resource's own policy denies the request")),
        summaries=(
            _("The policy of what was asked for, such as a role's trust policy, does not let %(who)s in."),
            _("The policy of what was asked for, such as a role's trust policy, does not let you in."),
        ),
        remedies=(
            Remedy(
                _("An admin lets your identity in, or your profile names the role that was meant for you."),
                _("Look whether the trust policy of the role names this principal, and whether it is the right role."),
            ),
        ),
        is_denial=True,
    ),
    Entry(
        "denied",
        None,
        signs=(Sign("is not authorized to perform :? [a-z0-9-]+ : [a-z]+"),),
        titles=(_("AWS denies %(action)s, and does not say which policy does"), _("AWS denies the request")),
        summaries=(
            _("AWS does not let %(who)s call %(action)s, and names no policy that decided."),
            _("AWS denies the request, and names no policy that decided."),
        ),
        remedies=(
            Remedy(
                _("Verify again in Onramp: it asks which layer denies, and names who can change that."),
                _("Look for the denial in CloudTrail, and simulate the action for this role."),
                actor=Actor.ADMIN,
                link=ROLE,
            ),
        ),
        is_denial=True,
    ),
)
