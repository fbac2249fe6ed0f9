"""What the installers say. `words.txt` carries it in one language; the scripts themselves are the same for everyone.

`{1}` and `{2}` stand for what a script puts in: mostly a file, and what is the matter with it.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _


def words() -> dict[str, str]:
    """Key to sentence, in the active language. Nothing personal: everybody's bundle says the same."""
    return _usage() | _stopped() | _refused() | _outcomes() | _next_steps()


def words_txt(words: Mapping[str, str]) -> bytes:
    """One sentence a line, whatever a translation made of it: scripts look for a key at the start of a line."""
    return "".join(f"{key}: {' '.join(text.splitlines())}\n" for key, text in words.items()).encode()


def _usage() -> dict[str, str]:
    return {
        "install.usage": _("To install: {1}"),
        "install.usage.uninstall": _("To take everything out again: {1}"),
        "install.usage.dry-run": _("{1} says what would be done, and changes nothing."),
        "install.usage.diff": _("{1} shows each line that would change, and changes nothing."),
    }


def _stopped() -> dict[str, str]:
    """What speaks against the run as a whole."""
    return {
        "install.no-home": _("HOME does not name your home directory. Set it, then run this again."),
        "install.no-reader": _("Nothing on this machine reads JSON: one of these is needed: {1}"),
        "install.no-reader.fix": _("Install one of them and run this again, or set things up by hand, as {1} says."),
        "install.bad-bundle": _("{1} is missing or damaged. Download the bundle again."),
        "install.nothing-written": _("Nothing was changed."),
        "install.changed-meanwhile": _("{1} was changed by another program at this moment, and is left alone."),
        "install.failed": _("A program failed. None of your settings is lost. Run this again when the cause is gone."),
    }


def _refused() -> dict[str, str]:
    """Each way a file cannot be treated: why, and what to do by hand."""
    reasons = {
        "not-json": (
            _("{1} is left alone: {2} cannot read it as JSON."),
            _("Take out comments and commas before a closing bracket, or move the file away. Then run this again."),
        ),
        "json-key": (
            _("{1} is left alone: {2} holds another kind of value than Onramp has to add to."),
            _("Change {2} or take it out. Then run this again."),
        ),
        "not-ini": (
            _("{1} is left alone: AWS tools could not read some line, or one of Onramp's markers lacks the other."),
            _("Correct these lines. Then run this again."),
        ),
        "section": (
            _("{1} is left alone: it has the section {2} already, and AWS tools refuse a file that has it twice."),
            _("Rename your section {2} or take it out. Then run this again."),
        ),
        "not-a-file": (
            _("{1} is left alone: it is no regular file."),
            _("Move it away, or name another file in CLAUDE_CONFIG_DIR or AWS_CONFIG_FILE. Then run this again."),
        ),
        "not-readable": (
            _("{1} is left alone: you may not read it."),
            _("Make it readable for yourself. Then run this again."),
        ),
        "no-folder": (
            _("{1} is left alone: no file can be written in {2}."),
            _("Make {2} a folder that you may write to. Then run this again."),
        ),
        "same-file": (
            _("{1} is left alone: it would be both Claude Code's settings and the AWS configuration."),
            _("Correct CLAUDE_CONFIG_DIR or AWS_CONFIG_FILE. Then run this again."),
        ),
        "bad-notes": (
            _("{1} is left alone: what Onramp noted about it is damaged: {2}"),
            _("Look there for the file as it was, put it back by hand, and remove that folder."),
        ),
    }
    return {
        key: sentence
        for reason, (why, fix) in reasons.items()
        for key, sentence in ((f"install.refused.{reason}", why), (f"install.refused.{reason}.fix", fix))
    }


def _outcomes() -> dict[str, str]:
    """What became of a file, and with --dry-run: what would."""
    return {
        "install.would.create": _("{1} would be made."),
        "install.would.change": _("{1} would be changed. What you have in it stays."),
        "install.would.stay": _("{1} would stay as it is."),
        "install.would.restore": _("{1} would be as it was before Onramp."),
        "install.would.unmerge": _("{1} would lose Onramp's part. What you changed in it stays."),
        "install.would.remove": _("{1} would be removed: it was not there before Onramp."),
        "install.did.create": _("{1} was made."),
        "install.did.change": _("{1} was changed. What you have in it stayed."),
        "install.did.stay": _("{1} stays as it is."),
        "install.did.restore": _("{1} is as it was before Onramp."),
        "install.did.unmerge": _("{1} has lost Onramp's part. What you changed in it stayed."),
        "install.did.remove": _("{1} was removed: it was not there before Onramp."),
    }


def _next_steps() -> dict[str, str]:
    return {
        "install.not-installed": _("Onramp has nothing installed here."),
        "install.backup": _("Copies of the files as they were a moment ago: {1}"),
        "install.conflicts": _("Your shell sets these variables, and they outrank the bundle: {1}"),
        "install.conflicts.fix": _("Take them out of your shell's start-up files, and open a new terminal."),
        "install.next.sign-in": _("Sign in to AWS: {1}"),
        "install.next.start": _("Start Claude Code: {1}"),
        "install.next.doctor": _("Check whether everything works: {1}"),
        "install.next.uninstall": _("Take everything out again: {1}"),
    }
