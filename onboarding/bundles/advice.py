"""The two tables of the guide: advice that has aged, and symptoms with their cause and cure.

What Claude Code prints is quoted as it prints it, in English, in every language. Facts as observed with
Claude Code 2.1.330, and https://code.claude.com/docs/en/amazon-bedrock.
"""

from __future__ import annotations

from django.utils.translation import gettext as _

from onboarding.bundles.markdown import code, table


def outdated_advice() -> str:
    """What the guides of 2025 say, and what holds now."""
    return table(
        (_("Older guides say"), _("Today")), [*_outdated_models(), *_outdated_settings(), *_outdated_access()]
    )


def symptoms(login: str, region: str) -> str:
    """`login` is the command that brings credentials, where the method has one."""
    headings = (_("What you see"), _("What it means"), _("What to do"))
    return table(headings, [*_credentials(_login(login)), *_access(), *_models(), *_environment(region)])


def _outdated_models() -> list[tuple[str, ...]]:
    return [
        (
            code("ANTHROPIC_SMALL_FAST_MODEL"),
            _("Deprecated. `ANTHROPIC_DEFAULT_HAIKU_MODEL` replaces it, and your settings.json sets it."),
        ),
        (
            code("ANTHROPIC_SMALL_FAST_MODEL_AWS_REGION"),
            _("Leave it unset: it moves background work to a Region that Onramp did not verify."),
        ),
        (
            code("ANTHROPIC_MODEL"),
            _("Remove it from your shell: it beats the `model` setting. The three pins say what each alias means."),
        ),
        (
            code("us.anthropic.claude-3-7-sonnet-20250219-v1:0"),
            _("Claude 3.7 Sonnet was retired on Bedrock on 28 April 2026."),
        ),
        (
            code("MAX_THINKING_TOKENS=1024"),
            _("Recent models decide for themselves how long to think and ignore it. Use the effort level instead."),
        ),
    ]


def _outdated_settings() -> list[tuple[str, ...]]:
    return [
        (
            _("`AWS_REGION` is required"),
            _("No longer required. It is pinned here all the same, so that no other profile decides your Region."),
        ),
        (
            code("CLAUDE_CODE_MAX_OUTPUT_TOKENS=4096"),
            _(
                "This advice is gone: so low a limit cuts long edits short. Keep what your plan sets, or "
                "leave it unset."
            ),
        ),
        (
            code("DISABLE_PROMPT_CACHING=1"),
            _("Costs money: without the cache, every turn pays for the whole conversation again."),
        ),
    ]


def _outdated_access() -> list[tuple[str, ...]]:
    return [
        (
            _("`aws configure` with access keys"),
            _("Not needed. You sign in through your company, and the credentials run out by themselves."),
        ),
        (
            code("AWS_BEARER_TOKEN_BEDROCK"),
            _("Remove it: a Bedrock API key wins over your profile and cannot be renewed by Claude Code."),
        ),
        (
            _("Request models on the Model access page"),
            _("That page no longer exists. An admin submits a form once for the account; Onramp has checked it."),
        ),
        (
            _("An IAM policy that names inference profiles only"),
            _(
                "Not enough: the role must also reach the foundation models behind them. Your role was "
                "checked for both."
            ),
        ),
    ]


def _credentials(login: str) -> list[tuple[str, ...]]:
    return [
        (
            code("Not logged in"),
            _("Claude Code did not accept settings.json, so Bedrock is off. One wrong comma is enough."),
            _("Run `claude doctor` and correct what it names. Then `claude auth status` must say `bedrock`."),
        ),
        (
            code("Could not load AWS credentials"),
            _("There are no credentials for this profile in this terminal."),
            login + " " + _("Check that the aws-config part is in your AWS config file."),
        ),
        (
            code("The SSO session token associated with profile=... was not found or is invalid"),
            _("You have not signed in yet, or the sign-in has run out."),
            login,
        ),
        (
            code("403 The security token included in the request is expired"),
            _("Older temporary credentials are in use."),
            login + " " + _("Unset `AWS_ACCESS_KEY_ID` and `AWS_SESSION_TOKEN` in this terminal."),
        ),
        (
            _("Browser tabs open again and again"),
            _("A VPN or a proxy that inspects TLS keeps the sign-in from being checked."),
            _("Remove `awsAuthRefresh` from settings.json and sign in by hand.") + " " + login,
        ),
    ]


def _login(command: str) -> str:
    """How to get fresh credentials, as a sentence."""
    if not command:
        return _("Get new credentials with your company's own tool.")
    return _("Run `%(command)s`.") % {"command": command}


def _access() -> list[tuple[str, ...]]:
    return [
        (
            code("403 You don't have access to the model with the specified model ID"),
            _("Your credentials are fine, whatever the first words say. The model or the role is denied."),
            _("Verify again in Onramp: it names who denies it, and who can change that."),
        ),
        (
            code("403 Model access is denied due to ... aws-marketplace:Subscribe"),
            _("Nobody has accepted the model's agreement for this account yet."),
            _("Ask an admin to accept it once. Try again two minutes later."),
        ),
        (
            code("The model ... is not available on your bedrock deployment"),
            _("Bedrock answered 404. A use-case form that nobody submitted looks the same."),
            _("Verify again in Onramp. `claude --debug-file debug.txt` keeps the real answer."),
        ),
    ]


def _models() -> list[tuple[str, ...]]:
    return [
        (
            code("400 The provided model identifier is invalid"),
            _("The model id does not belong to this Region, or the model was retired."),
            _("Use the ids of this bundle. If they are the ones that fail, download a new bundle from Onramp."),
        ),
        (
            code("400 Invocation of model ID ... with on-demand throughput isn't supported"),
            _("Something sets a model id without the prefix of an inference profile."),
            _("Find it with `claude doctor` and your shell's start-up files, and remove it."),
        ),
        (
            _("Another model answers than the one you chose"),
            _("An older `availableModels` list is mixed with this one, or `ANTHROPIC_MODEL` is set."),
            _("Replace the list as a whole; never mix aliases with full ids. Unset `ANTHROPIC_MODEL`."),
        ),
        (
            code("Request rejected (429)"),
            _("The account's token quota for this model is used up for the moment."),
            _("Wait a minute and lower the effort level. If it keeps happening, tell an admin."),
        ),
    ]


def _environment(region: str) -> list[tuple[str, ...]]:
    hosts = {"runtime": f"bedrock-runtime.{region}.amazonaws.com"}
    return [
        (
            code("Couldn't connect through your proxy"),
            _("Your company's proxy refuses an AWS host."),
            _("Ask for `%(runtime)s` and the hosts of STS and IAM Identity Center to be allowed.") % hosts,
        ),
        (
            _("`claude --version` stays at 2.1.197"),
            _("npm on a Node older than 22 installs that version and says nothing."),
            _("Install Claude Code as in step 1 and remove the npm package."),
        ),
    ]
