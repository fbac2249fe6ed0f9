"""The doctor's checks: every answer it can give on a person's machine, and the words for each.

The scripts hold no sentences: they print these, from `words.txt`. Placeholders are numbers, `{1}` and `{2}`,
because a shell fills them in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from onboarding.enums import Outcome

Text = str | Promise

# Not an outcome of a finding: the doctor did not ask, so there is nothing to tell.
SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Reason:
    """One answer. `outcome` is None where the question was not asked; `fix` is empty only where it passed."""

    outcome: Outcome | None
    sentence: Text
    fix: Text = ""

    @property
    def word(self) -> str:
        """What the report says: an outcome's value, or "skipped"."""
        return SKIPPED if self.outcome is None else self.outcome.value


@dataclass(frozen=True, slots=True)
class Check:
    """A question with its answers. `{1}` of a sentence is the detail that the report carries."""

    id: str
    title: Text
    reasons: Mapping[str, Reason]


_NO_SESSION = Reason(
    None,
    _("Not asked: that needs a session with AWS, and none was seen to work."),
    _("Do what the check of the AWS session says, then run the doctor again."),
)

# In the order in which the doctor asks: each builds on those before it.
CHECKS: tuple[Check, ...] = (
    Check(
        "claude-code",
        _("Claude Code"),
        {
            "works": Reason(Outcome.PASSED, _("Version {1} is installed.")),
            "not-found": Reason(
                Outcome.FAILED,
                _("There is no program `claude` where this terminal looks for programs."),
                _("Install Claude Code as your guide says, open a new terminal, then run the doctor again."),
            ),
            "too-old": Reason(
                Outcome.FAILED,
                _("Version {1} is installed; your plan needs {2} or newer."),
                _("Run `claude update`, then `claude --version`: it must say {2} or newer."),
            ),
            "no-answer": Reason(
                Outcome.UNKNOWN,
                _("`claude --version` did not name a version, so which one is installed is not known: {1}"),
                _("Run `claude --version` yourself; if it does not answer, install Claude Code again."),
            ),
        },
    ),
    Check(
        "provider",
        _("Bedrock as the provider"),
        {
            "works": Reason(Outcome.PASSED, _("Claude Code is set to use Bedrock.")),
            "other-provider": Reason(
                Outcome.FAILED,
                _("Claude Code is set to use {1}, not Bedrock."),
                _("Run `claude doctor` and correct what it names; then `claude auth status` must say `bedrock`."),
            ),
            "no-answer": Reason(
                Outcome.UNKNOWN,
                _("`claude auth status` did not name a provider, so which one is in force is not known: {1}"),
                _("Run `claude auth status` yourself and look for `apiProvider`: it must say `bedrock`."),
            ),
            "no-claude-code": Reason(
                None,
                _("Not asked: Claude Code is not installed."),
                _("Do what the check of Claude Code says, then run the doctor again."),
            ),
        },
    ),
    Check(
        "settings",
        _("Claude Code's settings"),
        {
            "works": Reason(Outcome.PASSED, _("What your plan sets is in force, from {1}.")),
            "missing": Reason(
                Outcome.FAILED,
                _("There is no file {1}, so nothing that your plan sets is in force."),
                _("Run `sh install.sh` in the bundle's folder, then the doctor again."),
            ),
            "differs": Reason(
                Outcome.FAILED,
                _("{2} says something else than your plan at: {1}"),
                _("Run `sh install.sh` in the bundle's folder: it sets these and keeps what else is in the file."),
            ),
            "not-managed": Reason(
                Outcome.FAILED,
                _("There is no file {1}, with which your company's device management sets up Claude Code."),
                _("Show this to the team that manages your machine: it puts that file there."),
            ),
            "outranked": Reason(
                Outcome.FAILED,
                _("{2} outranks your own settings and says something else than your plan at: {1}"),
                _("Show this to the team that manages your machine: only they can change {2}."),
            ),
            "outranked-here": Reason(
                Outcome.WARNING,
                _("In this folder only, {2} outranks your own settings and says something else at: {1}"),
                _("Remove these from {2}, or start `claude` in another folder."),
            ),
            "no-answer": Reason(
                Outcome.UNKNOWN,
                _("{1} could not be read as JSON, so what is in force is not known."),
                _("Run `claude doctor`: it names the file and the line. Correct it, then run the doctor again."),
            ),
        },
    ),
    Check(
        "conflicts",
        _("Variables in your shell"),
        {
            "works": Reason(Outcome.PASSED, _("No variable that outranks the bundle is set.")),
            "conflict": Reason(
                Outcome.FAILED,
                _("These variables are set in your shell and outrank the bundle: {1}"),
                _("Remove them from your shell's start files, open a new terminal, then run the doctor again."),
            ),
            "no-answer": Reason(
                Outcome.UNKNOWN,
                _("The list of such variables could not be read from `onramp.json`."),
                _("Download the bundle again from {2}, then run its doctor."),
            ),
        },
    ),
    Check(
        "profile",
        _("AWS profile"),
        {
            "works": Reason(Outcome.PASSED, _("The profile {1} is there, with the Region {2}.")),
            "no-cli": Reason(
                Outcome.FAILED,
                _("The AWS CLI is not installed, and signing in to AWS as {1} needs it."),
                _("Install the AWS CLI, version 2, as your guide says; open a new terminal; run the doctor again."),
            ),
            "no-cli-needed": Reason(
                Outcome.UNKNOWN,
                _("The AWS CLI is not installed, so nothing is known about the profile {1}."),
                _("To let the doctor look, install the AWS CLI, version 2, and run the doctor again."),
            ),
            "missing": Reason(
                Outcome.FAILED,
                _("The AWS CLI finds no profile {1}."),
                _("Run `sh install.sh` in the bundle's folder: it adds the profile. Then run the doctor again."),
            ),
            "no-region": Reason(
                Outcome.FAILED,
                _("The profile {1} has no Region; your plan's is {2}."),
                _("Run `aws configure set region {2} --profile {1}`, then the doctor again."),
            ),
            "other-region": Reason(
                Outcome.FAILED,
                _("The profile has the Region {1}; your plan's is {2}."),
                _("In the AWS configuration file, set `region = {2}` in the profile; then run the doctor again."),
            ),
            "no-answer": Reason(
                Outcome.UNKNOWN,
                _("The AWS CLI gave no answer that tells, so what the profile holds is not known: {1}"),
                _("Run `aws configure list` yourself, correct what it says, then run the doctor again."),
            ),
            "no-profile": Reason(
                None,
                _("Not asked: with your plan, credentials are in the environment, not in a profile."),
                _("There is nothing to do here."),
            ),
        },
    ),
    Check(
        "session",
        _("AWS session"),
        {
            "works": Reason(Outcome.PASSED, _("AWS accepts your credentials.")),
            "not-signed-in": Reason(
                Outcome.FAILED,
                _("You are not signed in to AWS, or no longer: {1}"),
                _("Run `{2}`, then the doctor again."),
            ),
            "no-credentials": Reason(
                Outcome.FAILED,
                _("AWS accepts no credentials from this terminal: {1}"),
                _("Get new credentials in this terminal as your guide says, then run the doctor again."),
            ),
            "no-access": Reason(
                Outcome.FAILED,
                _("You are signed in, but AWS does not give you the role {2}: {1}"),
                _("Ask your AWS administrators to assign you the role {2}, then sign in again."),
            ),
            "helper-failed": Reason(
                Outcome.FAILED,
                _("The program that fetches your credentials ended with an error: {1}"),
                _("Run the command that stands in the profile at `credential_process` and correct what it says."),
            ),
            "no-answer": Reason(
                Outcome.UNKNOWN,
                _("AWS gave no answer that tells, so whether you are signed in is not known: {1}"),
                _("See what the check of the network says; then run the doctor again."),
            ),
            "helper": Reason(
                None,
                _("Not asked: with your plan, Claude Code itself gets credentials from your company's helper."),
                _("Start `claude` and ask it something: an answer shows that the helper works."),
            ),
            "no-cli": Reason(
                Outcome.UNKNOWN,
                _("The AWS CLI is not installed, so whether you are signed in is not known."),
                _("To let the doctor look, install the AWS CLI, version 2, and run the doctor again."),
            ),
            "no-profile": Reason(
                None,
                _("Not asked: the profile {1} is not there."),
                _("Do what the check of the AWS profile says, then run the doctor again."),
            ),
        },
    ),
    Check(
        "identity",
        _("AWS role"),
        {
            "works": Reason(Outcome.PASSED, _("To AWS you are {1}.")),
            "other-account": Reason(
                Outcome.FAILED,
                _("You are {1}, but your plan's account is {2}."),
                _("Sign in to the account {2}: run the command that your guide names for signing in."),
            ),
            "other-role": Reason(
                Outcome.FAILED,
                _("You are {1}, but your plan's role is {2}."),
                _("Sign in as {2}: run the command that your guide names for signing in."),
            ),
            "no-answer": Reason(
                Outcome.UNKNOWN,
                _("AWS answered, but did not name who you are, so your role is not known."),
                _("Run `aws sts get-caller-identity` yourself and look at `Arn`."),
            ),
            "no-session": _NO_SESSION,
        },
    ),
    Check(
        "discovery",
        _("Models of your plan"),
        {
            "works": Reason(Outcome.PASSED, _("Bedrock lists every model of your plan.")),
            "missing": Reason(
                Outcome.FAILED,
                _("Bedrock in {2} does not list these models of your plan: {1}"),
                _("Open your setup page in the portal and verify again: it names who can enable them."),
            ),
            "refused": Reason(
                Outcome.UNKNOWN,
                _("Your role may not list models, so whether those of your plan are there is not known: {1}"),
                _("Ask an admin of the portal to allow `bedrock:ListInferenceProfiles` for your role."),
            ),
            "no-answer": Reason(
                Outcome.UNKNOWN,
                _("Bedrock gave no answer that tells, so whether your plan's models are there is not known: {1}"),
                _("See what the check of the network says; then run the doctor again."),
            ),
            "no-models": Reason(
                None,
                _("Not asked: your bundle names no models."),
                _("Download the bundle again from your setup page in the portal."),
            ),
            "no-session": _NO_SESSION,
        },
    ),
    Check(
        "model",
        _("One call to a model"),
        {
            "works": Reason(Outcome.PASSED, _("{1} answered.")),
            "refused": Reason(
                Outcome.FAILED,
                _("Bedrock refused {2}: {1}"),
                _("Paste that into the portal's error page: it names who says no, and the fix."),
            ),
            "no-answer": Reason(
                Outcome.UNKNOWN,
                _("Nothing that tells came from {2}, so whether it answers you is not known: {1}"),
                _("Wait a minute, then run the doctor again."),
            ),
            "not-asked": Reason(
                None,
                _("Not asked: it costs a fraction of a cent, and nobody agreed to that."),
                _("To try it, run the doctor again with `--ask-model`."),
            ),
            "no-session": _NO_SESSION,
        },
    ),
    Check(
        "network",
        _("Network"),
        {
            "works": Reason(Outcome.PASSED, _("Each of these answers: {1}")),
            "unreachable": Reason(
                Outcome.FAILED,
                _("From this machine there is no connection to: {1}"),
                _("Ask your network team to allow these, or for the proxy to set in HTTPS_PROXY."),
            ),
            "certificate": Reason(
                Outcome.FAILED,
                _("Something answers with a certificate that this machine does not trust, instead of: {1}"),
                _("Set NODE_EXTRA_CA_CERTS and AWS_CA_BUNDLE to the certificate file that your network team names."),
            ),
            "no-answer": Reason(
                Outcome.UNKNOWN,
                _("Whether these can be reached is not known, because curl did not say: {1}"),
                _("Open one of them in a browser: any page, an error too, means that it can be reached."),
            ),
            "no-curl": Reason(
                Outcome.UNKNOWN,
                _("The program `curl` is not installed, so whether AWS can be reached is not known."),
                _("Install `curl`, then run the doctor again."),
            ),
        },
    ),
)

