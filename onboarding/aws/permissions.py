"""Every call the portal makes to AWS, the IAM action it needs, where, and what for: the one list of them.

A test holds it against the calls in this package, and another the operations guide against it. Actions are those of
the Service Authorization Reference, https://docs.aws.amazon.com/service-authorization/latest/reference/.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from onboarding import policies
from onboarding.aws.objects import folder
from onboarding.catalog import partition_of


class Place(Enum):
    """Whose permission it is, and so in which policy it belongs."""

    ACCOUNT = "account"  # the role in each account that plans use
    STORE = "store"  # the same, on the bucket or the log group that holds records
    DIRECTORY = "directory"  # the role where Identity Center is managed
    OWN = "own"  # the portal's own credentials
    PLAN = "plan"  # the role of people on a plan, where the plan has a live probe: no permission of the portal


@dataclass(frozen=True, slots=True)
class Permission:
    """An IAM action. `calls` are service and operation as botocore names them; none where AWS itself asks for it."""

    action: str
    place: Place
    purpose: str | Promise
    calls: tuple[tuple[str, str], ...]


def _needs(place: Place, service: str, operation: str, purpose: str | Promise, action: str = "") -> Permission:
    return Permission(action or f"{service}:{operation}", place, purpose, ((service, operation),))


_MODELS, _WHO = _("What the account offers"), _("What people's roles may do")
_COSTS, _LOGS = _("What was used and billed"), _("Bedrock's logs of what was used")
_PEOPLE, _ASSIGNED = _("Who people are in the directory"), _("Which permission sets reach them")

PERMISSIONS: tuple[Permission, ...] = (
    _needs(Place.OWN, "sts", "AssumeRole", _("Reaching the roles below, and those of plans with a live probe")),
    _needs(Place.ACCOUNT, "bedrock", "ListInferenceProfiles", _MODELS),
    _needs(Place.ACCOUNT, "bedrock", "GetInferenceProfile", _MODELS),
    _needs(Place.ACCOUNT, "bedrock", "ListFoundationModels", _MODELS),
    _needs(Place.ACCOUNT, "bedrock", "GetFoundationModelAvailability", _MODELS),
    _needs(Place.ACCOUNT, "bedrock", "GetUseCaseForModelAccess", _MODELS),
    _needs(Place.ACCOUNT, "bedrock", "GetAccountDataRetention", _MODELS),
    _needs(Place.ACCOUNT, "bedrock", "GetModelInvocationLoggingConfiguration", _("Where invocations are logged")),
    _needs(Place.ACCOUNT, "service-quotas", "ListServiceQuotas", _MODELS, "servicequotas:ListServiceQuotas"),
    _needs(Place.ACCOUNT, "iam", "GetAccountAuthorizationDetails", _WHO),
    _needs(Place.ACCOUNT, "iam", "GetContextKeysForPrincipalPolicy", _WHO),
    _needs(Place.ACCOUNT, "iam", "SimulatePrincipalPolicy", _WHO),
    _needs(Place.ACCOUNT, "cloudwatch", "ListMetrics", _COSTS),
    _needs(Place.ACCOUNT, "cloudwatch", "GetMetricData", _COSTS),
    _needs(Place.ACCOUNT, "ce", "GetCostAndUsage", _COSTS),
    _needs(Place.STORE, "s3", "ListObjectsV2", _LOGS, "s3:ListBucket"),
    _needs(Place.STORE, "s3", "GetObject", _LOGS),
    _needs(Place.STORE, "logs", "FilterLogEvents", _LOGS),
    Permission("kms:Decrypt", Place.STORE, _("Reading a bucket that has a key of KMS"), ()),
    _needs(Place.DIRECTORY, "sso-admin", "ListInstances", _ASSIGNED, "sso:ListInstances"),
    _needs(
        Place.DIRECTORY,
        "sso-admin",
        "ListPermissionSetsProvisionedToAccount",
        _ASSIGNED,
        "sso:ListPermissionSetsProvisionedToAccount",
    ),
    _needs(Place.DIRECTORY, "sso-admin", "DescribePermissionSet", _ASSIGNED, "sso:DescribePermissionSet"),
    _needs(Place.DIRECTORY, "sso-admin", "ListAccountAssignments", _ASSIGNED, "sso:ListAccountAssignments"),
    _needs(Place.DIRECTORY, "identitystore", "GetUserId", _PEOPLE),
    _needs(Place.DIRECTORY, "identitystore", "DescribeUser", _PEOPLE),
    _needs(Place.DIRECTORY, "identitystore", "IsMemberInGroups", _PEOPLE),
    _needs(Place.DIRECTORY, "identitystore", "DescribeGroup", _PEOPLE),
    _needs(Place.DIRECTORY, "identitystore", "ListUsers", _PEOPLE),
    _needs(Place.DIRECTORY, "identitystore", "ListGroupMemberships", _PEOPLE),
    _needs(
        Place.DIRECTORY, "organizations", "ListPolicies", _("Whether the organization has service control policies")
    ),
    _needs(Place.PLAN, "bedrock-runtime", "InvokeModel", _("The live probe of a plan"), "bedrock:InvokeModel"),
)
BY_ACTION = {permission.action: permission for permission in PERMISSIONS}


def account_policy(
    *, stores: Iterable[tuple[str, str]] = (), account_id: str = "", only: Collection[str] | None = None
) -> dict[str, Any]:
    """The policy of the portal's role in an account; `only` leaves out all actions but those.

    `stores` are a Region and what a log source's destination or an account's cost report says, `s3://bucket/prefix` or
    a log group's name; without any, the actions on them are left out.
    """
    statements = [_allow(_actions(Place.ACCOUNT, only), ["*"])]
    buckets, groups, regions = _resources(stores, account_id)
    wanted = _actions(Place.STORE, only)
    statements += [
        _allow(["s3:ListBucket"] if "s3:ListBucket" in wanted else [], sorted(buckets)),
        _allow(["s3:GetObject"] if "s3:GetObject" in wanted else [], [f"{arn}/*" for arn in sorted(buckets)]),
        _allow(["logs:FilterLogEvents"] if "logs:FilterLogEvents" in wanted else [], sorted(groups)),
    ]
    if buckets and "kms:Decrypt" in wanted:
        via = [f"s3.{region}.{_DNS[partition_of(region)]}" for region in sorted(regions)]
        condition = {"StringEquals": {"kms:ViaService": via}}
        statements.append({**_allow(["kms:Decrypt"], ["*"]), "Condition": condition})
    return policies.policy(row for row in statements if row["Action"] and row["Resource"])


def directory_policy(only: Collection[str] | None = None) -> dict[str, Any]:
    """The policy of the portal's role where Identity Center is managed."""
    return policies.policy([_allow(_actions(Place.DIRECTORY, only), ["*"])])


def own_policy(role_arns: Iterable[str]) -> dict[str, Any]:
    """The policy of the portal's own credentials, which reach nothing but those roles."""
    return policies.policy([_allow(["sts:AssumeRole"], sorted(set(role_arns)))])


_DNS = {"aws": "amazonaws.com", "aws-us-gov": "amazonaws.com", "aws-cn": "amazonaws.com.cn"}


def _actions(place: Place, only: Collection[str] | None) -> list[str]:
    return [row.action for row in PERMISSIONS if row.place is place and (only is None or row.action in only)]


def _allow(actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


def _resources(stores: Iterable[tuple[str, str]], account_id: str) -> tuple[set[str], set[str], set[str]]:
    """ARNs of buckets and of log groups, and the Regions of the buckets."""
    buckets, groups, regions = set(), set(), set()
    for region, place in stores:
        partition = partition_of(region)
        if place.startswith("s3://"):
            buckets.add(f"arn:{partition}:s3:::{folder(place).bucket}")
            regions.add(region)
        else:
            groups.add(f"arn:{partition}:logs:{region}:{account_id}:log-group:{place}:*")
    return buckets, groups, regions
