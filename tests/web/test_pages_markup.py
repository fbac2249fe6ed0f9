"""What the templates promise: nothing the Content-Security-Policy refuses, no symbol without a drawing."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import get_template, render_to_string
from django.utils import timezone, translation

from onboarding.templatetags import onramp

TEMPLATE_DIR = settings.BASE_DIR / "templates"
TEMPLATES = sorted(TEMPLATE_DIR.rglob("*.html"))
OUR_SCRIPTS = sorted((settings.BASE_DIR / "static/js").rglob("*.js"))
ICONS = set(re.findall(r'id="i-([a-z]+)"', (settings.BASE_DIR / "templates/_icons.html").read_text()))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_template_compiles_and_holds_nothing_inline(path: Path) -> None:
    get_template(str(path.relative_to(settings.BASE_DIR / "templates")))
    text = path.read_text()
    assert not re.search(r'\sstyle="|<style|\son[a-z]+="|javascript:|["(]data:', text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)


@pytest.mark.parametrize("path", OUR_SCRIPTS, ids=lambda path: path.name)
def test_a_script_of_ours_makes_no_markup_of_text_and_keeps_nothing_but_the_theme(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|DOMParser|\beval\b|Function\(", text)
    assert not re.search(r"localStorage|sessionStorage|indexedDB|caches\b|postMessage|__proto__|JSON\.parse", text)
    assert set(re.findall(r"document\.cookie\s*=\s*`(\w+)=", text)) <= {"theme"}
    assert text.count("document.cookie") == len(re.findall(r"document\.cookie\s*=\s*`theme=", text))


def test_htmx_runs_nothing_of_a_page_asks_nobody_else_and_keeps_no_history() -> None:
    """It would keep pages in the browser's storage, which outlives a session."""
    [content] = re.findall(r"name=\"htmx-config\" content='([^']+)'", (TEMPLATE_DIR / "base.html").read_text())
    config = json.loads(content)
    assert (config["allowEval"], config["allowScriptTags"], config["historyEnabled"]) == (False, False, False)
    assert config["selfRequestsOnly"] is True


def test_every_icon_is_drawn() -> None:
    used = {name for path in TEMPLATES for name in re.findall(r'{% icon "([a-z]+)" %}', path.read_text())}
    used |= {onramp._ICONS.get(state, state) for state in onramp.STATES}
    assert used <= ICONS


def test_server_error_needs_no_request() -> None:
    page = render_to_string("errors/500.html")
    assert "<h1>" in page


@pytest.mark.parametrize(("name", "text"), [("a.json", '{"<b>": "&", "n": 1}'), ("env.sh", "X='<i>'"), ("", "<u>&")])
def test_tint_escapes_and_keeps_every_character(name: str, text: str) -> None:
    tinted = onramp.tint(text, name)
    plain = re.sub(r"</?span[^>]*>", "", tinted)
    assert "<" not in plain
    assert (
        plain.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", '"')
        .replace("&#x27;", "'")
        .replace("&amp;", "&")
        == text
    )


def test_a_diff_is_told_apart_line_by_line_and_keeps_every_character() -> None:
    lines = ["--- a/f.json\n", "+++ b/f.json\n", "@@ -1 +1 @@\n", ' "<b>"\n', '-"&"\n', "+'x'\n", "--- y\n"]

    marked = onramp.diffed("".join(lines))

    kinds = re.findall(r'<span class="(\w+)">', marked)
    assert kinds == ["hunk", "hunk", "hunk", "same", "removed", "added", "removed"]
    assert unescape(re.sub(r"</?span[^>]*>", "", marked)) == "".join(lines)
    assert onramp.diffed("") == ""


def test_times_say_utc_in_both_languages() -> None:
    now = timezone.now().replace(year=2026, month=11, day=20, hour=9, minute=41)
    with translation.override("en"):
        assert ">20 November 2026, 09:41 UTC<" in onramp.moment(now)
    with translation.override("es"):
        assert ">20 de noviembre de 2026, 09:41 UTC<" in onramp.moment(now)
