"""While a database is migrated, the version before still runs on it: what the newest migration does must not break it.

The rule, for every migration from RULED on: nothing that the version before reads or writes goes away or is renamed, a
column that is new may be left out of an INSERT, and one that is there takes at least what it took. What is not needed
any more goes a version later. And for every one from QUIET on: nobody waits for an index on a table that grows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import pytest
from django.apps.registry import Apps
from django.db import connection, models
from django.db.migrations import operations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.test.utils import CaptureQueriesContext

from onboarding.migrations._concurrently import AddIndexConcurrently

if TYPE_CHECKING:
    Field = models.Field[object, object]

APP = "onboarding"
# The first that has a version before it which anybody may run.
RULED = 11
# The first whose indexes on tables that grow are made while others write.
QUIET = 14
GROWING = {"auditevent", "usageentry", "verification", "verificationfinding", "finding"}
# Migrations whose code or SQL somebody has judged: no test can. Name -> why the version before does not notice it.
JUDGED = {"0016_where_reading_began": "It fills no column but the one that it adds."}
# What the version before does not notice.
_UNNOTICED = (
    operations.AddIndex,
    operations.AlterModelOptions,
    operations.AlterModelManagers,
    operations.RemoveConstraint,
    operations.RemoveIndex,
    operations.RenameIndex,
)
# Types of columns, and those that take as much and give it back alike.
_WIDER = {
    "CharField": {"TextField"},
    "SmallIntegerField": {"IntegerField", "BigIntegerField"},
    "IntegerField": {"BigIntegerField"},
    "PositiveSmallIntegerField": {
        "PositiveIntegerField",
        "PositiveBigIntegerField",
        "IntegerField",
        "BigIntegerField",
    },
    "PositiveIntegerField": {"PositiveBigIntegerField", "BigIntegerField"},
    "PositiveBigIntegerField": {"BigIntegerField"},
}


def objections(
    migration: Sequence[Operation], before: ProjectState, *, is_judged: bool = False, is_quiet: bool = True
) -> Iterator[str]:
    """Why the version before could not run with what a migration makes of `before`, or not while it does."""
    new = {operation.name_lower for operation in migration if isinstance(operation, operations.CreateModel)}
    for operation in migration:
        model = getattr(operation, "model_name_lower", None)
        if isinstance(operation, operations.SeparateDatabaseAndState):
            yield from objections(operation.database_operations, before, is_judged=is_judged, is_quiet=is_quiet)
        elif isinstance(operation, operations.CreateModel) or model in new:
            continue
        elif isinstance(operation, operations.RunPython | operations.RunSQL):
            if not is_judged:
                yield f"{operation.describe()}: nobody has said in JUDGED why the version before does not notice"
        elif not _is_unnoticed(operation, before):
            yield f"{operation.describe()}: the version before cannot work with it"
        elif is_quiet and model in GROWING and _makes_an_index(operation, before):
            yield f"{operation.describe()}: {model} is large, make the index concurrently"


def _is_unnoticed(operation: Operation, before: ProjectState) -> bool:
    if isinstance(operation, operations.AddField):
        return _may_be_left_out(operation.field)
    if isinstance(operation, operations.AlterField):
        was = before.models[APP, operation.model_name_lower].get_field(operation.name)
        return _takes_at_least(operation.field, was)
    return isinstance(operation, _UNNOTICED)


def _may_be_left_out(field: Field) -> bool:
    """Of an INSERT, and of the next one."""
    if isinstance(field, models.ManyToManyField | models.GeneratedField) or field.null:
        return True
    return field.has_db_default() and not field.unique


def _takes_at_least(field: Field, was: Field) -> bool:
    kind, kind_was = field.get_internal_type(), was.get_internal_type()
    return (
        (kind == kind_was or kind in _WIDER.get(kind_was, ()))
        and (_may_be_left_out(field) or not was.null)
        and (was.unique or not field.unique)
        and field.db_column == was.db_column
        and getattr(field, "related_model", None) == getattr(was, "related_model", None)
        and _length(field) >= _length(was)
        and _digits(field)[0] - _digits(field)[1] >= _digits(was)[0] - _digits(was)[1]
        # A column that keeps more decimals gives the version before some that it does not expect.
        and _digits(field)[1] == _digits(was)[1]
    )


def _length(field: Field) -> float:
    """Of TextField's, the database knows nothing."""
    return field.max_length if isinstance(field, models.CharField) and field.max_length else math.inf


