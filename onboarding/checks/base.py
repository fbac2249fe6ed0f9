"""What every check is: a question with one answer, a scope, and words for each way it can be answered."""

from __future__ import annotations

import datetime as dt
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar, cast

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from onboarding.aws import AwsError
from onboarding.aws.session import Access
from onboarding.catalog import region_label
from onboarding.enums import Actor, Layer, Outcome, Scope
from onboarding.models import Finding, Person, PlanRevision

Text = str | Promise
Facts = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a check found. `reason` names one of the check's `REASONS`; `facts` is JSON and fills in its words."""

    outcome: Outcome
    reason: str
    facts: Facts = field(default_factory=dict)
    layer: Layer | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """One way a check can be answered, in words.

    `title` is short and heads an open finding; `summary` is one sentence with the real names; `remedy` says what to
    do. All three are templates over the check's `words`. `paste` makes the exact thing to paste, one for all findings
    that were answered this way: an admin changes a policy once, not once a model.
    """

    title: Text
    summary: Text
    remedy: Text = ""
    actor: Actor = Actor.NOBODY
    paste_title: Text = ""
    paste: Callable[[Sequence[Facts]], str] | None = None


@dataclass(slots=True)
class Case:
    """One verification while it runs: whose, against what, and what has been answered so far."""

    person: Person
    revision: PlanRevision
    findings: dict[tuple[str, str], Finding] = field(default_factory=dict)
    _remembered: dict[object, Any] = field(default_factory=dict)

    def finding(self, check: str, about: str = "") -> Finding | None:
        return self.findings.get((check, about))

    def facts(self, check: str, about: str = "") -> Facts:
        """The facts of an answered question; checks learn from one another through them and in no other way."""
        facts: Facts = self.findings[check, about].facts
        return facts

    def once(self, key: object, ask: Callable[[], T]) -> T:
        """`ask()`, called once in this run for `key`: one AWS call can answer several questions, or none of them."""
        if key not in self._remembered:
            try:
                self._remembered[key] = ask()
            except AwsError as error:
                self._remembered[key] = error
        answer = self._remembered[key]
        if isinstance(answer, AwsError):
            raise answer
        return cast("T", answer)

    @property
    def account_access(self) -> Access:
        account = self.revision.account
        return Access(account.role_arn, account.external_id)

    @property
    def directory_access(self) -> Access:
        center = self.revision.identity_center
        return Access(center.role_arn, center.external_id)


class Check(ABC):
    """A check. Subclasses say what they ask about, whom the answer holds for, and how to ask."""

    name: ClassVar[str]
    scope: ClassVar[Scope]
    title: ClassVar[Text]
    # Checks whose answer to the same question (or about the person) must be usable before this one can ask.
    needs: ClassVar[tuple[str, ...]] = ()
    # How old a passed answer may be for somebody who asks again; None: as old as for anybody.
    tolerance: ClassVar[dt.timedelta | None] = None
    REASONS: ClassVar[Mapping[str, Reason]]

    def questions(self, revision: PlanRevision) -> tuple[str, ...]:
        """What to ask about: the plan's inference profiles, or `("",)` for a question about the person."""
        return tuple(revision.profiles.values())

    @abstractmethod
    def subject(self, about: str, case: Case) -> str:
        """The key under which the answer is shared: everything it depends on, and nothing else."""

    @abstractmethod
    def answer(self, about: str, case: Case) -> Answer:
        """Ask. May raise AwsError, which becomes *unknown*."""

    def keep(self, finding: Finding, case: Case) -> None:  # noqa: B027 -- most checks keep nothing else
        """Write what else the answer taught, in the transaction that records it. Must be idempotent."""

    def words(self, facts: Facts) -> dict[str, str]:
        """What the reasons' templates are filled with."""
        return {key: str(value) for key, value in facts.items() if isinstance(value, str | int)}

    def evidence(self, facts: Facts) -> list[tuple[Text, str]]:
        """What was asked and answered, as label and value, in AWS's own words."""
        return []


def fingerprint(parts: Iterable[str]) -> str:
    """A short, stable digest of a set of strings, for subjects that depend on it."""
    return hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest()[:16]


def region_labels(regions: Iterable[str]) -> str:
    """`Ireland (eu-west-1), Spain (eu-south-2)`."""
    return ", ".join(region_label(region) for region in regions)


_RETRY = _("You need not do anything: Onramp asks again the next time your access is verified.")

# Answers every check can give: nobody could tell. None of them is a denial.
UNKNOWN_REASONS: Mapping[str, Reason] = {
    "throttled": Reason(
        _("AWS is limiting how fast Onramp may ask"),
        _("AWS did not answer %(operation)s because too many questions came at once. This is not a denial."),
        _RETRY,
    ),
    "no-answer": Reason(
        _("AWS did not answer"),
        _("AWS did not answer %(operation)s in time. This is not a denial."),
        _RETRY,
    ),
    "portal-denied": Reason(
        _("Onramp may not ask AWS this"),
        _("AWS refuses %(operation)s to Onramp's own role, so nobody can tell. This says nothing about your access."),
        _("An admin allows %(operation)s in the policy of Onramp's role."),
        Actor.ADMIN,
    ),
    "not-configured": Reason(
        _("Onramp has no working AWS credentials"),
        _("Onramp could not sign %(operation)s with valid AWS credentials. This says nothing about your access."),
        _("An admin checks the credentials and roles that Onramp runs with."),
        Actor.ADMIN,
    ),
    "refused": Reason(
        _("AWS would not answer the question"),
        _("AWS refused %(operation)s with %(code)s, which Onramp cannot read as a yes or a no."),
        _("An admin looks at the plan's account, Region and models."),
        Actor.ADMIN,
    ),
    "incomplete": Reason(
        _("AWS answered only in part"),
        _("AWS left part of %(operation)s unanswered, so Onramp cannot tell. This is not a denial."),
        _RETRY,
    ),
    "internal": Reason(
        _("Onramp failed to ask"),
        _("A fault in Onramp itself kept this from being checked. This says nothing about your access."),
        _("An admin finds the details in Onramp's log."),
        Actor.ADMIN,
    ),
}
