"""Notifications from their causes to the broker: who is told when AWS answers otherwise, and how it is published."""

from __future__ import annotations

import datetime as dt

import pytest
import redis
from django.core import mail
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from onboarding import tasks
from onboarding.checks.sweep import run
from onboarding.enums import Channel, NotificationKind, Readiness, Role, RunState, Trigger
from onboarding.models import DirectoryEntry, Finding, LogSource, Notification, Person, Plan, Sweep
from onboarding.notifications.choices import open_test
from onboarding.plans import draft_of, publish
from tests.aws.ingesting import read, source_of
from tests.aws.verifying import verify
from tests.factories import make_person
from tests.sandbox_aws import NO_RETENTION, Aws

pytestmark = pytest.mark.usefixtures("company")

HANA = "hana.novak@acme.example"
KIND = NotificationKind


@pytest.fixture(autouse=True)
def _no_throttling(aws: Aws) -> None:
    """Of the company's own faults, one throttles for ever."""
    aws.call("PUT", "/sandbox/faults", [])


def told() -> list[tuple[str, str]]:
    found = Notification.objects.order_by("pk").values_list("kind", "person__email")
    return [(kind, email or "") for kind, email in found]


def admin() -> Person:
    return make_person("an.admin@acme.example", role=Role.ADMIN)


def leave_directory(aws: Aws, email: str) -> None:
    """Somebody whom the directory does not know any more, and whose findings are to be asked for again."""
    entry = DirectoryEntry.objects.get(person__email=email)
    store_id = aws.company.identity_center.identity_store_id
    aws.portal("identitystore", "999988887777").delete_user(IdentityStoreId=store_id, UserId=entry.user_id)
    Finding.objects.filter(check_name="identity").update(fresh_until=timezone.now())


def swept() -> Sweep:
    sweep = Sweep.objects.create(trigger=Trigger.NIGHTLY, plan=Plan.objects.get(slug="support"))
    run(sweep.pk)
    return sweep


def test_somebody_is_told_once_that_they_are_ready_and_admins_when_a_sweep_finds_them_blocked(aws: Aws) -> None:
    carla = admin()
    swept()
    swept()
    assert told() == [(KIND.ACCESS_READY, HANA)]
    leave_directory(aws, HANA)

    sweep = swept()

    assert sweep.verifications.get().outcome == Readiness.BLOCKED
    assert told()[1:] == [(KIND.ACCESS_BLOCKED, HANA), (KIND.NEW_BLOCKERS, carla.email)]
    blocked, blockers = Notification.objects.order_by("pk")[1:]
    assert blocked.finding is not None
    assert blocked.finding.reason == "not-in-directory"
    assert blockers.facts == {"people": 1, "layers": [[blocked.finding.layer, 1]]}


def test_a_verification_of_ones_own_tells_the_same(settings: Settings) -> None:
    settings.EMAIL_HOST = "mail.acme.example"
    verify(HANA)
    verify(HANA)

    (row,) = Notification.objects.all()
    tasks.send_notification(notification_id=row.pk)
    tasks.send_notification(notification_id=row.pk)

    assert [sent.to for sent in mail.outbox] == [[HANA]]


def test_a_new_revision_is_told_to_everybody_on_the_plan_and_the_first_to_nobody() -> None:
    plan = Plan.objects.get(slug="web")
    assert told() == []
    gone = Person.objects.filter(team__plan=plan).order_by("pk")[0]
    Person.objects.filter(pk=gone.pk).update(is_active=False)
    draft = draft_of(plan, plan.revisions.get(is_current=True))
    draft.max_output_tokens = 16_000

    publish(plan, draft, note="Longer answers.", actor="tests")

    concerned = Person.objects.filter(team__plan=plan, is_active=True).order_by("pk")
    assert told() == [(KIND.PLAN_REVISION, person.email) for person in concerned]
    assert {row.revision for row in Notification.objects.all()} == {draft}


def test_admins_are_told_when_logging_stops_and_not_where_it_never_was() -> None:
    carla = admin()
    (ended, *_) = read(NO_RETENTION)
    assert (ended.source.destination, told()) == ("", [])
    LogSource.objects.filter(pk=ended.source.pk).update(destination="s3://a-bucket", off_since=None)

    read(NO_RETENTION, regions=[ended.source.region])
    read(NO_RETENTION, regions=[ended.source.region])

    (row,) = Notification.objects.all()
    source = source_of(NO_RETENTION, ended.source.region)
    assert (row.kind, row.person) == (KIND.LOGGING_OFF, carla)
    assert source.off_since is not None
    assert row.facts["places"][0]["since"] == source.off_since.isoformat()


# --- On a real broker


def test_what_was_recorded_is_published_once_to_the_queue_of_sweeps(broker: redis.Redis) -> None:
    person = Person.objects.get(email=HANA)
    Notification.objects.tell(KIND.ACCESS_READY, [person.pk])

    tasks.republish_overdue()
    tasks.republish_overdue()

    assert [int(broker.llen(name) or 0) for name in ("sweeps", "interactive", "costs")] == [1, 0, 0]
    assert Notification.objects.get().published_at is not None


def test_what_was_lost_is_published_again_and_what_is_done_is_not(broker: redis.Redis) -> None:
    long_ago = timezone.now() - dt.timedelta(minutes=2)
    people = Person.objects.order_by("pk").values_list("pk", flat=True)[:2]
    Notification.objects.tell(KIND.ACCESS_READY, people)
    Notification.objects.update(published_at=long_ago)
    Notification.objects.filter(person=people[0]).update(state=RunState.DONE, finished_at=long_ago)

    tasks.republish_overdue()

    assert int(broker.llen("sweeps") or 0) == 1


def test_a_test_is_published_when_it_is_committed(
    broker: redis.Redis, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        tasks.enqueue_notification(open_test(admin(), Channel.MAIL))
        assert int(broker.llen("sweeps") or 0) == 0

    assert int(broker.llen("sweeps") or 0) == 1


def test_beat_asks_for_stalled_sources() -> None:
    carla = admin()
    LogSource.objects.create(
        account=Plan.objects.get(slug="support").revisions.get(is_current=True).account,
        region="eu-west-1",
        read_at=timezone.now() - dt.timedelta(hours=1),
    )

    tasks.tell_of_stalls()

    assert told() == [(KIND.READING_STALLED, carla.email)]
