"""The one line: codes, the script, the bundle for a code, and the doctor's report."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import re
import tarfile
import zipfile
from collections import Counter
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from onboarding import doctor
from onboarding.bundles import scripts
from onboarding.enrolments import LONGEST_REPORT, issue_codes
from onboarding.enums import CodePurpose, Outcome, Platform
from onboarding.models import AuditEvent, Bundle, Enrolment, Finding, OneTimeCode, Person, Verification
from tests.factories import make_person, make_ready_person, make_revision, make_team
from tests.unit.bundles.examples import hostile_text

pytestmark = pytest.mark.django_db


def signed_in(person: Person) -> Client:
    assert person.user is not None
    client = Client()
    client.force_login(person.user)
    type(person.user).objects.filter(pk=person.user.pk).update(last_login=timezone.now() - dt.timedelta(hours=1))
    return client


def code_for(person: Person, purpose: CodePurpose = CodePurpose.INSTALL, platform: Platform = Platform.LINUX) -> str:
    return issue_codes(person=person, purposes=[purpose], platform=platform, language="en")[purpose]


def fetch(code: str, archive: str = "tar") -> Any:
    """As a machine does: without a session, and without a token against forgery."""
    client = Client(enforce_csrf_checks=True)
    return client.post(f"/install/bundle/?format={archive}", data=code, content_type="text/plain")


def report(**changes: Any) -> dict[str, Any]:
    results = [{"check": check.id, "outcome": "passed", "reason": "works", "detail": ""} for check in doctor.CHECKS]
    return {
        "version": 1,
        "plan": "platform",
        "revision": 1,
        "machine": "ana-mbp",
        "os": "macOS 26.1",
        "cli_version": "2.1.330",
        "results": results,
        **changes,
    }


def with_result(check: str, outcome: str, reason: str, detail: str = "") -> dict[str, Any]:
    changed = {"check": check, "outcome": outcome, "reason": reason, "detail": detail}
    whole = report()
    whole["results"] = [changed if row["check"] == check else row for row in whole["results"]]
    return whole


def send(code: str, content: Any) -> Any:
    client = Client(enforce_csrf_checks=True)
    body = content if isinstance(content, bytes | str) else json.dumps(content)
    headers = {"Authorization": f"Onramp {code}"}
    return client.post("/install/report/", data=body, content_type="application/json", headers=headers)


# --- The codes


def test_the_page_shows_two_codes_that_are_kept_as_digests_only() -> None:
    person = make_ready_person()

    response = signed_in(person).post("/install/codes/", {"platform": "macos"})

    page = response.content.decode()
    codes = re.findall(r'<code id="code-(install|report)">([\w-]+)</code>', page)
    assert [purpose for purpose, _ in codes] == ["install", "report"]
    rows = {row.purpose: row for row in OneTimeCode.objects.filter(person=person)}
    for purpose, code in codes:
        assert len(code) >= 22  # 128 bits and more, six a character
        assert rows[purpose].digest == hashlib.sha256(code.encode()).hexdigest()
        assert rows[purpose].platform == Platform.MACOS
        assert rows[purpose].expires_at - rows[purpose].created_at <= dt.timedelta(minutes=10)
    assert "no-store" in response["Cache-Control"]
    assert (
        "curl -fsSL http://localhost:8000/onramp.sh -o onramp.sh &amp;&amp; sh onramp.sh http://localhost:8000" in page
    )
    assert scripts.script_digest("onramp.sh") in page
    kept = json.dumps([[event.action, event.target, event.details] for event in AuditEvent.objects.all()])
    assert "code.issued" in kept
    assert not any(code in kept for _, code in codes)


def test_windows_gets_its_own_line() -> None:
    page = signed_in(make_ready_person()).post("/install/codes/", {"platform": "windows"}).content.decode()

    assert "-File onramp.ps1 http://localhost:8000" in page
    assert scripts.script_digest("onramp.ps1") in page


def test_new_codes_end_the_unused_ones() -> None:
    person = make_ready_person()
    first = code_for(person)
    second = code_for(person)

    assert fetch(first).status_code == 410
    assert fetch(second).status_code == 200


def test_nobody_gets_a_code_before_they_were_verified() -> None:
    person = make_person(team=make_team(make_revision().plan))

    response = signed_in(person).post("/install/codes/", {"platform": "linux"})

    assert (response.status_code, response["Location"]) == (302, "/setup/")
    assert OneTimeCode.objects.count() == 0


@pytest.mark.parametrize("path", ["/install/codes/", "/install/bundle/", "/install/report/"])
def test_what_writes_rejects_get(path: str) -> None:
    """A link preview uses nothing up."""
    assert signed_in(make_ready_person()).get(path).status_code == 405


# --- The script


SCRIPT_PATHS = ["/onramp.sh", "/onramp.ps1", *(f"/install/scripts/{name}" for name in sorted(scripts.ALL))]


@pytest.mark.parametrize("path", SCRIPT_PATHS)
def test_anybody_may_read_a_script_and_gets_its_exact_bytes(path: str, client: Client) -> None:
    response = client.get(path)

    assert response.status_code == 200
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response.content == scripts.script(path.rpartition("/")[2])
    assert "public" in response["Cache-Control"]


@pytest.mark.parametrize("name", ["nothing.sh", "..%2Fbuild.py", "words.txt", "json.sh%00"])
def test_nothing_else_is_handed_out(name: str, client: Client) -> None:
    assert client.get(f"/install/scripts/{name}").status_code == 404


# --- The bundle for a code


def test_a_code_fetches_the_persons_own_bundle_once() -> None:
    person = make_ready_person()
    code = code_for(person)

    response = fetch(code)

    assert response.status_code == 200
    assert response["Content-Disposition"] == 'attachment; filename="onramp-bundle.tar"'
    assert "no-store" in response["Cache-Control"]
    with tarfile.open(fileobj=io.BytesIO(response.content)) as opened:
        guide = opened.extractfile("GUIDE.md")
        assert guide is not None
        assert "ana.nunez@acme" in guide.read().decode().replace("\\", "")
    assert Bundle.objects.get(person=person).platform == Platform.LINUX
    assert AuditEvent.objects.filter(action="bundle.made", target=person.email).count() == 1
    assert fetch(code).status_code == 410
    assert Bundle.objects.count() == 1


def test_windows_gets_a_zip() -> None:
    response = fetch(code_for(make_ready_person(), platform=Platform.WINDOWS), "zip")

    with zipfile.ZipFile(io.BytesIO(response.content)) as opened:
        assert json.loads(opened.read("MANIFEST.json"))["platform"] == "windows"


def test_spaces_and_line_ends_around_a_code_do_no_harm() -> None:
    assert fetch(f" {code_for(make_ready_person())}\r\n").status_code == 200


@pytest.mark.parametrize("code", ["", "x", "a" * 5000, "\udcff", "\x00", "' OR 1=1 --"])
def test_what_is_no_code_fetches_nothing(code: str) -> None:
    make_ready_person()

    response = Client().generic("POST", "/install/bundle/", code.encode("utf-8", "surrogatepass"), "text/plain")

    assert response.status_code == 410
    assert Bundle.objects.count() == 0


def test_a_code_ends_after_ten_minutes() -> None:
    code = code_for(make_ready_person())
    OneTimeCode.objects.update(expires_at=timezone.now())

    assert fetch(code).status_code == 410


def test_a_code_of_one_purpose_is_none_for_the_other() -> None:
    person = make_ready_person()

    assert fetch(code_for(person, CodePurpose.REPORT)).status_code == 410
    assert send(code_for(person, CodePurpose.INSTALL), report()).status_code == 401


def test_a_code_outlives_no_access_and_stays_good_for_when_it_is_back() -> None:
    person = make_ready_person()
    code = code_for(person)
    Verification.objects.filter(person=person).update(outcome="blocked")

    assert fetch(code).status_code == 409
    assert Bundle.objects.count() == 0

    Verification.objects.filter(person=person).update(outcome="ready")
    assert fetch(code).status_code == 200


def test_a_deactivated_persons_code_fetches_nothing() -> None:
    person = make_ready_person()
    code = code_for(person)
    Person.objects.filter(pk=person.pk).update(is_active=False)

    assert fetch(code).status_code == 410


def test_of_fifty_redemptions_at_once_one_wins(transactional_db: None) -> None:
    person = make_ready_person()
    code = code_for(person)
    answers: Counter[int] = Counter()
    together = Barrier(50)

    def redeem() -> None:
        together.wait()
        try:
            answers[fetch(code).status_code] += 1
        finally:
            connection.close()

    threads = [Thread(target=redeem) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == {200: 1, 410: 49}
    assert Bundle.objects.filter(person=person).count() == 1


# --- The doctor's report


def test_a_report_connects_the_machine() -> None:
    person = make_ready_person()

    response = send(code_for(person, CodePurpose.REPORT), report())

    assert response.status_code == 204
    machine = Enrolment.objects.get(person=person)
    assert (machine.machine, machine.os, machine.cli_version) == ("ana-mbp", "macOS 26.1", "2.1.330")
    assert machine.outcome == Outcome.PASSED
    assert machine.connected_at is not None
    assert machine.answered_at is not None
    assert len(machine.results) == len(doctor.CHECKS)
    assert AuditEvent.objects.get(action="machine.reported").target == "ana-mbp"


def test_connected_and_answered_are_two_states() -> None:
    person = make_ready_person()
    client = signed_in(person)
    assert "Run the doctor on your machine" in client.get("/setup/").content.decode()

    send(code_for(person, CodePurpose.REPORT), with_result("model", "skipped", "not-asked"))

    page = client.get("/setup/").content.decode()
    assert "You are connected. Claude Code is ready." in page
    assert "No model call seen yet" in page
    assert Enrolment.objects.get().answered_at is None

    send(code_for(person, CodePurpose.REPORT), report())

    page = client.get("/setup/").content.decode()
    assert "A model has answered" in page
    assert "ana-mbp" in page
    assert Enrolment.objects.count() == 1


def test_once_connected_a_later_failure_is_told_and_forgets_nothing() -> None:
    person = make_ready_person()
    send(code_for(person, CodePurpose.REPORT), report())
    first = Enrolment.objects.get()

    send(code_for(person, CodePurpose.REPORT), with_result("session", "failed", "not-signed-in", "Token has expired"))

    machine = Enrolment.objects.get()
    assert (machine.outcome, machine.connected_at) == (Outcome.FAILED, first.connected_at)
    page = signed_in(person).get("/setup/").content.decode()
    assert "You are not signed in to AWS, or no longer: Token has expired" in page
    assert "Run `aws sso login --profile claude-code-platform`, then the doctor again." in page


def test_what_a_doctor_could_not_tell_is_no_failure() -> None:
    person = make_ready_person()
    send(code_for(person, CodePurpose.REPORT), with_result("network", "unknown", "not-asked"))

    page = signed_in(person).get("/bundle/").content.decode()

    assert '<li data-outcome="unknown">' in page
    assert '<li data-outcome="failed">' not in page


@pytest.mark.parametrize("check", [check.id for check in doctor.CHECKS])
def test_every_failure_names_its_layer_and_reads_well_in_both_languages(check: str) -> None:
    reasons = next(each.reasons for each in doctor.CHECKS if each.id == check)
    person = make_ready_person()
    client = signed_in(person)
    for reason, words in reasons.items():
        send(code_for(person, CodePurpose.REPORT), with_result(check, words.word, reason, "seen"))
        finding = Finding.objects.filter(check_name="doctor").latest("pk")
        assert bool(finding.layer) == (finding.outcome in (Outcome.FAILED, Outcome.UNKNOWN))
        for language in ("en", "es"):
            client.cookies["language"] = language
            page = client.get("/setup/").content.decode()
            assert "ana-mbp" in page
            assert not re.search(r"\{\d\}|%\(|&quot;\?&quot;", page)


def test_a_report_never_weakens_a_name_into_markup() -> None:
    person = make_ready_person()
    hostile = "<script>alert(1)</script>\u202e"

    assert send(code_for(person, CodePurpose.REPORT), report(machine=hostile, os=hostile)).status_code == 204

    page = signed_in(person).get("/bundle/").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "\u202e" not in page


def test_a_secret_in_a_detail_is_masked_before_it_is_kept() -> None:
    person = make_ready_person()
    secret = "AKIAIOSFODNN7EXAMPLE"

    send(code_for(person, CodePurpose.REPORT), with_result("session", "failed", "not-signed-in", f"key {secret}"))

    kept = json.dumps([Enrolment.objects.get().results, Finding.objects.get(check_name="doctor").facts])
    assert "[redacted]" in kept
    assert secret not in kept


@pytest.mark.parametrize(
    "content",
    [
        "",
        "not json",
        "[]",
        "{}",
        b"\xff\xfe",
        "9" * 5000,
        "[" * 20_000,
        report(version=2),
        report(plan="another"),
        report(revision=99),
        report(revision="1 OR 1=1"),
        report(machine=""),
        report(machine="x" * 65),
        report(results=[]),
        report(results=[{"check": "x"}]),
        report(results=report()["results"] * 10),
        report(more="than is asked for"),
        with_result("session", "fine", "works"),
        with_result("session", "failed", "x", "y" * 201),
        with_result("session", "failed", "x\0"),
        with_result("session", "failed", "No Such Reason"),
        report(plan="platform\0"),
        report(results=[{"check": "\0", "outcome": "failed", "reason": "x"}]),
        report(results=[{"check": "x" * 30, "outcome": "failed", "reason": "y" * 30}]),
    ],
    ids=lambda content: str(content)[:30],
)
def test_what_is_no_report_keeps_nothing_and_leaves_the_code_good(content: Any) -> None:
    person = make_ready_person()
    code = code_for(person, CodePurpose.REPORT)

    assert send(code, content).status_code == 400
    assert Enrolment.objects.count() == 0
    assert send(code, report()).status_code == 204


def test_a_report_that_is_too_long_is_not_read() -> None:
    code = code_for(make_ready_person(), CodePurpose.REPORT)

    assert send(code, "x" * (LONGEST_REPORT + 1)).status_code == 413


@pytest.mark.parametrize("header", ["", "Onramp ", "Bearer abc", "Onramp wrong", "Basic b25yYW1wOng="])
def test_without_a_code_nothing_is_kept(header: str) -> None:
    make_ready_person()

    response = Client().post(
        "/install/report/",
        data=json.dumps(report()),
        content_type="application/json",
        headers={"Authorization": header},
    )

    assert response.status_code == 401
    assert Enrolment.objects.count() == 0


def test_two_machines_are_two_rows_and_the_newest_comes_first() -> None:
    person = make_ready_person()
    for name in ("ana-mbp", "devbox"):
        send(code_for(person, CodePurpose.REPORT), report(machine=name))

    page = signed_in(person).get("/bundle/").content.decode()

    assert page.index("devbox") < page.index("ana-mbp")


def test_an_older_revision_is_outdated_and_the_page_says_install_again() -> None:
    person = make_ready_person()
    send(code_for(person, CodePurpose.REPORT), report())
    revision = make_revision()
    Verification.objects.filter(person=person).update(revision=revision)

    page = signed_in(person).get("/setup/").content.decode()

    assert 'data-outcome="outdated"' in page
    assert "You are connected" not in page


class HostileReports(TestCase):
    """Whatever a machine says about itself is kept as text or refused."""

    @given(
        machine=hostile_text,
        os=hostile_text,
        detail=hostile_text,
        check=st.from_regex(r"[a-z0-9-]{1,40}", fullmatch=True) | st.text(max_size=50),
    )
    @hypothesis_settings(max_examples=30)
    def test_it_is_kept_as_text_or_refused(self, machine: str, os: str, detail: str, check: str) -> None:
        person = make_ready_person()
        code = code_for(person, CodePurpose.REPORT)
        row = {"check": check, "outcome": "failed", "reason": "x", "detail": detail}

        response = send(code, report(machine=machine, os=os, results=[row]))

        assert response.status_code in (204, 400)
        for enrolment in Enrolment.objects.all():
            texts = [enrolment.machine, enrolment.os, enrolment.results[0]["detail"]]
            assert all(text.isprintable() for text in texts)
            assert signed_in(person).get("/bundle/").status_code == 200
