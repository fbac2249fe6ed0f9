"""The catalogue of errors, unknowns: Bedrock did not answer, or what printed its answer kept the reason to itself.

https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html, and for what a request takes
off a quota https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-token-burndown.html
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from onboarding.checks.base import Remedy
from onboarding.checks.errors.entries import MODEL_CATALOG, QUOTAS, Entry, Sign
from onboarding.checks.errors.reading import DENIALS, THROTTLES, TRANSIENT
from onboarding.enums import Actor, Layer

_MORE_QUOTA = _("Ask AWS for a higher quota of the model in Service Quotas; new accounts may start at zero.")

# How much, and how fast. None of these is a denial.
LIMITS: tuple[Entry, ...] = (
    Entry(
        "tokens-per-day",
        Layer.SERVICE_QUOTA,
        signs=(Sign("too many tokens per day"),),
        titles=(_("The account's tokens for today are used up"),),
        summaries=(
            _("The account has a quota of tokens per day for this model, and it is used up. This is not a denial."),
        ),
        remedies=(
            Remedy(
                _("Use another model of your plan, or try again tomorrow. An admin can ask AWS for more."),
                _MORE_QUOTA,
                link=QUOTAS,
            ),
        ),
    ),
    Entry(
        "quota-exceeded",
        Layer.SERVICE_QUOTA,
        signs=(Sign(codes=("ServiceQuotaExceededException",)),),
        titles=(_("A quota of the account is used up"),),
        summaries=(_("The request goes beyond what AWS grants the account at the moment. This is not a denial."),),
        remedies=(Remedy(_("Try again later. If it keeps happening, tell an admin."), _MORE_QUOTA, link=QUOTAS),),
    ),
    Entry(
        "transient",
        Layer.AWS,
        signs=(
            Sign(codes=TRANSIENT),
            Sign(statuses=("408", "424", "500", "502", "503", "504", "529")),
        ),
        titles=(_("Bedrock could not answer just now"),),
        summaries=(
            _("Bedrock gave %(code)s: the model was not ready, too slow, or out of order. This is not a denial."),
            _("Bedrock gave %(status)s: the model was not ready, too slow, or out of order. This is not a denial."),
            _("The model was not ready, too slow, or out of order. This is not a denial."),
        ),
        remedies=(
            Remedy(
                _("Try again in a few minutes: Claude Code retries by itself. Nobody needs to act."),
                _("If it goes on for hours, look at the AWS Health Dashboard."),
                actor=Actor.NOBODY,
            ),
        ),
    ),
    Entry(
        "throttled",
        Layer.SERVICE_QUOTA,
        signs=(
            Sign("too many (tokens|requests|connections)"),
            Sign("rate exceeded"),
            Sign(codes=THROTTLES),
            Sign(statuses=("429",)),
        ),
        titles=(_("The account's quota is used up for the moment"),),
        summaries=(
            _("Bedrock sets a request's input and its whole output limit aside when it starts. This is not a denial."),
        ),
        remedies=(
            Remedy(
                _(
                    "Wait a minute, and lower the effort level or CLAUDE_CODE_MAX_OUTPUT_TOKENS. If it keeps "
                    "happening, tell an admin."
                ),
                _("Lower the plan's max_tokens, or ask AWS for a higher quota of the model in Service Quotas."),
                actor=Actor.PERSON,
                link=QUOTAS,
            ),
        ),
    ),
)

# Bedrock said no, and what printed it kept the rest to itself.
HIDDEN: tuple[Entry, ...] = (
    Entry(
        "model-not-found",
        None,
        signs=(Sign("is not available on your .{0,20}? deployment"),),
        titles=(_("Bedrock answered 404, and Claude Code hides why"),),
        summaries=(
            _("%(model_id)s was not found: a wrong id, a retired model, or a use-case form that nobody sent."),
            _("The model was not found: a wrong id, a retired model, or a use-case form that nobody sent."),
        ),
        remedies=(
            Remedy(
                _(
                    "Verify again in Onramp. To see what Bedrock said, run claude --debug-file debug.txt and paste "
                    "the lines with 404."
                ),
                _("Look whether the account's use-case form was sent, and whether the Region has the model."),
                actor=Actor.PERSON,
                link=MODEL_CATALOG,
            ),
        ),
    ),
    Entry(
        "access-denied",
        None,
        signs=(Sign(codes=DENIALS),),
        titles=(_("AWS refused, in words that Onramp does not know"),),
        summaries=(_("The text has the code of a denial and does not say what denied, so Onramp does not guess."),),
        remedies=(
            Remedy(
                _("Paste the whole message: the sentence after the code names the policy. Or verify again in Onramp."),
                _("Look for the denial in CloudTrail."),
                actor=Actor.PERSON,
            ),
        ),
    ),
)
