from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("onboarding", "0005_people_status")]

    operations: list[object] = []
