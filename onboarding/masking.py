"""Secrets in free text: their shapes, in one list for everything that shows, stores or logs what others wrote.

Pure, and linear in the length of the text whatever it holds: every repetition that something must follow is bounded.
Shapes: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-prefixes for access
keys, https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html for Bedrock's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

MASK = "[redacted]"

# None of the classes below has a bracket in it, so no pattern matches anything that reaches into a MASK: masking what
# is masked changes nothing.
_VALUE = r"A-Za-z0-9+/=_%.~-"

# Where a terminal that draws boxes broke a long word.
_BREAK = r"[ \t│┃|]{0,80}\r?\n[ \t│┃|]{0,80}"
# The lines on which a long secret goes on. A word has no digit, an id has hyphens; what is shorter gives nothing away.
_MORE = rf"(?:{_BREAK}(?=[A-Za-z=]{{0,40}}[0-9+/])[A-Za-z0-9+/=]{{20,}})*"

# IAM's prefixes of what opens something; AROA, AIDA and the like only name something.
_KEY_ID = re.compile(r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16,}")
# A secret access key that stands alone. A commit's digest is as long, and all hexadecimal.
_LONE_SECRET_KEY = re.compile(r"(?<![A-Za-z0-9+/])(?![0-9a-f]{40})[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/=])")

_NAME = (
    r"(?i:secret[ _-]?(?:access[ _-]?)?key|(?:session|security|access|refresh|id|auth)[ _-]?token"
    r"|bearer[ _-]?token[ _-]?bedrock|client[ _-]?secret|api[ _-]?key)"
)
_QUOTES = r"[\"'`\\]{0,4}"
# `=`, `:`, `=>`, an XML tag's end, `=` and `:` as URLs have them; `aws configure` shows the old value in brackets
# before its colon.
_ASSIGNED = rf"{_QUOTES}\s{{0,8}}(?:\[(?!redacted)[^\]\n]{{0,40}}\]\s?)?(?:=>|[:=>]|%3[AaDd])\s{{0,8}}b?{_QUOTES}"
_SPOKEN = rf"{_QUOTES}\s{{1,8}}{_QUOTES}"
# Forty characters are a secret by their length, however a terminal broke them; fewer have a digit or a sign in them.
_LONG = rf"(?:[{_VALUE}]{{40,}}|[A-Za-z0-9+/](?:(?:{_BREAK})?[A-Za-z0-9+/]){{39}}[{_VALUE}]*)"
_SHORT = rf"(?=[A-Za-z=_.~-]{{0,39}}[0-9+/%])[{_VALUE}]{{16,}}"

# What is called a secret, whatever it looks like: what comes before it, and the secret itself.
_NAMED = tuple(
    (re.compile(before), re.compile(value))
    for before, value in (
        (rf"{_NAME}{_ASSIGNED}", rf"(?:{_LONG}|{_SHORT}){_MORE}"),
        (rf"{_NAME}{_SPOKEN}", rf"{_LONG}{_MORE}"),
        (rf"(?i:\bbearer)\s{{1,8}}{_QUOTES}", rf"[{_VALUE}]{{20,}}{_MORE}"),
        # Of a signed header only the signature is secret.
        (
            rf"(?i:authorization){_ASSIGNED}(?!AWS4-)(?:(?i:basic|bearer|token|digest|negotiate)\s{{1,8}})?",
            rf"[{_VALUE}]{{12,}}{_MORE}",
        ),
        (rf"(?i:signature){_ASSIGNED}", r"[A-Za-z0-9%+/=]{32,}"),
    )
)

# Secrets by what they look like.
_SHAPES = tuple(
    re.compile(shape)
    for shape in (
        # Private keys. One without an end may be cut off: then all that follows is taken for key.
        r"(?s)-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
        r".*?(?:-----END (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----|\Z)",
        # Sign-in parameters in URLs.
        r"(?<=[?&])(?:code|state|id_token_hint|token|user_code)=[^&\s\"']+",
        # User and password in a URL, as proxies have them.
        r"(?<=://)[^\s/@:\"'\[\]]{1,100}:[^\s/@\"'\[\]]{1,200}(?=@)",
        _KEY_ID.pattern,
        # Session tokens by what STS begins them with.
        rf"(?:IQoJ|FwoG|FQoG|AQoD)[{_VALUE}]{{40,}}{_MORE}",
        # Bedrock API keys, for a session and for long.
        rf"bedrock-api-key-[{_VALUE}]{{16,}}{_MORE}",
        rf"ABSK[{_VALUE}]{{20,}}{_MORE}",
        # Slack's webhooks: whoever knows the path posts.
        r"(?i:hooks\.slack\.com(?:/|%2F)[a-z]{1,20}(?:/|%2F))[A-Za-z0-9/%]{16,}",
        # Onramp's own tokens, for its API and for provisioning.
        r"onramp_(?:api|scim)_[A-Za-z0-9_-]{16,}",
        # Where a webhook of Slack posts to: whoever knows it may post.
        r"(?<=/services/)T[A-Z0-9]{6,20}/B[A-Z0-9]{6,20}/[A-Za-z0-9]{16,64}",
        # Anthropic's own API keys, and JSON web tokens.
        r"sk-ant-[A-Za-z0-9_-]{16,}",
        r"eyJ[A-Za-z0-9_-]{16,}(?:\.[A-Za-z0-9_-]+)*",
    )
)

Span = tuple[int, int]


def mask(text: str) -> str:
    """`text` with every secret in it replaced by `[redacted]`. ARNs, model ids, request ids and Regions stay."""
    pieces, end = [], 0
    for start, stop in _merged(sorted(_spans(text))):
        pieces += [text[end:start], MASK]
        end = stop
    return "".join([*pieces, text[end:]])


def masked(value: Any) -> Any:
    """`value` with every text in it masked, however deep."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {key: masked(item) for key, item in value.items()}
    return [masked(item) for item in value] if isinstance(value, list | tuple) else value


def _spans(text: str) -> Iterator[Span]:
    """Every secret is looked for in the whole text: what one of them takes for its own hides no other."""
    for shape in _SHAPES:
        yield from (match.span() for match in shape.finditer(text))
    for before, value in _NAMED:
        yield from _after(before, value, text)
    yield from _beside_key_ids(text)


def _after(before: re.Pattern[str], value: re.Pattern[str], text: str) -> Iterator[Span]:
    end = 0
    for name in before.finditer(text):
        # A name inside a secret may belong to the next one. A value inside ends where the secret does.
        match = value.match(text, name.end()) if name.end() >= end else None
        if match:
            end = match.end()
            yield match.span()


def _beside_key_ids(text: str) -> Iterator[Span]:
    """A secret access key has no shape of its own, but it is shown on the line of its id, or on the next."""
    if _KEY_ID.search(text) is None:
        return
    lines = text.splitlines(keepends=True)
    has_id = [_KEY_ID.search(line) is not None for line in lines]
    start = 0
    for place, line in enumerate(lines):
        if any(has_id[max(0, place - 1) : place + 2]):
            yield from ((start + match.start(), start + match.end()) for match in _LONE_SECRET_KEY.finditer(line))
        start += len(line)


def _merged(spans: Iterable[Span]) -> Iterator[Span]:
    """Spans that overlap or touch, as one."""
    first, last = -1, -1
    for start, stop in spans:
        if start > last:
            if last >= 0:
                yield first, last
            first = start
        last = max(last, stop)
    if last >= 0:
        yield first, last
