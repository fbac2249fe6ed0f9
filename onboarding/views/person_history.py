"""A person's verifications, the newest first, each with what had changed since the one before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from onboarding.catalog import model_label
from onboarding.checks.registry import BY_NAME
from onboarding.enums import Outcome
from onboarding.models import Person, Verification, VerificationFinding

_SHOWN = 8
# What each question of a verification was answered with, by check and what it is about.
Answers = Mapping[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class Change:
    """One check whose answers turned from `before` to `after`, about these models; nothing where it is the person."""

    check: str
    before: str
    after: str
    models: Sequence[str]

    @property
    def title(self) -> str:
        known = BY_NAME.get(self.check)
        title = str(known.title) if known else self.check
        return f"{title}: {', '.join(self.models)}" if self.models else title


@dataclass(frozen=True, slots=True)
class Step:
    """A verification, and what it found otherwise than the one before. `is_first` where none is known before it."""

    verification: Verification
    counts: Mapping[str, int]
    is_first: bool
    changes: Sequence[Change] = ()
    gained: Sequence[str] = ()
    lost: Sequence[str] = ()
    role: str = ""
    revision: int | None = None

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def state(self) -> str:
        return "running" if self.verification.is_live else self.verification.outcome

    @property
    def has_changed(self) -> bool:
        return bool(self.changes or self.gained or self.lost or self.role or self.revision)


def verifications_of(person: Person) -> list[Verification]:
    """The newest first, with all that the page says about them, and one more to compare with: one query."""
    related = ("principal", "revision__plan", "revision__account", "revision__identity_center")
    rows = Verification.objects.filter(person=person).select_related(*related)
    return list(rows.order_by("-queued_at")[: _SHOWN + 1])


def steps_of(verifications: Sequence[Verification]) -> list[Step]:
    """One query for all their answers. A run under way is compared with nothing yet."""
    answers = _answers(verifications)
    steps = []
    for place, verification in enumerate(verifications[:_SHOWN]):
        before = verifications[place + 1] if place + 1 < len(verifications) else None
        steps.append(_step(verification, before, answers))
    return steps


def _answers(verifications: Iterable[Verification]) -> Mapping[int, Answers]:
    rows = VerificationFinding.objects.filter(verification__in=list(verifications))
    found: dict[int, dict[tuple[str, str], str]] = {}
    for pk, check, about, outcome in rows.values_list("verification", "check_name", "about", "finding__outcome"):
        found.setdefault(pk, {})[check, about] = outcome
    return found


def _step(verification: Verification, before: Verification | None, answers: Mapping[int, Answers]) -> Step:
    now = answers.get(verification.pk, {})
    values = list(now.values())
    counts = {str(outcome): values.count(outcome) for outcome in Outcome}
    if before is None or verification.is_live:
        return Step(verification, counts, is_first=before is None)
    mine, theirs = verification.verified_profiles, before.verified_profiles
    return Step(
        verification,
        counts,
        is_first=False,
        changes=_changes(answers.get(before.pk, {}), now),
        gained=[model_label(profile) for profile in mine if profile not in theirs],
        lost=[model_label(profile) for profile in theirs if profile not in mine],
        role=_new_role(verification, before),
        revision=None if verification.revision_id == before.revision_id else verification.revision.number,
    )


def _changes(before: Answers, now: Answers) -> list[Change]:
    """Answers that turned, those of one check that turned alike together. What was not asked again says nothing."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for (check, about), after in now.items():
        was = before.get((check, about), "")
        if was != after and (was or after in (Outcome.FAILED, Outcome.UNKNOWN)):
            alike.setdefault((check, was or "skipped", after), []).append(about)
    return [
        Change(check, was, after, [model_label(about) for about in abouts if about])
        for (check, was, after), abouts in alike.items()
    ]


def _new_role(verification: Verification, before: Verification) -> str:
    """The permission set or role of a person who works as another one now."""
    new, old = verification.principal, before.principal
    return new.permission_set if new is not None and old is not None and new.pk != old.pk else ""
