"""Facts and parsers about Regions, model ids and inference profiles. Pure: no I/O, no database, no cloud.

Sources: https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html for the id grammar,
https://docs.aws.amazon.com/general/latest/gr/bedrock.html for Region names. Which models exist is not here: the
portal reads that live.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from django.utils.translation import gettext_lazy as _

from onboarding.enums import EndpointKind

REGION_NAMES = {
    "af-south-1": _("Cape Town"),
    "ap-east-1": _("Hong Kong"),
    "ap-northeast-1": _("Tokyo"),
    "ap-northeast-2": _("Seoul"),
    "ap-northeast-3": _("Osaka"),
    "ap-south-1": _("Mumbai"),
    "ap-south-2": _("Hyderabad"),
    "ap-southeast-1": _("Singapore"),
    "ap-southeast-2": _("Sydney"),
    "ap-southeast-3": _("Jakarta"),
    "ap-southeast-4": _("Melbourne"),
    "ca-central-1": _("Canada"),
    "ca-west-1": _("Calgary"),
    "eu-central-1": _("Frankfurt"),
    "eu-central-2": _("Zurich"),
    "eu-north-1": _("Stockholm"),
    "eu-south-1": _("Milan"),
    "eu-south-2": _("Spain"),
    "eu-west-1": _("Ireland"),
    "eu-west-2": _("London"),
    "eu-west-3": _("Paris"),
    "il-central-1": _("Tel Aviv"),
    "me-central-1": _("UAE"),
    "me-south-1": _("Bahrain"),
    "sa-east-1": _("São Paulo"),
    "us-east-1": _("N. Virginia"),
    "us-east-2": _("Ohio"),
    "us-gov-east-1": _("GovCloud US-East"),
    "us-gov-west-1": _("GovCloud US-West"),
    "us-west-1": _("N. California"),
    "us-west-2": _("Oregon"),
}

# The geographies of system inference profiles, by the beginning of the Regions they can be called from.
_PREFIXES = {
    "us-": ("us",),
    "eu-": ("eu",),
    "ap-northeast-1": ("jp", "apac"),
    "ap-northeast-3": ("jp", "apac"),
    "ap-southeast-2": ("au", "apac"),
    "ap-southeast-4": ("au", "apac"),
    "ap-": ("apac",),
    "ca-": ("ca", "us"),
}

# The Region that stands in `aws:RequestedRegion` when Bedrock itself picks where to run a global request.
# https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html
UNSPECIFIED_REGION = "unspecified"

# A name that stands unquoted in `aws sso login --profile NAME`, which sh, cmd.exe or PowerShell runs: no leading
# hyphen, which would be an option, and none of `,` `@` `=`, which PowerShell and cmd.exe read as syntax.
PROFILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
# No space, so that `#` (usual in start URLs) never begins a comment; no `]`, no quotes, no angle brackets.
START_URL = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9_.~:/?#&=%+@-]{0,299}")
# https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_PermissionSet.html, its \w as ASCII.
PERMISSION_SET_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,32}")
REGION_CODE = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetInferenceProfile.html
APPLICATION_PROFILE_ARN = re.compile(
    r"arn:aws[a-z-]*:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:application-inference-profile/[a-zA-Z0-9]{1,64}"
)
# A path that stands unquoted in a shell file; Windows, too, takes forward slashes.
FILE_PATH = re.compile(r"[A-Za-z0-9_.:@+=,/-]{1,200}")
# Where a proxy listens. No user and password: a bundle holds no secret.
PROXY_URL = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9.-]{0,200}(:[0-9]{1,5})?/?")
NO_PROXY = re.compile(r"[A-Za-z0-9.:*_-]{1,200}(,[A-Za-z0-9.:*_-]{1,200}){0,30}")
# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetGuardrail.html
GUARDRAIL = re.compile(r"[a-z0-9]{1,64}|arn:aws[a-z-]*:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:guardrail/[a-z0-9]{1,64}")
GUARDRAIL_VERSION = re.compile(r"DRAFT|[1-9][0-9]{0,7}")
# A release of Claude Code.
RELEASE = re.compile(r"[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,6}")
# A command of the company's: words that no shell on any platform reads as more than words.
HELPER_COMMAND = re.compile(r"[A-Za-z0-9_.:@+=/-]{1,200}( [A-Za-z0-9_.:@+=,/-]{1,200}){0,20}")
# A tool, or a tool with its specifier, or an MCP tool: the shape Claude Code's published schema asks for. The names
# of the tools are left to Claude Code, which adds some with every release.
PERMISSION_RULE = re.compile(r"[A-Za-z]+(\([^)]+\))?|mcp__.+")

_SESSION_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{2,64}")
_PROFILE_ID = re.compile(r"(?P<prefix>global|us-gov|us|eu|apac|jp|au|ca|in)\.(?P<model>[a-z0-9-]+\.[A-Za-z0-9.:_-]+)")
_MODEL_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):bedrock:(?P<region>[a-z0-9-]*)::foundation-model/(?P<model>\S+)"
)
# What ends a model's id on Bedrock and not Anthropic's own: `-v1:0`, or `-v1`.
_BEDROCK_VERSION = re.compile(r"-v\d+(:\d+)?$")
_FAMILY = re.compile(r"claude-(?P<family>[a-z]+)-(?P<version>\d+(?:-\d{1,2})?)(?![\d])")


# A prompt with more tokens than this, whatever their class, has a price of its own where a model has one.
# https://platform.claude.com/docs/en/about-claude/pricing
LONG_PROMPT_TOKENS = 200_000
# Where it begins elsewhere: the AWS price list of "Claude Haiku 5.5 (Amazon Bedrock Edition)".
_LONG_PROMPTS = {("haiku", (5, 5)): 100_000}
# Of no model does it begin below.
SHORT_PROMPT_TOKENS = min(LONG_PROMPT_TOKENS, *_LONG_PROMPTS.values())


@dataclass(frozen=True, slots=True)
class ProfileId:
    """A system inference profile's id, such as `eu.anthropic.claude-opus-5`: where it routes, and which model."""

    prefix: str
    model_id: str

    @property
    def is_global(self) -> bool:
        return self.prefix == "global"


