"""Two that change one person at once: the second waits, and then goes by what the first has left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal

import pytest
from django.db import connection, transaction
from pytest_django import Settings

from onboarding.enums import Role
from onboarding.models import Person, ProvisionedUser
from onboarding.people import Claims, shut_out, sync_from_claims
from onboarding.provisioning import UserData, save_group, save_user
from tests.factories import make_person, make_team

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time, and no row locks"),
]

ANA = "ana.nunez@acme.example"


@contextmanager
def held_until_somebody_waits(deed: Callable[[], object]) -> Iterator[None]:
    """What the block does is committed when `deed`, in a connection of its own, waits for it."""
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            yield
            doing = pool.submit(_in_own_connection, deed)
            _wait_for_a_lock(doing)
        doing.result(timeout=60)


def _in_own_connection(deed: Callable[[], object]) -> None:
    try:
        deed()
    finally:
        connection.close()


def _wait_for_a_lock(doing: Future[None]) -> None:
    until = time.monotonic() + 60
    while not doing.done():
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        assert time.monotonic() < until, "nobody waits for the row"
        time.sleep(0.01)


def test_a_role_lost_in_one_group_does_not_come_back_with_another(settings: Settings) -> None:
    settings.ONRAMP_ADMIN_GROUPS = frozenset({"onramp-admins"})
    team = make_team()
    make_person(ANA)
    ana = save_user(UserData(ANA, "", ANA, "Ana", is_active=True, document={"userName": ANA}))
    admins = save_group(display_name="onramp-admins", external_id="", members=[ana.pk])
    assert Person.objects.get().role == Role.ADMIN

    with held_until_somebody_waits(
        lambda: save_group(display_name=team.group, external_id="", members=[ProvisionedUser.objects.get().pk])
    ):
        save_group(display_name="onramp-admins", external_id="", members=[], row=admins)

    person = Person.objects.get()
    assert (person.team, person.role) == (team, Role.PERSON)


def test_a_sign_in_undoes_nothing_that_was_decided_meanwhile() -> None:
    ana = make_person(ANA)
    user = ana.user
    assert user is not None
    claims = Claims("1", ANA, "Ana", frozenset(), email_verified=True)

    with held_until_somebody_waits(lambda: sync_from_claims(user=user, claims=claims)):
        shut_out(ana, actor="tests", reason="gone")
        Person.objects.update(monthly_budget=7)

    ana.refresh_from_db()
    assert (ana.is_active, ana.monthly_budget, ana.name) == (False, Decimal(7), "Ana")
