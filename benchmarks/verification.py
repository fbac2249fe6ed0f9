"""What verification asks of AWS: calls against the fewest there can be, throttles, and what faults do to it.

The fewest calls, for U users, A accounts, R Regions in each, P permission sets, G groups (each with its role), M
models with D destinations in a Region, and W pairs of a role and a plan whose people have it:

    1 + A                               sign in to the directory's account and to each of the others
    2 + U/100 + sum(members/100)        the instance, whether policies limit the organization, users, members
    P + G + A + A*P + A                 names; permission sets, their assignments, roles with their policies
    A*R*(4 + quotas/100)                profiles, lifecycles, the form, logging; quotas
    A*M*D                               what the account has of each model in each Region it routes to
    G + 2*W + roles*Regions             context keys; what a role may invoke and look up; subscribing

Every page counts as a call. A role's permissions are one question, since its policies look at no Region and no service
control policy limits the organization; where one does, it is one for each profile and destination.
"""

from __future__ import annotations

import datetime as dt
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from benchmarks.registry import Figure, measures
from benchmarks.scale import Scale, Server, load, serving

if TYPE_CHECKING:
    from onboarding.models import Sweep

LARGE = Scale(people=10_000, roles=40, accounts=4)
# A tenth of the people on all roles, so that what grows with people alone shows.
SMALL = Scale(people=1_000, roles=40, accounts=4, regions=("eu-west-1",))
FAULTY = Scale(people=1_000, roles=10, accounts=1, regions=("eu-west-1",))
# As AWS lets calls through: IAM is not documented, Identity Center says 20 for all of its APIs.
RATES = [
    {"operations": ["iam.*"], "per_second": 5, "burst": 5},
    {"operations": ["sso-admin.*", "identitystore.*"], "per_second": 20, "burst": 20},
]
FAULTS = [
    {"operation": "*", "kind": "throttle", "probability": 0.30},
    {"operation": "*", "kind": "error", "probability": 0.05},
    {"operation": "*", "kind": "hang", "probability": 0.02},
]


@contextmanager
def _empty_database() -> Iterator[None]:
    from django.core.management import call_command

    from tests.flushing import let_flushes_through

    let_flushes_through()
    call_command("flush", interactive=False, verbosity=0)
    yield
    call_command("flush", interactive=False, verbosity=0)


def _sweep() -> Sweep:
    from onboarding.checks.sweep import run
    from onboarding.enums import Trigger
    from onboarding.models import Sweep

    sweep = Sweep.objects.create(trigger=Trigger.NIGHTLY)
    run(sweep.pk)
    sweep.refresh_from_db()
    return sweep


def _outcomes(sweep: Sweep) -> dict[int, str]:
    return dict(sweep.verifications.values_list("person", "outcome"))


@cache
def _large() -> tuple[dict[str, int], int, int, float]:
    """Calls by operation, throttles, calls of one person afterwards, and how much memory ten times the people took."""
    memory = [_peak_of(SMALL, _quietly), 0.0]
    found: list[tuple[dict[str, int], int, int]] = []

    def measured(server: Server) -> None:
        server.limit(RATES)
        server.forget()
        sweep = _sweep()
        _expect_all_ready(sweep, LARGE)
        calls, throttles = server.calls(), server.throttles()
        server.forget()
        _verify_one()
        one = {name: count for name, count in server.calls().items() if name != "sts.AssumeRole"}
        found.append((calls, throttles, sum(one.values())))

    memory[1] = _peak_of(LARGE, measured)
    return (*found[0], memory[1] / memory[0])


def _quietly(server: Server) -> None:
    _expect_all_ready(_sweep(), SMALL)


