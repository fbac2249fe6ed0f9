"""AWS's errors, written as each of its protocols writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

# The protocols by botocore's names; rest-xml is S3.
_XML = """<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
<RequestId>00000000-0000-4000-8000-000000000000</RequestId></ErrorResponse>"""
_REST_XML = "<Error><Code>{code}</Code><Message>{message}</Message></Error>"


class AwsError(Exception):
    """An error answer: AWS's code and message, the HTTP status, and further members of the error's shape."""

    def __init__(self, code: str, message: str, status: int = 400, **members: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = members


class Throttled(AwsError):
    """A call that came too fast, or that a fault throttles."""


def render(error: AwsError, protocol: str) -> Response:
    """The error as an HTTP response in the protocol of the operation's service."""
    if protocol in ("query", "ec2", "rest-xml"):
        template = _REST_XML if protocol == "rest-xml" else _XML
        text = template.format(code=error.code, message=escape(error.message))
        return Response(text, status=error.status, content_type="text/xml")
    body = {"message": error.message, **error.members}
    if protocol == "smithy-rpc-v2-cbor":
        content = _cbor({"__type": error.code, **body})
        headers = {"smithy-protocol": "rpc-v2-cbor"}
        return Response(content, status=error.status, headers=headers, content_type="application/cbor")
    if protocol == "json":
        body["__type"] = error.code
    response = Response(json.dumps(body), status=error.status, content_type="application/json")
    response.headers["x-amzn-ErrorType"] = error.code
    return response


def _cbor(members: Mapping[str, str]) -> bytes:
    """A map of texts, of less than 24 members (RFC 8949, section 3)."""
    parts = [bytes([0xA0 | len(members)])]
    for text in (text for member in members.items() for text in member):
        encoded = text.encode()
        parts += [b"\x7a", len(encoded).to_bytes(4, "big"), encoded]
    return b"".join(parts)


def throttled(protocol: str) -> Throttled:
    if protocol == "query":
        return Throttled("Throttling", "Rate exceeded", 400)
    if protocol == "rest-xml":
        return Throttled("SlowDown", "Please reduce your request rate.", 503)
    return Throttled("ThrottlingException", "Rate exceeded", 429)


def denied(protocol: str, message: str) -> AwsError:
    """Only the JSON protocol answers a denial with 400."""
    code = "AccessDeniedException" if "json" in protocol else "AccessDenied"
    return AwsError(code, message, 400 if protocol == "json" else 403)


def failed(protocol: str) -> AwsError:
    code = "InternalServerException" if "json" in protocol else "InternalFailure"
    return AwsError(code, "The request processing has failed because of an unknown error.", 500)
