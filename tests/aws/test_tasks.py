"""Tasks on a real broker: what is opened is published, what was lost is published again, twice is harmless."""

from __future__ import annotations

import datetime as dt

import pytest
import redis
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from onboarding import tasks
from onboarding.checks.history import forget_before
from onboarding.enums import Outcome, Readiness, RunState, Trigger
from onboarding.models import Bundle, Finding, Plan, Subject, Sweep, Verification
from tests.aws.verifying import verify

pytestmark = pytest.mark.usefixtures("company")


def published(broker: redis.Redis) -> list[str]:
    return [name for name in ("interactive", "sweeps") for _ in range(int(broker.llen(name) or 0))]


def test_a_sweep_is_published_to_the_queue_of_sweeps_once_it_is_committed(
    broker: redis.Redis, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        tasks.sweep_everybody()
        assert published(broker) == []

    sweep = Sweep.objects.get()
    assert published(broker) == ["sweeps"]
    assert sweep.published_at is not None
    assert sweep.trigger == Trigger.NIGHTLY


def test_a_sweep_whose_message_was_lost_is_published_again(broker: redis.Redis) -> None:
    long_ago = timezone.now() - dt.timedelta(minutes=2)
    Sweep.objects.create(trigger=Trigger.NIGHTLY, queued_at=long_ago, published_at=long_ago)
    Sweep.objects.create(trigger=Trigger.PLAN_PUBLISHED, plan=Plan.objects.get(slug="web"))

    tasks.republish_overdue()
    tasks.republish_overdue()

    assert published(broker) == ["sweeps", "sweeps"]


def test_a_sweep_somebody_runs_is_not_published_again(broker: redis.Redis) -> None:
    long_ago = timezone.now() - dt.timedelta(minutes=10)
    lease = timezone.now() + dt.timedelta(minutes=1)
    Sweep.objects.create(
        trigger=Trigger.NIGHTLY, state=RunState.RUNNING, queued_at=long_ago, published_at=long_ago, lease_until=lease
    )

    tasks.republish_overdue()

    assert published(broker) == []


def test_a_recheck_that_is_due_is_opened_and_published(
    broker: redis.Redis, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    verification = verify("hana.novak@acme.example")
    Verification.objects.filter(pk=verification.pk).update(recheck_at=timezone.now())

    with django_capture_on_commit_callbacks(execute=True):
        tasks.open_due_rechecks()
        tasks.open_due_rechecks()

    again = Verification.objects.live().get()
    assert (again.trigger, published(broker)) == (Trigger.PROVISIONAL, ["interactive"])


def test_the_task_runs_the_sweep_and_a_second_delivery_does_nothing() -> None:
    sweep = Sweep.objects.create(trigger=Trigger.NIGHTLY, plan=Plan.objects.get(slug="support"))

    tasks.run_sweep(sweep_id=sweep.pk)
    tasks.run_sweep(sweep_id=sweep.pk)

    sweep.refresh_from_db()
    assert (sweep.state, sweep.people, sweep.fence) == (RunState.DONE, 1, 1)


def test_history_keeps_the_newest_what_bundles_stand_on_and_what_people_asked_for(settings: Settings) -> None:
    plan = Plan.objects.get(slug="support")
    for _ in range(4):
        sweep = Sweep.objects.create(trigger=Trigger.NIGHTLY, plan=plan)
        tasks.run_sweep(sweep_id=sweep.pk)
        Finding.objects.update(fresh_until=timezone.now())
    oldest, with_bundle, forgotten, newest = Verification.objects.order_by("queued_at")
    Verification.objects.filter(pk=oldest.pk).update(sweep=None, trigger=Trigger.SIGN_IN)
    revision = with_bundle.revision
    Bundle.objects.create(
        person=with_bundle.person, revision=revision, verification=with_bundle, platform="linux", language="en"
    )
    lonely = set(forgotten.findings.values_list("pk", flat=True)) - set(newest.findings.values_list("pk", flat=True))
    old = timezone.now() - dt.timedelta(days=settings.ONRAMP_HISTORY_DAYS + 1)
    Verification.objects.update(finished_at=old)
    Finding.objects.filter(pk__in=lonely).update(checked_at=old)

    tasks.forget_history()

    assert set(Verification.objects.all()) == {oldest, with_bundle, newest}
    assert lonely
    assert not Finding.objects.filter(pk__in=lonely).exists()
    assert newest.findings.count() == len(set(newest.findings.values_list("check_name", flat=True)))
    assert verify("hana.novak@acme.example").outcome == Readiness.READY


def test_forgetting_takes_subjects_nobody_asked_about_and_no_finding_that_is_shown() -> None:
    verify("hana.novak@acme.example")
    kept = Finding.objects.filter(outcome=Outcome.PASSED).count()

    assert sum(forget_before(timezone.now() + dt.timedelta(days=1))) == 0

    assert Finding.objects.filter(outcome=Outcome.PASSED).count() == kept
    assert not Subject.objects.exists()
