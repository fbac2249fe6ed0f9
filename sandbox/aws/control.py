"""The sandbox's own pages: /sandbox/... to watch and steer a run, and those where a person signs in."""

from __future__ import annotations

import json
from collections.abc import Callable
from html import escape
from urllib.parse import urlencode

from moto.core.request import Request
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from sandbox.aws.single_sign_on import SingleSignOn
from sandbox.aws.world import World
from sandbox.company import Rate
from sandbox.records import CompanyError
from sandbox.scenario import parse_faults, parse_rates, read_layout

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Acme sandbox</title>
<h1>{title}</h1><p>{text}</p>{form}"""
_FORM = """<form method="post">{code}<p><label>E-mail <input name="email" type="email" required></label></p>
<p><button>Allow</button></p></form>"""
_CODE = '<p><label>Code <input name="user_code" value="{}" required></label></p>'


def _json(value: object, status: int = 200) -> Response:
    return Response(json.dumps(value), status=status, content_type="application/json")


def _page(title: str, text: str, form: str = "", status: int = 200) -> Response:
    return Response(_PAGE.format(title=title, text=text, form=form), status=status, content_type="text/html")


class Control:
    """Answers the paths that are not AWS's; `reseed` brings moto's backends back to the scenario."""

    def __init__(self, world: World, sign_on: SingleSignOn, reseed: Callable[[], None]) -> None:
        self._world = world
        self._sign_on = sign_on
        self._reseed = reseed
        self._routes: dict[tuple[str, str], Callable[[Request], Response]] = {
            ("GET", "/sandbox/health"): lambda request: _json({"status": "ok"}),
            ("GET", "/sandbox/calls"): lambda request: _json(world.calls()),
            ("DELETE", "/sandbox/calls"): self._forget_calls,
            ("GET", "/sandbox/throttles"): lambda request: _json(world.throttles()),
            ("GET", "/sandbox/invocations"): lambda request: _json(world.invocations()),
            ("GET", "/sandbox/usage"): self._usage,
            ("GET", "/sandbox/bill"): self._bill,
            ("PUT", "/sandbox/faults"): self._replace_faults,
            ("PUT", "/sandbox/settings"): self._change_settings,
            ("POST", "/sandbox/reset"): self._reset,
            ("GET", "/sandbox/device"): self._device_form,
            ("POST", "/sandbox/device"): self._approve_device,
            ("GET", "/authorize"): self._authorize_form,
            ("POST", "/authorize"): self._authorize,
        }

    def respond(self, request: Request) -> Response | None:
        """None for a path that is not ours."""
        handler = self._routes.get((request.method, request.path))
        if handler is not None:
            return handler(request)
        return _json({"error": "not found"}, 404) if request.path.startswith("/sandbox/") else None

    def _forget_calls(self, request: Request) -> Response:
        self._world.forget_calls()
        return Response(status=204)

    def _usage(self, request: Request) -> Response:
        """What was used (Metering.used), of one account with ?account=."""
        return _json(list(self._world.metering.used(request.args.get("account", ""))))

    def _bill(self, request: Request) -> Response:
        """What was billed (Metering.billed), of one account with ?account=."""
        return _json(list(self._world.metering.billed(request.args.get("account", ""))))

    def _replace_faults(self, request: Request) -> Response:
        """A JSON list of faults, as in the scenario file; [] for none."""
        try:
            faults = parse_faults(json.loads(request.get_data()))
        except ValueError as error:
            return _json({"error": str(error)}, 400)
        self._world.faults.replace(faults)
        return _json({"faults": len(faults)})

    def _change_settings(self, request: Request) -> Response:
        """{"simulate_layout": "new" | "old", "rates": [...]}, or one of the two; [] for no rates."""
        try:
            layout, rates = self._read_settings(json.loads(request.get_data()))
        except ValueError as error:
            return _json({"error": str(error)}, 400)
        changed: dict[str, object] = {}
        if layout is not None:
            self._world.simulate_layout = changed["simulate_layout"] = layout
        if rates is not None:
            self._world.rates.replace(rates)
            changed["rates"] = len(rates)
        return _json(changed)

    def _read_settings(self, raw: object) -> tuple[str | None, tuple[Rate, ...] | None]:
        """Both settings, None for one that stays as it is; nothing is changed before all is understood."""
        if not isinstance(raw, dict) or not raw or raw.keys() - {"simulate_layout", "rates"}:
            raise CompanyError('expected {"simulate_layout": "new" or "old", "rates": [...]}, or one of the two')
        layout = read_layout(raw["simulate_layout"], "simulate_layout") if "simulate_layout" in raw else None
        return layout, parse_rates(raw["rates"]) if "rates" in raw else None

    def _reset(self, request: Request) -> Response:
        self._world.reset()
        self._sign_on.reset()
        self._reseed()
        return _json({"status": "reset"})

    def _device_form(self, request: Request) -> Response:
        code = _CODE.format(escape(request.args.get("user_code", "")))
        text = "A device wants to act for you. Does it show this code?"
        return _page("Sign in a device", text, _FORM.format(code=code))

    def _approve_device(self, request: Request) -> Response:
        if self._sign_on.approve_device(request.form.get("user_code", ""), request.form.get("email", "")):
            return _page("Signed in", "You can close this page.")
        return _page("Not signed in", "The code or the person is not known to Identity Center.", status=403)

    def _authorize_form(self, request: Request) -> Response:
        return _page("Sign in", "A program on this machine wants to act for you.", _FORM.format(code=""))

    def _authorize(self, request: Request) -> Response:
        args, target = request.args, request.args.get("redirect_uri", "")
        if not target.startswith(("http://127.0.0.1:", "http://localhost:")):
            return _page("Not signed in", "The redirect URI is not on this machine.", status=400)
        challenge, email = args.get("code_challenge", ""), request.form.get("email", "")
        code = self._sign_on.authorize(args.get("client_id", ""), target, challenge, email)
        if not code:
            return _page("Not signed in", "The program or the person is not known.", status=403)
        return redirect(f"{target}?{urlencode({'code': code, 'state': args.get('state', '')})}")
