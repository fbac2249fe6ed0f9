"""While a database is migrated, the version before still runs on it: what the newest migration does must not break it.

The rule, for every migration from RULED on: nothing that the version before reads or writes goes away or is renamed,
and a column that is new may be left out of an INSERT. What is not needed any more goes a version later.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from django.apps.registry import Apps
from django.db import models
from django.db.migrations import operations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

APP = "onboarding"
# The first that has a version before it which anybody may run.
RULED = 11
# What the version before does not notice. Code and SQL nobody can judge here.
_UNNOTICED = (
    operations.AddIndex,
    operations.AlterModelOptions,
    operations.AlterModelManagers,
    operations.RemoveConstraint,
    operations.RemoveIndex,
    operations.RenameIndex,
    operations.RunPython,
    operations.RunSQL,
)


def objections(migration: Sequence[Operation], before: ProjectState) -> Iterator[str]:
    """Why the version before could not run with what a migration makes of `before`."""
    new = {operation.name_lower for operation in migration if isinstance(operation, operations.CreateModel)}
    for operation in migration:
        if isinstance(operation, operations.SeparateDatabaseAndState):
            yield from objections(operation.database_operations, before)
        elif isinstance(operation, operations.CreateModel) or getattr(operation, "model_name_lower", None) in new:
            continue
        elif not _is_unnoticed(operation, before):
            yield f"{operation.describe()}: the version before cannot work with it"


def _is_unnoticed(operation: Operation, before: ProjectState) -> bool:
    if isinstance(operation, operations.AddField):
        return _may_be_left_out(operation.field)
    if isinstance(operation, operations.AlterField):
        was = before.models[APP, operation.model_name_lower].get_field(operation.name)
        return _may_be_left_out(operation.field) or not was.null
    return isinstance(operation, _UNNOTICED)


def _may_be_left_out(field: models.Field[object, object]) -> bool:
    """Of an INSERT."""
    return field.null or field.has_db_default() or isinstance(field, models.ManyToManyField | models.GeneratedField)


def test_migrations_leave_the_version_before_in_working_order() -> None:
    loader = MigrationLoader(None)
    found: list[str] = []
    for (app, name), migration in sorted(loader.disk_migrations.items()):
        if app == APP and int(name.partition("_")[0]) >= RULED:
            found += objections(migration.operations, loader.project_state((app, name), at_end=False))

    assert found == []


@pytest.mark.parametrize(
    ("operation", "is_refused"),
    [
        (operations.AddField("person", "nickname", models.CharField(max_length=10, default="")), True),
        (operations.AddField("person", "nickname", models.CharField(max_length=10, db_default="")), False),
        (operations.AddField("person", "nickname", models.CharField(max_length=10, null=True)), False),
        (operations.AlterField("sweep", "published_at", models.DateTimeField()), True),
        (operations.AlterField("person", "language", models.CharField(max_length=20)), False),
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
