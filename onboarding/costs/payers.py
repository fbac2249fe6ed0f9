"""What AWS billed, told apart as a table of estimates is, where AWS tells it apart at all.

A payer is whom or what an amount belongs to: a person's primary key, a caller of nobody, a team as a filter has it,
AWS's name of a model, or an ISO day.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal

from django.db.models import Exists, OuterRef, Sum
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from onboarding.catalog import model_label
from onboarding.costs import billed
from onboarding.costs.filter import NO_TEAM, UNMAPPED, Filter
from onboarding.costs.money import usd
from onboarding.costs.people import PersonGroup
from onboarding.costs.report import Dimension
from onboarding.models import Caller, Person


def payer_of_person(group: PersonGroup) -> str:
    """Empty for whoever no log names: no bill names them either."""
    if group.person is not None:
        return str(group.person.pk)
    return _caller(group.caller.pk) if group.caller and group.caller.arn else ""


def payer_of(dimension: Dimension, key: str) -> str:
    """Of any other group, by its key: AWS names models as the catalogue does."""
    return model_label(key) if dimension is Dimension.MODEL else key


def billed_by(dimension: Dimension, chosen: Filter) -> Mapping[str, Decimal] | None:
    """US dollars by payer; None where AWS does not tell them apart so. Three queries at most."""
    others = (chosen.account, chosen.model_id, chosen.region, chosen.token_class)
    if dimension is Dimension.REGION or any(others):
        return None
    if dimension is Dimension.PERSON:
        return _by_person(chosen)
    if dimension is Dimension.TEAM and not chosen.person:
        return _by_team(chosen)
    if chosen.is_narrowed:
        return None
    if dimension is Dimension.MODEL:
        return billed.by_model(chosen.since, chosen.until)
    return {day.isoformat(): amount for day, amount in billed.by_day(chosen.since, chosen.until).items()}


def once_each(payers: Iterable[str], amounts: Mapping[str, Decimal]) -> Iterator[Decimal | None]:
    """What each row's payer was billed, at the first row of it: two models that AWS calls alike share one amount."""
    rest = dict(amounts)
    for payer in payers:
        yield rest.pop(payer, None)


def rest_of(total: Decimal | None, amounts: Mapping[str, Decimal] | None, shown: Collection[str]) -> Decimal | None:
    """The part of a total that is in no row: AWS bills it to nobody, or to a payer of whom nothing was logged.

    `shown` are the payers of all rows. None where that is nothing.
    """
    if total is None or amounts is None:
        return None
    return (total - sum((amount for payer, amount in amounts.items() if payer in shown), Decimal())) or None


def rest_name(dimension: Dimension) -> Promise:
    return _("Billed for none of these models") if dimension is Dimension.MODEL else _("Billed to nobody listed")


def people_with_usage(chosen: Filter) -> set[str]:
    """The payers who have a row in a table of people, on whatever page: two queries, of which none adds up."""
    entries = chosen.entries()
    people = Person.objects.filter(Exists(entries.filter(meter__caller__person=OuterRef("pk"))))
    callers = Caller.objects.filter(Exists(entries.filter(meter__caller=OuterRef("pk"))), person__isnull=True)
    return {str(pk) for pk in people.values_list("pk", flat=True)} | {
        _caller(pk) for pk in callers.exclude(arn="").values_list("pk", flat=True)
    }


def _by_person(chosen: Filter) -> dict[str, Decimal]:
    people = billed.by_person(chosen.since, chosen.until)
    callers = {_caller(pk): amount for pk, amount in _unmapped(chosen).items()}
    return {str(pk): amount for pk, amount in people.items()} | callers


def _by_team(chosen: Filter) -> dict[str, Decimal]:
    people = billed.by_person(chosen.since, chosen.until)
    teams = dict(Person.objects.filter(team__isnull=False).values_list("pk", "team_id"))
    sums: dict[str, Decimal] = {}
    for pk, amount in people.items():
        key = str(teams.get(pk) or NO_TEAM)
        sums[key] = sums.get(key, Decimal()) + amount
    unmapped = _unmapped(chosen)
    return sums | ({UNMAPPED: sum(unmapped.values(), Decimal())} if unmapped else {})


def _unmapped(chosen: Filter) -> dict[int, Decimal]:
    """By the primary keys of callers that are nobody's."""
    rows = billed.counted(chosen.since, chosen.until).filter(caller__isnull=False, caller__person__isnull=True)
    sums = rows.values_list("caller").annotate(billionths=Sum("amount"))
    return {pk: usd(int(amount)) for pk, amount in sums}


def _caller(pk: int) -> str:
    return f"caller-{pk}"
