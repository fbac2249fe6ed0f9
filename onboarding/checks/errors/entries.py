"""What the catalogue of errors is made of: its entries, the signs they are known by, and what an admin pastes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.utils.translation import gettext_lazy as _

from onboarding import console
from onboarding.catalog import REGION_CODE, UNSPECIFIED_REGION, model_label, parse_profile_id, region_label
from onboarding.checks.base import Facts, Link, Paste, Reason, Remedy, Text
from onboarding.checks.errors.reading import MODEL_ARN, PROFILE_ARN, Reading
from onboarding.checks.policies import exempting
from onboarding.enums import Layer
from onboarding.policies import document, subscribe

_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
# Listing and asking know no resources: scoped to an ARN, a statement grants nothing and says nothing.
_WITHOUT_RESOURCES = (
    "bedrock:CallWithBearerToken",
    "bedrock:GetFoundationModelAvailability",
    "bedrock:GetUseCaseForModelAccess",
    "bedrock:ListFoundationModels",
    "bedrock:ListInferenceProfiles",
)
_DIRECT = _(
    "The text does not name the inference profile, so the statement allows direct calls of the model, too: add a "
    "condition on bedrock:InferenceProfileArn."
)
# Where the console's global services are at home, by partition.
_HOMES = {"aws": "us-east-1", "aws-us-gov": "us-gov-west-1", "aws-cn": "cn-north-1"}


@dataclass(frozen=True, slots=True)
class Sign:
    """One way in which an error shows; all its parts must be there.

    `message` is a regular expression in lower case, written with spaces and matched without any, as a terminal may
    have broken the text anywhere. `resource` is one for the whole ARN of the denied resource.
    """

    message: str = ""
    codes: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    resource: str = ""

    def is_in(self, reading: Reading) -> bool:
        facts = reading.facts
        return (
            (not self.codes or facts.get("code") in self.codes)
            and (not self.statuses or facts.get("status") in self.statuses)
            and (not self.resource or re.fullmatch(self.resource, facts.get("resource", "")) is not None)
            and (not self.message or _squeezed(self.message).search(reading.squeezed) is not None)
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """One error. Of its titles, summaries and remedies the first counts whose facts the text has; the last has none.

    `is_denial`: AWS said no. `layer` is None where the error does not tell who did.
    """

    key: str
    layer: Layer | None
    signs: tuple[Sign, ...]
    titles: tuple[Text, ...]
    summaries: tuple[Text, ...]
    remedies: tuple[Remedy, ...]
    is_denial: bool = False

    def is_in(self, reading: Reading) -> bool:
        return any(sign.is_in(reading) for sign in self.signs)

    def reason(self, words: Mapping[str, str]) -> Reason:
        remedy = next(each for each in self.remedies if _is_known(words, each.person, each.admin))
        return Reason(_first(self.titles, words), _first(self.summaries, words), remedy)


def _first(templates: Iterable[Text], words: Mapping[str, str]) -> Text:
    return next(template for template in templates if _is_known(words, template))


def _is_known(words: Mapping[str, str], *templates: Text) -> bool:
    return all(name in words for template in templates for name in _PLACEHOLDER.findall(str(template)))


@cache
def _squeezed(message: str) -> re.Pattern[str]:
    return re.compile(message, re.VERBOSE)


def words(facts: Facts) -> dict[str, str]:
    """What the templates are filled with: the facts, readable names for some, and what a paste can be made for."""
    told = dict(facts)
    who = facts.get("permission_set") or facts.get("role") or facts.get("user")
    told |= {"who": who} if who else {}
    told |= {"model": model_label(facts["model"]), "model_id": facts["model"]} if "model" in facts else {}
    told |= {"through": facts["inference_profile"]} if has_profile(facts) else {}
    if statement := _allow(facts):
        is_direct = MODEL_ARN.fullmatch(statement["Resource"]) and "Condition" not in statement
        told |= {"allowed": facts["action"], "caveat": f" {_DIRECT}" if is_direct else ""}
    told |= {"exempted": profiles} if (profiles := _profiles_of(facts)) else {}
    if "region" in facts:
        is_global = facts["region"] == UNSPECIFIED_REGION
        told["where"] = str(_("any Region (global inference)")) if is_global else region_label(facts["region"])
    return told


# --- what an admin pastes


def allow(findings: Sequence[Facts]) -> str:
    """The least that is missing: the denied action on the denied resource. Nothing, when it is not Bedrock's."""
    statements = [statement for facts in findings if (statement := _allow(facts))]
    return document(statements) if statements else ""


def allow_through_endpoint(findings: Sequence[Facts]) -> str:
    """The same for a VPC endpoint, whose policy names principals: the account's, when the text tells which."""
    statements = []
    for facts in findings:
        statement = _allow(facts)
        if statement and "account" in facts:
            condition = statement.setdefault("Condition", {}).setdefault("StringEquals", {})
            condition["aws:PrincipalAccount"] = facts["account"]
        if statement:
            statements.append({"Effect": "Allow", "Principal": "*", **statement})
    return document(statements) if statements else ""


def allow_subscription(_findings: Sequence[Facts]) -> str:
    return document([subscribe()])


