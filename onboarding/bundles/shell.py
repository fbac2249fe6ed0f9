"""env.sh, env.fish, env.ps1 and env.cmd: the environment of settings.json for places where that file cannot be used.

No text from a person or an identity provider comes near these files: comments are ours, and every value has a shape of
`grammar` before it is quoted. The quoters are right for any text all the same; cmd.exe has no quoting to rely on, so
what it would read as more than text is left out there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from django.utils import translation
from django.utils.translation import gettext as _

from onboarding.bundles.environment import shell_environment
from onboarding.bundles.inputs import BundleInputs

# PowerShell ends a single-quoted string at any of these five.
# https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_quoting_rules
_POWERSHELL_QUOTES = re.compile("(['‘’‚‛])")
_CMD_PLAIN = re.compile(r"[A-Za-z0-9_.:@+=,/*-]+")


def shell_files(inputs: BundleInputs) -> dict[str, bytes]:
    """The four files, by name."""
    variables, sentences = shell_environment(inputs), _sentences(inputs)
    return {
        "env.sh": _file(sentences, variables, "export {}={}", quote_sh).encode(),
        "env.fish": _file(sentences, variables, "set -gx {} {}", quote_fish).encode(),
        # With a byte order mark: Windows PowerShell 5.1 takes a file without one for the local code page.
        "env.ps1": _file(sentences, variables, "$env:{} = {}", quote_powershell).encode("utf-8-sig"),
        "env.cmd": _cmd(sentences, variables),
    }


def _file(sentences: Iterable[str], variables: Mapping[str, str], assignment: str, quote: Callable[[str], str]) -> str:
    comments = [f"# {line}".rstrip() for line in sentences]
    assignments = [assignment.format(name, quote(value)) for name, value in variables.items()]
    return "\n".join([*comments, "", *assignments]) + "\n"


def _cmd(sentences: Iterable[str], variables: Mapping[str, str]) -> bytes:
    """With the line ends that cmd.exe wants. A value of several lines cannot be written there at all."""
    lines = ["@echo off", *(f"rem {line}" for line in sentences), ""]
    lines += [f'set "{name}={value}"' for name, value in variables.items() if _CMD_PLAIN.fullmatch(value)]
    return ("\r\n".join(lines) + "\r\n").encode("ascii", "replace")


def quote_sh(text: str) -> str:
    """Always in quotes, where `shlex.quote` leaves `=ls` bare and zsh would look for a program `ls`."""
    return "'" + text.replace("'", "'\"'\"'") + "'"


def quote_fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quote_powershell(text: str) -> str:
    return "'" + _POWERSHELL_QUOTES.sub(r"\1\1", text) + "'"


def _sentences(inputs: BundleInputs) -> list[str]:
    """What stands at the top, a line each: a translation with a line break in it stays a comment."""
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
        if inputs.behaviour.guardrail:
            sentences.append(_("The plan's guardrail needs two lines in one variable, which cmd.exe cannot hold."))
    return [line for sentence in sentences for line in sentence.splitlines()]
