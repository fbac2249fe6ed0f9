"""How long verifications are kept. A sweep writes one for everybody every night; most of them say nothing new."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from django.db.models import Exists, F, OuterRef

from onboarding import batches
from onboarding.models import (
    AdminRequest,
    Enrolment,
    Finding,
    Notification,
    OneTimeCode,
    Subject,
    Verification,
    VerificationFinding,
)


def forget_before(moment: dt.datetime) -> Iterator[int]:
    """Delete what ended before `moment` and nothing stands on, batch by batch; how many rows each batch was.

    What a person asked for themselves, what a bundle was made from, and each person's newest are kept for ever.
    Notifications are forgotten after the same time. Safe to repeat, and to end anywhere.
    """
    newer = Verification.objects.filter(person=OuterRef("person"), queued_at__gt=OuterRef("queued_at"))
    old = Verification.objects.filter(Exists(newer), sweep__isnull=False, bundles=None, finished_at__lt=moment)
    while batch := list(old.values_list("pk", flat=True)[: batches.SIZE]):
        VerificationFinding.objects.filter(verification__in=batch).delete()
        yield Verification.objects.filter(pk__in=batch).delete()[0]
    yield from _forget_findings(moment)
    yield from batches.delete(OneTimeCode.objects.filter(expires_at__lt=moment))
    yield from batches.delete(Notification.objects.filter(finished_at__lt=moment))


def _forget_findings(moment: dt.datetime) -> Iterator[int]:
    """Findings that no verification, subject, later finding, request or machine has any more."""
    links = (
        VerificationFinding.objects.filter(finding=OuterRef("pk")),
        Subject.objects.filter(latest=OuterRef("pk")),
        Subject.objects.filter(last_known=OuterRef("pk")),
        Finding.objects.filter(last_known=OuterRef("pk")),
        AdminRequest.objects.filter(finding=OuterRef("pk")),
        Enrolment.objects.filter(finding=OuterRef("pk")),
    )
    loose = Finding.objects.filter(*(~Exists(link) for link in links), checked_at__lt=moment)
    # A subject whose answer is that old is about nobody who is still here.
    Subject.objects.filter(latest__checked_at__lt=moment, last_known=F("latest")).delete()
    yield from batches.delete(loose)