_OUTCOMES = {
    Outcome.PASSED.value: _("Passed"),
    Outcome.WARNING.value: _("Warning"),
    Outcome.FAILED.value: _("Failed"),
    Outcome.UNKNOWN.value: _("Unknown"),
    SKIPPED: _("Skipped"),
}

_SENTENCES: dict[str, Text] = {
    "doctor.usage": _(
        "Usage: sh doctor.sh [--json] [--report] [--yes] [--ask-model | --no-model] [--name NAME]. "
        "--json prints the results for programs, --report offers them to the portal, --yes sends them without asking, "
        "--ask-model allows one call to a model, --name says what to call this machine."
    ),
    "doctor.unknown-option": _("The doctor does not know {1}."),
    "doctor.bad-bundle": _("{1} could not be read. Unpack the whole bundle again and run the doctor in its folder."),
    "doctor.no-json-reader": _(
        "The doctor needs a program that reads JSON, and found none. Install one of: {1}. Then run the doctor again."
    ),
    "doctor.no-temporary-folder": _("A private temporary folder could not be made. Set TMPDIR to a folder of yours."),
    "doctor.introduction": _("The doctor looks at this machine for the plan {1}, revision {2}. It changes nothing."),
    "doctor.ask-model": _("Ask {1} for one word, to see that it answers? That costs a fraction of a cent. [y/N]"),
    # What people may answer, lower case, separated by spaces: "y yes" in English.
    "doctor.yes-words": _("y yes"),
    "doctor.summary.works": _("Nothing failed."),
    "doctor.summary.failed": _("Failed: {1}. Start with the first one: those below it often need it."),
    "doctor.summary.unknown": _("Nothing failed, but not everything could be told. Unknown: {1}."),
    "doctor.report.shown": _("This, and nothing else, would be sent to {1}:"),
    "doctor.report.ask": _("Send it? [y/N]"),
    "doctor.report.code": _("The one-time code from the portal (it is not shown as you type):"),
    "doctor.report.declined": _("Nothing was sent."),
    "doctor.report.sent": _("Sent. The portal shows the result on your setup page."),
    "doctor.report.bad-code": _("That is not a one-time code. Copy it from the portal again. Nothing was sent."),
    "doctor.report.bad-portal": _("The portal's address {1} is not an https address. Nothing was sent."),
    "doctor.report.no-curl": _("The program `curl` is not installed, and sending needs it. Nothing was sent."),
    "doctor.report.code-refused": _(
        "The portal does not take this code: it is unknown, used or expired. Get a new one."
    ),
    "doctor.report.refused": _("The portal did not take the report (it answered {1}). Download the bundle again."),
    "doctor.report.no-answer": _(
        "The portal gave no answer that tells ({1}). Whether it has the report is not known."
    ),
    "bedrock-key.usage": _('Usage: eval "$(sh bedrock-key.sh)". Options: --shell sh or fish, --hours 1 to 12.'),
    "bedrock-key.no-cli": _(
        "The AWS CLI is not installed, and a key is made from its session. Install the AWS CLI, version 2, as your "
        "guide says."
    ),
    "bedrock-key.no-python": _(
        "Making a key needs `python3`, which is not installed. Install it, or make a short-term key in the Amazon "
        "Bedrock console under API keys, in the Region {1}, and set it as AWS_BEARER_TOKEN_BEDROCK."
    ),
    "bedrock-key.no-credentials": _("The AWS CLI gave no credentials, so no key was made."),
    "bedrock-key.sign-in": _("Run `{1}`, then this again."),
    "bedrock-key.made": _(
        "A Bedrock API key for the Region {1} was made. It ends with your AWS session, after {2} hours at the latest."
    ),
}


def words() -> dict[str, str]:
    """Every sentence of the doctor and of its neighbour, bedrock-key.sh, by its key, in the active language."""
    found: dict[str, Text] = {f"doctor.outcome.{word}": text for word, text in _OUTCOMES.items()}
    for check in CHECKS:
        found |= _words(check)
    return {key: str(text) for key, text in (found | _SENTENCES).items()}


def _words(check: Check) -> dict[str, Text]:
    found = {f"doctor.{check.id}.title": check.title}
    for name, reason in check.reasons.items():
        found[f"doctor.{check.id}.{name}"] = reason.sentence
        if reason.fix:
            found[f"doctor.{check.id}.{name}.fix"] = reason.fix
    return found
