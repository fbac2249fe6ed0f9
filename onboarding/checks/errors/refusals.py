"""The catalogue of errors, refusals: the account may not have the model, or the model is not to be had by that id.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-access.html and
https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html, and texts as accounts
received them.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from onboarding.checks.base import Paste, Remedy
from onboarding.checks.errors.entries import (
    MODEL_CATALOG,
    PAYMENT,
    PROFILES,
    SETTINGS,
    SUPPORT,
    Entry,
    Sign,
    allow_subscription,
)
from onboarding.enums import Actor, Layer

_TAKE_FROM_BUNDLE = _(
    "Use the model ids of your bundle. If they are the ones that fail, download a new bundle from Onramp."
)

# The account, before anybody's permissions count.
GATES: tuple[Entry, ...] = (
    Entry(
        "payment",
        Layer.PAYMENT,
        signs=(Sign("invalid_payment_instrument"), Sign("valid payment (instrument|method) must be provided")),
        titles=(_("The account has no valid payment method"),),
        summaries=(
            _("AWS Marketplace subscribes account %(account)s to no model without a payment method."),
            _("AWS Marketplace subscribes the account to no model without a payment method."),
        ),
        remedies=(
            Remedy(
                _("An admin who may see the bills gives the account a payment method. Your credentials are fine."),
                _("Give the account a payment method that AWS Marketplace accepts, and wait a few minutes."),
                link=PAYMENT,
            ),
        ),
        is_denial=True,
    ),
    Entry(
        "marketplace",
        Layer.AGREEMENT,
        signs=(
            Sign("not authorized to perform the required aws marketplace actions"),
            Sign("to perform: aws-marketplace: [a-z]+ (on resource: .{1,40}?)? because no identity-based policy"),
        ),
        titles=(_("Nobody has accepted the model's agreement for this account"),),
        summaries=(
            _("The first call of %(model)s in an account subscribes to it, and your role may not do that."),
            _("The first call of a model in an account subscribes to it, and your role may not do that."),
        ),
        remedies=(
            Remedy(
                _("An admin accepts it once for the whole account. Try again two minutes later."),
                _(
                    "Call the model once with a role that has these actions, or add them to the role's policy. It "
                    "takes up to 15 minutes for the subscription to hold."
                ),
                pastes=(Paste(_("Statement the policy lacks"), "policy.json", allow_subscription),),
                link=MODEL_CATALOG,
            ),
        ),
        is_denial=True,
    ),
    Entry(
        "use-case-form",
        Layer.USE_CASE_FORM,
        signs=(
            Sign("use case details have not been submitted"),
            Sign("you have not filled out the required use-?case form"),
            Sign(codes=("FTUFormNotFilled",)),
        ),
        titles=(_("Anthropic's use-case form has not been sent"),),
        summaries=(
            _("Account %(account)s may not use Anthropic's models until somebody sends the use-case form, once."),
            _("The account may not use Anthropic's models until somebody sends the use-case form, once."),
        ),
        remedies=(
            Remedy(
                _("An admin sends the form. Try again 15 minutes later."),
                _(
                    "Open any Anthropic model in the model catalog and send the form: here, or in the organization's "
                    "management account for all accounts."
                ),
                link=MODEL_CATALOG,
            ),
        ),
    ),
    Entry(
        "not-entitled",
        Layer.ENTITLEMENT,
        signs=(
            Sign("(don't|do not) have access to the model with the specified model id"),
            Sign("your account is not authorized to invoke this api operation"),
        ),
        titles=(_("The account has no access to the model here"),),
        summaries=(
            _("AWS does not let the account use %(model)s in this Region. Your credentials are fine."),
            _("AWS does not let the account use the model in this Region. Your credentials are fine."),
        ),
        remedies=(
            Remedy(
                _("Verify again in Onramp: it names who denies the model, and who can change that."),
                _("Look in the model catalog whether the model is available to the account in this Region."),
                actor=Actor.ADMIN,
                link=MODEL_CATALOG,
            ),
        ),
        is_denial=True,
    ),
    Entry(
        "account-refused",
        Layer.AUTHORIZATION,
        signs=(
            Sign("is not available for this account"),
            Sign("your account is not authorized to access this model"),
            Sign(codes=("BadCScoreException",)),
            Sign("operation not allowed", codes=("ValidationException",)),
        ),
        titles=(_("AWS does not offer the model to this account"),),
        summaries=(
            _("AWS itself keeps %(model)s from the account; no policy and no form of yours changes that."),
            _("AWS itself keeps the model from the account; no policy and no form of yours changes that."),
        ),
        remedies=(
            Remedy(
                _("An admin asks AWS Support. Until then, use another model of your plan."),
                _("Ask AWS Support, or AWS Sales, to open the model to the account."),
                link=SUPPORT,
            ),
        ),
        is_denial=True,
    ),
    Entry(
        "unsupported-country",
        Layer.AUTHORIZATION,
        signs=(Sign("access to anthropic models is not allowed from unsupported countries"),),
        titles=(_("Anthropic's models are not offered in this country"),),
        summaries=(
            _("The request, or the account, belongs to a country in which Anthropic does not offer its models."),
        ),
        remedies=(
            Remedy(
                _("If your network leads through another country, take another way out. Otherwise tell an admin."),
                _("Look which country the account's address and the network's exit are in."),
            ),
        ),
    ),
)

# The model and its id.
MODELS: tuple[Entry, ...] = (
    Entry(
        "on-demand",
        Layer.INFERENCE_PROFILE,
        signs=(Sign("with on-demand throughput (isn't|is not) supported"),),
        titles=(_("The model needs an inference profile"),),
        summaries=(
            _("%(model_id)s cannot be called by that id: it lacks the prefix of an inference profile."),
            _("The model cannot be called by that id: it lacks the prefix of an inference profile."),
        ),
        remedies=(
            Remedy(
                _("Use the id in your bundle, with us., eu. or global. before it. Look for what sets %(model_id)s."),
                _("Name inference profiles in the plan, by their ids or ARNs; the console lists them."),
                actor=Actor.PERSON,
                link=PROFILES,
            ),
            Remedy(
                _("Use the id in your bundle, which begins with us., eu. or global. Look for what overrides it."),
                _("Name inference profiles in the plan, by their ids or ARNs; the console lists them."),
                actor=Actor.PERSON,
                link=PROFILES,
            ),
        ),
    ),
    Entry(
        "invalid-model-id",
        Layer.INFERENCE_PROFILE,
        signs=(Sign("the provided model identifier is invalid"),),
        titles=(_("Bedrock does not know this model id here"),),
        summaries=(
            _("%(model_id)s is no model of this Region, or has another Region's prefix, or was retired."),
            _("The model id belongs to another Region or has its prefix, lacks its date, or was retired."),
        ),
        remedies=(
            Remedy(
                _TAKE_FROM_BUNDLE,
                _("Compare the plan's ids with the inference profiles that the Region has."),
                actor=Actor.PERSON,
                link=PROFILES,
            ),
        ),
    ),
    Entry(
        "unresolved-model",
        Layer.INFERENCE_PROFILE,
        signs=(Sign("could not resolve the foundation model"),),
        titles=(_("Bedrock does not know this model here"),),
        summaries=(
            _("The Region that was called has no model %(model_id)s."),
            _("The Region that was called has no model of that name."),
        ),
        remedies=(
            Remedy(
                _TAKE_FROM_BUNDLE,
                _("Compare the plan's ids with the model catalog of the Region."),
                actor=Actor.PERSON,
                link=MODEL_CATALOG,
            ),
        ),
    ),
    Entry(
        "legacy-model",
        Layer.MODEL_LIFECYCLE,
        signs=(
            Sign("this model is marked by provider as legacy"),
            Sign("this model version has reached the end of its life"),
        ),
        titles=(_("%(model)s is at the end of its life"), _("The model is at the end of its life")),
        summaries=(
            _("%(model)s is marked as legacy, and closed to accounts that have not used it lately."),
            _("The model is marked as legacy, and closed to accounts that have not used it lately."),
        ),
        remedies=(
            Remedy(
                _("An admin puts a newer model into the plan. If your bundle has one already, use its ids."),
                _("Put a newer model into the plan; everybody on it gets a new bundle."),
                link=MODEL_CATALOG,
            ),
        ),
    ),
    Entry(
        "data-retention",
        Layer.DATA_RETENTION,
        signs=(Sign("data retention mode"), Sign("data retention", codes=("ValidationException",))),
        titles=(_("The account's data-retention mode keeps the model out"),),
        summaries=(
            _("The model is not available to accounts whose data-retention mode is %(retention_mode)s."),
            _("The model is not available in the data-retention mode of the account."),
        ),
        remedies=(
            Remedy(
                _("An admin puts a model into the plan that does not need it, or has the mode changed."),
                _(
                    "Put a model into the plan that does not need data retention, or change the account's mode, if "
                    "your company's rules allow that. It holds for every model in the Region."
                ),
                link=SETTINGS,
            ),
        ),
    ),
    Entry(
        "thinking",
        Layer.CLAUDE_CODE,
        signs=(Sign(r"thinking\.type\.enabled.{0,3} is not supported for this model"),),
        titles=(_("Your Claude Code is too old for the model"),),
        summaries=(_("It asks the model to think in a way that newer models refuse."),),
        remedies=(Remedy(_("Update Claude Code and try again."), actor=Actor.PERSON),),
    ),
)
