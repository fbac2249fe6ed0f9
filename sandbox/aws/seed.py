"""Fills moto's backends with the scenario; identifiers are derived from names, so they outlive a reset."""

from __future__ import annotations

import hashlib
import json
from base64 import b32encode
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from moto.bedrock.models import bedrock_backends
from moto.core.base_backend import BackendDict
from moto.iam.models import iam_backends
from moto.identitystore.models import Group, Name, User, identitystore_backends
from moto.organizations.models import OrganizationsBackend, organizations_backends
from moto.ssoadmin.models import ssoadmin_backends

from sandbox.aws.directory import Directory
from sandbox.aws.names import digest, role_name
from sandbox.aws.principals import PORTAL_USER, SSO_PATH
from sandbox.company import (
    Account,
    Company,
    DirectoryUser,
    Document,
    FederatedRole,
    IamUser,
    InvocationLogging,
    PermissionSet,
    Person,
)

# Names that AWS itself gives, and the company's own.
SSO_INLINE_POLICY = "AwsSSOInlinePolicy"
INLINE_POLICY = "ClaudeCode"
OIDC_PROVIDER = "login.acme.example"


def permission_set_arn(company: Company, name: str) -> str:
    instance = company.identity_center.instance_arn.rpartition("/")[2]
    return f"arn:aws:sso:::permissionSet/{instance}/ps-{digest('permission set', name)}"


def _unique_id(prefix: str, *parts: str) -> str:
    """The id IAM gives an entity, which says of what kind it is: AROA, a role; AIDA, a user."""
    return prefix + b32encode(hashlib.sha256("/".join(parts).encode()).digest())[:17].decode()


def _trust(principal: Mapping[str, str], action: str, condition: Mapping[str, Any]) -> Document:
    """A statement of a trust policy."""
    return {"Effect": "Allow", "Principal": principal, "Action": action, "Condition": condition}


def _portal_trust(company: Company) -> Document:
    portal = company.portal
    condition = {"StringEquals": {"sts:ExternalId": portal.external_id}}
    return _trust({"AWS": f"arn:aws:iam::{portal.account}:root"}, "sts:AssumeRole", condition)


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _create_boundary(account: str, owner: str, document: Document | None) -> str | None:
    """The managed policy that is this role's or permission set's boundary: its ARN, or None without one."""
    if document is None:
        return None
    return iam_backends[account]["aws"].create_policy("", "/", json.dumps(document), f"{owner}Boundary", []).arn


def _create_role(
    account: str,
    name: str,
    trust: Sequence[Document],
    *,
    path: str = "/",
    boundary: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    """A role whose id is derived from its name."""
    iam = iam_backends[account]["aws"]
    role = iam.create_role(
        role_name=name,
        assume_role_policy_document=json.dumps({"Version": "2012-10-17", "Statement": list(trust)}),
        path=path,
        permissions_boundary=boundary,
        description="",
        tags=_tags(tags or {}),
        max_session_duration="3600",
    )
    del iam.roles[role.id]
    role.id = _unique_id("AROA", account, name)
    iam.roles[role.id] = role


def _seed_portal(company: Company) -> None:
    """The portal's own user and key, and in each account the role it assumes."""
    portal = company.portal
    iam = iam_backends[portal.account]["aws"]
    user = iam.create_user(region_name="us-east-1", user_name=PORTAL_USER)
    key = user.create_access_key(prefix="AKIA", status="Active")
    key.access_key_id, key.secret_access_key = portal.access_key_id, portal.secret_access_key
    iam.access_keys[key.access_key_id] = key
    for account in company.accounts:
        _create_role(account.id, account.portal_role, [_portal_trust(company)])


def _seed_federated_role(company: Company, account: str, role: FederatedRole) -> None:
    provider = {"Federated": f"arn:aws:iam::{account}:oidc-provider/{OIDC_PROVIDER}"}
    audience = {"StringEquals": {f"{OIDC_PROVIDER}:aud": "sts.amazonaws.com"}}
    trust = [_trust(provider, "sts:AssumeRoleWithWebIdentity", audience)]
    if role.trusts_portal:
        trust.append(_portal_trust(company))
    boundary = _create_boundary(account, role.name, role.boundary)
    _create_role(account, role.name, trust, path=role.path, boundary=boundary, tags=role.tags)
    iam_backends[account]["aws"].put_role_policy(role.name, INLINE_POLICY, json.dumps(role.policy))


def _seed_user(account: str, user: IamUser) -> None:
    iam = iam_backends[account]["aws"]
    iam.create_user("us-east-1", user.name, tags=_tags(user.tags)).id = _unique_id("AIDA", account, user.name)
    iam.put_user_policy(user.name, INLINE_POLICY, json.dumps(user.policy))


def _seed_logging(account: str, region: str, logging: InvocationLogging) -> None:
    """Counts only, unless the scenario says that what people write is delivered, too."""
    config: dict[str, Any] = {f"{kind}DataDeliveryEnabled": False for kind in ("image", "embedding")}
    config["textDataDeliveryEnabled"] = logging.bodies
    if logging.s3_bucket:
        config["s3Config"] = {"bucketName": logging.s3_bucket, "keyPrefix": logging.prefix}
    if logging.log_group:
        writer = f"arn:aws:iam::{account}:role/BedrockInvocationLogging"
        config["cloudWatchConfig"] = {"logGroupName": logging.log_group, "roleArn": writer}
    bedrock_backends[account][region].put_model_invocation_logging_configuration(config)


def _seed_account(company: Company, account: Account) -> None:
    for role in account.roles:
        _seed_federated_role(company, account.id, role)
    for user in account.users:
        _seed_user(account.id, user)
    for region, logging in account.invocation_logging.items():
        _seed_logging(account.id, region, logging)


def _provision(company: Company, account: str, permission_set: PermissionSet) -> None:
    """What Identity Center makes in an account for a permission set."""
    name = role_name(account, permission_set.name)
    provider = {"Federated": f"arn:aws:iam::{account}:saml-provider/AWSSSO_{digest(account)}_DO_NOT_DELETE"}
    audience = {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}}
    trust = [_trust(provider, "sts:AssumeRoleWithSAML", audience)]
    boundary = _create_boundary(account, permission_set.name, permission_set.boundary)
    _create_role(account, name, trust, path=f"{SSO_PATH}{company.region}/", boundary=boundary)
    iam_backends[account]["aws"].put_role_policy(name, SSO_INLINE_POLICY, json.dumps(permission_set.policy))


