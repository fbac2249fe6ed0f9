"""The first version of the API: its operations, its document, and their URLs."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_safe
from ninja import NinjaAPI

from onboarding.views.api import costs, people, plans, verifications
from onboarding.views.api.problems import MEDIA_TYPE, Refused, answer_in_problems, problem
from onboarding.views.rules import for_tokens, public

_DESCRIPTION = """\
Read-only. Send a token of an admin's as `Authorization: Bearer …`. Times are ISO 8601 in UTC; amounts are decimals in
US dollars, as strings. Lists come in pages: ask again with `cursor` as `next_cursor` said, until that is null."""


def _known_only(operation: Callable[..., Any]) -> Callable[..., Any]:
    """A parameter that no operation has is refused: a filter that is misspelt would otherwise tell everything."""
    names = set(signature(operation).parameters)

    @wraps(operation)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        in_path = request.resolver_match.kwargs if request.resolver_match else {}
        unknown = sorted(set(request.GET) - (names - set(in_path) - {"request"}))
        if unknown:
            raise Refused(
                422, errors=[{"parameter": name, "message": "There is no such parameter"} for name in unknown]
            )
        return operation(request, *args, **kwargs)

    return answered


api = NinjaAPI(
    title="Onramp",
    version="1",
    description=_DESCRIPTION,
    urls_namespace="api",
    # A page with the document on it would be made of other people's scripts.
    docs_url=None,
    openapi_url=None,
)
answer_in_problems(api)
api.add_decorator(_known_only)
api.add_router("/people", people.router)
api.add_router("/people", verifications.router)
api.add_router("/costs", costs.router)
api.add_router("/plans", plans.router)


@public
@require_safe
def openapi(request: HttpRequest) -> HttpResponseBase:
    """The API's document, for everybody: it has no data in it."""
    return JsonResponse(document())


def document() -> dict[str, Any]:
    """OpenAPI 3.1."""
    told: dict[str, Any] = api.get_openapi_schema(path_prefix="/api/v1")
    for operation in [each for operations in told["paths"].values() for each in operations.values()]:
        _correct(operation)
    return told


def _correct(operation: dict[str, Any]) -> None:
    """What Ninja does not know: problems have a media type of their own, and no query string says null."""
    for status, response in operation["responses"].items():
        if status != 200:
            response["content"] = {MEDIA_TYPE: response["content"].pop("application/json")}
    for parameter in operation["parameters"]:
        for kind in parameter["schema"].pop("anyOf", []):
            parameter["schema"] |= {} if kind == {"type": "null"} else kind


def _in_problems(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Ninja answers another method in plain text."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        if response.status_code != 405:
            response["Cache-Control"] = "no-store"
            return response
        refused = problem(405)
        refused["Allow"] = response["Allow"]
        return refused

    return answered


def _nowhere(request: HttpRequest, rest: str = "") -> HttpResponseBase:
    return problem(404)


def _urls() -> list[URLPattern]:
    """Ninja's patterns, each with our mark on its view; its root answers nothing, and is not among them."""
    patterns = [each for each in api.urls[0] if isinstance(each, URLPattern) and each.name != "api-root"]
    for pattern in patterns:
        pattern.callback = for_tokens(_in_problems(pattern.callback))
    return [
        path("openapi.json", openapi, name="openapi"),
        *patterns,
        path("", for_tokens(_nowhere), name="root"),
        path("<path:rest>", for_tokens(_nowhere), name="nowhere"),
    ]


urlpatterns = _urls()
