"""What Mozilla's HTTP Observatory would give a page, as it publishes its rules.

https://github.com/mdn/mdn-http-observatory, src/grader/charts.js at 01b47110: 100 points, less for what is missing;
what is more than needed counts only from 90 on. What cannot be seen in an answer (that the host is preloaded, where
plain HTTP leads) counts nothing here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

_FROM = 90
_PRIVATE = {"no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin"}
_HALF_A_YEAR = 15_768_000


def score(response: Any) -> int:
    modifiers = [rule(response) for rule in RULES]
    without = 100 + sum(modifier for modifier in modifiers if modifier < 0)
    return without + (sum(modifier for modifier in modifiers if modifier > 0) if without >= _FROM else 0)


def policy_of(response: Any) -> dict[str, list[str]]:
    """The Content-Security-Policy, by directive."""
    directives = [part.split() for part in response.headers.get("Content-Security-Policy", "").split(";")]
    return {name: values for name, *values in filter(None, directives)}


def _content_security_policy(response: Any) -> int:
    policy = policy_of(response)
    if not policy:
        return -25
    sources = {name: policy.get(name, policy.get("default-src", ["*"])) for name in ("script-src", "object-src")}
    broad = {"'unsafe-inline'", "'unsafe-eval'", "data:", "https:", "http:", "*"}
    if any(broad & set(values) for values in sources.values()):
        return -20
    if any(value.startswith("http:") for values in policy.values() for value in values):
        return -20
    if broad & set(policy.get("style-src", policy.get("default-src", ["*"]))):
        return 0
    # Ten points need a form-action of 'self' alone; signing in ends at the identity provider.
    is_closed = policy.get("default-src") == ["'none'"] and policy.get("form-action") in (["'self'"], ["'none'"])
    return 10 if is_closed else 5


def _cookies(response: Any) -> int:
    cookies = [cookie for cookie in response.cookies.values() if cookie.value]
    if not cookies:
        return 0
    if any(cookie["samesite"] not in ("Lax", "Strict") for cookie in cookies):
        return -20
    if any(not cookie["secure"] for cookie in cookies):
        return -40
    return -30 if any("session" in cookie.key and not cookie["httponly"] for cookie in cookies) else 5


def _cross_origin_sharing(response: Any) -> int:
    return -50 if "Access-Control-Allow-Origin" in response.headers else 0


def _referrer_policy(response: Any) -> int:
    said = response.headers.get("Referrer-Policy")
    return 0 if said is None else 5 if said in _PRIVATE else -5


def _strict_transport_security(response: Any) -> int:
    found = re.search(r"max-age=(\d+)", response.headers.get("Strict-Transport-Security", ""))
    return -20 if found is None else -10 if int(found[1]) < _HALF_A_YEAR else 0


def _scripts(response: Any) -> int:
    if not response.headers.get("Content-Type", "").startswith("text/html"):
        return 0
    sources = re.findall(r'<script[^>]*\ssrc="([^"]*)"', response.content.decode())
    return -50 if any(not source.startswith("/") or source.startswith("//") for source in sources) else 0


def _content_type_options(response: Any) -> int:
    return 0 if response.headers.get("X-Content-Type-Options") == "nosniff" else -5


def _framing(response: Any) -> int:
    if policy_of(response).get("frame-ancestors") == ["'none'"]:
        return 5
    return 0 if response.headers.get("X-Frame-Options") in ("DENY", "SAMEORIGIN") else -20


def _cross_origin_resource_policy(response: Any) -> int:
    said = response.headers.get("Cross-Origin-Resource-Policy")
    return 10 if said in ("same-origin", "same-site") else 0 if said in (None, "cross-origin") else -5


RULES: tuple[Callable[[Any], int], ...] = (
    _content_security_policy,
    _cookies,
    _cross_origin_sharing,
    _referrer_policy,
    _strict_transport_security,
    _scripts,
    _content_type_options,
    _framing,
    _cross_origin_resource_policy,
)
