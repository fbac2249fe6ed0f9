"""The part of `~/.aws/config` that names the person's role and where they sign in.

Marker lines fence it, so that an installer can find, replace and remove exactly this part.
https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-sso.html
"""

from __future__ import annotations

from onboarding.bundles import grammar
from onboarding.bundles.inputs import BundleInputs


def markers(aws_profile: str) -> tuple[str, str]:
    """The first and the last line of the part."""
    profile = grammar.name("aws_profile", aws_profile)
    return f"# >>> onramp {profile} >>>", f"# <<< onramp {profile} <<<"


def headings(inputs: BundleInputs) -> list[str]:
    """The section headings; AWS tools refuse a file in which one of them stands twice."""
    profile = f"[profile {grammar.name('aws_profile', inputs.aws_profile)}]"
    if inputs.session is None:
        return [profile]
    return [f"[sso-session {grammar.name('session.name', inputs.session.name)}]", profile]


def aws_config(inputs: BundleInputs) -> bytes:
    first, last = markers(inputs.aws_profile)
    lines = [first, *_sections(inputs), f"region = {grammar.region('region', inputs.region)}", last]
    return ("\n".join(lines) + "\n").encode("ascii")


def _sections(inputs: BundleInputs) -> list[str]:
    """All but the profile's Region. Without a session the profile has nothing else: the company's own tool adds what
    brings the credentials."""
    session, sections = inputs.session, headings(inputs)
    if session is None:
        return sections
    session_heading, profile_heading = sections
    return [
        session_heading,
        f"sso_start_url = {grammar.url('session.start_url', session.start_url)}",
        f"sso_region = {grammar.region('session.region', session.region)}",
        "sso_registration_scopes = sso:account:access",
        "",
        profile_heading,
        f"sso_session = {grammar.name('session.name', session.name)}",
        f"sso_account_id = {grammar.account_id('account_id', inputs.account_id)}",
        f"sso_role_name = {grammar.role_name('session.role_name', session.role_name)}",
    ]
