"""The catalogue of errors, credentials: none, expired, unknown, or not fetched. None of them is a denial.

Texts as Claude Code 2.1.330, the AWS CLI, botocore and the AWS SDK for JavaScript print them, and
https://code.claude.com/docs/en/errors.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from onboarding.checks.base import Remedy
from onboarding.checks.errors.entries import ASSIGNMENTS, SIGN_IN, WHO_AM_I, Entry, Sign
from onboarding.checks.errors.reading import BAD_CREDENTIALS, BAD_SIGNATURES, EXPIRED
from onboarding.enums import Actor, Layer

_SIGN_IN = (
    Remedy(
        _("Sign in as the profile %(profile)s with this command, and try again."),
        actor=Actor.PERSON,
        pastes=(SIGN_IN,),
    ),
    Remedy(
        _("Sign in with this command, with your profile's name in place of NAME, and try again."),
        actor=Actor.PERSON,
        pastes=(SIGN_IN,),
    ),
)
_SIGN_IN_AND_UNSET = (
    Remedy(
        _("Unset AWS_ACCESS_KEY_ID and AWS_SESSION_TOKEN in this terminal, and sign in as %(profile)s."),
        _("With awsAuthRefresh in its settings, Claude Code signs people in again by itself: bundles have it."),
        actor=Actor.PERSON,
        pastes=(SIGN_IN,),
    ),
    Remedy(
        _("Unset AWS_ACCESS_KEY_ID and AWS_SESSION_TOKEN in this terminal, and sign in with this command."),
        _("With awsAuthRefresh in its settings, Claude Code signs people in again by itself: bundles have it."),
        actor=Actor.PERSON,
        pastes=(SIGN_IN,),
    ),
)

CREDENTIALS: tuple[Entry, ...] = (
    Entry(
        "sign-in-loop",
        Layer.NETWORK,
        signs=(
            Sign("browser (tabs?|windows?) .{0,40}? (loop|again and again|over and over|spawn|keep)"),
            Sign("(keeps?|loop) .{0,20}? open(s|ing) .{0,20}? browser"),
        ),
        titles=(_("The sign-in opens again and again"),),
        summaries=(_("A VPN or a proxy that inspects TLS keeps Claude Code from seeing that you are signed in."),),
        remedies=tuple(
            Remedy(text, actor=Actor.PERSON, pastes=(SIGN_IN,))
            for text in (
                _("Remove awsAuthRefresh from settings.json, and sign in as %(profile)s by hand."),
                _("Remove awsAuthRefresh from settings.json, and sign in by hand."),
            )
        ),
    ),
    Entry(
        "no-assignment",
        Layer.ASSIGNMENT,
        signs=(
            Sign("calling the getrolecredentials operation .{0,40}? no access"),
            Sign("no access", codes=("ForbiddenException",)),
        ),
        titles=(_("You are signed in, and not assigned to the role"),),
        summaries=(_("Identity Center knows you and gives you no credentials for this permission set and account."),),
        remedies=(
            Remedy(
                _("An admin assigns the permission set to you. If it was done just now, sign in again."),
                _("Assign the plan's permission set in this account to the person, or to a group they are in."),
                link=ASSIGNMENTS,
            ),
        ),
    ),
    Entry(
        "sso-session",
        Layer.CREDENTIALS,
        signs=(
            Sign("sso session token associated with profile .{0,80}? (not found|invalid)"),
            Sign("sso session associated with this profile (has expired|is .{0,20} invalid)"),
            Sign("error loading sso token"),
            Sign("error when retrieving token from sso"),
            Sign("sso token .{0,60}? (has )? expired"),
            Sign("unable to load sso token"),
        ),
        titles=(_("You are not signed in to AWS"),),
        summaries=(
            _("The sign-in of the profile %(profile)s has run out, or there was none yet."),
            _("Your sign-in to Identity Center has run out, or there was none yet."),
        ),
        remedies=_SIGN_IN,
    ),
    Entry(
        "sso-region",
        Layer.CREDENTIALS,
        signs=(Sign("session token not found or invalid"),),
        titles=(_("Identity Center does not accept your sign-in"),),
        summaries=(
            _("The sign-in has run out. Or Claude Code is 2.1.207, which looks for it in the Region of the models."),
        ),
        remedies=tuple(
            Remedy(text, actor=Actor.PERSON, pastes=(SIGN_IN,))
            for text in (
                _("Sign in as %(profile)s with this command. If your Claude Code is 2.1.207, update it."),
                _("Sign in with this command. If your Claude Code is 2.1.207, update it."),
            )
        ),
    ),
    Entry(
        "bearer-token",
        Layer.CREDENTIALS,
        signs=(
            Sign("bearer token has expired"),
            Sign("make sure your api key is valid"),
            Sign("invalid api key format"),
            Sign("invalid bearer token"),
        ),
        titles=(_("The Bedrock API key is not accepted"),),
        summaries=(
            _("The key has expired, is wrong, or belongs to another Region; it wins over your profile all the same."),
        ),
        remedies=(
            Remedy(
                _("Unset AWS_BEARER_TOKEN_BEDROCK and ANTHROPIC_API_KEY: your bundle needs neither. Then sign in."),
                actor=Actor.PERSON,
                pastes=(SIGN_IN,),
            ),
        ),
    ),
    Entry(
        "expired-token",
        Layer.CREDENTIALS,
        signs=(
            Sign("security token included in the request is expired"),
            Sign("(the provided|aws) (token|credentials) ha(s|ve) expired"),
            Sign("aws credentials expired or invalid"),
            Sign(codes=EXPIRED),
        ),
        titles=(_("Your AWS credentials have expired"),),
        summaries=(_("AWS knows the credentials that were sent, and their time is over."),),
        remedies=_SIGN_IN_AND_UNSET,
    ),
    Entry(
        "clock",
        Layer.CREDENTIALS,
        signs=(
            Sign("signature expired: .{0,60}? is now earlier than"),
            Sign("signature not yet current"),
            Sign("requesttimetooskewed"),
        ),
        titles=(_("Your computer's clock is wrong"),),
        summaries=(_("AWS refuses requests whose time differs by more than five minutes from its own."),),
        remedies=(Remedy(_("Let your computer set its time by itself, and try again."), actor=Actor.PERSON),),
    ),
    Entry(
        "invalid-token",
        Layer.CREDENTIALS,
        signs=(Sign("security token included in the request is invalid"), Sign(codes=BAD_CREDENTIALS)),
        titles=(_("AWS does not know your credentials"),),
        summaries=(
            _("The access key is unknown to AWS: mistyped, deleted, or of another partition than the Region's."),
        ),
        remedies=_SIGN_IN_AND_UNSET,
    ),
    Entry(
        "invalid-signature",
        Layer.CREDENTIALS,
        signs=(Sign("request signature we calculated does not match"), Sign(codes=BAD_SIGNATURES)),
        titles=(_("The signature of the request is wrong"),),
        summaries=(_("The secret key does not belong to the access key, or a proxy changed the request on its way."),),
        remedies=_SIGN_IN_AND_UNSET,
    ),
    Entry(
        "credential-helper",
        Layer.CREDENTIALS,
        signs=(
            Sign("awscredentialexport did not return"),
            Sign("error getting aws credentials from awscredentialexport"),
            Sign("error when retrieving credentials from custom-process"),
        ),
        titles=(_("The command that fetches credentials fails"),),
        summaries=(
            _("The command did not print what it should: JSON with AccessKeyId, SecretAccessKey and SessionToken."),
        ),
        remedies=(
            Remedy(
                _("Run the command of awsCredentialExport or credential_process by hand, and read what it says."),
                _("Look what the command prints: all three values, nothing else, and the exit code 0."),
                actor=Actor.PERSON,
            ),
        ),
    ),
    Entry(
        "credentials-timeout",
        Layer.CREDENTIALS,
        signs=(
            Sign("default-chain credential resolve timed out"),
            Sign("timed out after [0-9]+ s waiting for aws"),
        ),
        titles=(_("Fetching AWS credentials takes too long"),),
        summaries=(
            _("A step waits for something: a credential_process for input, or the metadata of a cloud machine."),
        ),
        remedies=(
            Remedy(
                _(
                    "Run this command: it waits at the same step. Mend that, or raise the limit in milliseconds with "
                    "CLAUDE_CODE_AWS_CHAIN_RESOLVE_TIMEOUT_MS."
                ),
                actor=Actor.PERSON,
                pastes=(WHO_AM_I,),
            ),
        ),
    ),
    Entry(
        "profile-missing",
        Layer.CREDENTIALS,
        signs=(
            Sign("config profile .{0,102}? could not be found"),
            Sign("profilenotfound"),
            Sign("could not resolve credentials using profile"),
        ),
        titles=(_("Your AWS configuration lacks the profile"),),
        summaries=(
            _("There is no profile %(profile)s in the AWS configuration of this machine."),
            _("There is no such profile in the AWS configuration of this machine."),
        ),
        remedies=(
            Remedy(
                _("Add your bundle's aws-config part to your AWS configuration, or correct AWS_PROFILE."),
                actor=Actor.PERSON,
            ),
        ),
    ),
    Entry(
        "no-credentials",
        Layer.CREDENTIALS,
        signs=(
            Sign("could not load aws credentials"),
            Sign("could not load credentials from any providers"),
            Sign("unable to locate credentials"),
            Sign("nocredentialserror"),
            Sign("partial credentials found"),
            Sign("credentials were refreshed, but the refreshed credentials are still expired"),
        ),
        titles=(_("There are no AWS credentials in this terminal"),),
        summaries=(
            _("Nothing gives credentials for the profile %(profile)s: no sign-in, no keys, no command."),
            _("Nothing gives credentials here: no sign-in, no keys, no command."),
        ),
        remedies=(
            Remedy(
                _("Sign in as the profile %(profile)s with this command, and try again."),
                actor=Actor.PERSON,
                pastes=(SIGN_IN, WHO_AM_I),
            ),
            Remedy(
                _("Sign in with this command, with your profile's name in place of NAME, and try again."),
                actor=Actor.PERSON,
                pastes=(SIGN_IN, WHO_AM_I),
            ),
        ),
    ),
)
