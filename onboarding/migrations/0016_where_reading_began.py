from django.db import migrations, models
from django.db.models import Min, OuterRef, Subquery


def _as_runs_say(apps, schema_editor):
    """Of sources that were read before: as far back as the runs that are still known were to look."""
    ingestions, sources = (apps.get_model("onboarding", name) for name in ("Ingestion", "LogSource"))
    earliest = ingestions.objects.filter(source=OuterRef("pk")).order_by().values("source").values(first=Min("since"))
    sources.objects.filter(read_until__isnull=False).update(read_from=Subquery(earliest))


class Migration(migrations.Migration):
    dependencies = [
        ("onboarding", "0015_where_logs_were"),
    ]

    operations = [
        migrations.AddField(
            model_name="logsource",
            name="read_from",
            field=models.DateTimeField(
                blank=True, help_text="From when on deliveries were read: nobody looked for older ones.", null=True
            ),
        ),
        migrations.RunPython(_as_runs_say, migrations.RunPython.noop),
    ]