@dataclass(frozen=True, slots=True)
class Destination:
    """A foundation model a profile routes to. `region` is empty for the region-less ARN of a global profile."""

    arn: str
    region: str
    model_id: str


def parse_profile_id(text: str) -> ProfileId | None:
    """The parts of a system inference profile's id, or None when `text` is not one."""
    match = _PROFILE_ID.fullmatch(text)
    return ProfileId(match["prefix"], match["model"]) if match else None


def parse_model_arn(arn: str) -> Destination | None:
    """The parts of a foundation model's ARN, or None when `arn` is not one."""
    match = _MODEL_ARN.fullmatch(arn)
    return Destination(arn, match["region"], match["model"]) if match else None


def invoked_model(model: str) -> tuple[str, EndpointKind] | None:
    """Which base model an invocation named, and what kind of endpoint: from the `modelId` of Bedrock's logs, which is
    a model's id, a system inference profile's id, or the ARN of either.

    None for an application inference profile, which says neither; any other text is a model's id of its own.
    """
    if "application-inference-profile/" in model:
        return None
    name = model.rpartition("/")[2] if model.startswith("arn:") else model
    profile = parse_profile_id(name)
    if profile is None:
        return name, EndpointKind.IN_REGION
    return profile.model_id, EndpointKind.GLOBAL if profile.is_global else EndpointKind.GEOGRAPHIC


def endpoint_kind(regions: Collection[str]) -> EndpointKind:
    """The kind of an inference profile that routes to these Regions; an empty one stands for anywhere."""
    if "" in regions:
        return EndpointKind.GLOBAL
    return EndpointKind.GEOGRAPHIC if len(regions) > 1 else EndpointKind.IN_REGION


def model_arn(region: str, model_id: str, partition: str = "aws") -> str:
    """A foundation model's ARN; an empty region gives the region-less ARN of global inference."""
    return f"arn:{partition}:bedrock:{region}::foundation-model/{model_id}"


def inference_profile_arn(region: str, account_id: str, profile_id: str) -> str:
    """A system inference profile's ARN: it names the source Region and the account that calls it."""
    return f"arn:{partition_of(region)}:bedrock:{region}:{account_id}:inference-profile/{profile_id}"