def exempt(findings: Sequence[Facts]) -> str:
    """The condition that lets a deny pass what Bedrock routes through the profile, or the model's profiles."""
    patterns = {pattern for facts in findings if (pattern := _profiles_of(facts))}
    return exempting(patterns) if patterns else ""


def sign_in(findings: Sequence[Facts]) -> str:
    """The command that signs in; the reading lets only safe names through."""
    return f"aws sso login --profile {findings[0].get('profile', 'NAME')}"


def who_am_i(findings: Sequence[Facts]) -> str:
    return f"aws sts get-caller-identity --profile {findings[0].get('profile', 'NAME')}"


def look_at_settings(_findings: Sequence[Facts]) -> str:
    return "claude doctor\nclaude auth status"


def _allow(facts: Facts) -> dict[str, Any]:
    action, resource = facts.get("action", ""), facts.get("resource", "")
    if action in _WITHOUT_RESOURCES:
        return {"Effect": "Allow", "Action": action, "Resource": "*"}
    if not action.startswith("bedrock:") or not (MODEL_ARN.fullmatch(resource) or PROFILE_ARN.fullmatch(resource)):
        return {}
    statement: dict[str, Any] = {"Effect": "Allow", "Action": action, "Resource": resource}
    if has_profile(facts):
        statement["Condition"] = {"StringEquals": {"bedrock:InferenceProfileArn": facts["inference_profile"]}}
    return statement


def has_profile(facts: Facts) -> bool:
    """Whether the text names the profile through which the denied model was asked for."""
    profile = PROFILE_ARN.fullmatch(facts.get("inference_profile", ""))
    model = MODEL_ARN.fullmatch(facts.get("resource", ""))
    if profile is None or model is None:
        return False
    system = parse_profile_id(profile["model"])
    # An application profile's id does not tell its model.
    return system is None or system.model_id == model["model"]


def _profiles_of(facts: Facts) -> str:
    """The profile's ARN; else a pattern for the profiles that could have asked for this model here."""
    model = MODEL_ARN.fullmatch(facts.get("resource", ""))
    if model is None or not facts.get("action", "").startswith("bedrock:"):
        return ""
    if has_profile(facts):
        return str(facts["inference_profile"])
    prefix = "*" if model["region"] else "global"
    account = facts.get("account", "*")
    return f"arn:{_partition(facts)}:bedrock:*:{account}:inference-profile/{prefix}.{model['model']}"


# --- where an admin acts


def _partition(facts: Facts) -> str:
    arn = facts.get("resource") or facts.get("principal") or ""
    found = arn.split(":")[1] if arn.count(":") > 1 else "aws"
    return found if found in _HOMES else "aws"


def _region(facts: Facts) -> str:
    """The Region whose console to open: the text's, or the one where the global services are."""
    region = facts.get("region", "")
    return region if REGION_CODE.fullmatch(region) else _HOMES[_partition(facts)]


def _home(facts: Facts) -> str:
    return _HOMES[_partition(facts)]


def _role(facts: Facts) -> str:
    if "role" not in facts or "account" not in facts:
        return ""
    return console.role(_home(facts), f"arn:{_partition(facts)}:iam::{facts['account']}:role/{facts['role']}")


def _authorization_details(facts: Facts) -> str:
    """AWS's own account of a denial. It keeps it for a day at least, in the Region that was called."""
    if "authorization_id" not in facts:
        return ""
    return console.authorization_details(_called(facts), facts["authorization_id"])


def _called(facts: Facts) -> str:
    """The Region that was called: an inference profile's ARN names it, a model's names where it would have run."""
    called = str(facts.get("inference_profile", "")).split(":")[3:4]
    return called[0] if called and REGION_CODE.fullmatch(called[0]) else _home(facts)


ROLE = Link(_("The role in the console"), _role)
SCPS = Link(_("Service control policies in the console"), lambda facts: console.service_control_policies(_home(facts)))
RCPS = Link(
    _("Resource control policies in the console"),
    lambda facts: console.resource_control_policies(_home(facts)),
)
ENDPOINTS = Link(_("VPC endpoints in the console"), lambda facts: console.vpc_endpoints(_region(facts)))
MODEL_CATALOG = Link(_("Model catalog in the console"), lambda facts: console.model_catalog(_region(facts)))
PROFILES = Link(_("Inference profiles in the console"), lambda facts: console.inference_profiles(_region(facts)))
SETTINGS = Link(_("Bedrock's settings in the console"), lambda facts: console.bedrock_settings(_region(facts)))
QUOTAS = Link(_("Service Quotas in the console"), lambda facts: console.service_quotas(_region(facts)))
ASSIGNMENTS = Link(_("Assignments in the console"), lambda facts: console.assignments(_region(facts)))
PAYMENT = Link(_("Payment methods in the console"), lambda facts: console.payment_methods(_home(facts)))
SUPPORT = Link(_("AWS Support in the console"), lambda facts: console.support_case(_home(facts)))
AUTHORIZATION_DETAILS = Link(_("This denial in the console"), _authorization_details)

STATEMENT = Paste(_("Statement the policy lacks"), "policy.json", allow)
EXEMPTION = Paste(_("Condition for the deny statement"), "condition.json", exempt)
SIGN_IN = Paste(_("Command that signs you in"), "command.sh", sign_in)
WHO_AM_I = Paste(_("Command that shows who you are to AWS"), "command.sh", who_am_i)
