"""Reads the scenario file, company.yaml, into frozen records; a mistake in it is one error that says where.

Shape of the file: the fields of `Company`, nested as the dataclasses; those without a default are required.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sandbox.records import CompanyError, Reader, list_of, map_of, one_of, plain, reader, record, text

DEFAULT = Path(__file__).with_name("company.yaml")

Document = Mapping[str, Any]  # an IAM policy document


@dataclass(frozen=True, slots=True)
class Portal:
    """Whose credentials the portal has, and the external id its roles ask for."""

    account: str
    access_key_id: str
    secret_access_key: str
    external_id: str


@dataclass(frozen=True, slots=True)
class IdentityCenter:
    account: str
    start_url: str
    instance_arn: str
    identity_store_id: str


@dataclass(frozen=True, slots=True)
class Model:
    """A foundation model; its two dates are counted in days from today, and the second may lie in the past."""

    id: str
    name: str
    status: str = "ACTIVE"  # or "LEGACY"
    legacy_days_ago: int | None = None
    end_of_life_in_days: int | None = None

    @property
    def has_ended(self) -> bool:
        return self.end_of_life_in_days is not None and self.end_of_life_in_days <= 0


@dataclass(frozen=True, slots=True)
class ProfileGroup:
    """Inference profiles `<geography>.<model>`; the destination "" is the Region-less ARN of a global one."""

    geography: str
    destinations: tuple[str, ...]
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Availability:
    """The answers of bedrock:GetFoundationModelAvailability for one model."""

    agreement: str = "AVAILABLE"
    entitlement: str = "AVAILABLE"


@dataclass(frozen=True, slots=True)
class ServiceControlPolicy:
    name: str
    policy: Document


@dataclass(frozen=True, slots=True)
class Quota:
    """What Bedrock lets an account use of one model in one Region."""

    tokens_per_minute: int = 2_000_000
    requests_per_minute: int = 1_000

    @property
    def lets_nothing_through(self) -> bool:
        return 0 in (self.tokens_per_minute, self.requests_per_minute)


@dataclass(frozen=True, slots=True)
class ApplicationProfile:
    """An application inference profile: a copy, with an id of its own, of the system profile `source`."""

    id: str  # 12 lower-case letters and digits
    name: str
    source: str


@dataclass(frozen=True, slots=True)
class InvocationLogging:
    """Where Bedrock writes its invocation logs: a bucket, a log group, or both."""

    s3_bucket: str = ""
    log_group: str = ""


@dataclass(frozen=True, slots=True)
class FederatedRole:
    """A role that people assume through the company's own OIDC provider; `trusts_portal`: the portal may, too."""

    name: str
    policy: Document
    path: str = "/"
    boundary: Document | None = None
    trusts_portal: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IamUser:
    name: str
    policy: Document
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the organization.

    `regions` maps a Region to what Bedrock offers there; `zero_quota`, `quotas`, `data_retention`,
    `invocation_logging` and `application_profiles` are by Region, too. A Region that is not in one of them has the
    default: the quotas of `Quota`, the mode "default", no logging, no application profiles.
    """

    id: str
    name: str
    portal_role: str
    use_case_form: bool
    regions: Mapping[str, tuple[ProfileGroup, ...]] = field(default_factory=dict)
    application_profiles: Mapping[str, tuple[ApplicationProfile, ...]] = field(default_factory=dict)
    availability: Mapping[str, Availability] = field(default_factory=dict)
    zero_quota: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    quotas: Mapping[str, Mapping[str, Quota]] = field(default_factory=dict)
    data_retention: Mapping[str, str] = field(default_factory=dict)
    invocation_logging: Mapping[str, InvocationLogging] = field(default_factory=dict)
    service_control_policies: tuple[ServiceControlPolicy, ...] = ()
    roles: tuple[FederatedRole, ...] = ()
    users: tuple[IamUser, ...] = ()

    def quota(self, region: str, model_id: str) -> Quota:
        if model_id in self.zero_quota.get(region, ()):
            return Quota(0, 0)
        return self.quotas.get(region, {}).get(model_id, Quota())


@dataclass(frozen=True, slots=True)
class PermissionSet:
    name: str
    policy: Document
    description: str = ""
    boundary: Document | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """A permission set in an account, for one directory group or one directory user (by user name)."""

    account: str
    permission_set: str
    group: str = ""
    user: str = ""


@dataclass(frozen=True, slots=True)
class DirectoryUser:
    """A person's user in Identity Center; one that is not active is disabled there."""

    user_name: str
    email: str
    groups: tuple[str, ...] = ()
    active: bool = True