def _peak_of(scale: Scale, measure: Callable[[Server], None]) -> float:
    """The most memory this process had until the end of it, in bytes; it never shrinks, so measure the small first."""
    with _empty_database(), serving(scale) as server:
        load(scale)
        measure(server)
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _expect_all_ready(sweep: Sweep, scale: Scale) -> None:
    outcomes = _outcomes(sweep)
    if len(outcomes) != scale.people or set(outcomes.values()) != {"ready"}:
        raise RuntimeError(f"{len(outcomes)} of {scale.people} verified: {sorted(set(outcomes.values()))}")


def _verify_one() -> None:
    """One person of a role that is known, as at a sign-in."""
    from onboarding.access import access_of
    from onboarding.checks.run import open_verification, run
    from onboarding.enums import Trigger
    from onboarding.models import Finding, Person

    person = Person.objects.select_related("team").order_by("pk")[0]
    # The sweep has just asked who this is; somebody whom it did not know costs more.
    Finding.objects.filter(check_name="identity").update(fresh_until=dt.datetime(2000, 1, 1, tzinfo=dt.UTC))
    revision = access_of(person).revision
    if revision is None:
        raise RuntimeError("The person has no plan.")
    run(open_verification(person=person, revision=revision, trigger=Trigger.SIGN_IN, actor="benchmarks").pk)


@measures("verify.calls_over_minimum", unit="ratio", goal=1.05)
def calls_over_minimum() -> Figure:
    """Calls of a first sweep over 10,000 people on 40 roles in 4 accounts, 2 Regions and 6 models, by the fewest."""
    calls, _, _, _ = _large()
    fewest = LARGE.minimum()
    made, least = sum(calls.values()), sum(fewest.values())
    terms = "".join(f"\n  {count:>6}  {what}" for what, count in fewest.items())
    return Figure(made / least, f"{made} calls made, {least} the fewest:{terms}")


@measures("verify.throttles", unit="calls", goal=0)
def throttles() -> float:
    """Calls of that sweep which AWS throttled, at 5 a second for IAM and 20 for Identity Center."""
    return float(_large()[1])


@measures("verify.calls_one_person_warm", unit="calls", goal=3)
def calls_one_person_warm() -> float:
    """Calls for one more person whose account and role are known."""
    return float(_large()[2])


@measures("verify.memory_growth", unit="ratio", goal=1.25)
def memory_growth() -> Figure:
    """The process's peak with 10,000 people by that with 1,000, both on 40 roles."""
    growth = _large()[3]
    return Figure(growth, "ten times the people")


@cache
def _under_faults() -> tuple[float, int, str]:
    """Calls made for each needed, how many people ended otherwise than they are, and both counts in words."""
    with _empty_database(), serving(FAULTY) as server:
        load(FAULTY)
        server.forget()
        truth = _outcomes(_sweep())
        needed = sum(count for name, count in server.calls().items() if name != "sts.AssumeRole")
        _age()
        server.fail(FAULTS)
        server.forget()
        found = _outcomes(_sweep())
        made = sum(count for name, count in server.calls().items() if name != "sts.AssumeRole")
        server.fail([])
    wrong = sum(found.get(person) != outcome for person, outcome in truth.items())
    return made / needed, wrong, f"{made} calls made, {needed} needed without faults; {len(truth)} people"


def _age() -> None:
    """Every answer is of last night: too old to be taken, and not too old to stand."""
    from django.utils import timezone

    from onboarding.models import Finding

    last_night = timezone.now() - dt.timedelta(hours=23)
    Finding.objects.update(checked_at=last_night, fresh_until=last_night)


@measures("verify.amplification_under_faults", unit="ratio", goal=1.5)
def amplification_under_faults() -> Figure:
    """With 30 % of the calls throttled, 5 % failed and 2 % hung, in the sweep of the night after."""
    ratio, _, counts = _under_faults()
    return Figure(ratio, counts)


@measures("verify.wrong_under_faults", unit="people", goal=0)
def wrong_under_faults() -> float:
    """People who end that sweep in another state than they are in; nobody may flip to blocked, or to anything."""
    return float(_under_faults()[1])
