"""The guide's words about each way credentials come to a machine: what to do, and what to beware of."""

from __future__ import annotations

from django.utils.translation import gettext as _

from onboarding.bundles.credentials import HELPER_SECONDS
from onboarding.bundles.markdown import block, code
from onboarding.bundles.platforms import Commands
from onboarding.enums import CredentialMethod


def how_to_get_credentials(
    method: CredentialMethod, commands: Commands, login: str, aws_profile: str, start_url: str
) -> list[str]:
    """Markdown. `login` is the method's command, where it has one."""
    check = block(commands.fence, f"aws sts get-caller-identity --profile {aws_profile}")
    if method is CredentialMethod.IDENTITY_CENTER:
        return [
            block(commands.fence, login),
            _("Your browser opens %(url)s. When the sign-in runs out, Claude Code runs this command for you.")
            % {"url": f"<{start_url}>"},
        ]
    if method is CredentialMethod.AWS_LOGIN:
        return [
            block(commands.fence, login),
            _("Your browser opens the sign-in of the AWS console. When it runs out, Claude Code runs this for you."),
        ]
    if method is CredentialMethod.ACCESS_KEYS:
        return [
            _("Enter the access key that you were given. The AWS CLI keeps it; Onramp never sees it:"),
            block(commands.fence, login),
        ]
    if method is CredentialMethod.ENVIRONMENT_KEYS:
        return [
            _("In each new terminal, enter your keys. They are not shown, and not written to disk:"),
            *(block(commands.fence, command) for command in commands.enter_keys),
        ]
    if method is CredentialMethod.BEDROCK_API_KEY:
        return [
            _("Sign in first. Then, in each new terminal, make a key from your own session:"),
            block(commands.fence, login),
            *(block(commands.fence, command) for command in commands.mint_key),
        ]
    if method.has_helper:
        return _helper(method, check)
    return [
        _("Get credentials for the profile %(profile)s with your company's own tool, then see whether they work:")
        % {"profile": code(aws_profile)},
        check,
    ]


def _helper(method: CredentialMethod, check: str) -> list[str]:
    words = [
        _("Your company's own helper brings the credentials, and Claude Code runs it by itself. Nothing to do here.")
    ]
    if method is CredentialMethod.CREDENTIAL_PROCESS:
        words += [_("To see whether it works:"), check]
    return words


def warnings_about_credentials(method: CredentialMethod) -> list[str]:
    """What each method costs, said before somebody finds out."""
    warnings = {
        CredentialMethod.IDENTITY_CENTER: [
            _(
                "If browser tabs open again and again, a VPN or a proxy inspects TLS: remove `awsAuthRefresh` from "
                "your settings and sign in by hand."
            )
        ],
        CredentialMethod.CREDENTIAL_EXPORT: [
            _(
                "Claude Code runs the helper at every start, and again before each retry: it is ended after "
                "%(seconds)d seconds. What it prints on its error output is not shown; run it by itself to see."
            )
            % {"seconds": HELPER_SECONDS},
            _("Its answer has to hold a session token: keys without an end are refused."),
        ],
        CredentialMethod.CREDENTIAL_PROCESS: [
            _("The helper is ended after %(seconds)d seconds.") % {"seconds": HELPER_SECONDS}
        ],
        CredentialMethod.AWS_LOGIN: [_("You need version 2.32 of the AWS CLI or newer.")],
        CredentialMethod.ACCESS_KEYS: [
            _(
                "Access keys have no end and lie in a file on your machine, in plain text. Never copy that file, and "
                "replace the key when you are told to."
            )
        ],
        CredentialMethod.ENVIRONMENT_KEYS: [
            _("The keys are gone when the terminal closes. Every program that you start from it can read them."),
            _("An `AWS_PROFILE` in the same terminal would win over them: unset it."),
        ],
        CredentialMethod.BEDROCK_API_KEY: [
            _(
                "The key ends with your session, at most 12 hours later, and works in this Region only. It wins over "
                "every profile, and Claude Code cannot renew it: when it has run out, make a new one."
            ),
            _("Every program that you start from the terminal can read it."),
        ],
    }
    return warnings.get(method, [])