@dataclass(frozen=True, slots=True)
class Person:
    """What the identity provider says of a person; `directory` is None when Identity Center knows none.

    `note` says what to expect of them, for whoever wonders whom to sign in as.
    """

    email: str
    name: str
    note: str = ""
    groups: tuple[str, ...] = ()
    directory: DirectoryUser | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong with an operation, e.g. `iam.SimulatePrincipalPolicy` or `bedrock.*`.

    kind: throttle, error (500), denied, slow (answers after `seconds`), hang (fails then, or never answers).
    when: request parameter to glob; all must match. `account`, `region` and `body` work as parameters, too.
    times: how often it strikes before it is over; None is for ever.
    """

    operation: str
    kind: str
    when: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0
    probability: float = 1
    times: int | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast an account may call these operations (globs, such as `iam.Simulate*`), all of them together.

    A bucket of `burst` calls that fills by `per_second`; whoever finds it empty is throttled.
    """

    operations: tuple[str, ...]
    per_second: float
    burst: float


@dataclass(frozen=True, slots=True)
class Company:
    """The whole scenario."""

    name: str
    region: str
    portal: Portal
    identity_center: IdentityCenter
    models: tuple[Model, ...]
    accounts: tuple[Account, ...]
    permission_sets: tuple[PermissionSet, ...]
    assignments: tuple[Assignment, ...]
    people: tuple[Person, ...]
    faults: tuple[Fault, ...] = ()
    rates: tuple[Rate, ...] = ()
    simulate_layout: str = "new"

    def account(self, account_id: str) -> Account | None:
        return next((account for account in self.accounts if account.id == account_id), None)


FAULT_KINDS = frozenset({"throttle", "error", "denied", "slow", "hang"})
LAYOUTS = frozenset({"new", "old"})
# bedrock:GetAccountDataRetention's modes, and the two states of a model's lifecycle.
RETENTION_MODES = frozenset({"default", "none", "aws_review", "provider_data_share", "inherit"})
LIFECYCLES = frozenset({"ACTIVE", "LEGACY"})
_APPLICATION_PROFILE_ID = re.compile(r"[a-z0-9]{12}")

read_layout = one_of(LAYOUTS)


def _read_person(raw: Any, where: str) -> Person:
    if isinstance(raw, dict) and isinstance(directory := raw.get("directory"), dict):
        defaults = {"user_name": raw.get("email"), "email": raw.get("email")}
        raw = {**raw, "directory": {**defaults, **directory}}
    return record(Person, raw, where, directory=reader(DirectoryUser))


def _read_rate(raw: Any, where: str) -> Rate:
    rate = record(Rate, raw, where, operations=list_of(text))
    if rate.per_second <= 0 or rate.burst < 1:
        raise CompanyError(f"{where}: expected per_second above 0 and burst of at least 1")
    return rate


def _read_application_profile(raw: Any, where: str) -> ApplicationProfile:
    profile = record(ApplicationProfile, raw, where)
    if not _APPLICATION_PROFILE_ID.fullmatch(profile.id):
        raise CompanyError(f"{where}.id: expected 12 lower-case letters and digits, got {profile.id!r}")
    return profile


