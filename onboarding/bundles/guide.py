"""GUIDE.md and GUIDE.html: what a person may use, how to set it up, and what helps when it does not work.

Most of it is the same for everybody on a plan, and is made once: `guide_offer.py`, `guide_steps.py`. What is personal
stands in front.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from functools import lru_cache

from django.utils import translation
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt

from onboarding.bundles import grammar
from onboarding.bundles.guide_offer import Offer, what_you_may_use
from onboarding.bundles.guide_steps import Shape, rest_of_guide
from onboarding.bundles.inputs import BundleInputs
from onboarding.bundles.markdown import bullets, code, isolated, line, text

# Stand for the person's name and e-mail while a page is made that everybody shares. Nobody's name can hold them:
# `markdown.text` leaves no private-use character of its own, and they are put in last.
_NAME, _EMAIL = "\ue000", "\ue001"
_STYLE = (
    "body{font:16px/1.6 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    "code,pre{font-family:ui-monospace,monospace;font-size:.9em}pre{overflow:auto;padding:.75rem 1rem;"
    "border:1px solid #8888;border-radius:7px}table{border-collapse:collapse;display:block;overflow:auto}"
    "td,th{border:1px solid #8888;padding:.35rem .6rem;text-align:start;vertical-align:top}"
)


@dataclass(frozen=True, slots=True)
class Guide:
    text: bytes  # Markdown
    page: bytes  # HTML


def guide(inputs: BundleInputs) -> Guide:
    opening, rest = _opening(inputs), rest_of_guide(Shape.of(inputs))
    mine = "\n\n".join([what_you_may_use(Offer.of(inputs)), *_what_is_left_out(inputs)])
    markdown = "\n\n".join([opening, mine, rest]) + "\n"
    return Guide(markdown.encode(), _page(inputs, mine, rest).encode())


def _page(inputs: BundleInputs, mine: str, rest: str) -> str:
    """The same as a page by itself, which loads nothing from anywhere."""
    opening = _page_of(_opening_for(inputs.language, inputs.plan_name, inputs.revision, inputs.platform.label))
    opening = opening.replace(_NAME, _shown(inputs.person_name)).replace(_EMAIL, _shown(inputs.person_email))
    head = (
        f'<!doctype html>\n<html lang="{inputs.language}">\n<head>\n<meta charset="utf-8">\n{_head()}</head>\n<body>\n'
    )
    return f"{head}{opening}{_page_of(mine)}{_page_of(rest)}</body>\n</html>\n"


@lru_cache(maxsize=1)
def _head() -> str:
    return (
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Onramp</title>\n<style>{_STYLE}</style>\n"
    )


@lru_cache(maxsize=256)
def _page_of(markdown: str) -> str:
    """HTML in Markdown stays text: none of ours has any."""
    rendered: str = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    return rendered


def _shown(value: str) -> str:
    return f"<bdi>{html.escape(line(value))}</bdi>"


def _opening(inputs: BundleInputs) -> str:
    opening = _opening_for(inputs.language, inputs.plan_name, inputs.revision, inputs.platform.label)
    return opening.replace(_NAME, isolated(inputs.person_name)).replace(_EMAIL, isolated(inputs.person_email))


@lru_cache(maxsize=256)
def _opening_for(language: str, plan: str, revision: int, platform: str) -> str:
    with translation.override(language):
        made = _("Made by Onramp for %(person)s (%(email)s): plan %(plan)s, revision %(revision)d, for %(platform)s.")
        no_secret = _(
            "Onramp verified every model in this bundle for your role before making it. The bundle holds no secret: "
            "no password, no key, no token. Your credentials come from signing in, and only on your machine."
        )
        values = {"person": _NAME, "email": _EMAIL, "plan": isolated(plan), "revision": revision, "platform": platform}
        return "\n\n".join(["# " + _("Claude Code on Amazon Bedrock"), made % values, no_secret])


def _what_is_left_out(inputs: BundleInputs) -> list[str]:
    if not inputs.left_out:
        return []
    portal = {"portal": f"<{grammar.url('portal_url', inputs.portal_url)}>"}
    with translation.override(inputs.language):
        return [
            "## " + _("What is left out, and why"),
            _("Your plan names these models too. They could not be verified for you, so they are not in the bundle:"),
            bullets([f"{left.tier.label}, {code(left.profile_id)}: {text(left.why)}" for left in inputs.left_out]),
            _("When that has changed, verify again in Onramp and download a new bundle: %(portal)s") % portal,
        ]
