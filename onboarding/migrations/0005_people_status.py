from __future__ import annotations

import datetime

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("onboarding", "0004_costs")]

    operations = [
        migrations.CreateModel(
            name="TeamTally",
            fields=[
                (
                    "team_name",
                    models.CharField(
                        help_text="Empty: people without a team.", max_length=100, primary_key=True, serialize=False
                    ),
                ),
                ("people", models.PositiveIntegerField(default=0)),
                ("ready", models.PositiveIntegerField(default=0)),
                ("blocked", models.PositiveIntegerField(default=0)),
                ("unknown", models.PositiveIntegerField(default=0)),
                ("never_signed_in", models.PositiveIntegerField(default=0)),
                ("outdated", models.PositiveIntegerField(default=0)),
                ("no_plan", models.PositiveIntegerField(default=0)),
                ("connected", models.PositiveIntegerField(default=0)),
                ("inactive", models.PositiveIntegerField(default=0)),
            ],
            options={
                "verbose_name_plural": "team tallies",
            },
        ),
        migrations.AlterField(
            model_name="sweep",
            name="trigger",
            field=models.CharField(
                choices=[
                    ("sign-in", "because you signed in"),
                    ("recheck", "because you asked to verify again"),
                    ("admin", "because an admin asked to verify again"),
                    ("command", "because an operator ran it"),
                    ("plan-published", "because your plan changed"),
                    ("nightly", "because everybody is verified once a night"),
                    ("destinations-changed", "because Bedrock routes a model of yours to other Regions now"),
                    ("provisional", "because a model was subscribed to only minutes before the last time"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="verification",
            name="trigger",
            field=models.CharField(
                choices=[
                    ("sign-in", "because you signed in"),
                    ("recheck", "because you asked to verify again"),
                    ("admin", "because an admin asked to verify again"),
                    ("command", "because an operator ran it"),
                    ("plan-published", "because your plan changed"),
                    ("nightly", "because everybody is verified once a night"),
                    ("destinations-changed", "because Bedrock routes a model of yours to other Regions now"),
                    ("provisional", "because a model was subscribed to only minutes before the last time"),
                ],
                max_length=20,
            ),
        ),
        migrations.CreateModel(
            name="PersonStatus",
            fields=[
                (
                    "person",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="status",
                        serialize=False,
                        to="onboarding.person",
                    ),
                ),
                (
                    "sort_name",
                    models.CharField(
                        help_text="Name, or else e-mail, in small letters without accents.", max_length=254
                    ),
                ),
                ("team_name", models.CharField(blank=True, max_length=100)),
                ("is_active", models.BooleanField()),
                ("has_signed_in", models.BooleanField()),
                (
                    "readiness",
                    models.CharField(
                        blank=True,
                        choices=[("ready", "Ready"), ("blocked", "Blocked"), ("unknown", "Unknown")],
                        help_text="Empty: no plan, so nothing to be ready for.",
                        max_length=10,
                    ),
                ),
                (
                    "layer",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("directory", "Identity Center directory"),
                            ("assignment", "Permission set assignment"),
                            ("inference-profile", "Inference profile"),
                            ("region-availability", "Model availability in the Region"),
                            ("agreement", "Model agreement"),
                            ("use-case-form", "Anthropic use-case form"),
                            ("authorization", "Account authorization for the model"),
                            ("entitlement", "Model entitlement"),
                            ("identity-policy", "Identity policy"),
                            ("permissions-boundary", "Permissions boundary"),
                            ("service-control-policy", "Service control policy"),
                            ("resource-control-policy", "Resource control policy"),
                            ("session-policy", "Session policy"),
                            ("vpc-endpoint-policy", "VPC endpoint policy"),
                            ("model-lifecycle", "Model lifecycle"),
                            ("data-retention", "Data-retention mode of the account"),
                            ("service-quota", "Service quota"),
                            ("payment", "Payment method of the account"),
                            ("credentials", "Credentials on your machine"),
                            ("claude-code", "Claude Code's own settings"),
                            ("network", "Network between you and AWS"),
                            ("aws", "AWS gave no answer"),
                            ("portal", "Onramp's own AWS access"),
                        ],
                        help_text="Of the first that blocks.",
                        max_length=30,
                        verbose_name="blocking layer",
                    ),
                ),
                ("check_name", models.CharField(blank=True, max_length=40, verbose_name="check")),
                ("reason", models.CharField(blank=True, max_length=60)),
                (
                    "obstacles",
                    models.PositiveSmallIntegerField(default=0, help_text="How many different things block."),
                ),
                (
                    "verified_at",
                    models.DateTimeField(default=datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.UTC)),
                ),
                ("holds_until", models.DateTimeField(help_text="Until when the readiness counts.", null=True)),
                (
                    "installed",
                    models.CharField(
                        choices=[
                            ("current", "Current revision"),
                            ("older", "Older revision"),
                            ("none", "Nothing yet"),
                        ],
                        max_length=10,
                    ),
                ),
                ("installed_number", models.PositiveIntegerField(default=0, help_text="The revision's; 0: none.")),
                ("is_connected", models.BooleanField()),
                ("last_used_on", models.DateField(default=datetime.date(1970, 1, 1))),
                (
                    "is_inactive",
                    models.BooleanField(help_text="Signed in or used it once, and neither for thirty days."),
                ),
                (
                    "finding",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="onboarding.finding",
                    ),
                ),
                (
                    "plan",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="onboarding.plan",
                    ),
                ),
                (
                    "revision",
                    models.ForeignKey(
                        help_text="Their plan's current one.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="onboarding.planrevision",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "person statuses",
                "indexes": [
                    models.Index(
                        condition=models.Q(("is_active", True)), fields=["sort_name", "person"], name="status_name"
                    ),
                    models.Index(
                        condition=models.Q(("is_active", True)),
                        fields=["team_name", "sort_name", "person"],
                        name="status_team",
                    ),
                    models.Index(
                        condition=models.Q(("is_active", True)),
                        fields=["plan", "sort_name", "person"],
                        name="status_plan",
                    ),
                    models.Index(
                        condition=models.Q(("is_active", True)),
                        fields=["readiness", "sort_name", "person"],
                        name="status_readiness",
                    ),
                    models.Index(
                        condition=models.Q(("is_active", True)),
                        fields=["installed_number", "sort_name", "person"],
                        name="status_revision",
                    ),
                    models.Index(
                        condition=models.Q(("is_active", True)),
                        fields=["verified_at", "sort_name", "person"],
                        name="status_verified",
                    ),
                    models.Index(
                        condition=models.Q(("is_active", True)),
                        fields=["last_used_on", "sort_name", "person"],
                        name="status_used",
                    ),
                    models.Index(
                        condition=models.Q(("is_active", True)),
                        fields=["is_connected", "sort_name", "person"],
                        name="status_connected",
                    ),
                    models.Index(
                        condition=models.Q(("is_active", True)),
                        fields=["is_inactive", "sort_name", "person"],
                        name="status_inactive",
                    ),
                    models.Index(
                        condition=models.Q(("is_active", True), ("has_signed_in", False)),
                        fields=["sort_name", "person"],
                        name="status_never",
                    ),
                    models.Index(
                        condition=models.Q(
                            ("is_active", True), models.Q(("readiness", ""), _negated=True), ("installed", "older")
                        ),
                        fields=["sort_name", "person"],
                        name="status_outdated",
                    ),
                    models.Index(
                        condition=models.Q(("is_active", False)),
                        fields=["sort_name", "person"],
                        name="status_deactivated",
                    ),
                    models.Index(
                        condition=models.Q(("is_active", True), ("readiness", "blocked")),
                        fields=["layer", "check_name", "reason", "sort_name", "person"],
                        include=("obstacles", "finding"),
                        name="status_blocked",
                    ),
                    models.Index(
                        condition=models.Q(("holds_until__isnull", False)), fields=["holds_until"], name="status_holds"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("obstacles", 0), ("readiness", "blocked"), _connector="OR"),
                        name="status_obstacles_are_blocked",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="PersonWord",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("word", models.CharField(max_length=254)),
                (
                    "person",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="words",
                        to="onboarding.person",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["word", "person"], name="person_word", opclasses=["varchar_pattern_ops", "int8_ops"]
                    )
                ],
                "constraints": [models.UniqueConstraint(fields=("person", "word"), name="person_word_once")],
            },
        ),
    ]
