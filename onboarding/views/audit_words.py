"""What audit events say, in the reader's language: each action as a deed, each detail with its name."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from onboarding.enums import CodePurpose, EndpointKind, Outcome, Platform, Role, TokenClass, Trigger
from onboarding.models import AuditEvent

# Every action that an event may be of; a test looks for those in the code. Those of Django's admin are at the end.
ACTIONS: Mapping[str, Promise] = {
    "account.asked": gettext_lazy("Asked AWS about an account"),
    "account.multiplier_changed": gettext_lazy("Changed an account's multiplier"),
    "audit.exported": gettext_lazy("Exported audit events"),
    "break_glass.made": gettext_lazy("Made a break-glass link"),
    "break_glass.used": gettext_lazy("Signed in by a break-glass link"),
    "budget.changed": gettext_lazy("Changed a budget"),
    "bundle.copied": gettext_lazy("Took a copy of a bundle"),
    "bundle.made": gettext_lazy("Made a bundle"),
    "bundle.managed": gettext_lazy("Took settings for device management"),
    "caller.claimed": gettext_lazy("Claimed a principal"),
    "caller.released": gettext_lazy("Took back a claim"),
    "code.issued": gettext_lazy("Got one-time codes"),
    "costs.exported": gettext_lazy("Exported costs"),
    "directory-group.changed": gettext_lazy("Changed a group in the directory"),
    "directory-group.created": gettext_lazy("Sent a group of the directory"),
    "directory-group.deleted": gettext_lazy("Deleted a group in the directory"),
    "directory-user.changed": gettext_lazy("Changed a user in the directory"),
    "directory-user.created": gettext_lazy("Sent a user of the directory"),
    "directory-user.deleted": gettext_lazy("Deleted a user in the directory"),
    "document.loaded": gettext_lazy("Loaded a document"),
    "machine.reported": gettext_lazy("Sent a doctor's report"),
    "notification.tested": gettext_lazy("Sent a test notification"),
    "notifications.chosen": gettext_lazy("Chose notifications"),
    "people.exported": gettext_lazy("Exported people"),
    "people.verified": gettext_lazy("Verified people again"),
    "person.changed": gettext_lazy("Changed a person"),
    "person.created": gettext_lazy("Came in for the first time"),
    "person.deactivated": gettext_lazy("Deactivated a person"),
    "person.reactivated": gettext_lazy("Reactivated a person"),
    "person.signed_in": gettext_lazy("Signed in"),
    "person.signed_out": gettext_lazy("Signed out"),
    "person.view-ended": gettext_lazy("Ended viewing as a person"),
    "person.viewed-as": gettext_lazy("Viewed as a person"),
    "plan.created": gettext_lazy("Named a plan"),
    "plan.published": gettext_lazy("Published a revision"),
    "price.added": gettext_lazy("Added a price"),
    "price.corrected": gettext_lazy("Corrected a price"),
    "prices.loaded": gettext_lazy("Loaded prices"),
    "request.added": gettext_lazy("Added to a request"),
    "request.answered": gettext_lazy("Answered a request"),
    "request.closed": gettext_lazy("Closed a request"),
    "request.opened": gettext_lazy("Asked the admins"),
    "scim-token.ended": gettext_lazy("Ended provisioning tokens"),
    "scim-token.issued": gettext_lazy("Made a provisioning token"),
    "session.ended": gettext_lazy("Ended sessions"),
    "sweep.opened": gettext_lazy("Started a sweep"),
    "team.created": gettext_lazy("Made a team"),
    "token.issued": gettext_lazy("Made an API token"),
    "token.revoked": gettext_lazy("Revoked an API token"),
    "token.used": gettext_lazy("Read the API with a token"),
    "usage.repriced": gettext_lazy("Priced usage anew"),
    "verification.opened": gettext_lazy("Started a verification"),
    "account.added": gettext_lazy("Added an account"),
    "account.changed": gettext_lazy("Changed an account"),
    "account.deleted": gettext_lazy("Deleted an account"),
    "identitycenter.added": gettext_lazy("Added an Identity Center"),
    "identitycenter.changed": gettext_lazy("Changed an Identity Center"),
    "identitycenter.deleted": gettext_lazy("Deleted an Identity Center"),
    "plan.added": gettext_lazy("Added a plan"),
    "plan.changed": gettext_lazy("Changed a plan"),
    "plan.deleted": gettext_lazy("Deleted a plan"),
    "team.added": gettext_lazy("Added a team"),
    "team.changed": gettext_lazy("Changed a team"),
    "team.deleted": gettext_lazy("Deleted a team"),
}

# What a detail is called; one that is not here is shown by the name it has in the event.
_NAMES: Mapping[str, str | Promise] = {
    "accounts": pgettext_lazy("a detail of an audit event", "accounts"),
    "added": pgettext_lazy("a detail of an audit event", "added"),
    "after": pgettext_lazy("a detail of an audit event", "after"),
    "before": pgettext_lazy("a detail of an audit event", "before"),
    "changed": pgettext_lazy("a detail of an audit event", "changed"),
    "channel": pgettext_lazy("a detail of an audit event", "channel"),
    "check": pgettext_lazy("a detail of an audit event", "check"),
    "cost_after": pgettext_lazy("a detail of an audit event", "estimate after"),
    "cost_before": pgettext_lazy("a detail of an audit event", "estimate before"),
    "cost_centre": pgettext_lazy("a detail of an audit event", "cost centre"),
    "count": pgettext_lazy("a detail of an audit event", "how many"),
    "digest": "SHA-256",
    "ended": pgettext_lazy("a detail of an audit event", "ended"),
    "endpoint_kind": pgettext_lazy("a detail of an audit event", "endpoint"),
    "entries": pgettext_lazy("a detail of an audit event", "usage entries"),
    "fields": pgettext_lazy("a detail of an audit event", "fields"),
    "filter": pgettext_lazy("a detail of an audit event", "filter"),
    "group": pgettext_lazy("a detail of an audit event", "group"),
    "identity_centers": pgettext_lazy("a detail of an audit event", "Identity Centers"),
    "is_long_prompt": pgettext_lazy("a detail of an audit event", "long prompts"),
    "kind": pgettext_lazy("a detail of an audit event", "kind"),
    "left_out": pgettext_lazy("a detail of an audit event", "left out"),
    "monthly_budget": pgettext_lazy("a detail of an audit event", "monthly budget in USD"),
    "name": pgettext_lazy("a detail of an audit event", "name"),
    "outcome": pgettext_lazy("a detail of an audit event", "outcome"),
    "people": pgettext_lazy("a detail of an audit event", "people"),
    "person": pgettext_lazy("a detail of an audit event", "person"),
    "plan": pgettext_lazy("a detail of an audit event", "plan"),
    "plans": pgettext_lazy("a detail of an audit event", "plans"),
    "platform": pgettext_lazy("a detail of an audit event", "platform"),
    "priced": pgettext_lazy("a detail of an audit event", "priced entries"),
    "prices": pgettext_lazy("a detail of an audit event", "prices"),
    "purposes": pgettext_lazy("a detail of an audit event", "for"),
    "reason": pgettext_lazy("a detail of an audit event", "reason"),
    "refused": pgettext_lazy("a detail of an audit event", "refused"),
    "removed": pgettext_lazy("a detail of an audit event", "removed"),
    "restores": pgettext_lazy("a detail of an audit event", "restores revision"),
    "revision": pgettext_lazy("a detail of an audit event", "revision"),
    "role": pgettext_lazy("a detail of an audit event", "role"),
    "scopes": pgettext_lazy("a detail of an audit event", "may read"),
    "sessions": pgettext_lazy("a detail of an audit event", "sessions"),
    "since": pgettext_lazy("a detail of an audit event", "from"),
    "slug": pgettext_lazy("a detail of an audit event", "address"),
    "source": pgettext_lazy("a detail of an audit event", "source"),
    "team": pgettext_lazy("a detail of an audit event", "team"),
    "team_before": pgettext_lazy("a detail of an audit event", "team before"),
    "teams": pgettext_lazy("a detail of an audit event", "teams"),
    "token_class": pgettext_lazy("a detail of an audit event", "token class"),
    "trigger": pgettext_lazy("a detail of an audit event", "trigger"),
    "unpriced_after": pgettext_lazy("a detail of an audit event", "tokens without a price after"),
    "unpriced_before": pgettext_lazy("a detail of an audit event", "tokens without a price before"),
    "until": pgettext_lazy("a detail of an audit event", "to before"),
    "usd_per_million": pgettext_lazy("a detail of an audit event", "USD per million tokens"),
    "valid_from": pgettext_lazy("a detail of an audit event", "valid from"),
}

# `Trigger` says it to the person whose verification it is.
_TRIGGERS: Mapping[str, Promise] = {
    Trigger.SIGN_IN: pgettext_lazy("what started a verification", "a sign-in"),
    Trigger.RECHECK: pgettext_lazy("what started a verification", "asked for"),
    Trigger.ADMIN: pgettext_lazy("what started a verification", "an admin"),
    Trigger.COMMAND: pgettext_lazy("what started a verification", "a command"),
    Trigger.PLAN_PUBLISHED: pgettext_lazy("what started a verification", "a published plan"),
    Trigger.NIGHTLY: pgettext_lazy("what started a verification", "every night"),
    Trigger.DESTINATIONS_CHANGED: pgettext_lazy("what started a verification", "other Regions than before"),
    Trigger.PROVISIONAL: pgettext_lazy("what started a verification", "a provisional answer"),
}

# Details that are codes, with what reads one.
_CODES: Mapping[str, Callable[[Any], str | Promise]] = {
    "endpoint_kind": lambda code: EndpointKind(code).label,
    "outcome": lambda code: Outcome(code).label,
    "platform": lambda code: Platform(code).label,
    "purposes": lambda code: CodePurpose(code).label,
    "role": lambda code: Role(code).label,
    "token_class": lambda code: TokenClass(code).label,
    "trigger": lambda code: _TRIGGERS[code],
}


def action_word(action: str) -> str:
    """The deed; of another Onramp's that this one does not know, its code."""
    return str(ACTIONS.get(action, action))


def details_of(event: AuditEvent) -> Sequence[tuple[str, str]]:
    """Each detail's name and value; those that say nothing are left out, and what lies deeper is told flat."""
    return list(_told("", event.details)) if isinstance(event.details, dict) else []


def _told(within: str, details: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in details.items():
        name = f"{within}{_NAMES.get(key) or key.replace('_', ' ')}"
        if isinstance(value, dict):
            yield from _told(f"{name}: ", value)
        elif value not in ("", None, []):
            yield name, _value(key, value)


def _value(key: str, value: Any) -> str:
    if isinstance(value, list):
        # Before and after: one of the two may be nothing.
        return ", ".join(_value(key, each) if each not in ("", None) else _("none") for each in value)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    # A code that this Onramp does not know stays as it is.
    with contextlib.suppress(LookupError, TypeError, ValueError):
        return str(_CODES[key](value))
    return str(value)
