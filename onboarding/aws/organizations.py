"""AWS Organizations: whether any service control policy limits anybody."""

from __future__ import annotations

from onboarding.aws.errors import AwsError, NoAnswer, mapped, refusals_expected
from onboarding.aws.session import Access, client

# The policy AWS attaches everywhere when service control policies are switched on; it limits nothing.
_FULL_ACCESS = "p-FullAWSAccess"


def has_service_control_policies(*, region: str, access: Access) -> bool | None:
    """Whether the organization has any that limits something; None when the portal may not look, or there is none.

    Asks in the account of the directory: the management account, or a delegated administrator, which may look only
    where the organization's resource policy lets it.
    """
    organizations = client("organizations", region=region, access=access)
    try:
        with refusals_expected(), mapped("organizations:ListPolicies"):
            pages = organizations.get_paginator("list_policies").paginate(Filter="SERVICE_CONTROL_POLICY")
            found = [policy["Id"] for page in pages for policy in page["Policies"]]
    except NoAnswer:
        raise
    except AwsError:
        return None
    return any(policy_id != _FULL_ACCESS for policy_id in found)
