"""What every check is: a question with one answer, a scope, and words for each way it can be answered."""

from __future__ import annotations

import datetime as dt
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, TypeVar, cast

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from onboarding.aws import AwsError
from onboarding.aws.session import Access
from onboarding.catalog import region_label
from onboarding.enums import Actor, Gate, Layer, Outcome, Scope
from onboarding.models import DirectoryEntry, Finding, Person, PlanRevision

Text = str | Promise
Facts = Mapping[str, Any]
T = TypeVar("T")

USABLE = (Outcome.PASSED, Outcome.WARNING)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a check found. `reason` names one of the check's `REASONS`; `facts` is JSON and fills in its words.

    `settles_at` says when an answer that is provisional can be told for certain.
    """

    outcome: Outcome
    reason: str
    facts: Facts = field(default_factory=dict)
    layer: Layer | None = None
    settles_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Paste:
    """The exact thing to paste: one for all findings that were answered alike, since an admin changes a policy once.

    `name` ends like the file it would stand in (`policy.json`, `command.sh`), which decides its colours. `make` gives
    the text, or nothing when there is nothing to paste.
    """

    title: Text
    name: str
    make: Callable[[Sequence[Facts]], str]


class Pasted(NamedTuple):
    """A thing to paste: its title, a file name that decides its colours, and the text."""

    title: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """The page of the AWS console on which to act, built from a finding's facts."""

    title: Text
    url: Callable[[Facts], str]


@dataclass(frozen=True, slots=True)
class Remedy:
    """What closes a finding: a sentence for the person, a sentence for the admin, who can act, and what with."""

    person: Text
    admin: Text = ""
    actor: Actor = Actor.ADMIN
    pastes: tuple[Paste, ...] = ()
    link: Link | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """One way a check can be answered, in words: templates over the check's `words`.

    `title` is short and heads an open finding; `summary` is one sentence with the real names.
    """

    title: Text
    summary: Text
    remedy: Remedy | None = None


class Memory:
    """What AWS said while one run asked: one call can answer several questions, or none of them."""

    def __init__(self) -> None:
        self._answers: dict[object, Any] = {}

    def once(self, key: object, ask: Callable[[], T]) -> T:
        """`ask()`, called once for `key`. An error is remembered, too, until `forget_errors`."""
        if key not in self._answers:
            try:
                self._answers[key] = ask()
            except AwsError as error:
                self._answers[key] = error
        answer = self._answers[key]
        if isinstance(answer, AwsError):
            raise answer
        return cast("T", answer)

    def know(self, key: object, answer: object) -> None:
        """Remember what was learned on the way to another answer."""
        self._answers[key] = answer

    def known(self, key: object) -> Any:
        """What is remembered, or None."""
        return self._answers.get(key)

    def forget_errors(self) -> None:
        """Let what failed be asked again, as a long run does from time to time."""
        self._answers = {key: answer for key, answer in self._answers.items() if not isinstance(answer, AwsError)}


@dataclass(frozen=True, slots=True)
class Reading:
    """What a sweep, which reads the directory in pages, saw of one person there; or why it could not read it."""

    entry: DirectoryEntry | None = None
    error: AwsError | None = None

    def found(self) -> DirectoryEntry | None:
        if self.error is not None:
            raise self.error
        return self.entry


@dataclass(slots=True)
class Case:
    """One verification while it runs: whose, against what, and what has been answered so far.

    `whose` is None while an account is asked about for nobody in particular. Without a `reading` the directory is
    asked about the person. `before` is the last known answer to the question that is being asked now.
    """

    whose: Person | None
    revision: PlanRevision
    findings: dict[tuple[str, str], Finding] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)
    reading: Reading | None = None
    before: Finding | None = None

    @property
    def person(self) -> Person:
        if self.whose is None:
            raise ValueError("This case is about nobody.")
        return self.whose

    def finding(self, check: str, about: str = "") -> Finding | None:
        return self.findings.get((check, about))

    def standing(self, check: str, about: str = "") -> Finding | None:
        """The answer that counts for a question: its finding's, or the last known one while AWS gives none."""
        finding = self.finding(check, about)
        return finding.standing(timezone.now()) if finding else None

    def facts(self, check: str, about: str = "") -> Facts:
        """The facts of an answered question; checks learn from one another through them and in no other way."""
        finding = self.standing(check, about)
        if finding is None:
            raise LookupError(f"{check} has no answer about {about!r}.")
        facts: Facts = finding.facts
        return facts

    def is_usable(self, check: str, about: str = "") -> bool:
        """Whether a question was answered in a way that others can build on."""
        finding = self.standing(check, about) or self.standing(check)
        return finding is not None and finding.outcome in USABLE

    def once(self, key: object, ask: Callable[[], T]) -> T:
        return self.memory.once(key, ask)

    @property
    def account_access(self) -> Access:
        account = self.revision.account
        return Access(account.role_arn, account.external_id)

    @property
    def directory_access(self) -> Access:
        center = self.revision.center
        return Access(center.role_arn, center.external_id)


