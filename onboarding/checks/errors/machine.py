"""The catalogue of errors, on this side of AWS: the network, and Claude Code's own settings. None is a denial.

Texts as Claude Code 2.1.330, the AWS CLI and botocore print them, and https://code.claude.com/docs/en/errors.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from onboarding.checks.base import Paste, Remedy
from onboarding.checks.errors.entries import WHO_AM_I, Entry, Sign, look_at_settings
from onboarding.enums import Actor, Layer

_LOOK = Paste(_("Commands that show what is in force"), "command.sh", look_at_settings)

NETWORK: tuple[Entry, ...] = (
    Entry(
        "content-type",
        Layer.NETWORK,
        signs=(
            Sign(r"bedrock streaming response has content-type"),
            Sign(r"expected.{0,3}application/vnd\.amazon\.eventstream"),
        ),
        titles=(_("Something between you and Bedrock rewrites its answers"),),
        summaries=(_("A gateway or proxy hands the stream on in another form, and Claude Code cannot read it."),),
        remedies=(
            Remedy(
                _("An admin of the gateway lets Bedrock's answers through as they are."),
                _("Pass application/vnd.amazon.eventstream through unmodified, headers and all."),
            ),
        ),
    ),
    Entry(
        "proxy",
        Layer.NETWORK,
        signs=(
            Sign("couldn't connect through your proxy"),
            Sign("err_proxy_tunnel"),
            Sign("proxy refused the connection"),
            Sign("proxyconnectionerror"),
            Sign("failed to connect to proxy url"),
            Sign("tunnel connection failed"),
        ),
        titles=(_("Your proxy refuses an AWS host"),),
        summaries=(
            _("The proxy of your company does not let you through to %(host)s."),
            _("The proxy of your company does not let you through to AWS."),
        ),
        remedies=(
            Remedy(
                _("An admin of the network allows the hosts of Bedrock, STS and IAM Identity Center."),
                _(
                    "Allow bedrock, bedrock-runtime and sts of the plan's Region, and portal.sso and oidc of Identity "
                    "Center's, each under amazonaws.com."
                ),
            ),
        ),
    ),
    Entry(
        "tls-inspection",
        Layer.NETWORK,
        signs=(
            Sign("ssl certificate (verification failed|error)"),
            Sign("certificate_verify_failed"),
            Sign("ssl validation failed"),
            Sign("self-?signed certificate"),
            Sign("self_signed_cert_in_chain"),
            Sign("unable to get (local )? issuer cert"),
            Sign("unable_to_get_issuer_cert"),
        ),
        titles=(_("Something between you and AWS shows a certificate of its own"),),
        summaries=(_("Your company's network inspects TLS, and its certificate is not trusted here yet."),),
        remedies=(
            Remedy(
                _(
                    "Set NODE_EXTRA_CA_CERTS and AWS_CA_BUNDLE to the file of your company's certificates. Never "
                    "switch the check off."
                ),
                _("Hand out the certificates of the inspection, or exempt AWS's hosts from it."),
                actor=Actor.PERSON,
            ),
        ),
    ),
    Entry(
        "no-region",
        Layer.CLAUDE_CODE,
        signs=(Sign("you must specify a region"), Sign("noregionerror"), Sign("region is missing")),
        titles=(_("No Region is set"),),
        summaries=(_("Neither the profile nor AWS_REGION says which Region to call."),),
        remedies=(
            Remedy(
                _("Use your bundle's settings.json and AWS configuration: both name the Region."), actor=Actor.PERSON
            ),
        ),
    ),
    Entry(
        "unreachable",
        Layer.NETWORK,
        signs=(
            Sign("could not connect to the endpoint url"),
            Sign("(connect|read) timeout on endpoint url"),
            Sign("endpointconnectionerror"),
            Sign("unable to connect to api"),
            Sign("(econnrefused|econnreset|ehostunreach|eai_again|getaddrinfo enotfound|connect etimedout)"),
            Sign("(?<![a-z]) (enotfound|etimedout)"),
            Sign("(name or service not known|failed to resolve|no internet route|connection refused)"),
            Sign("a request to aws timed out"),
        ),
        titles=(_("AWS cannot be reached from this machine"),),
        summaries=(
            _("Nothing answers at %(host)s: no network, no VPN, a firewall, or a Region that does not exist."),
            _("Nothing answers: no network, no VPN, a firewall, or a Region that does not exist."),
        ),
        remedies=(
            Remedy(
                _("Check network, VPN and AWS_REGION. Where a proxy is needed, HTTPS_PROXY must name it."),
                _("Look whether the firewall, or the VPC endpoints and their DNS names, let people through."),
                actor=Actor.PERSON,
            ),
        ),
    ),
)

SETTINGS: tuple[Entry, ...] = (
    Entry(
        "provider-not-allowed",
        Layer.CLAUDE_CODE,
        signs=(Sign("managed settings allow claude code to use"),),
        titles=(_("Your organization allows Claude Code on Amazon Bedrock only"),),
        summaries=(_("This session would go elsewhere, which the managed settings of this machine forbid."),),
        remedies=(
            Remedy(
                _("Do what the text says: use your bundle's settings, and remove other keys and addresses."),
                _("If the session should be allowed, look at allowedProviders in the managed settings."),
                actor=Actor.PERSON,
                pastes=(_LOOK,),
            ),
        ),
    ),
    Entry(
        "version",
        Layer.CLAUDE_CODE,
        signs=(Sign("is older than the minimum version required by your organization"),),
        titles=(_("Your Claude Code is too old"),),
        summaries=(_("Your organization requires a newer version of Claude Code."),),
        remedies=(
            Remedy(
                _("Run claude update. If npm installed it, install it anew as step 1 of your guide says."),
                actor=Actor.PERSON,
            ),
        ),
    ),
    Entry(
        "managed-settings",
        Layer.CLAUDE_CODE,
        signs=(Sign("managed settings contain invalid entries"),),
        titles=(_("The managed settings have an invalid entry"),),
        summaries=(_("Claude Code leaves out what it cannot read; a list of models may then be empty."),),
        remedies=(
            Remedy(
                _("An admin corrects the managed settings of your machine."),
                _("Run claude doctor on such a machine: it names the file, the key and the reason."),
                pastes=(_LOOK,),
            ),
        ),
    ),
    Entry(
        "settings",
        Layer.CLAUDE_CODE,
        signs=(Sign("invalid settings"), Sign(r"settings\.json .{0,60}? (invalid|failed validation|parse)")),
        titles=(_("Claude Code does not accept your settings.json"),),
        summaries=(_("One wrong type or comma is enough, and the whole file may count for nothing."),),
        remedies=(
            Remedy(
                _("Correct what claude doctor names, or take your bundle's settings.json again."),
                actor=Actor.PERSON,
                pastes=(_LOOK,),
            ),
        ),
    ),
    Entry(
        "not-logged-in",
        Layer.CLAUDE_CODE,
        signs=(Sign("not logged in .{0,3} please run /login"), Sign("please run /login")),
        titles=(_("Claude Code does not use Bedrock"),),
        summaries=(
            _("It did not accept settings.json, or CLAUDE_CODE_USE_BEDROCK is not set. One wrong comma is enough."),
        ),
        remedies=(
            Remedy(
                _("Correct what claude doctor names. Then claude auth status must say bedrock; do not run /login."),
                actor=Actor.PERSON,
                pastes=(_LOOK,),
            ),
        ),
    ),
    Entry(
        "telemetry-helper",
        Layer.CLAUDE_CODE,
        signs=(Sign("otelheadershelper failed"),),
        titles=(_("The helper of the telemetry fails"),),
        summaries=(_("Claude Code works, and sends no telemetry: the command that gives its headers failed."),),
        remedies=(
            Remedy(
                _("You can work. An admin mends the command of otelHeadersHelper."),
                _("Run the command of otelHeadersHelper by hand: it must print JSON and exit with 0."),
            ),
        ),
    ),
    Entry(
        "auto-mode",
        Layer.CLAUDE_CODE,
        signs=(Sign("this session isn't eligible because your requests go through"),),
        titles=(_("Auto mode is off for this session"),),
        summaries=(_("Your requests go through another host than Amazon Bedrock's own. Everything else works."),),
        remedies=(
            Remedy(
                _("Remove ANTHROPIC_BEDROCK_BASE_URL if your bundle does not set it; otherwise you can leave it so."),
                _("If nobody is to use auto mode, set disableAutoMode in the plan's settings."),
                actor=Actor.PERSON,
            ),
        ),
    ),
    Entry(
        "context",
        Layer.CLAUDE_CODE,
        signs=(Sign("/context .{0,40}? [^0-9,.] 0 tokens"),),
        titles=(_("Your Claude Code is too old to count tokens on Bedrock"),),
        summaries=(_("Before 2.1.196, /context showed no tokens on Bedrock. Everything else works."),),
        remedies=(Remedy(_("Update Claude Code and try again."), actor=Actor.PERSON),),
    ),
    Entry(
        "model-replaced",
        Layer.CLAUDE_CODE,
        signs=(Sign("not available .{0,3} using (sonnet|opus|haiku|claude)"),),
        titles=(_("Claude Code works with another model than its default"),),
        summaries=(_("No model is pinned, and Claude Code's own default is not available to your account."),),
        remedies=(
            Remedy(
                _("Use your bundle's settings.json: it pins a model for every alias."),
                _("Pin the model of every tier in the plan, or make the default available to the account."),
                actor=Actor.PERSON,
            ),
        ),
    ),
    Entry(
        "authentication",
        None,
        signs=(Sign("aws authentication failed"),),
        titles=(_("AWS answered 403, and the text does not say why"),),
        summaries=(_("Claude Code says this of expired credentials and of denials alike."),),
        remedies=(
            Remedy(
                _("Run this command. If it names you, your credentials are fine: paste the whole message here."),
                actor=Actor.PERSON,
                pastes=(WHO_AM_I,),
            ),
        ),
    ),
    Entry(
        "old-npm",
        Layer.CLAUDE_CODE,
        signs=(
            Sign(r"2\.1\.197 \(claude code\)"),
            Sign(r"(stuck|stays|remains) .{0,10}? 2\.1\.197"),
            Sign("ebadengine"),
        ),
        titles=(_("npm keeps Claude Code at an old version"),),
        summaries=(_("npm on a Node older than 22 installs 2.1.197 and says nothing."),),
        remedies=(
            Remedy(
                _("Install Claude Code as step 1 of your guide says, and remove the npm package."), actor=Actor.PERSON
            ),
        ),
    ),
)
