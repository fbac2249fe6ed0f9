"""The part of `~/.aws/config` that names the person's role and where they sign in.

Marker lines fence it, so that the installer can find, replace and remove exactly this part. The session is named like
the profile: AWS tools refuse a file in which a section stands twice, and many people have a session of their company's
name. https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-sso.html
"""

from __future__ import annotations

from onboarding.bundles import grammar
from onboarding.bundles.credentials import aws_profile, helper_command
from onboarding.bundles.inputs import BundleInputs
from onboarding.enums import CredentialMethod


def markers(aws_profile: str) -> tuple[str, str]:
    """The first and the last line of the part."""
    profile = grammar.name("aws_profile", aws_profile)
    return f"# >>> onramp {profile} >>>", f"# <<< onramp {profile} <<<"


def headings(inputs: BundleInputs) -> list[str]:
    """The section headings; AWS tools refuse a file in which one of them stands twice."""
    profile = grammar.name("aws_profile", inputs.aws_profile)
    session = [f"[sso-session {profile}]"] if inputs.credentials.session else []
    return [*session, f"[profile {profile}]"]


def aws_config(inputs: BundleInputs) -> bytes:
    """Nothing where credentials come without a profile."""
    if not aws_profile(inputs):
        return b""
    first, last = markers(inputs.aws_profile)
    lines = [first, *_sections(inputs), f"region = {grammar.region('region', inputs.region)}", last]
    return ("\n".join(lines) + "\n").encode("ascii")


def _sections(inputs: BundleInputs) -> list[str]:
    """All but the profile's Region. Without a session or a process the profile has nothing else: `aws configure`,
    `aws login` or the company's own tool adds what brings the credentials."""
    *session, profile = headings(inputs)
    return [*_session(inputs, session), profile, *_source(inputs)]


def _session(inputs: BundleInputs, heading: list[str]) -> list[str]:
    session = inputs.credentials.session
    if session is None:
        return []
    return [
        *heading,
        f"sso_start_url = {grammar.url('session.start_url', session.start_url)}",
        f"sso_region = {grammar.region('session.region', session.region)}",
        "sso_registration_scopes = sso:account:access",
        "",
    ]


def _source(inputs: BundleInputs) -> list[str]:
    """What brings the profile its credentials."""
    session = inputs.credentials.session
    if session is not None:
        return [
            f"sso_session = {grammar.name('aws_profile', inputs.aws_profile)}",
            f"sso_account_id = {grammar.account_id('account_id', inputs.account_id)}",
            f"sso_role_name = {grammar.role_name('session.role_name', session.role_name)}",
        ]
    if inputs.credentials.method == CredentialMethod.CREDENTIAL_PROCESS:
        return [f"credential_process = {helper_command(inputs)}"]
    return []