def _digits(field: Field) -> tuple[int, int]:
    return (field.max_digits or 0, field.decimal_places or 0) if isinstance(field, models.DecimalField) else (0, 0)


def _makes_an_index(operation: Operation, before: ProjectState) -> bool:
    """In a way that keeps everybody who writes waiting."""
    if isinstance(operation, operations.AlterField):
        was = before.models[APP, operation.model_name_lower].get_field(operation.name)
        return _has_index(operation.field) and not _has_index(was)
    if isinstance(operation, operations.AddField):
        return _has_index(operation.field)
    return isinstance(operation, operations.AddIndex) and not isinstance(operation, AddIndexConcurrently)


def _has_index(field: Field) -> bool:
    return field.unique or bool(getattr(field, "db_index", False))


def test_migrations_leave_the_version_before_in_working_order() -> None:
    loader = MigrationLoader(None)
    found: list[str] = []
    for (app, name), migration in sorted(loader.disk_migrations.items()):
        number = int(name.partition("_")[0]) if app == APP else 0
        if number >= RULED:
            before = loader.project_state((app, name), at_end=False)
            found += objections(migration.operations, before, is_judged=name in JUDGED, is_quiet=number >= QUIET)

    assert found == []
    assert {(APP, name) for name in JUDGED} <= set(loader.disk_migrations)


@pytest.mark.parametrize(
    ("operation", "is_refused"),
    [
        (operations.AddField("person", "nickname", models.CharField(max_length=10, default="")), True),
        (operations.AddField("person", "nickname", models.CharField(max_length=10, db_default="")), False),
        (operations.AddField("person", "nickname", models.CharField(max_length=10, null=True)), False),
        (operations.AlterField("sweep", "published_at", models.DateTimeField()), True),
        (operations.AddField("person", "nickname", models.CharField(max_length=9, db_default="", unique=True)), True),
        (operations.AlterField("person", "language", models.CharField(max_length=20)), False),
        (operations.AlterField("person", "language", models.TextField()), False),
        (operations.AlterField("person", "language", models.CharField(max_length=1)), True),
        (operations.AlterField("person", "language", models.CharField(max_length=20, unique=True)), True),
        (operations.AlterField("person", "language", models.CharField(max_length=20, db_column="tongue")), True),
        (operations.AlterField("person", "language", models.IntegerField()), True),
        (operations.AlterField("sweep", "fence", models.PositiveBigIntegerField()), False),
        (operations.AlterField("sweep", "fence", models.PositiveSmallIntegerField()), True),
        (operations.AlterField("ratebucket", "full_at", models.IntegerField()), True),
        (
            operations.AlterField("price", "usd_per_million", models.DecimalField(max_digits=14, decimal_places=6)),
            False,
        ),
        (operations.AlterField("price", "usd_per_million", models.DecimalField(max_digits=8, decimal_places=6)), True),
        (
            operations.AlterField("person", "team", models.ForeignKey("onboarding.Plan", models.SET_NULL, null=True)),
            True,
        ),
        (operations.RunSQL("ALTER TABLE onboarding_person DROP COLUMN language"), True),
        (operations.RunPython(operations.RunPython.noop), True),
        (operations.AddIndex("auditevent", models.Index(fields=["actor"], name="x")), True),
        (AddIndexConcurrently("auditevent", models.Index(fields=["actor"], name="x")), False),
        (operations.AlterField("finding", "outcome", models.CharField(max_length=10, db_index=True)), True),
        (operations.RemoveField("person", "language"), True),
        (operations.RenameField("person", "language", "tongue"), True),
        (operations.DeleteModel("Person"), True),
        (operations.AddIndex("person", models.Index(fields=["email"], name="x")), False),
        (operations.AddConstraint("person", models.CheckConstraint(condition=models.Q(pk__gt=0), name="x")), True),
    ],
)
def test_the_rule_tells_what_breaks(operation: Operation, is_refused: bool) -> None:
    loader = MigrationLoader(None)
    assert bool(list(objections([operation], loader.project_state()))) == is_refused


