"""Reading what somebody pasted: without its secrets, without its terminal, and for the facts that stand in it. Pure.

A terminal breaks long words anywhere, so phrases are looked for in the text without any white space, where a break
leaves no trace. The words of a denial come from there, too: what AWS always writes around them marks their ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from onboarding.catalog import PROFILE_NAME, UNSPECIFIED_REGION
from onboarding.masking import mask

# Characters of a pasted text that are read; the rest is cut off.
LIMIT = 20_000

# Error codes, in each service's own spelling. Only the first say no.
# https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html
DENIALS = ("AccessDenied", "AccessDeniedException", "BadCScoreException", "UnauthorizedOperation")
THROTTLES = ("Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded")
EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
BAD_CREDENTIALS = ("InvalidClientTokenId", "UnrecognizedClientException")
BAD_SIGNATURES = ("IncompleteSignature", "InvalidSignatureException", "SignatureDoesNotMatch")
TRANSIENT = (
    "InternalFailure",
    "InternalServerError",
    "InternalServerException",
    "ModelErrorException",
    "ModelNotReadyException",
    "ModelStreamErrorException",
    "ModelTimeoutException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
)
_OTHERS = (
    "FTUFormNotFilled",
    "ForbiddenException",
    "ResourceNotFoundException",
    "ServiceQuotaExceededException",
    "UnauthorizedException",
    "ValidationException",
)
_CODES = (*DENIALS, *THROTTLES, *EXPIRED, *BAD_CREDENTIALS, *BAD_SIGNATURES, *TRANSIENT, *_OTHERS)

# Only what has one of these shapes gets into a policy or an address.
MODEL_ARN = re.compile(
    r"arn:aws[a-z-]{0,20}:bedrock:(?P<region>[a-z0-9-]{0,25})::foundation-model/(?P<model>[A-Za-z0-9._:-]{1,140})"
)
PROFILE_ARN = re.compile(
    r"arn:aws[a-z-]{0,20}:bedrock:[a-z0-9-]{1,25}:[0-9]{12}:"
    r"(?:application-)?inference-profile/(?P<model>[A-Za-z0-9._:-]{1,140})"
)
_ARN = re.compile(r"arn:aws[a-z-]{0,20}:[a-z0-9-]{1,40}:[a-z0-9-]{0,25}:(?:[0-9]{12})?:[A-Za-z0-9._:/+=,@*-]{1,300}")
_NAME = r"[A-Za-z0-9+=,.@_-]{1,64}"
_PRINCIPAL = re.compile(
    r"arn:aws[a-z-]{0,20}:(?:sts|iam)::(?P<account>[0-9]{12}):"
    rf"(?:assumed-role/(?P<assumed>{_NAME})/(?P<session>{_NAME})"
    rf"|(?P<kind>role|user)/(?:[A-Za-z0-9+=,.@_/-]{{1,200}}/)?(?P<name>{_NAME}))"
)
_PERMISSION_SET = re.compile(r"AWSReservedSSO_(?P<name>.{1,32})_[0-9a-f]{16}")
_POLICY = re.compile(r"arn:aws[a-z-]{0,20}:(?:organizations|iam)::(?:[0-9]{12}|aws):policy/[A-Za-z0-9+=,.@_/-]{1,200}")

_ESCAPES = re.compile(
    r"(?:\x1b|\\u001b|\\x1b|\\033)(?:\[[0-?]{0,40}[ -/]{0,4}[@-~]|\][^\x07\x1b\n]{0,400}(?:\x07|\x1b\\))"
)
# A character that JSON wrote by its number, and a line break that it wrote as one; JSON in JSON doubles the backslash.
_NUMBERED = re.compile(r"\\{1,4}u(00[2-7][0-9a-fA-F]|20[0-9a-fA-F]{2})")
_WRITTEN_BREAK = re.compile(r"\\{1,4}[nrt]")
_INVISIBLE = dict.fromkeys(
    place
    for first, last in (
        (0x00, 0x08),
        (0x0B, 0x0C),
        (0x0E, 0x1F),
        (0x7F, 0x7F),
        (0xAD, 0xAD),
        (0x200B, 0x200F),
        (0x202A, 0x202E),
        (0x2060, 0x2069),
        (0xFEFF, 0xFEFF),
    )
    for place in range(first, last + 1)
)
_PLAIN = {
    **dict.fromkeys(map(ord, "\u2018\u2019\u201b\u02bc\u00b4`\u2032\uff07"), "'"),
    **dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\uff02"), '"'),
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212\u00b7\u2022\u2219"), "-"),
    # Boxes, blocks, and the marks Claude Code sets before its lines.
    **dict.fromkeys([*range(0x2500, 0x2600), 0x23BF, 0x23FA, 0x276F], " "),
}

# IAM's sentence, which every service writes alike; some end it before the reason.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
_DENIED = re.compile(
    r"isnotauthorizedtoperform:(?P<action>[a-z][a-z0-9-]{1,40}:[A-Za-z]{1,80}?)"
    r"(?:onresource:[\"']?(?P<resource>[^\"']{1,500}?)[\"']?)?(?:becauseno|withanexplicitdeny)",
    re.IGNORECASE,
)
_DENIED_PLAINLY = re.compile(
    r" is not authorized to perform:? [\"']?(?P<action>[a-z][a-z0-9-]{1,40}:[A-Za-z]{1,80})"
    r"(?:[\"']? on (?:the )?resource:? [\"']?(?P<resource>[^\s\"']{1,500}))?",
    re.IGNORECASE,
)
_MODELS_IN_SENTENCES = (
    re.compile(r"modelid([A-Za-z0-9._:/-]{3,200}?)withon-demandthroughput", re.IGNORECASE),
    re.compile(r"themodel([A-Za-z0-9._:/-]{3,200}?)isnotavailableonyour", re.IGNORECASE),
)
_MODEL_ID = re.compile(
    r"(?<![A-Za-z0-9.])(?:(?:global|us-gov|us|eu|apac|jp|au|ca)\.)?anthropic\.claude-[A-Za-z0-9._:-]{1,80}"
)
_RAISED = re.compile(r"An error occurred \(([A-Za-z][A-Za-z0-9.]{2,60})\)")
_NAMED_CODE = re.compile("|".join(sorted(_CODES, key=len, reverse=True)))
_AWS_PROFILE = re.compile(
    r"(?:(?<!inference )\bprofile[=:] ?|--profile[= ]|aws_profile[\"']?[=:] ?|config profile \(|\[profile )"
    r"[\"'(]?([^\s\"')\]]{1,100})",
    re.IGNORECASE,
)
_AUTHORIZATION = re.compile(r"(?<=authorization-details/)[0-9a-z]{8,64}")
# Facts that stand where their pattern first fits.
_PLACED = (
    re.compile(r"\b(?P<host>[a-z][a-z0-9.-]{1,60}\.(?P<region>[a-z]{2}(?:-[a-z]{2,9}){1,2}-[0-9])\.amazonaws\.com)\b"),
    re.compile(r"\baccount(?: id)?[\"']?[:= (]{1,3}[\"']?(?P<account>[0-9]{12})\b", re.IGNORECASE),
    re.compile(r"request[ _-]?id[\"']? ?[:=] ?[\"']?(?P<request_id>[0-9A-Za-z_-]{8,64})\b", re.IGNORECASE),
    re.compile(r"data retention mode ['\"]?(?P<retention_mode>[a-z_]{3,30})", re.IGNORECASE),
    # `403 Something`, and what is expressly a status.
    re.compile(r"(?:^|[ (])(?P<status>[45][0-9]{2}) (?=[A-Z{\"])"),
    re.compile(
        r"(?:\bhttp(?:/[0-9.]{1,3})?|\bstatus(?:[ _-]?code)?|httpstatuscode|\berror|\brejected|\bfailed)"
        r"[\"']?[:=]? ?[\"'(]?(?P<status>[45][0-9]{2})\b",
        re.IGNORECASE,
    ),
)

Found = Iterator[tuple[str, str | None]]


@dataclass(frozen=True, slots=True)
class Reading:
    """A pasted text without white space and in lower case, and the facts found in it.

    `facts` may have `action`, `resource` (an ARN), `region` (the resource's; `unspecified` for global inference),
    `principal` (an ARN), `account`, `role`, `permission_set`, `user`, `session`, `model`, `inference_profile` (an
    ARN), `policy` (an ARN), `profile` (of the AWS configuration), `host`, `code`, `status`, `request_id`,
    `authorization_id` and `retention_mode`.
    """

    squeezed: str
    facts: dict[str, str]

    @property
    def may_be_denial(self) -> bool:
        """Whether AWS said no at all: any other code or status is an answer of another kind."""
        code, status = self.facts.get("code"), self.facts.get("status")
        return code in DENIALS if code else status in (None, "401", "403")


def read(text: str) -> Reading:
    lines = _lines(text[:LIMIT])
    line = " ".join(" ".join(lines).split())
    squeezed = line.replace(" ", "")
    # Nothing that was put together here may turn out to be a secret.
    facts = {key: value for key, value in _facts(lines, line, squeezed) if value and mask(value) == value}
    return Reading(squeezed.lower(), facts)


def _lines(text: str) -> list[str]:
    """Masked before anything else, but for what could hide a secret: escapes and invisible characters."""
    text = _NUMBERED.sub(lambda match: chr(int(match[1], 16)), _ESCAPES.sub("", text))
    text = mask(text.translate(_INVISIBLE)).translate(_PLAIN)
    text = _WRITTEN_BREAK.sub(" ", text).replace("\\", "")
    # Without a table's borders and the marks of a quotation.
    return [line.strip(" \t|>") for line in text.splitlines()]


def _facts(lines: list[str], line: str, squeezed: str) -> Found:
    """Of two for one key the later counts: what the denial itself says comes last."""
    for pattern in _PLACED:
        match = pattern.search(line)
        yield from match.groupdict().items() if match else ()
    yield "authorization_id", _whole(_AUTHORIZATION, lines)
    yield "policy", _whole(_POLICY, lines)
    yield "inference_profile", _whole(PROFILE_ARN, lines)
    yield "code", _code(line, squeezed)
    yield "profile", _profile(line)
    yield "model", _model(line, squeezed)
    yield from _principal(_whole(_PRINCIPAL, lines) or "")
    for text, match in ((line, _DENIED_PLAINLY.search(line)), (squeezed, _DENIED.search(squeezed))):
        if match:
            yield "action", match["action"]
            yield from _resource((match["resource"] or "").rstrip(".,;)}"))
            yield from _principal(_before(text, match.start()))


def _whole(pattern: re.Pattern[str], lines: list[str]) -> str | None:
    """What no line break can have cut short: in a policy or an address, a half is worse than nothing.

    A word is broken where a line is full; one that ends before its line does, or on a shorter line, is whole.
    """
    width = max(map(len, lines), default=0)
    for line, following in zip_longest(lines, lines[1:], fillvalue=""):
        match = pattern.search(line)
        if match and (match.end() < len(line) or len(line) < width or not following):
            return match[0].rstrip(".,:;-/")
    return None


def _code(line: str, squeezed: str) -> str | None:
    raised = _RAISED.search(line)
    if raised:
        return raised[1]
    named = _NAMED_CODE.search(squeezed)
    return named[0] if named else None


def _profile(line: str) -> str | None:
    """The AWS profile, if its name can stand in a command as it is."""
    names = (match[1].rstrip(".,;:") for match in _AWS_PROFILE.finditer(line))
    return next((name for name in names if PROFILE_NAME.fullmatch(name)), None)


def _model(line: str, squeezed: str) -> str | None:
    told = next(filter(None, (pattern.search(squeezed) for pattern in _MODELS_IN_SENTENCES)), None)
    if told:
        return told[1]
    named = _MODEL_ID.search(line)
    return named[0].rstrip(".:-") if named else None


def _before(text: str, end: int) -> str:
    """The ARN that ends there: who is not authorized."""
    start = text.rfind("arn:aws", max(0, end - 400), end)
    return text[start:end] if start >= 0 else ""


def _principal(arn: str) -> Found:
    match = _PRINCIPAL.fullmatch(arn)
    if match is None:
        return
    is_user = match["kind"] == "user"
    role = match["assumed"] or (None if is_user else match["name"])
    permission_set = _PERMISSION_SET.fullmatch(role or "")
    yield from (("principal", arn), ("account", match["account"]), ("session", match["session"]), ("role", role))
    yield "user", match["name"] if is_user else None
    yield "permission_set", permission_set["name"] if permission_set else None


def _resource(arn: str) -> Found:
    """The denied resource, if it has an ARN's shape. Global inference asks for a model in no Region."""
    if _ARN.fullmatch(arn) is None:
        return
    yield "resource", arn
    yield "region", arn.split(":")[3]
    model, profile = MODEL_ARN.fullmatch(arn), PROFILE_ARN.fullmatch(arn)
    if model:
        yield from (("model", model["model"]), ("region", model["region"] or UNSPECIFIED_REGION))
    if profile:
        yield from (("model", profile["model"]), ("inference_profile", arn))
