"""Reads the scenario file, company.yaml, into frozen records; a mistake in it is one error that says where.

Shape of the file: the fields of `Company`, nested as the dataclasses; those without a default are required.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import yaml

DEFAULT = Path(__file__).with_name("company.yaml")

Document = Mapping[str, Any]  # an IAM policy document
T = TypeVar("T")


class CompanyError(ValueError):
    """The scenario file is wrong; the message names the place and what was expected."""


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
    id: str
    name: str


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
class Account:
    """An account of the organization; `regions` maps a Region to what Bedrock offers there."""

    id: str
    name: str
    portal_role: str
    use_case_form: bool
    regions: Mapping[str, tuple[ProfileGroup, ...]] = field(default_factory=dict)
    availability: Mapping[str, Availability] = field(default_factory=dict)
    zero_quota: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    service_control_policies: tuple[ServiceControlPolicy, ...] = ()


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
    """A person's user in Identity Center."""

    user_name: str
    email: str
    groups: tuple[str, ...] = ()


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
    simulate_layout: str = "new"

    def account(self, account_id: str) -> Account | None:
        return next((account for account in self.accounts if account.id == account_id), None)


FAULT_KINDS = frozenset({"throttle", "error", "denied", "slow", "hang"})
LAYOUTS = frozenset({"new", "old"})

Reader = Callable[[Any, str], Any]


def _plain(value: Any, where: str) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _list_of(read: Reader) -> Reader:
    def read_list(value: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise CompanyError(f"{where}: expected a list")
        return tuple(read(item, f"{where}[{n}]") for n, item in enumerate(value))

    return read_list


def _map_of(read: Reader) -> Reader:
    def read_map(value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise CompanyError(f"{where}: expected a mapping")
        return {str(key): read(item, f"{where}.{key}") for key, item in value.items()}

    return read_map


def _record(kind: type[T], raw: Any, where: str, **readers: Reader) -> T:
    """One dataclass from a mapping; `readers` turn the fields that are not plain values."""
    if not isinstance(raw, dict):
        raise CompanyError(f"{where}: expected a mapping, got {raw!r}")
    known = {item.name: item for item in fields(kind)}  # type: ignore[arg-type]  # every kind is a dataclass
    if unknown := sorted(set(raw) - set(known)):
        raise CompanyError(f"{where}: unknown: {', '.join(unknown)}")
    for name, item in known.items():
        if name not in raw and item.default is MISSING and item.default_factory is MISSING:
            raise CompanyError(f"{where}: {name} is missing")
        if name in raw and item.type == "str" and not isinstance(raw[name], str):
            raise CompanyError(f"{where}.{name}: expected text (in quotes), got {raw[name]!r}")
    values = {name: readers.get(name, _plain)(value, f"{where}.{name}") for name, value in raw.items()}
    return kind(**values)


def _reader(kind: type[T], **readers: Reader) -> Reader:
    return lambda raw, where: _record(kind, raw, where, **readers)


def _read_person(raw: Any, where: str) -> Person:
    if isinstance(raw, dict) and isinstance(directory := raw.get("directory"), dict):
        defaults = {"user_name": raw.get("email"), "email": raw.get("email")}
        raw = {**raw, "directory": {**defaults, **directory}}
    return _record(Person, raw, where, directory=_reader(DirectoryUser))


def _read_fault(raw: Any, where: str) -> Fault:
    fault = _record(Fault, raw, where)
    if fault.kind not in FAULT_KINDS:
        raise CompanyError(f"{where}.kind: expected one of {', '.join(sorted(FAULT_KINDS))}")
    return fault


def parse_faults(raw: Any) -> tuple[Fault, ...]:
    """A list of faults as in the scenario file, also as JSON from the control endpoint."""
    faults: tuple[Fault, ...] = _list_of(_read_fault)(raw, "faults")
    return faults


_read_account = _reader(
    Account,
    regions=_map_of(_list_of(_reader(ProfileGroup))),
    availability=_map_of(_reader(Availability)),
    zero_quota=_map_of(_plain),
    service_control_policies=_list_of(_reader(ServiceControlPolicy)),
)


def _read_company(raw: Any, where: str) -> Company:
    return _record(
        Company,
        raw,
        where,
        portal=_reader(Portal),
        identity_center=_reader(IdentityCenter),
        models=_list_of(_reader(Model)),
        accounts=_list_of(_read_account),
        permission_sets=_list_of(_reader(PermissionSet)),
        assignments=_list_of(_reader(Assignment)),
        people=_list_of(_read_person),
        faults=_list_of(_read_fault),
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


def _check(company: Company) -> None:
    if company.simulate_layout not in LAYOUTS:
        raise CompanyError(f"simulate_layout: expected one of {', '.join(sorted(LAYOUTS))}")
    _check_known("identity_center.account", {company.identity_center.account}, {item.id for item in company.accounts})
    models = {model.id for model in company.models}
    for account in company.accounts:
        offered = {model for groups in account.regions.values() for group in groups for model in group.models}
        refused = {model for row in account.zero_quota.values() for model in row}
        _check_known(f"models of account {account.id}", offered | refused | set(account.availability), models)
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