def _member_account(backend: OrganizationsBackend, account: Account) -> None:
    """moto gives accounts random ids: rename it to the scenario's."""
    backend.create_account(AccountName=account.name, Email=f"{account.name}@acme.example")
    member = backend.accounts[-1]
    owner = organizations_backends.master_accounts.pop(member.id)
    del iam_backends[member.id]  # where moto put the new account's administration role
    member.id = account.id
    organizations_backends.master_accounts[account.id] = owner
    for policy in account.service_control_policies:
        backend.create_policy(
            Name=policy.name,
            Description="",
            Type="SERVICE_CONTROL_POLICY",
            Content=json.dumps(policy.policy),
        )
        backend.attach_policy(PolicyId=backend.policies[-1].id, TargetId=account.id)


def _seed_organization(company: Company) -> None:
    management = company.identity_center.account
    backend = organizations_backends[management]["aws"]
    backend.create_organization(region=company.region, FeatureSet="ALL")
    backend.enable_policy_type(RootId=backend.ou[0].id, PolicyType="SERVICE_CONTROL_POLICY")
    for account in company.accounts:
        if account.id == management:
            backend.accounts[0].name = account.name
        else:
            _member_account(backend, account)


def user_id(user: DirectoryUser) -> str:
    return str(uuid5(NAMESPACE_URL, f"user/{user.user_name}"))


def group_id(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"group/{name}"))


def _store_user(store_id: str, person: Person, user: DirectoryUser) -> User:
    given, _, family = person.name.partition(" ")
    name = Name(person.name, family or given, given, None, None, None)
    emails: list[dict[str, Any]] = [{"Value": user.email, "Type": "work", "Primary": True}]
    return User(
        UserId=user_id(user),
        IdentityStoreId=store_id,
        UserName=user.user_name,
        Name=name,
        DisplayName=person.name,
        NickName="",
        ProfileUrl="",
        Emails=emails,
        Addresses=[],
        PhoneNumbers=[],
        UserType="",
        Title="",
        PreferredLanguage="",
        Locale="",
        Timezone="",
    )


def _seed_directory(company: Company) -> None:
    center = company.identity_center
    data = Directory()
    for person in company.people:
        if person.directory is None:
            continue
        member = user_id(person.directory)
        data.users[member] = _store_user(center.identity_store_id, person, person.directory)
        if not person.directory.active:
            data.disabled.add(member)
        for group in person.directory.groups:
            key = group_id(group)
            data.groups[key] = Group(key, group, [], "", center.identity_store_id)
            membership = str(uuid5(NAMESPACE_URL, f"{member}/{key}"))
            data.group_memberships[membership] = {
                "IdentityStoreId": center.identity_store_id,
                "MembershipId": membership,
                "GroupId": key,
                "MemberId": {"UserId": member},
            }
    identitystore_backends[center.account][company.region].identity_stores[center.identity_store_id] = data


def _seed_permission_sets(company: Company) -> None:
    center = company.identity_center
    backend = ssoadmin_backends[center.account][company.region]
    instance = backend.instances[0]
    instance.instance_arn, instance.identity_store_id = center.instance_arn, center.identity_store_id
    for item in company.permission_sets:
        backend.create_permission_set(item.name, item.description, center.instance_arn, "PT8H", "", [])
        row = backend.permission_sets[-1]
        row.permission_set_arn = permission_set_arn(company, item.name)
        row.inline_policy = json.dumps(item.policy)
        instance.provisioned_permission_sets.append(row)


def _seed_assignments(company: Company) -> None:
    center = company.identity_center
    backend = ssoadmin_backends[center.account][company.region]
    ids = {person.directory.user_name: user_id(person.directory) for person in company.people if person.directory}
    sets = {item.name: item for item in company.permission_sets}
    provisioned: set[tuple[str, str]] = set()
    for row in company.assignments:
        kind, principal = ("GROUP", group_id(row.group)) if row.group else ("USER", ids[row.user])
        arn = permission_set_arn(company, row.permission_set)
        backend.create_account_assignment(center.instance_arn, row.account, "AWS_ACCOUNT", arn, kind, principal)
        if (row.account, row.permission_set) not in provisioned:
            provisioned.add((row.account, row.permission_set))
            _provision(company, row.account, sets[row.permission_set])


def seed(company: Company) -> None:
    """Empty every backend of moto and fill those of the scenario."""
    BackendDict.reset()
    organizations_backends.master_accounts.clear()
    _seed_portal(company)
    for account in company.accounts:
        _seed_account(company, account)
    _seed_organization(company)
    _seed_directory(company)
    _seed_permission_sets(company)
    _seed_assignments(company)