_read_faults = list_of(reader(Fault, kind=one_of(FAULT_KINDS)))
_read_rates = list_of(_read_rate)


def parse_faults(raw: Any) -> tuple[Fault, ...]:
    """A list of faults as in the scenario file, also as JSON from the control endpoint."""
    faults: tuple[Fault, ...] = _read_faults(raw, "faults")
    return faults


def parse_rates(raw: Any) -> tuple[Rate, ...]:
    """A list of rates as in the scenario file, also as JSON from the control endpoint."""
    rates: tuple[Rate, ...] = _read_rates(raw, "rates")
    return rates


_TAGS: Mapping[str, Reader] = {"tags": map_of(text)}
_read_account = reader(
    Account,
    regions=map_of(list_of(reader(ProfileGroup))),
    application_profiles=map_of(list_of(_read_application_profile)),
    availability=map_of(reader(Availability)),
    zero_quota=map_of(plain),
    quotas=map_of(map_of(reader(Quota))),
    data_retention=map_of(one_of(RETENTION_MODES)),
    invocation_logging=map_of(reader(InvocationLogging)),
    service_control_policies=list_of(reader(ServiceControlPolicy)),
    roles=list_of(reader(FederatedRole, **_TAGS)),
    users=list_of(reader(IamUser, **_TAGS)),
)


def _read_company(raw: Any, where: str) -> Company:
    return record(
        Company,
        raw,
        where,
        portal=reader(Portal),
        identity_center=reader(IdentityCenter),
        models=list_of(reader(Model, status=one_of(LIFECYCLES))),
        accounts=list_of(_read_account),
        permission_sets=list_of(reader(PermissionSet)),
        assignments=list_of(reader(Assignment)),
        people=list_of(_read_person),
        faults=_read_faults,
        rates=_read_rates,
        simulate_layout=read_layout,
    )


def _check_known(what: str, used: set[str], known: set[str]) -> None:
    if unknown := sorted(used - known):
        raise CompanyError(f"{what}: not defined in the file: {', '.join(unknown)}")


def _check_assignments(company: Company) -> None:
    users = [person.directory for person in company.people if person.directory]
    groups = {group for user in users for group in user.groups}
    rows = company.assignments
    if any(bool(row.group) == bool(row.user) for row in rows):
        raise CompanyError("assignments: each needs exactly one of group and user")
    _check_known("assignments.account", {row.account for row in rows}, {item.id for item in company.accounts})
    names = {item.name for item in company.permission_sets}
    _check_known("assignments.permission_set", {row.permission_set for row in rows}, names)
    _check_known("assignments.user", {row.user for row in rows} - {""}, {user.user_name for user in users})
    _check_known("assignments.group", {row.group for row in rows} - {""}, groups)


def _check_account(account: Account, models: set[str]) -> None:
    offered = {model for groups in account.regions.values() for group in groups for model in group.models}
    limited = {model for row in (*account.zero_quota.values(), *account.quotas.values()) for model in row}
    _check_known(f"models of account {account.id}", offered | limited | set(account.availability), models)
    for region, profiles in account.application_profiles.items():
        known = {f"{group.geography}.{model}" for group in account.regions.get(region, ()) for model in group.models}
        sources = {profile.source for profile in profiles}
        _check_known(f"application_profiles of account {account.id} in {region}: source", sources, known)


def _check(company: Company) -> None:
    _check_known("identity_center.account", {company.identity_center.account}, {item.id for item in company.accounts})
    models = {model.id for model in company.models}
    for account in company.accounts:
        _check_account(account, models)
    _check_assignments(company)


def load_company(path: Path = DEFAULT) -> Company:
    """The scenario in `path`.

    Raises:
        CompanyError: the file is not YAML, or something in it is missing, unknown or of the wrong kind.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise CompanyError(f"{path}: not YAML: {error}") from error
    company = _read_company(raw, path.name)
    _check(company)
    return company
