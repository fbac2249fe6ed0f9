"""What can go wrong between the portal and AWS, as a ladder of four, and the mapping from botocore's errors to it.

None of these says anything about the person being verified: a check turns each of them into *unknown*.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError

from onboarding.instruments import AWS_CALLS, Result, timed

# https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html, and each service's own spelling.
_THROTTLES = frozenset(
    {"Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded"}
)
_DENIALS = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"})
_BAD_CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
# Of them, what a Region that the account has not switched on says of any credentials.
_NOT_SWITCHED_ON = frozenset({"InvalidClientTokenId", "UnrecognizedClientException"})

_NO_CREDENTIALS = (
    CredentialRetrievalError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)


class AwsError(Exception):
    """A call to AWS that gave no usable answer. `operation` is AWS's name, such as `iam:SimulatePrincipalPolicy`."""

    def __init__(self, operation: str, detail: str) -> None:
        super().__init__(f"{operation}: {detail}")
        self.operation = operation
        self.detail = detail


class NotConfigured(AwsError):
    """The portal has no credentials, no Region, or credentials AWS does not accept."""


class NoAnswer(AwsError):
    """Time-out, connection failure, throttling or a 5xx: asking again later may work."""

    def __init__(self, operation: str, detail: str, *, throttled: bool = False) -> None:
        super().__init__(operation, detail)
        self.throttled = throttled


class PortalDenied(AwsError):
    """AWS denies the call to the portal's own role."""


class Refused(AwsError):
    """Any other 4xx: AWS understood the call and would not do it. `code` is AWS's error code."""

    def __init__(self, operation: str, detail: str, *, code: str) -> None:
        super().__init__(operation, detail)
        self.code = code


_RESULTS: dict[type[AwsError], Result] = {
    NotConfigured: "not-configured",
    PortalDenied: "denied",
    Refused: "refused",
}


_expects_refusals: ContextVar[bool] = ContextVar("expects_refusals", default=False)


@contextmanager
def refusals_expected() -> Iterator[None]:
    """What the portal need not be allowed, or not everywhere: inside, a denial counts as `refused` and rings no alert.

    Only a denial of the call itself. That a role could not be assumed on the way to it, or that there are no
    credentials, nobody expects. A thread that is started inside does not know of it.
    """
    token = _expects_refusals.set(True)
    try:
        yield
    finally:
        _expects_refusals.reset(token)


@contextmanager
def mapped(operation: str) -> Iterator[None]:
    """A call: what botocore raises inside becomes one of the four errors above, and how it ended is counted."""
    with timed(AWS_CALLS, operation=operation, result="fault") as labels:
        try:
            with reading(operation):
                yield
        except AwsError as error:
            labels |= {"operation": error.operation, "result": _result(error, operation)}
            raise
        labels["result"] = "ok"


def _result(error: AwsError, operation: str) -> Result:
    if _expects_refusals.get() and error.operation == operation and _is_denial(error):
        return "refused"
    if isinstance(error, NoAnswer):
        return "throttled" if error.throttled else "no-answer"
    return _RESULTS[type(error)]


def _is_denial(error: AwsError) -> bool:
    return isinstance(error, PortalDenied) or (isinstance(error, NotConfigured) and error.detail in _NOT_SWITCHED_ON)


@contextmanager
def reading(operation: str) -> Iterator[None]:
    """The rest of an answer whose call was counted: what botocore raises inside becomes one of the four errors."""
    try:
        yield
    except ClientError as error:
        raise _from_client_error(_asked(operation, error), error) from error
    except _NO_CREDENTIALS as error:
        raise NotConfigured(operation, type(error).__name__) from error
    except ParamValidationError:
        # A fault of ours, not of AWS: nobody should wait for it to pass.
        raise
    except (BotoCoreError, ResponseParserError) as error:
        raise NoAnswer(operation, type(error).__name__) from error
    except KeyError as error:
        # Not what AWS answers: the page of a proxy, say, that botocore took for an empty answer.
        raise NoAnswer(operation, f"an answer without {error}") from error


def _asked(operation: str, error: ClientError) -> str:
    """The operation that failed: credentials are fetched on the way, so it may be the role that was not assumed."""
    return "sts:AssumeRole" if error.operation_name == "AssumeRole" else operation


def _from_client_error(operation: str, error: ClientError) -> AwsError:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _THROTTLES or status == 429:
        return NoAnswer(operation, code, throttled=True)
    if status >= 500 or status == 408:
        return NoAnswer(operation, f"{code} (HTTP {status})")
    if not code or code.isdigit():
        # AWS's refusals have names. This is a page of something between the portal and AWS.
        return NoAnswer(operation, f"not AWS's answer (HTTP {status})")
    if code in _BAD_CREDENTIALS:
        return NotConfigured(operation, code)
    if code in _DENIALS:
        return PortalDenied(operation, code)
    return Refused(operation, error.response.get("Error", {}).get("Message", code), code=code)
