"""Audit events are append-only, whoever asks: the database itself says so."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from onboarding.models import AuditEvent
from onboarding.views.audit_filter import read_filter

SQL = "onboarding_auditevent"


def run(statement: str) -> Callable[[], object]:
    def execute() -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    return execute


CHANGES: dict[str, Callable[[], object]] = {
    "an update": lambda: AuditEvent.objects.update(actor="somebody else"),
    "a save": lambda: AuditEvent.objects.get().save(),
    "a deletion": lambda: AuditEvent.objects.get().delete(),
    "deletions together": lambda: AuditEvent.objects.all().delete(),
    "sql that changes": run(f"UPDATE {SQL} SET target = 'nothing'"),  # noqa: S608  # no value of anybody's
    "sql that deletes": run(f"DELETE FROM {SQL}"),  # noqa: S608  # as above
}


@pytest.mark.django_db
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_nothing_changes_or_deletes_an_event(change: Callable[[], object]) -> None:
    event = AuditEvent.objects.record(actor="ana@acme.example", action="bundle.made", target="ana@acme.example")

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        change()

    assert AuditEvent.objects.values().get(pk=event.pk)["actor"] == "ana@acme.example"


@pytest.mark.django_db
def test_postgresql_does_not_truncate_them_either() -> None:
    if connection.vendor != "postgresql":
        return  # SQLite knows no other way than DELETE
    AuditEvent.objects.record(actor="a", action="bundle.made", target="t")

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        run(f"TRUNCATE {SQL}")()

    assert AuditEvent.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("time", ["first", "second"])
def test_they_are_guarded_again_after_tables_were_emptied_between_tests(time: str) -> None:
    assert not AuditEvent.objects.exists()
    AuditEvent.objects.record(actor="a", action="bundle.made", target="t")

    with pytest.raises(IntegrityError, match="append-only"):
        AuditEvent.objects.all().delete()


@pytest.mark.django_db(transaction=True)
def test_the_migration_can_be_taken_back_and_made_again() -> None:
    call_command("migrate", "onboarding", "0009", verbosity=0)
    try:
        AuditEvent.objects.record(actor="a", action="bundle.made", target="t")
        assert AuditEvent.objects.update(actor="b") == 1
    finally:
        call_command("migrate", "onboarding", verbosity=0)

    with pytest.raises(IntegrityError, match="append-only"):
        AuditEvent.objects.update(actor="c")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("index", "wanted"),
    [
        ("audit_newest_first", {}),
        ("audit_of_actor", {"actor": "Ana@acme.example"}),
        ("audit_of_action", {"action": "bundle.made"}),
    ],
)
def test_an_index_serves_what_it_is_for(index: str, wanted: dict[str, str]) -> None:
    chosen, _ignored = read_filter(wanted)
    if connection.vendor == "postgresql":
        run("SET LOCAL enable_seqscan = off")()

    plan = chosen.events()[:50].explain()

    assert index in plan
    assert "sort" not in plan.lower()
    assert "TEMP B-TREE" not in plan
