import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("onboarding", "0012_rate_buckets")]

    operations = [
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["target", "-at", "-id"], name="audit_of_target"),
        ),
        # What is added to a request may be longer than one note.
        migrations.AlterField(
            model_name="adminrequest",
            name="note",
            field=models.TextField(blank=True),
        ),
        migrations.AlterField(
            model_name="price",
            name="usd_per_million",
            field=models.DecimalField(
                decimal_places=6,
                max_digits=12,
                validators=[
                    django.core.validators.MinValueValidator(0),
                    django.core.validators.MaxValueValidator(1_000),
                ],
            ),
        ),
    ]
