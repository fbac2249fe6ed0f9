"""`python -m tests.faults.work DEED...`: what the harness does to the portal's rows from outside, in one process.

prepare             migrate, and collect what pages need
load PEOPLE         accounts, plans, teams and people of the company
undisturbed         a sweep over everybody and all usage, read in this process: what every disturbed run must equal
sweep               open a sweep over everybody and publish it, as beat does at night
ingest              open a run over each log source, as beat does every five minutes
verify COUNT        verify so many people again, one by one, as an admin does for many at once
publish             publish every verification that is not done, again
"""

from __future__ import annotations

import sys

import django


def _prepare() -> None:
    from deploy.prepare import main

    sys.argv[1:] = []
    main()


def _load(people: str) -> None:
    from benchmarks.scale import load
    from onboarding.costs.ingest import find_sources
    from tests.faults.outside import scale_of

    load(scale_of(int(people)))
    find_sources()


def _undisturbed() -> None:
    from onboarding.checks import sweep
    from onboarding.costs import ingest
    from onboarding.enums import Trigger

    sweep.run(sweep.open_sweep(trigger=Trigger.NIGHTLY, actor="schedule").pk)
    for row in ingest.open_ingestions():
        ingest.run(row.pk)


def _sweep() -> None:
    from onboarding import tasks

    tasks.sweep_everybody()


def _ingest() -> None:
    from onboarding import tasks

    tasks.open_ingestions()


def _verify(count: str) -> None:
    from onboarding import tasks
    from onboarding.checks.run import open_verifications
    from onboarding.enums import Trigger
    from onboarding.models import Person

    people = list(Person.objects.filter(team__isnull=False).order_by("-pk")[: int(count)])
    tasks.enqueue_verifications(open_verifications(people, trigger=Trigger.RECHECK, actor="admin"))


def _publish() -> None:
    from onboarding import tasks
    from onboarding.models import Verification

    tasks.enqueue_verifications(list(Verification.objects.live()))


def main(deeds: list[str]) -> None:
    django.setup()
    while deeds:
        name = deeds.pop(0)
        if name in _COUNTING:
            _COUNTING[name](deeds.pop(0))
        else:
            _PLAIN[name]()


_COUNTING = {"load": _load, "verify": _verify}
_PLAIN = {"prepare": _prepare, "undisturbed": _undisturbed, "sweep": _sweep, "ingest": _ingest, "publish": _publish}


if __name__ == "__main__":
    main(sys.argv[1:].copy())
