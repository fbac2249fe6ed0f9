"""The frame around every SCIM request: the token, the JSON, one transaction, and errors in the standard's shape."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import DataError, IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.views.decorators.cache import never_cache
from pydantic import ValidationError
from scim2_models import (
    Context,
    Error,
    InvalidSyntaxException,
    InvalidValueException,
    ListResponse,
    NotFoundException,
    PayloadTooLargeException,
    Resource,
    ResponseParameters,
    SCIMException,
    UniquenessException,
)

from onboarding.provisioning import Taken, token_holds
from onboarding.views import limits
from onboarding.views.scim.resources import POLICY

MEDIA_TYPE = "application/scim+json"
View = Callable[..., HttpResponse]


def scim(*methods: str) -> Callable[[View], Callable[..., HttpResponseBase]]:
    """A view of the directory's, for these methods: it asks for the token, and nothing of it stays where it fails."""

    def framed(view: View) -> Callable[..., HttpResponseBase]:
        @never_cache
        @wraps(view)
        def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not _has_token(request):
                return _unauthorized(request)
            if request.method not in methods:
                return _with_error(
                    HttpResponseNotAllowed(methods), Error(status=405, detail="There is no such method.")
                )
            try:
                with POLICY, transaction.atomic():
                    return view(request, *args, **kwargs)
            except (SCIMException, ValidationError, Taken, IntegrityError, DataError, Http404) as problem:
                return _refused(problem)

        return answered

    return framed


def _has_token(request: HttpRequest) -> bool:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and token_holds(secret.strip())


def _unauthorized(request: HttpRequest) -> HttpResponse:
    """Where too many tokens of an address were none, it is told to wait."""
    if wait := limits.too_many_of_address(request):
        error = Error(status=429, detail="Too many requests without a token that holds.")
        return limits.refuse(_with_error(HttpResponse(status=429), error), wait)
    response = _with_error(HttpResponse(status=401), Error(status=401, detail="Send a token that holds."))
    response["WWW-Authenticate"] = 'Bearer realm="onramp"'
    return response


def _refused(problem: Exception) -> HttpResponse:
    if isinstance(problem, ValidationError):
        error = Error.from_validation_errors(problem)[0]
    elif isinstance(problem, Taken | IntegrityError):
        # Of two requests at once, the second finds it taken as it writes.
        told = str(problem) if isinstance(problem, Taken) else "Another request was faster."
        error = UniquenessException(detail=told).to_error()
    elif isinstance(problem, DataError):
        error = InvalidValueException(detail="A value is more than can be kept.").to_error()
    elif isinstance(problem, SCIMException):
        error = problem.to_error()
    else:
        error = NotFoundException(detail="There is nothing under this address.").to_error()
    return _with_error(HttpResponse(status=error.status), error)


def _with_error(response: HttpResponse, error: Error) -> HttpResponse:
    response.content = json.dumps(error.model_dump(scim_ctx=Context.DEFAULT)).encode()
    response["Content-Type"] = MEDIA_TYPE
    return response


def body(request: HttpRequest) -> dict[str, Any]:
    """The object that a request carries. Raises SCIMException."""
    try:
        content = request.body
        # As the standard has it, and nothing else that Python would guess.
        told = json.loads(content.decode("utf-8-sig"))
    except RequestDataTooBig as error:
        raise PayloadTooLargeException(detail="Send less at once.") from error
    except (ValueError, RecursionError) as error:
        raise InvalidSyntaxException(detail="The body is no JSON.") from error
    if not isinstance(told, dict):
        raise InvalidSyntaxException(detail="The body is no object.")
    # PostgreSQL has no NUL in its texts.
    if rb"\u0000" in content:
        raise InvalidValueException(detail="A text holds a NUL.")
    return told


def shown(
    resource: Resource[Any],
    *,
    status: int = 200,
    context: Context = Context.RESOURCE_QUERY_RESPONSE,
    parameters: ResponseParameters[Any] | None = None,
) -> HttpResponse:
    """A resource, cut down to the attributes that were asked for."""
    told = resource.model_dump(scim_ctx=context, response_parameters=parameters)
    response = _json(told, status)
    if status == 201 and resource.meta and resource.meta.location:
        response["Location"] = str(resource.meta.location)
    return response


def listed(
    kind: type[ListResponse[Any]],
    resources: Sequence[Resource[Any]],
    *,
    total: int | None = None,
    start: int = 1,
    parameters: ResponseParameters[Any] | None = None,
) -> HttpResponse:
    """A page of resources; all there are unless `total` says more."""
    page = kind(
        total_results=len(resources) if total is None else total,
        start_index=start,
        items_per_page=len(resources),
        resources=list(resources),
    )
    return _json(page.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE, response_parameters=parameters), 200)


def _json(told: dict[str, Any], status: int) -> HttpResponse:
    return HttpResponse(json.dumps(told), status=status, content_type=MEDIA_TYPE)
