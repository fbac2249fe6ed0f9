"""Bedrock API keys: permissions to call Bedrock that people sign on their machines, sent as bearer tokens.

Only short-term ones, which end with the session they come from; keys that last are nobody's here.
https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html, and for the form of a key
https://github.com/aws/aws-bedrock-token-generator-python
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sandbox.aws.errors import AwsError
from sandbox.aws.principals import Caller, find_caller, find_secret, require

_PREFIX = "bedrock-api-key-"
_ADDRESS = "bedrock.amazonaws.com/?"
_LONGEST = timedelta(hours=12)
_CREDENTIAL = re.compile(r"([A-Z0-9]+)/(\d{8})/([a-z0-9-]+)/bedrock/aws4_request")
_DATE = "%Y%m%dT%H%M%SZ"


def _invalid() -> AwsError:
    """What AWS says of a key that it cannot read, of one with a wrong signature, and of one for another Region."""
    return AwsError("AccessDeniedException", "Authentication failed: Please make sure your API Key is valid.", 403)


def _expired() -> AwsError:
    return AwsError("AccessDeniedException", "Bearer Token has expired", 403)


@dataclass(frozen=True, slots=True)
class _Key:
    """What a key holds: a presigned request; `query` is that without what was added after signing."""

    access_key: str
    region: str
    made_at: datetime
    lifetime: timedelta
    signature: str
    query: Mapping[str, str]

    @property
    def is_current(self) -> bool:
        return self.made_at - timedelta(minutes=5) < datetime.now(UTC) < self.made_at + self.lifetime


def caller_of(key: str, region: str) -> Caller:
    """Whose key it is, when they may use it in this Region.

    Raises:
        AwsError: the refusal.
    """
    try:
        read = _read(key)
    except (ValueError, KeyError) as error:
        raise _invalid() from error
    caller = find_caller(read.access_key)
    if caller is None or read.region != region or not _is_signed(read):
        raise _invalid()
    if caller.is_expired or not read.is_current:
        raise _expired()
    context = {"aws:RequestedRegion": region, "bedrock:BearerTokenType": "SHORT_TERM"}
    require(caller, "bedrock:CallWithBearerToken", "*", context)
    return caller


def _read(key: str) -> _Key:
    """Raises ValueError or KeyError: it is none."""
    address = base64.b64decode(key.removeprefix(_PREFIX), validate=True).decode("ascii")
    if not key.startswith(_PREFIX) or not address.startswith(_ADDRESS):
        raise ValueError("of another kind")
    fields = parse_qs(address.removeprefix(_ADDRESS), strict_parsing=True)
    query = {name: value for name, (value,) in fields.items()}
    signature, _version = query.pop("X-Amz-Signature"), query.pop("Version")
    scope = _CREDENTIAL.fullmatch(query["X-Amz-Credential"])
    lifetime = timedelta(seconds=int(query["X-Amz-Expires"]))
    if query["Action"] != "CallWithBearerToken" or scope is None or not timedelta() < lifetime <= _LONGEST:
        raise ValueError("a permission for something else")
    made_at = datetime.strptime(query["X-Amz-Date"], _DATE).replace(tzinfo=UTC)
    return _Key(scope[1], scope[3], made_at, lifetime, signature, query)


def _is_signed(key: _Key) -> bool:
    """Whether its owner signed it: unlike other requests of the sandbox's, since making it is a script of ours."""
    secret, token = find_secret(key.access_key)
    if key.query.get("X-Amz-Security-Token", "") != token:
        return False
    auth = SigV4QueryAuth(Credentials(key.access_key, secret), "bedrock", key.region)
    request = AWSRequest("POST", f"https://{_ADDRESS.removesuffix('?')}", params=dict(key.query))
    request.context["timestamp"] = key.query["X-Amz-Date"]
    expected = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    return hmac.compare_digest(expected, key.signature)
