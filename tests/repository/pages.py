"""What tests that walk all URLs share: which there are, a company in which each leads somewhere, and a fault."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from onboarding.enrolments import issue_codes
from onboarding.enums import CodePurpose, Outcome, Platform, Role
from onboarding.models import AdminRequest, Caller, Person, User
from onboarding.requests import ask_for_budget
from tests.factories import (
    make_answer,
    make_caller,
    make_finding,
    make_person,
    make_ready_person,
    make_usage,
    make_verification,
)

# Django's admin asks for its own permission in every view.
ADMIN_SITE = "django-admin/"


@dataclass(frozen=True)
class Page:
    """A URL of the product: its name, and how it is written with its parameters."""

    name: str
    path: str
    entry: URLPattern

    @property
    def rule(self) -> str:
        return getattr(self.entry.callback, "rule", "")

    def url(self, arguments: Mapping[str, Any]) -> str:
        """With what stands in for its parameters; `name.parameter` counts before `parameter`."""
        path = self.path
        for parameter in self.entry.pattern.converters:
            value = arguments.get(f"{self.name}.{parameter}", arguments.get(parameter))
            assert value is not None, f"nothing stands in for {parameter} of {self.name}: see `stand_ins`"
            path = _put(path, parameter, str(value))
        return f"/{path}"


def _put(path: str, parameter: str, value: str) -> str:
    before, _bracket, rest = path.partition(f"{parameter}>")
    return before.rpartition("<")[0] + value + rest


def pages() -> list[Page]:
    """Every URL but those of Django's admin."""
    found = _patterns(get_resolver())
    return [Page(entry.name or path, path, entry) for path, entry in found if not path.startswith(ADMIN_SITE)]


def admin_paths() -> list[str]:
    return [path for path, _entry in _patterns(get_resolver()) if path.startswith(ADMIN_SITE)]


def _patterns(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _patterns(entry, path)
        else:
            yield path, entry


# --- The company


@dataclass(frozen=True)
class Company:
    """Ana, who is ready and blocked from one model; an auditor and an admin of her team; somebody deactivated; and
    what URLs lead to. `codes` are one-time codes of Ana's."""

    people: Mapping[str, Person]
    codes: Mapping[CodePurpose, str]
    finding: int
    caller: Caller
    claimed: Caller
    request: AdminRequest

    def stand_ins(self) -> dict[str, Any]:
        """What stands in for parameters of URLs."""
        ana = self.people["person"]
        assert ana.team is not None
        return {
            "slug": "platform",
            "provider_id": "corp",
            "script.name": "onramp.sh",
            "caller-claim.pk": self.caller.pk,
            "caller-release.pk": self.claimed.pk,
            "budget-team.pk": ana.team.pk,
            "budget-person.pk": ana.pk,
            "request-close.pk": self.request.pk,
        }

    def client(self, role: str) -> Client:
        """A browser of whoever has this role; nobody's for "anonymous" and for machines."""
        client = Client(raise_request_exception=False)
        person = self.people.get(role)
        if person is not None:
            assert person.user is not None
            client.force_login(person.user)
        return client


def make_company() -> Company:
    ana = make_ready_person()
    verification = ana.verifications.get()
    finding = make_finding("model-access", outcome=Outcome.FAILED, reason="no-agreement")
    make_answer(verification, finding)
    people = {"person": ana}
    for role in (Role.AUDITOR, Role.ADMIN):
        people[role.value] = make_person(f"{role}@acme.example", role=role, team=ana.team)
        make_verification(people[role.value], verification.revision)
    people["deactivated"] = make_person("left@acme.example", role=Role.ADMIN, is_active=False)
    # As their sign-in left them, while they were admins.
    User.objects.filter(person__role=Role.ADMIN).update(is_staff=True, is_superuser=True)
    caller, claimed = make_caller(), make_caller(person=ana)
    make_usage(day=dt.date(2026, 11, 10), caller=caller)
    Caller.objects.filter(pk=claimed.pk).update(claimed_by="admin@acme.example")
    request = ask_for_budget(person=make_person("cy@acme.example"), note="")
    codes = issue_codes(person=ana, purposes=list(CodePurpose), platform=Platform.LINUX, language="en")
    return Company(people, codes, finding.pk, caller, claimed, request)


# --- Faults


class _Failure(Exception):
    pass


@contextmanager
def failing_after_an_event() -> Iterator[None]:
    """As when the database goes away in that very moment: the event is written, and nothing comes after it."""

    def fail(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        done = execute(sql, params, many, context)
        if sql.startswith('INSERT INTO "onboarding_auditevent"'):
            raise _Failure
        return done

    with connection.execute_wrapper(fail):
        yield
