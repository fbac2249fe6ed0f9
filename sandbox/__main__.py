"""`python -m sandbox`: start the pretend AWS and identity provider, print the environment, wait."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from sandbox.aws.server import QuietHandler, Running, start
from sandbox.company import Company
from sandbox.scenario import DEFAULT, load_company

CLIENT_ID = "onramp"
CLIENT_SECRET = "onramp-sandbox-client-secret"  # of no use beyond loopback
CALLBACK = "/accounts/oidc/corp/login/callback/"


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--aws-port", type=int, default=0, help="0 (the default) is any free port")
    parser.add_argument("--idp-port", type=int, default=0, help="0 (the default) is any free port")
    parser.add_argument("--portal-url", default="http://localhost:8000")
    parser.add_argument("--state", type=Path, help="where the identity provider keeps its files")
    parser.add_argument("--scenario", type=Path, default=DEFAULT)
    parser.add_argument("--env-file", type=Path, help="write NAME=value lines here too, once all answers")
    parser.add_argument("--without-idp", action="store_true", help="AWS only")
    return parser.parse_args(argv)


def start_idp(company: Company, port: int, portal_url: str, state: Path) -> Running:
    """The identity provider; its issuer names the port, so the port comes first, then the application."""
    from sandbox.idp import make_app

    server = make_server("127.0.0.1", port, Response(status=503), threaded=True, request_handler=QuietHandler)
    server.app = make_app(
        company.people,
        issuer=f"http://localhost:{server.port}",
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        redirect_uris=[portal_url.rstrip("/") + CALLBACK],
        state=state,
    )
    return Running(server)


def environment(company: Company, aws_port: int, idp_port: int | None) -> dict[str, str]:
    """What the portal needs to take the sandbox for the company."""
    values = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws_port}",
        # Claude Code takes its own variable for Bedrock's endpoints.
        "ANTHROPIC_BEDROCK_BASE_URL": f"http://127.0.0.1:{aws_port}",
        "AWS_ACCESS_KEY_ID": company.portal.access_key_id,
        "AWS_SECRET_ACCESS_KEY": company.portal.secret_access_key,
        "AWS_REGION": company.region,
        "AWS_DEFAULT_REGION": company.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "ONRAMP_ADMIN_GROUPS": "onramp-admins",
        "ONRAMP_AUDITOR_GROUPS": "onramp-auditors",
        "ONRAMP_COMPANY": company.name,
        "ONRAMP_CREDENTIAL_HELPERS": '{"acme-sts": "acme-sts --json"}',
    }
    if idp_port is not None:
        values["ONRAMP_OIDC_ISSUER"] = f"http://localhost:{idp_port}"
        values["ONRAMP_OIDC_CLIENT_ID"] = CLIENT_ID
        values["ONRAMP_OIDC_CLIENT_SECRET"] = CLIENT_SECRET
        values["ONRAMP_OIDC_GROUPS_CLAIM"] = "groups"
    return values


def _write_atomically(path: Path, values: Mapping[str, str]) -> None:
    """Whoever waits for the file finds it whole."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text("".join(f"{name}={value}\n" for name, value in values.items()), encoding="utf-8")
    draft.replace(path)


def _announce(values: Mapping[str, str], env_file: Path | None) -> None:
    for name, value in values.items():
        quoted = value.replace("'", "'\\''")
        print(f"export {name}='{quoted}'", flush=True)
    if env_file:
        _write_atomically(env_file, values)


def _wait_for_signal() -> None:
    stopped = threading.Event()

    def stop(number: int, frame: Any) -> None:
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    stopped.wait()


def main(argv: list[str] | None = None) -> int:
    arguments = _arguments(argv)
    company = load_company(arguments.scenario)
    with contextlib.ExitStack() as stack:
        state = arguments.state or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="onramp-sandbox-")))
        aws = start(company, arguments.aws_port)
        stack.callback(aws.stop)
        idp_port = None
        if not arguments.without_idp:
            idp = start_idp(company, arguments.idp_port, arguments.portal_url, state)
            stack.callback(idp.stop)
            idp_port = idp.port
        if arguments.env_file:
            stack.callback(arguments.env_file.unlink, missing_ok=True)
        _announce(environment(company, aws.port, idp_port), arguments.env_file)
        _wait_for_signal()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
