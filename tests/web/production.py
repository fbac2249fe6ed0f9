"""The settings of a real installation, which differ from the tests' own: https, behind one proxy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from typing import Any

from django.conf import settings
from django.test import Client

HOST = "onramp.example.com"
_ENVIRONMENT = {
    "ONRAMP_PUBLIC_URL": f"https://{HOST}",
    "ONRAMP_TRUSTED_PROXIES": "1",
    "ONRAMP_OIDC_ISSUER": "https://login.example.com",
}
_PREFIXES = ("SECURE_", "SESSION_COOKIE_", "CSRF_COOKIE_", "LANGUAGE_COOKIE_", "X_FRAME_", "ALLOWED_HOSTS", "PUBLIC_")
_PROGRAM = f"""
import json
from portal import settings
names = [name for name in dir(settings) if name.startswith({_PREFIXES!r}) or name == "CSRF_TRUSTED_ORIGINS"]
form_action = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]["form-action"]
print(json.dumps([{{name: getattr(settings, name) for name in names}}, form_action]))
"""


@cache
def production_settings() -> dict[str, Any]:
    """Settings are read once a process, so this takes one of its own."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env=os.environ | _ENVIRONMENT,
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found: dict[str, Any]
    found, form_action = json.loads(done.stdout)
    # The nonce in it is an object: the rest is as it is here.
    directives = {**settings.CONTENT_SECURITY_POLICY["DIRECTIVES"], "form-action": form_action}
    return found | {"CONTENT_SECURITY_POLICY": {"DIRECTIVES": directives}}


def behind_a_proxy(client: Client) -> Client:
    """A browser that came by TLS to the proxy."""
    client.defaults |= {"SERVER_NAME": HOST, "HTTP_X_FORWARDED_PROTO": "https", "HTTP_X_FORWARDED_FOR": "203.0.113.7"}
    return client
