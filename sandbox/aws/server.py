"""The one WSGI application in front of moto, and the thread that serves it on loopback."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterable
from typing import Any

from moto.core.request import Request
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server
from werkzeug.wrappers import Response

from sandbox.aws import (
    account_details,
    api_keys,
    bedrock,
    cloudwatch,
    cost_explorer,
    directory,
    errors,
    metering,
    principals,
    quotas,
    roles,
    runtime,
    simulation,
    world,
)
from sandbox.aws.control import Control
from sandbox.aws.errors import AwsError, Throttled
from sandbox.aws.operations import Operation, Signature, identify
from sandbox.aws.seed import seed
from sandbox.aws.single_sign_on import SingleSignOn
from sandbox.company import Company

_TOKEN_HEADER = "x-amz-sso_bearer_token"


class QuietHandler(MotoRequestHandler):
    """Keeps the one AWS header with underscores, which werkzeug drops, and logs nothing."""

    def make_environ(self) -> dict[str, Any]:
        environ = super().make_environ()
        if token := self.headers.get(_TOKEN_HEADER):
            environ["HTTP_X_AMZ_SSO_BEARER_TOKEN"] = token
        return environ

    def log(self, type: str, message: str, *args: Any) -> None:
        """Not a word: the tests' output is theirs."""


class Application:
    """Our control pages, our operations, and moto for all others."""

    def __init__(self, company: Company) -> None:
        self.world = world.World(company)
        world.install(self.world)
        for extended in (account_details, bedrock, cloudwatch, cost_explorer, directory, quotas, roles, simulation):
            extended.extend()
        self._sign_on = SingleSignOn(company)
        self._control = Control(self.world, self._sign_on, self._seed)
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._seed()

    def _seed(self) -> None:
        seed(self.world.company)
        self.world.metering.reset()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = Request(environ).get_data()
        # What was read can be read again, by moto.
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))
        request = Request(environ)
        response = self._control.respond(request)
        if response is None:
            operation = identify(request, body, self.world.company.region)
            environ["wsgi.input"].seek(0)
            response = self._answer(request, operation, body) if operation else self._from_moto(environ)
        return response(environ, start_response)

    def _from_moto(self, environ: dict[str, Any]) -> Response:
        return Response.from_app(self._moto, environ, buffered=True)

    def _answer(self, request: Request, operation: Operation, body: bytes) -> Response:
        self.world.count(operation.full_name)
        try:
            return self._perform(request, operation, body)
        except Throttled as error:
            self.world.count_throttle(operation.full_name)
            return errors.render(error, operation.protocol)
        except AwsError as error:
            return errors.render(error, operation.protocol)
        except NotImplementedError as error:
            # 501 because botocore retries a 500.
            return errors.render(AwsError("NotImplemented", str(error), 501), operation.protocol)

    def _perform(self, request: Request, operation: Operation, body: bytes) -> Response:
        caller = self._identify_caller(operation)
        account = caller.account if caller else ""
        self.world.rates.take(operation, account)
        self.world.faults.strike(operation, account, body.decode(errors="replace"))
        if operation.service in ("sso", "sso-oidc"):
            bearer = request.environ.get("HTTP_X_AMZ_SSO_BEARER_TOKEN", "")
            return self._sign_on.respond(operation, request.host_url, bearer)
        if operation.service == "bedrock-runtime":
            if caller is None:
                raise AwsError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
            return runtime.invoke(self.world, caller, operation, request.headers, body)
        if operation.service in metering.SERVICES:
            self.world.metering.deliver(operation.service, account, operation.parameter("Bucket"))
        if operation.service == "bedrock" and caller:
            context = {"aws:RequestedRegion": operation.signature.region}
            principals.require(caller, f"bedrock:{operation.name}", "*", context)
        return self._from_moto(_as_signed(request.environ, operation.signature, caller))

    def _identify_caller(self, operation: Operation) -> principals.Caller | None:
        """The owner of the key; None for an unsigned request. A key that nobody has is refused, as by AWS."""
        if operation.signature.api_key:
            return api_keys.caller_of(operation.signature.api_key, operation.signature.region)
        if not operation.signature.access_key:
            return None
        caller = principals.find_caller(operation.signature.access_key)
        is_query = operation.protocol == "query"
        if caller is None:
            code = "InvalidClientTokenId" if is_query else "UnrecognizedClientException"
            raise AwsError(code, "The security token included in the request is invalid.", 403)
        if caller.is_expired:
            code = "ExpiredToken" if is_query else "ExpiredTokenException"
            raise AwsError(code, "The security token included in the request is expired", 403)
        return caller


def _as_signed(environ: dict[str, Any], signature: Signature, caller: principals.Caller | None) -> dict[str, Any]:
    """The request as moto knows its caller and Region: by a signature, where an API key came in its place."""
    if signature.api_key and caller:
        credential = f"{caller.access_key}/20260101/{signature.region}/{signature.service}/aws4_request"
        environ["HTTP_AUTHORIZATION"] = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"
    return environ


class Running:
    """A server in its thread; `stop` ends it and waits for it."""

    def __init__(self, server: BaseWSGIServer, stopping: threading.Event | None = None) -> None:
        self._server = server
        self._stopping = stopping
        self._thread = threading.Thread(target=server.serve_forever, name="sandbox", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return self._server.port

    def stop(self) -> None:
        if self._stopping:
            self._stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def start(company: Company, port: int = 0) -> Running:
    """Serve the company's AWS on 127.0.0.1; port 0 is any free one."""
    application = Application(company)
    server = make_server("127.0.0.1", port, application, threaded=True, request_handler=QuietHandler)
    return Running(server, application.world.stopping)