def guardrail_arn(guardrail: str, region: str, account_id: str) -> str:
    """A guardrail's ARN; its id is one of the plan's account and Region."""
    if guardrail.startswith("arn:"):
        return guardrail
    return f"arn:{partition_of(region)}:bedrock:{region}:{account_id}:guardrail/{guardrail}"


def partition_of(region: str) -> str:
    """The AWS partition a Region belongs to."""
    if region.startswith("us-gov-"):
        return "aws-us-gov"
    return "aws-cn" if region.startswith("cn-") else "aws"


def region_label(region: str) -> str:
    """`Ireland (eu-west-1)` in the active language, or the bare code where the name is not known."""
    name = REGION_NAMES.get(region)
    return f"{name} ({region})" if name else region


def geography_prefixes(region: str) -> tuple[str, ...]:
    """How the inference profiles that can be called from a Region may begin; nothing where that is not known.

    https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html
    """
    if region.startswith("us-gov-"):
        return ("us-gov",)
    for start, prefixes in _PREFIXES.items():
        if region.startswith(start):
            return (*prefixes, "global")
    return ()


def retention_modes(model_or_profile_id: str) -> frozenset[str]:
    """The data-retention modes of an account that a model accepts; none named where it accepts them all.

    Claude Fable 5 wants data shared with its provider, its successors at least reviewed by AWS; models before it do
    not care. No call tells, so this is the one place that knows.
    https://docs.aws.amazon.com/bedrock/latest/userguide/data-retention.html and abuse-detection.html
    """
    match = _FAMILY.search(model_or_profile_id)
    if match is None or match["family"] != "fable":
        return frozenset()
    return frozenset({"provider_data_share"} if match["version"] == "5" else {"provider_data_share", "aws_review"})


def session_name(email: str) -> str:
    """What an assumed role's session is called for this person: the e-mail, or where STS would refuse it, a stable
    digest of it. https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    """
    if _SESSION_NAME.fullmatch(email):
        return email
    return f"onramp-{hashlib.sha256(email.lower().encode()).hexdigest()[:32]}"


def model_label(model_or_profile_id: str) -> str:
    """A readable name, `Claude Opus 4.8`; the id itself where its grammar is not known."""
    match = _FAMILY.search(model_or_profile_id)
    if match is None:
        return model_or_profile_id
    return f"Claude {match['family'].capitalize()} {match['version'].replace('-', '.')}"


def first_party_id(model_id: str) -> str:
    """Anthropic's own id of a model of Bedrock's, which is what `modelOverrides` has as keys.

    `anthropic.claude-haiku-4-5-20251001-v1:0` is `claude-haiku-4-5-20251001`, with its date where it has one.
    https://code.claude.com/docs/en/model-config
    """
    return _BEDROCK_VERSION.sub("", model_id.rpartition("anthropic.")[2])


def thinks_adaptively(model_or_profile_id: str) -> bool | None:
    """Whether a model decides for itself how long to think, and obeys an effort level instead of a number of tokens.

    None where the id does not tell. Sonnet and Opus since 4.6, and every family since 5.
    https://code.claude.com/docs/en/model-config
    """
    version = model_version(model_or_profile_id)
    if version is None:
        return None
    family, number = version
    return number >= (5, 0) or (family in {"sonnet", "opus"} and number >= (4, 6))


def output_limit(model_or_profile_id: str) -> int | None:
    """The most tokens one answer of a model may have, as Claude Code 2.1.330 knows it; None where the id does not
    tell.
    """
    version = model_version(model_or_profile_id)
    if version is None:
        return None
    family, number = version
    if family == "opus" and number < (4, 5):
        return 32_000
    return 64_000 if number < (4, 6) else 128_000


@lru_cache(maxsize=1000)  # asked for every request of every log
def long_prompt_tokens(model_or_profile_id: str) -> int:
    """A prompt of more tokens than this, whatever their class, is a long one of this model."""
    version = model_version(model_or_profile_id)
    return _LONG_PROMPTS.get(version, LONG_PROMPT_TOKENS) if version else LONG_PROMPT_TOKENS


def model_version(model_or_profile_id: str) -> tuple[str, tuple[int, int]] | None:
    """`("opus", (4, 8))`; None where the id's grammar is not known."""
    match = _FAMILY.search(model_or_profile_id)
    if match is None:
        return None
    major, _dash, minor = match["version"].partition("-")
    return match["family"], (int(major), int(minor or 0))
