"""Reads the scenario file, company.yaml, into a company; a mistake in it is one error that says where.

Shape of the file: the fields of `Company`, nested as the dataclasses; those without a default are required.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from sandbox.company import (
    Account,
    ApplicationProfile,
    Assignment,
    Availability,
    Company,
    CostReport,
    DirectoryUser,
    Fault,
    FederatedRole,
    Habit,
    IamUser,
    IdentityCenter,
    Incident,
    InvocationLogging,
    Model,
    PermissionSet,
    Person,
    Portal,
    ProfileGroup,
    Quota,
    Rate,
    ServiceControlPolicy,
    UnlistedModel,
    Usage,
)
from sandbox.records import CompanyError, Reader, list_of, map_of, one_of, plain, reader, record, text

DEFAULT = Path(__file__).with_name("company.yaml")
FAULT_KINDS = frozenset({"throttle", "error", "denied", "slow", "hang"})
LAYOUTS = frozenset({"new", "old"})
# bedrock:GetAccountDataRetention's modes, and the two states of a model's lifecycle.
RETENTION_MODES = frozenset({"default", "none", "aws_review", "provider_data_share", "inherit"})
LIFECYCLES = frozenset({"ACTIVE", "LEGACY"})
INCIDENTS = frozenset({"logging-off", "duplicated", "late", "misplaced"})
REPORT_FORMATS = frozenset({"parquet", "csv"})
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


def _read_habit(raw: Any, where: str) -> Habit:
    habit: Habit = record(Habit, raw, where)
    if sum(map(bool, (habit.permission_set, habit.role, habit.user))) != 1 or bool(habit.session) == bool(habit.user):
        raise CompanyError(f"{where}: expected one of permission_set, role and user, and a session unless a user")
    return habit


_read_usage = reader(
    Usage,
    habits=list_of(_read_habit),
    incidents=list_of(reader(Incident, kind=one_of(INCIDENTS))),
    unlisted_models=list_of(reader(UnlistedModel, usd_per_million=map_of(text))),
)
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
    cost_report=reader(CostReport, format=one_of(REPORT_FORMATS)),
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
        usage=_read_usage,
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


def _check_usage(company: Company) -> None:
    habits, incidents = (company.usage.habits, company.usage.incidents) if company.usage else ((), ())
    accounts = {row.account for row in habits} | {row.account for row in incidents}
    _check_known("usage: account", accounts, {item.id for item in company.accounts})
    sets = {row.permission_set for row in habits}
    _check_known("usage.habits.permission_set", sets - {""}, {item.name for item in company.permission_sets})


def _check(company: Company) -> None:
    _check_known("identity_center.account", {company.identity_center.account}, {item.id for item in company.accounts})
    models = {model.id for model in company.models}
    for account in company.accounts:
        _check_account(account, models)
    _check_assignments(company)
    _check_usage(company)


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
