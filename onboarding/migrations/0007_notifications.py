import django.db.models.deletion
import django.utils.timezone
import onboarding.models.notifications
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("onboarding", "0006_sign_in")]

    operations = [
        migrations.CreateModel(
            name="AlertMail",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("taken_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name="Notification",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[("queued", "Waiting"), ("running", "Running"), ("done", "Done")],
                        default="queued",
                        max_length=10,
                    ),
                ),
                ("queued_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "published_at",
                    models.DateTimeField(blank=True, help_text="When the broker last took its message.", null=True),
                ),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("fence", models.PositiveIntegerField(default=0)),
                (
                    "problem",
                    models.CharField(
                        blank=True,
                        choices=[("mail", "E-mail"), ("slack", "Slack")],
                        help_text="What could not be delivered, when last tried.",
                        max_length=20,
                    ),
                ),
                ("problem_detail", models.CharField(blank=True, max_length=100)),
                ("problem_since", models.DateTimeField(blank=True, null=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("access-ready", "Your access works"),
                            ("access-blocked", "Your access worked and is blocked now"),
                            ("plan-revision", "Your plan has a new revision"),
                            ("request-answered", "An admin answered your request"),
                            ("budget", "A budget nears its end"),
                            ("new-blockers", "A sweep found people who are blocked now"),
                            ("logging-off", "Invocation logging stopped in a Region"),
                            ("reading-stalled", "Usage has not been read for a while"),
                            ("request-filed", "Somebody asked the admins"),
                            ("test", "A test"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "day",
                    models.DateField(
                        default=onboarding.models.notifications.utc_today,
                        help_text="The UTC day on which it happened.",
                    ),
                ),
                ("facts", models.JSONField(blank=True, default=dict)),
                (
                    "sent_at",
                    models.DateTimeField(blank=True, help_text="When the mail server, or Slack, took it.", null=True),
                ),
            ],
        ),
        migrations.CreateModel(
            name="OptOut",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("access-ready", "Your access works"),
                            ("access-blocked", "Your access worked and is blocked now"),
                            ("plan-revision", "Your plan has a new revision"),
                            ("request-answered", "An admin answered your request"),
                            ("budget", "A budget nears its end"),
                            ("new-blockers", "A sweep found people who are blocked now"),
                            ("logging-off", "Invocation logging stopped in a Region"),
                            ("reading-stalled", "Usage has not been read for a while"),
                            ("request-filed", "Somebody asked the admins"),
                            ("test", "A test"),
                        ],
                        max_length=20,
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="adminrequest",
            name="answered_at",
            field=models.DateTimeField(
                blank=True, help_text="When an admin last answered and left it open.", null=True
            ),
        ),
        migrations.AddField(
            model_name="adminrequest",
            name="answered_by",
            field=models.CharField(blank=True, max_length=254),
        ),
        migrations.AddIndex(
            model_name="adminrequest",
            index=models.Index(condition=models.Q(("state", "closed")), fields=["-closed_at"], name="request_closed"),
        ),
        migrations.AddConstraint(
            model_name="adminrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("answered_at__isnull", True), ("answered_by", "")),
                    models.Q(
                        ("answered_at__isnull", False),
                        models.Q(("answered_by", ""), _negated=True),
                        models.Q(("answer", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="request_answered_has_answer",
            ),
        ),
        migrations.AddField(
            model_name="alertmail",
            name="alert",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="mails", to="onboarding.budgetalert"
            ),
        ),
        migrations.AddField(
            model_name="alertmail",
            name="person",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="onboarding.person"
            ),
        ),
        migrations.AddField(
            model_name="notification",
            name="finding",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="onboarding.finding",
            ),
        ),
        migrations.AddField(
            model_name="notification",
            name="person",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="notifications",
                to="onboarding.person",
            ),
        ),
        migrations.AddField(
            model_name="notification",
            name="request",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="onboarding.adminrequest",
            ),
        ),
        migrations.AddField(
            model_name="notification",
            name="revision",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="onboarding.planrevision",
            ),
        ),
        migrations.AddField(
            model_name="optout",
            name="person",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="opt_outs", to="onboarding.person"
            ),
        ),
        migrations.AddConstraint(
            model_name="alertmail",
            constraint=models.UniqueConstraint(fields=("alert", "person"), name="alert_mail_once"),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(
                condition=models.Q(("state__in", ("queued", "running"))),
                fields=["queued_at"],
                name="notification_live",
            ),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(fields=["person", "-queued_at"], name="notification_newest"),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.UniqueConstraint(
                condition=models.Q(("person__isnull", False), models.Q(("kind", "test"), _negated=True)),
                fields=("person", "kind", "day"),
                name="notification_once_a_day",
            ),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.UniqueConstraint(
                condition=models.Q(("person__isnull", True), models.Q(("kind", "test"), _negated=True)),
                fields=("kind", "day"),
                name="notification_once_a_day_in_slack",
            ),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("person__isnull", False),
                    models.Q(
                        (
                            "kind__in",
                            ["access-ready", "access-blocked", "plan-revision", "request-answered", "budget"],
                        ),
                        _negated=True,
                    ),
                    _connector="OR",
                ),
                name="notification_for_people_has_person",
            ),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("problem", ""), ("problem_since__isnull", True)),
                    models.Q(models.Q(("problem", ""), _negated=True), ("problem_since__isnull", False)),
                    _connector="OR",
                ),
                name="notification_problem_has_since",
            ),
        ),
        migrations.AddConstraint(
            model_name="optout",
            constraint=models.UniqueConstraint(fields=("person", "kind"), name="opt_out_once"),
        ),
    ]
