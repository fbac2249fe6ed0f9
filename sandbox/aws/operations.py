"""Which AWS operation is this request? Named `service.Operation`, the service as in boto3: `iam.GetRole`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import UnknownServiceError
from moto.core.request import Request
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from werkzeug.exceptions import HTTPException

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/]*)/([^/]+)/aws4_request")
_BEARER = "Bearer "
# The Region in the name of an endpoint, such as bedrock-runtime.eu-west-1.amazonaws.com.
_ENDPOINT = re.compile(r"[a-z-]+\.([a-z]{2}(?:-[a-z]+)+-\d)\..+")
# The model id may be an ARN with slashes, which WSGI has already decoded.
_INVOKE = re.compile(r"/model/(?P<modelId>.+)/(?P<verb>invoke|invoke-with-response-stream)")
_INVOKE_NAMES = {"invoke": "InvokeModel", "invoke-with-response-stream": "InvokeModelWithResponseStream"}
# One of CloudWatch's three protocols; boto3 speaks JSON with it, other SDKs CBOR.
CBOR = "smithy-rpc-v2-cbor"
_RPC = re.compile(r"/service/[^/]+/operation/(\w+)")

# SigV4's name for a service where it is not boto3's; several services may share one.
_SERVICES: Mapping[str, tuple[str, ...]] = {
    "": ("sso-oidc", "sso"),  # the unsigned ones
    "bedrock": ("bedrock", "bedrock-agent"),
    "sso": ("sso-admin",),
    "monitoring": ("cloudwatch",),
    "servicequotas": ("service-quotas",),
}


@dataclass(frozen=True, slots=True)
class Signature:
    """What SigV4 says of the caller; all empty when the request is not signed. It is not verified.

    A request with a Bedrock API key has that in place of an access key.
    """

    access_key: str = ""
    region: str = ""
    service: str = ""
    api_key: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One request to AWS; `parameters` are its values by name: query, form, path labels and JSON members."""

    service: str
    name: str
    protocol: str
    signature: Signature
    parameters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        return f"{self.service}.{self.name}"

    def parameter(self, name: str) -> str:
        """Its first value, or ""."""
        return next(iter(self.parameters.get(name, ())), "")


def read_signature(request: Request, home: str) -> Signature:
    """With an API key a request says nothing of its Region: it is that of the endpoint, `home` for one without."""
    authorization = request.headers.get("Authorization", "")
    if authorization.startswith(_BEARER):
        endpoint = _ENDPOINT.fullmatch(request.host)
        region = endpoint[1] if endpoint else home
        return Signature("", region, "bedrock", authorization.removeprefix(_BEARER))
    found = _CREDENTIAL.search(authorization)
    return Signature(*found.groups()) if found else Signature()


def _texts(value: Any) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value]
    return tuple(item if isinstance(item, str) else json.dumps(item) for item in items)


def _json_members(body: bytes) -> dict[str, tuple[str, ...]]:
    try:
        members = json.loads(body)
    except ValueError:
        return {}
    return {key: _texts(value) for key, value in members.items()} if isinstance(members, dict) else {}


def _form_members(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """`ActionNames.member.1=a&ActionNames.member.2=b` as {"ActionNames": ("a", "b")}."""
    members: dict[str, tuple[str, ...]] = {}
    for key, value in pairs:
        name = key.partition(".")[0]
        members[name] = (*members.get(name, ()), value)
    return members


def _routed(request: Request, services: Iterable[str]) -> tuple[str, str, dict[str, str]] | None:
    """Service, operation and path labels, found through botocore's URIs."""
    for service in services:
        try:
            operation, labels = get_service_router(service).match(request)
        except (HTTPException, NotImplementedError, UnknownServiceError):
            continue
        return service, str(operation.name), {str(key): str(value) for key, value in labels.items()}
    return None


def _find(request: Request, signature: Signature) -> tuple[str, str, dict[str, str]] | None:
    services = _SERVICES.get(signature.service, (signature.service,))
    if invoke := _INVOKE.fullmatch(request.path):
        return "bedrock-runtime", _INVOKE_NAMES[invoke["verb"]], {"modelId": invoke["modelId"]}
    if target := request.headers.get("X-Amz-Target"):
        return services[0], target.rpartition(".")[2], {}
    if action := request.values.get("Action"):
        return signature.service or "sts", action, {}  # only STS has unsigned actions
    if rpc := _RPC.fullmatch(request.path):
        return services[0], rpc[1], {}
    return _routed(request, services)


def _spoken(request: Request) -> str:
    """The protocol that shows in a request, of a service that has several; "" for one that has to be looked up."""
    if request.headers.get("X-Amz-Target"):
        return "json"
    return CBOR if _RPC.fullmatch(request.path) else ""


def identify(request: Request, body: bytes, home: str) -> Operation | None:
    """The operation, or None for what is no request to AWS. `home` is the Region of an endpoint that names none."""
    signature = read_signature(request, home)
    found = _find(request, signature)
    if found is None:
        return None
    service, name, labels = found
    parameters = {
        **_json_members(body),
        **_form_members([*request.args.items(multi=True), *request.form.items(multi=True)]),
        **{key: (value,) for key, value in labels.items()},
    }
    try:
        protocol = _spoken(request) or str(get_service_model(service).protocol)
    except UnknownServiceError:
        return None  # a signing name that is no service of boto3; moto may know it
    return Operation(service, name, protocol, signature, parameters)
