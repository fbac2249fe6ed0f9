"""env.sh, env.fish and env.ps1: the environment of settings.json for places where that file cannot be used.

No text from a person or an identity provider comes near these files: comments are ours, and every value
passed `grammar.shell_word` before it is quoted. The quoters are right for any text all the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from django.utils import translation
from django.utils.translation import gettext as _

from onboarding.bundles.inputs import BundleInputs
from onboarding.bundles.settings_json import environment

# PowerShell ends a single-quoted string at any of these five.
# https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_quoting_rules
_POWERSHELL_QUOTES = re.compile("(['‘’‚‛])")


def shell_environment(inputs: BundleInputs) -> dict[str, str]:
    """settings.json's environment, and the model to start with, which is a key of its own there."""
    return environment(inputs) | {"ANTHROPIC_MODEL": inputs.default_tier.value}


def env_sh(inputs: BundleInputs) -> bytes:
    return _file(inputs, lambda name, value: f"export {name}={quote_sh(value)}").encode()


def env_fish(inputs: BundleInputs) -> bytes:
    return _file(inputs, lambda name, value: f"set -gx {name} {quote_fish(value)}").encode()


def env_ps1(inputs: BundleInputs) -> bytes:
    """With a byte order mark: Windows PowerShell 5.1 takes a file without one for the local code page."""
    return _file(inputs, lambda name, value: f"$env:{name} = {quote_powershell(value)}").encode("utf-8-sig")


def quote_sh(text: str) -> str:
    """Always in quotes, where `shlex.quote` leaves `=ls` bare and zsh would look for a program `ls`."""
    return "'" + text.replace("'", "'\"'\"'") + "'"


def quote_fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quote_powershell(text: str) -> str:
    return "'" + _POWERSHELL_QUOTES.sub(r"\1\1", text) + "'"


def _file(inputs: BundleInputs, assign: Callable[[str, str], str]) -> str:
    assignments = [assign(name, value) for name, value in shell_environment(inputs).items()]
    return "\n".join([*_comments(inputs), "", *assignments]) + "\n"


def _comments(inputs: BundleInputs) -> list[str]:
    with translation.override(inputs.language):
        sentences = [
            _("Onramp, plan revision %(revision)d.") % {"revision": inputs.revision},
            _("Use this file only where settings.json cannot be used, such as a container or a build job."),
            _("Nothing in this file is secret."),
        ]
        if inputs.unverified_tiers:
            sentences.append(
                _(
                    "A tier is left out, and only settings.json can keep Claude Code from trying models of its own "
                    "choice for it at its first start."
                )
            )
    # A translation with a line break in it stays a comment.
    return [f"# {line}".rstrip() for sentence in sentences for line in sentence.splitlines()]