class FindingType:
    """What findings of one kind share: their name and place, and the words in which they are read."""

    name: ClassVar[str]
    scope: ClassVar[Scope]
    gate: ClassVar[Gate]
    title: ClassVar[Text]
    REASONS: ClassVar[Mapping[str, Reason]]

    def words(self, facts: Facts) -> dict[str, str]:
        """What the reasons' templates are filled with."""
        return {key: str(value) for key, value in facts.items() if isinstance(value, str | int)}

    def evidence(self, facts: Facts) -> list[tuple[Text, str]]:
        """What was asked and answered, as label and value, in AWS's own words."""
        return []


class Check(FindingType, ABC):
    """A check. Subclasses say what they ask about, whom the answer holds for, and how to ask."""

    # Whether it asks about each of the plan's models, or once.
    is_about_models: ClassVar[bool] = True
    # Checks whose answer to the same question (or about the person) must be usable before this one can ask.
    needs: ClassVar[tuple[str, ...]] = ()
    # How old a passed answer may be for somebody who asks again; None: as old as for anybody.
    tolerance: ClassVar[dt.timedelta | None] = None
    # Whether nobody is ready before it has an answer. The others keep people out by a "no" alone: what they ask does
    # not decide whether a request is let through, or AWS does not promise to answer it.
    is_vital: ClassVar[bool] = True

    def questions(self, revision: PlanRevision) -> tuple[str, ...]:
        """What to ask about: the plan's inference profiles, or `("",)` for a question that is asked once."""
        return tuple(dict.fromkeys(revision.profiles.values())) if self.is_about_models else ("",)

    def can_ask(self, about: str, case: Case) -> bool:
        """Whether everything it builds on was answered in a way to build on."""
        return all(case.is_usable(name, about) for name in self.needs)

    @abstractmethod
    def subject(self, about: str, case: Case) -> str:
        """The key under which the answer is shared: everything it depends on, and nothing else."""

    @abstractmethod
    def answer(self, about: str, case: Case) -> Answer:
        """Ask. May raise AwsError, which becomes *unknown*."""

    def keep(self, finding: Finding, case: Case) -> None:
        """Write what else the answer taught of the person, in the transaction that links it. Must be idempotent."""

    def noticed(self, finding: Finding, before: Finding | None) -> None:
        """A new answer, and the last known one before it, in the transaction that records it."""


class AccountCheck(Check):
    """A check whose answer holds for everybody in an account and Region."""

    scope = Scope.ACCOUNT
    gate = Gate.MODELS

    def subject(self, about: str, case: Case) -> str:
        key = account_key(case.revision)
        return f"{key}|{about}" if about else key


def models_of(about: str, case: Case) -> list[str]:
    """The ids of the models behind an inference profile, as Bedrock lists them now; none before that was answered."""
    found = case.standing("inference-profile", about)
    return list(found.facts["models"]) if found is not None and found.outcome in USABLE else []


def routed_profiles(case: Case) -> list[dict[str, Any]]:
    """The plan's inference profiles that exist, with the models they route to now: `arn` and `models`, ARNs all."""
    found = (case.standing("inference-profile", name) for name in dict.fromkeys(case.revision.profiles.values()))
    return [
        {"arn": row.facts["arn"], "models": [routed["arn"] for routed in row.facts["destinations"]]}
        for row in found
        if row is not None and row.outcome in USABLE
    ]


def account_key(revision: PlanRevision) -> str:
    """How the subjects of account checks begin: `111122223333|eu-west-1`."""
    return f"{revision.account.account_id}|{revision.region}"


def fingerprint(parts: Iterable[str]) -> str:
    """A short, stable digest of a set of strings, for subjects that depend on it."""
    return hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest()[:16]


def region_labels(regions: Iterable[str]) -> str:
    """`Ireland (eu-west-1), Spain (eu-south-2)`."""
    return ", ".join(region_label(region) for region in regions)


_RETRY = Remedy(
    _("You need not do anything: Onramp asks again the next time your access is verified."), actor=Actor.NOBODY
)

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
        Remedy(
            _("An admin allows %(operation)s in the policy of Onramp's role."),
            _("Allow %(operation)s in the policy of the role that Onramp assumes in this account."),
        ),
    ),
    "not-configured": Reason(
        _("Onramp has no working AWS credentials"),
        _("Onramp could not sign %(operation)s with valid AWS credentials. This says nothing about your access."),
        Remedy(
            _("An admin checks the credentials and roles that Onramp runs with."),
            _("Check what credentials Onramp's worker finds, and whether the account's role trusts them."),
        ),
    ),
    "refused": Reason(
        _("AWS would not answer the question"),
        _("AWS refused %(operation)s with %(code)s, which Onramp cannot read as a yes or a no."),
        Remedy(
            _("An admin looks at the plan's account, Region and models."),
            _("Look whether the plan's account, Region and models are the ones that were meant."),
        ),
    ),
    "incomplete": Reason(
        _("AWS answered only in part"),
        _("AWS left part of %(operation)s unanswered, so Onramp cannot tell. This is not a denial."),
        _RETRY,
    ),
    "internal": Reason(
        _("Onramp failed to ask"),
        _("A fault in Onramp itself kept this from being checked. This says nothing about your access."),
        Remedy(
            _("An admin finds the details in Onramp's log."),
            _("Look for check.failed in the log of Onramp's worker, at this time."),
        ),
    ),
}
