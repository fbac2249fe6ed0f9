"""What tests that walk all URLs share: which there are, a company in which each leads somewhere, and a fault."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from allauth.usersessions.models import UserSession
from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from onboarding.enrolments import issue_codes
from onboarding.enums import ApiScope, CodePurpose, Outcome, Platform, Role, SettingsScope
from onboarding.models import AdminRequest, ApiToken, Caller, Person, PlanRevision, Team, User
from onboarding.requests import ask_for_budget
from onboarding.tokens import issue_token
from tests.factories import (
    make_answer,
    make_caller,
    make_finding,
    make_person,
    make_plan,
    make_principal,
    make_ready_person,
    make_revision,
    make_team,
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
    return [Page(_name(entry, path), path, entry) for path, entry in found if not path.startswith(ADMIN_SITE)]


def _name(entry: URLPattern, path: str) -> str:
    """The API's names are those of pages, in a namespace of their own."""
    return f"{'api-' if path.startswith('api/') else ''}{entry.name or path}"


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


# Whom no session and no verification is there of.
_ABOUT_A_NEWCOMER = ("person", "person-team", "person-deactivate", "person-view-as")


@dataclass(frozen=True)
class Company:
    """Ana, who is ready and blocked from one model; an auditor and an admin of her team; somebody deactivated, a
    newcomer without a team; and what URLs lead to. `codes` are one-time codes of Ana's, `session` one of hers."""

    people: Mapping[str, Person]
    codes: Mapping[CodePurpose, str]
    finding: int
    caller: Caller
    claimed: Caller
    request: AdminRequest
    session: UserSession
    empty_team: Team
    restorable: PlanRevision
    token: ApiToken

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
            "request-answer.pk": self.request.pk,
            "request-close.pk": self.request.pk,
            "session-end.pk": self.session.pk,
            "team.pk": ana.team.pk,
            "team-delete.pk": self.empty_team.pk,
            "person-bundle.pk": ana.pk,
            "person-verify.pk": ana.pk,
            "person-sessions-end.pk": ana.pk,
            "person-reactivate.pk": self.people["deactivated"].pk,
            **{f"{name}.pk": self.people["newcomer"].pk for name in _ABOUT_A_NEWCOMER},
            "plan-restore.slug": self.restorable.plan.slug,
            "plan-managed-bundle.slug": self.restorable.plan.slug,
            "number": self.restorable.number,
            "token-revoke.pk": self.token.pk,
            "id": ana.pk,
            "rest": "nothing",
            "scim-resource-type.name": "User",
            "scim-schema.name": "urn:ietf:params:scim:schemas:core:2.0:User",
            "scim-user.pk": uuid.UUID(int=1),
            "scim-group.pk": uuid.UUID(int=2),
            "organization_slug": "corp",
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
    people["newcomer"] = make_person("new@acme.example")
    people["deactivated"] = make_person("left@acme.example", role=Role.ADMIN, is_active=False)
    # As their sign-in left them, while they were admins.
    User.objects.filter(person__role=Role.ADMIN).update(is_staff=True, is_superuser=True)
    caller, claimed = make_caller(), make_caller(person=ana)
    make_usage(day=dt.date(2026, 11, 10), caller=caller)
    Caller.objects.filter(pk=claimed.pk).update(claimed_by="admin@acme.example")
    request = ask_for_budget(person=make_person("cy@acme.example"), note="")
    codes = issue_codes(person=ana, purposes=list(CodePurpose), platform=Platform.LINUX, language="en")
    return Company(
        people,
        codes,
        finding.pk,
        caller,
        claimed,
        request,
        _session(ana),
        _empty_team(),
        _restorable(),
        _token(people),
    )


def _session(person: Person) -> UserSession:
    """One more of theirs, as a sign-in leaves it."""
    assert person.user is not None
    client = Client()
    client.force_login(person.user)
    key = client.session.session_key
    return UserSession.objects.create(user=person.user, session_key=key, ip="127.0.0.1", user_agent="tests")


def _empty_team() -> Team:
    return Team.objects.create(name="Nobody's", group="claude-nobody")


def _restorable() -> PlanRevision:
    """The older revision of a plan for device management, whose people are ready for the newer one."""
    plan = make_plan("managed", "Managed")
    old = make_revision(plan=plan, settings_scope=SettingsScope.MANAGED)
    new = make_revision(plan=plan, settings_scope=SettingsScope.MANAGED, thinking_tokens=2048)
    team = make_team(plan, "claude-managed", "Managed")
    di = make_person("di@acme.example", team=team)
    make_verification(di, new, principal=make_principal(di, new.account))
    return old


def _token(people: Mapping[str, Person]) -> ApiToken:
    issue_token(owner=people["admin"], name="Report", scopes=[ApiScope.COSTS], holds=dt.timedelta(days=30))
    return ApiToken.objects.get()


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
