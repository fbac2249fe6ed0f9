"""What the pretend company consists of, as frozen records; scenario.py reads them from a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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
    """Where Bedrock writes its invocation logs: a bucket, a log group, or both; `bodies`: what people write, too."""

    s3_bucket: str = ""
    prefix: str = ""  # of the bucket's keys, without a slash at its end
    log_group: str = ""
    bodies: bool = False


@dataclass(frozen=True, slots=True)
class CostReport:
    """An account's CUR 2.0 export, under `s3://bucket/prefix/name`; `format` is "parquet" or "csv"."""

    bucket: str
    prefix: str
    name: str
    format: str = "parquet"


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
    default: the quotas of `Quota`, the mode "default", no logging, no application profiles. `price_multiplier` is
    what the account pays of a list price, `cost_tag` the key under which Cost Explorer knows its principals' tag, and
    `pays_for` are accounts that are on its bill.
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
    price_multiplier: float = 1
    cost_tag: str = ""
    cost_report: CostReport | None = None
    pays_for: tuple[str, ...] = ()
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
class Habit:
    """How somebody, or something, uses Claude: who they are to AWS, and what they ask for on an ordinary workday.

    Exactly one of `permission_set`, `role` and `user` is given; the first two need the name of the `session`. `models`
    weighs what requests name, spelled as they spell it. `owner` is the value of the tag that costs are grouped by.
    """

    account: str
    region: str
    requests: int
    models: Mapping[str, int]
    permission_set: str = ""
    role: str = ""
    user: str = ""
    session: str = ""
    owner: str = ""
    until_days_ago: int = 0
    long_prompt_days_ago: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Incident:
    """Something odd with the logs of a Region, on the last workday that is this many days ago or more.

    kind: logging-off (nothing of the day is logged), duplicated (the file of `hour` is there twice), late (half of
    the hour's requests are delivered today, into the hour's folder), misplaced (they are delivered six hours later,
    into the folder of that hour).
    """

    kind: str
    account: str
    region: str
    days_ago: int
    hour: int = 0


@dataclass(frozen=True, slots=True)
class UnlistedModel:
    """A model that AWS charges for though no price list has it; USD per million tokens, by token class."""

    id: str
    name: str
    usd_per_million: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Usage:
    """What was used in the `days` until now; the last `billing_lag_days` of them are not on the bill yet."""

    days: int
    billing_lag_days: int
    habits: tuple[Habit, ...]
    incidents: tuple[Incident, ...] = ()
    unlisted_models: tuple[UnlistedModel, ...] = ()


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
    usage: Usage | None = None
    simulate_layout: str = "new"

    def account(self, account_id: str) -> Account | None:
        return next((account for account in self.accounts if account.id == account_id), None)
