"""The catalogue of errors, denials by what stands around an account: the organization's policies, and the network's.

By IAM's own words, https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html; for global
inference https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from onboarding.checks.base import Paste, Remedy
from onboarding.checks.errors.entries import (
    ENDPOINTS,
    EXEMPTION,
    RCPS,
    SCPS,
    STATEMENT,
    Entry,
    Sign,
    allow_through_endpoint,
)
from onboarding.enums import Layer

_MODEL = r"arn:[^:]+:bedrock:[^:]*::foundation-model/.+"
_GLOBAL_MODEL = r"arn:[^:]+:bedrock:::foundation-model/.+"

_EXEMPT_SCP = (
    Remedy(
        _("An admin of the AWS organization exempts your inference profile from the policy that denies."),
        _("In the policy that denies it, add this condition to the deny statement: it lets %(through)s pass."),
        pastes=(EXEMPTION,),
        link=SCPS,
    ),
    Remedy(
        _("An admin of the AWS organization exempts your inference profile from the policy that denies."),
        _(
            "In the policy that denies it, add this condition to the deny statement. The text does not name the "
            "inference profile, so the condition lets every profile of this model pass: narrow it."
        ),
        pastes=(EXEMPTION,),
        link=SCPS,
    ),
)

OUTER_DENIALS: tuple[Entry, ...] = (
    Entry(
        "service-control-policy-global",
        Layer.SERVICE_CONTROL_POLICY,
        signs=(Sign("with an explicit deny in a service control policy", resource=_GLOBAL_MODEL),),
        titles=(_("A service control policy denies global inference"),),
        summaries=(
            _(
                "A global inference profile runs %(model_id)s in any Region: aws:RequestedRegion is then unspecified, "
                "and a service control policy forbids that."
            ),
            _("A global inference profile runs the model in any Region, and a service control policy forbids that."),
        ),
        remedies=(
            Remedy(
                _(
                    "An admin of the AWS organization exempts the global profile from the policy that denies, or the "
                    "plan gets a profile of one geography."
                ),
                _(
                    "Add this condition to the deny statement, or exempt unspecified from its list of Regions. Or put "
                    "a profile of one geography, such as us. or eu., into the plan."
                ),
                pastes=(EXEMPTION,),
                link=SCPS,
            ),
        ),
        is_denial=True,
    ),
    Entry(
        "service-control-policy-region",
        Layer.SERVICE_CONTROL_POLICY,
        signs=(Sign("with an explicit deny in a service control policy", resource=_MODEL),),
        titles=(_("A service control policy denies %(where)s"), _("A service control policy denies the Region")),
        summaries=(
            _("Bedrock was to run %(model_id)s in %(where)s, and a service control policy forbids it there."),
            _("Bedrock was to run the model in a Region where a service control policy forbids it."),
        ),
        remedies=_EXEMPT_SCP,
        is_denial=True,
    ),
    Entry(
        "service-control-policy",
        Layer.SERVICE_CONTROL_POLICY,
        signs=(Sign("with an explicit deny in a service control policy"),),
        titles=(_("A service control policy denies %(action)s"), _("A service control policy denies the request")),
        summaries=(
            _("A service control policy of your AWS organization explicitly denies %(action)s in this account."),
            _("A service control policy of your AWS organization explicitly denies the request."),
        ),
        remedies=(
            Remedy(
                _("An admin of the AWS organization narrows the deny in that policy."),
                _("Narrow the deny in the service control policy, or exempt this account or role from it."),
                link=SCPS,
            ),
        ),
        is_denial=True,
    ),
    Entry(
        "service-control-policy-missing",
        Layer.SERVICE_CONTROL_POLICY,
        signs=(Sign("because no service control policy allows"),),
        titles=(
            _("No service control policy allows %(action)s"),
            _("No service control policy allows the request"),
        ),
        summaries=(
            _("Your AWS organization allows this account only what its policies list, and %(action)s is not listed."),
            _("Your AWS organization allows this account only what its policies list, and the request is not listed."),
        ),
        remedies=(
            Remedy(
                _("An admin of the AWS organization adds it to a service control policy of the account."),
                _(
                    "Add this statement for %(allowed)s to a service control policy at every level above the "
                    "account.%(caveat)s"
                ),
                pastes=(STATEMENT,),
                link=SCPS,
            ),
            Remedy(
                _("An admin of the AWS organization adds it to a service control policy of the account."),
                _("Add what is missing to a service control policy at every level above the account."),
                link=SCPS,
            ),
        ),
        is_denial=True,
    ),
    Entry(
        "resource-control-policy",
        Layer.RESOURCE_CONTROL_POLICY,
        signs=(
            Sign("with an explicit deny in a resource control policy"),
            Sign("because no resource control policy allows"),
        ),
        titles=(_("A resource control policy denies %(action)s"), _("A resource control policy denies the request")),
        summaries=(
            _("A resource control policy of your AWS organization denies %(action)s on this resource."),
            _("A resource control policy of your AWS organization denies the request."),
        ),
        remedies=(
            Remedy(
                _("An admin of the AWS organization narrows the deny in that policy."),
                _("Narrow the deny in the resource control policy."),
                link=RCPS,
            ),
        ),
        is_denial=True,
    ),
    Entry(
        "vpc-endpoint-policy",
        Layer.VPC_ENDPOINT_POLICY,
        signs=(Sign("because no vpc endpoint policy allows"),),
        titles=(
            _("The policy of a VPC endpoint denies %(action)s"),
            _("The policy of a VPC endpoint denies the request"),
        ),
        summaries=(
            _("Your network leads to AWS through a VPC endpoint, whose policy does not allow %(action)s."),
            _("Your network leads to AWS through a VPC endpoint, whose policy does not allow the request."),
        ),
        remedies=(
            Remedy(
                _("An admin changes the endpoint's policy. Without the VPN your request may take another way."),
                _("Add this statement for %(allowed)s to the policy of the VPC endpoint.%(caveat)s"),
                pastes=(Paste(_("Statement the endpoint's policy lacks"), "policy.json", allow_through_endpoint),),
                link=ENDPOINTS,
            ),
            Remedy(
                _("An admin changes the endpoint's policy. Without the VPN your request may take another way."),
                _("Add what is missing to the policy of the VPC endpoint."),
                link=ENDPOINTS,
            ),
        ),
        is_denial=True,
    ),
    Entry(
        "vpc-endpoint-policy-deny",
        Layer.VPC_ENDPOINT_POLICY,
        signs=(Sign("with an explicit deny in a vpc endpoint policy"),),
        titles=(
            _("The policy of a VPC endpoint denies %(action)s"),
            _("The policy of a VPC endpoint denies the request"),
        ),
        summaries=(
            _("Your network leads to AWS through a VPC endpoint, whose policy explicitly denies %(action)s."),
            _("Your network leads to AWS through a VPC endpoint, whose policy explicitly denies the request."),
        ),
        remedies=(
            Remedy(
                _("An admin changes the endpoint's policy. Without the VPN your request may take another way."),
                _("Narrow the deny in the policy of the VPC endpoint."),
                link=ENDPOINTS,
            ),
        ),
        is_denial=True,
    ),
)
