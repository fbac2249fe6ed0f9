"""How credentials come to a machine, as commands: what signs in, and what a helper is run by.

https://code.claude.com/docs/en/amazon-bedrock#credential-configuration, and for `credential_process`
https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-sourcing-external.html
"""

from __future__ import annotations

from onboarding.bundles import grammar
from onboarding.bundles.inputs import BundleInputs
from onboarding.enums import CredentialMethod, Platform

# Claude Code 2.1.330 waits for a helper without an end, and runs one that fails up to eight times before it says so.
HELPER_SECONDS = 10

_LOGINS = {
    CredentialMethod.IDENTITY_CENTER: "aws sso login",
    CredentialMethod.BEDROCK_API_KEY: "aws sso login",
    CredentialMethod.AWS_LOGIN: "aws login",
    CredentialMethod.ACCESS_KEYS: "aws configure",
}
# Neither Claude Code nor the AWS SDK can end a helper that hangs. Each platform has something that does: coreutils on
# Linux; Perl's alarm on macOS, which outlives `exec`; a job in PowerShell, in words that sh, cmd.exe and PowerShell
# read alike.
_LIMITED = {
    Platform.LINUX: "timeout {seconds} {command}",
    Platform.MACOS: "perl -e 'alarm shift; exec @ARGV' {seconds} {command}",
    Platform.WINDOWS: (
        'powershell -NoProfile -NonInteractive -Command "Start-Job {{{command}}} | Wait-Job -Timeout {seconds} '
        '| Receive-Job"'
    ),
}


def aws_profile(inputs: BundleInputs) -> str:
    """The profile of the person's AWS config; nothing where credentials come without one."""
    if not inputs.credentials.method.has_profile:
        return ""
    return grammar.name("aws_profile", inputs.aws_profile)


def login_command(inputs: BundleInputs) -> str:
    """The command that brings credentials, or lets somebody enter them; nothing where another tool does."""
    return login(inputs.credentials.method, aws_profile(inputs))


def login(method: CredentialMethod, profile: str) -> str:
    """The same, by method; `profile` is the AWS profile's name."""
    command = _LOGINS.get(method)
    return f"{command} --profile {profile}" if command else ""


def refresh_command(inputs: BundleInputs) -> str:
    """The command with which Claude Code gets new credentials by itself; it has no use for one that asks."""
    by_itself = (CredentialMethod.IDENTITY_CENTER, CredentialMethod.AWS_LOGIN)
    return login_command(inputs) if inputs.credentials.method in by_itself else ""


def helper_command(inputs: BundleInputs) -> str:
    """The company's helper, with a limit of time around it; nothing where the method runs none."""
    if not inputs.credentials.method.has_helper:
        return ""
    command = grammar.command("credential_helper", inputs.credentials.helper)
    return _LIMITED[inputs.platform].format(seconds=HELPER_SECONDS, command=command)