def test_code_that_somebody_judged_is_let_through() -> None:
    before = MigrationLoader(None).project_state()
    sql = operations.RunSQL("ANALYZE")

    assert list(objections([sql], before, is_judged=True)) == []


@pytest.mark.django_db(transaction=True)
def test_an_index_is_made_while_others_write() -> None:
    before = MigrationLoader(None).project_state()
    make = AddIndexConcurrently("auditevent", models.Index(fields=["actor"], name="for_a_moment"))
    after = before.clone()
    make.state_forwards(APP, after)

    with CaptureQueriesContext(connection) as queries:
        for deed in (
            partial(make.database_forwards, from_state=before, to_state=after),
            partial(make.database_backwards, from_state=after, to_state=before),
        ):
            with connection.schema_editor(atomic=False) as editor:
                deed(APP, editor)

    said = [query["sql"] for query in queries if " INDEX " in query["sql"] and "for_a_moment" in query["sql"]]
    assert [sql.split()[0] for sql in said] == ["CREATE", "DROP"]
    assert all(("CONCURRENTLY" in sql) == (connection.vendor == "postgresql") for sql in said)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite makes an index whole or not at all")
def test_an_index_that_was_broken_off_is_made_anew() -> None:
    before = MigrationLoader(None).project_state()
    make = AddIndexConcurrently("auditevent", models.Index(fields=["actor"], name="broken_off"))
    after = before.clone()
    make.state_forwards(APP, after)
    with connection.cursor() as cursor:
        cursor.execute("CREATE INDEX broken_off ON onboarding_auditevent (target)")
        cursor.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken_off'::regclass")

    with connection.schema_editor(atomic=False) as editor:
        make.database_forwards(APP, editor, before, after)

    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, "onboarding_auditevent")
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = 'broken_off'::regclass")
        assert (constraints["broken_off"]["columns"], cursor.fetchone()) == (["actor"], (True,))
    with connection.schema_editor(atomic=False) as editor:
        make.database_backwards(APP, editor, after, before)


def _before_the_last() -> tuple[Apps, str]:
    loader = MigrationLoader(None)
    (leaf,) = loader.graph.leaf_nodes(APP)
    (before,) = (key for key in loader.graph.node_map[leaf].parents if key.key[0] == APP)
    return loader.project_state(before.key).apps, leaf[1]


@pytest.mark.django_db
def test_the_version_before_the_last_migration_writes_its_rows_into_todays_tables() -> None:
    """Everything that stands between a person and a notification, through the models as they were."""
    apps, newest = _before_the_last()

    def add(model: str, **values: object) -> models.Model:
        row: models.Model = apps.get_model(APP, model).objects.create(**values)
        return row

    account = add("Account", account_id="111122223333", name="prod")
    plan = add("Plan", slug="platform", name="Platform")
    revision = add(
        "PlanRevision",
        plan=plan,
        number=1,
        is_current=True,
        account=account,
        region="eu-west-1",
        default_tier="haiku",
        identity_source="iam-user",
        credential_method="access-keys",
        haiku="eu.anthropic.claude-haiku-4-5-20251001-v1:0",
    )
    team = add("Team", name="Platform", group="platform", plan=plan)
    person = add("Person", email="ana.nunez@acme.example", team=team)
    add("Verification", person=person, revision=revision, trigger="sign-in")
    add("Sweep", trigger="nightly")
    add("Notification", kind="access-ready", person=person, revision=revision)
    add("AuditEvent", actor="schedule", action="sweep.opened", target="everybody")
    source = add("LogSource", account=account, region="eu-west-1")
    add("Ingestion", source=source, since="2026-11-26T00:00Z")

    assert apps.get_model(APP, "Person").objects.filter(verifications__revision=revision).count() == 1, newest
