"""`python -m tests.attack`, which `make attack` runs: Wapiti, a scanner nobody here wrote, against the whole portal.

The portal runs on this machine with its sandbox, in a home of its own; the scanner has an environment of its own,
since its pins differ from ours. It comes signed in, as a person and as an admin. What it finds ends up in
test-results/; docs/security.md says how findings were judged.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

BASE_DIR = Path(__file__).resolve().parents[1]
SCANNER = BASE_DIR / ".venv-attack"
RESULTS = BASE_DIR / "test-results" / "attack"
PORT = 8345
URL = f"http://127.0.0.1:{PORT}"
# The one whose findings docs/security.md judges: another finds other things, and may report them differently. And what
# runs with our rights on this machine is somebody's choice, not the day's.
VERSION = "3.2.3"
SECONDS = int(os.environ.get("ATTACK_SECONDS", "120"))  # for each module, and for looking around
MODULES = (
    "backup,cookieflags,crlf,csp,csrf,exec,file,htaccess,http_headers,ldap,methods,permanentxss,redirect,"
    "shellshock,spring4shell,sql,timesql,upload,xss"
)
# What would end the scanner's own session, or somebody's.
LEFT_OUT = (
    "sign-out/*",
    "sessions/*",
    "django-admin/logout/*",
    "static/*",
    "people/*/deactivate/",
    "people/*/sessions/*",
)
PEOPLE = {"person": "ana.nunez@acme.example", "admin": "carla.soto@acme.example"}
_SIGN_IN = """
import json, sys
from django.test import Client
from onboarding.models import Person, User
for who, email in json.loads(sys.argv[1]).items():
    person = Person.objects.filter(email=email).first() or Person.objects.create(email=email, name=email)
    is_admin = who == "admin"
    if person.user is None:
        person.user = User.objects.create(username=email, email=email, is_staff=is_admin, is_superuser=is_admin)
    person.role = who
    person.save()
    client = Client()
    client.force_login(person.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    client.get("/setup/", headers={"Host": "127.0.0.1"})
    print(json.dumps({name: morsel.value for name, morsel in client.cookies.items()}))
"""


class CannotAttack(Exception):
    """Something is missing. The message says what."""


def install() -> None:
    if any(SCANNER.glob(f"lib/python*/site-packages/wapiti3-{VERSION}.dist-info")):
        return
    try:
        subprocess.run([sys.executable, "-m", "venv", SCANNER], check=True)
        pip = [str(SCANNER / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "--quiet", f"wapiti3=={VERSION}"], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise CannotAttack(f"Wapiti cannot be installed here, so nothing was attacked: {error}") from None


def start(home: Path) -> subprocess.Popen[bytes]:
    """The portal, once it answers. The rates are lifted: the scanner is to reach what stands behind them."""
    environment = os.environ | {"ONRAMP_HOME": str(home), "PORT": str(PORT)}
    environment |= dict.fromkeys(("ONRAMP_PERSON_RATE", "ONRAMP_ADDRESS_RATE", "ONRAMP_TOKEN_RATE"), "1000000")
    portal = subprocess.Popen([sys.executable, "-m", "deploy.local"], cwd=BASE_DIR, env=environment)
    for _ in range(600):
        if portal.poll() is not None:
            break
        if _answers():
            return portal
        time.sleep(0.2)
    portal.send_signal(signal.SIGINT)
    raise CannotAttack("The portal does not start; what it printed says why.")


def _answers() -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def sign_in(home: Path) -> dict[str, dict[str, str]]:
    """The cookies of both, with the one that forms need beside their token."""
    environment = os.environ | {"ONRAMP_HOME": str(home), "DJANGO_SETTINGS_MODULE": "portal.settings"}
    program = f"import django; django.setup()\n{_SIGN_IN}"
    command = [sys.executable, "-c", program, json.dumps(PEOPLE)]
    done = subprocess.run(command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    return {who: json.loads(line) for who, line in zip(PEOPLE, lines, strict=True)}


def scan(who: str, cookies: dict[str, str]) -> dict[str, Any]:
    """What the scanner reports."""
    jar, report = RESULTS / f"{who}-cookies.json", RESULTS / f"{who}.json"
    kept = {
        name: {"version": 0, "expires": None, "secure": False, "value": cookies[name], "port": None}
        for name in cookies
    }
    jar.touch(mode=0o600)
    jar.write_text(json.dumps({"127.0.0.1": {"/": kept}}))
    starts = [f"{URL}/{path}" for path in ("setup/", "diagnose/", "people/", "costs/", "audit/", "plans/")]
    command = [str(SCANNER / "bin" / "wapiti"), "-u", f"{URL}/setup/", "--scope", "domain", "-c", str(jar)]
    command += [part for start in starts for part in ("-s", start)]
    command += [part for path in LEFT_OUT for part in ("-x", f"{URL}/{path}")]
    command += ["--skip", "csrfmiddlewaretoken", "--tasks", "2", "-m", MODULES, "--no-bugreport", "--flush-session"]
    command += ["--max-scan-time", str(SECONDS), "--max-attack-time", str(SECONDS), "--max-files-per-dir", "30"]
    command += ["--store-session", str(RESULTS / who), "-f", "json", "-o", str(report)]
    try:
        with (RESULTS / f"{who}.log").open("wb") as log:
            subprocess.run(command, stdout=log, stderr=log, check=True)
    finally:
        jar.unlink()
    found: dict[str, Any] = json.loads(report.read_text())
    return found


def main() -> int:
    home = RESULTS / "home"
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir(parents=True)
    try:
        install()
        portal = start(home)
    except CannotAttack as error:
        print(error, file=sys.stderr)
        return 1
    try:
        reports = {who: scan(who, cookies) for who, cookies in sign_in(home).items()}
    finally:
        portal.send_signal(signal.SIGINT)
        portal.wait(60)
    for who, report in reports.items():
        print(f"As {who}: {report['infos']['crawled_pages_nbr']} pages")
        for kind in ("vulnerabilities", "anomalies"):
            for name, found in report[kind].items():
                if found:
                    print(f"  {name}: {len(found)}, such as {found[0]['method']} {found[0]['path']}")
    print(f"Everything it said is in {RESULTS.relative_to(BASE_DIR)}; docs/security.md judges it.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
