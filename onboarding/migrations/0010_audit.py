"""Audit events are append-only: the database refuses to change or delete one, whoever asks."""

from __future__ import annotations

import django.db.models.functions.text
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

_WORDS = "Audit events are append-only."

_GUARD = {
    "sqlite": (
        f"""CREATE TRIGGER audit_no_update BEFORE UPDATE ON onboarding_auditevent
        BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END""",
        f"""CREATE TRIGGER audit_no_delete BEFORE DELETE ON onboarding_auditevent
        BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END""",
    ),
    # The code is that of a constraint, so that Django raises the same on both databases.
    "postgresql": (
        f"""CREATE FUNCTION onboarding_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION '{_WORDS}' USING ERRCODE = 'integrity_constraint_violation'; END $$""",
        """CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON onboarding_auditevent
        FOR EACH STATEMENT EXECUTE FUNCTION onboarding_audit_is_append_only()""",
    ),
}
_UNGUARD = {
    "sqlite": ("DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete"),
    "postgresql": (
        "DROP TRIGGER audit_no_change ON onboarding_auditevent",
        "DROP FUNCTION onboarding_audit_is_append_only()",
    ),
}


def guard(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in _GUARD[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def unguard(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in _UNGUARD[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("onboarding", "0009_provisioning")]

    operations = [
        migrations.RemoveIndex(model_name="auditevent", name="audit_newest"),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["-at", "-id"], name="audit_newest_first"),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(
                django.db.models.functions.text.Upper("actor"),
                models.OrderBy(models.F("at"), descending=True),
                models.OrderBy(models.F("id"), descending=True),
                name="audit_of_actor",
            ),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["action", "-at", "-id"], name="audit_of_action"),
        ),
        migrations.RunPython(guard, unguard),
    ]
