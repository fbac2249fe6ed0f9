"""The part of the guide that is the same for everybody on a plan: the files, the steps, and what helps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from django.utils import translation
from django.utils.translation import gettext as _

from onboarding.bundles import grammar
from onboarding.bundles.advice import outdated_advice, symptoms
from onboarding.bundles.aws_config import headings, markers
from onboarding.bundles.credentials import login_command, refresh_command
from onboarding.bundles.guide_credentials import how_to_get_credentials, warnings_about_credentials
from onboarding.bundles.inputs import BundleInputs
from onboarding.bundles.markdown import block, bullets, code, table
from onboarding.bundles.platforms import COMMANDS, Commands
from onboarding.enums import CredentialMethod, Platform


@dataclass(frozen=True, slots=True)
class Shape:
    """Everything the shared part depends on. Hashable: one guide serves all who have the same."""

    language: str
    platform: Platform
    method: CredentialMethod
    login: str
    refresh: str
    aws_profile: str
    region: str
    start_url: str
    portal_url: str
    is_managed: bool
    sections: tuple[str, ...]

    @classmethod
    def of(cls, inputs: BundleInputs) -> Shape:
        session = inputs.credentials.session
        return cls(
            language=inputs.language,
            platform=inputs.platform,
            method=inputs.credentials.method,
            login=login_command(inputs),
            refresh=refresh_command(inputs),
            aws_profile=grammar.name("aws_profile", inputs.aws_profile),
            region=grammar.region("region", inputs.region),
            start_url=grammar.url("session.start_url", session.start_url) if session else "",
            portal_url=grammar.url("portal_url", inputs.portal_url),
            is_managed=inputs.behaviour.is_managed,
            sections=tuple(headings(inputs)) if inputs.credentials.method.has_profile else (),
        )

    @property
    def commands(self) -> Commands:
        return COMMANDS[self.platform]


@lru_cache(maxsize=256)
def rest_of_guide(shape: Shape) -> str:
    """Markdown."""
    with translation.override(shape.language):
        parts = [
            *_check_the_files(shape),
            *_steps(shape),
            *_managed(shape),
            *_by_hand(shape),
            *_without_settings_file(shape),
            *_closing(shape),
        ]
    return "\n\n".join(parts)


def _check_the_files(shape: Shape) -> list[str]:
    commands = shape.commands
    return [
        "## " + _("Before you start: check the files"),
        _("Compare the SHA-256 of the zip with the one that Onramp shows beside your bundle:"),
        block(commands.fence, commands.digest_of_archive),
        _("Unpack the zip into an empty folder, open a terminal there, and check each file against the list:"),
        block(commands.fence, *commands.verify_files),
        _("Nothing must be printed: each name that appears is a file that differs.")
        if shape.platform is Platform.WINDOWS
        else _("Each line must end in `OK`."),
    ]


def _steps(shape: Shape) -> list[str]:
    steps: list[tuple[str, Callable[[Shape], list[str]]]] = [
        (_("Install Claude Code"), _claude_code),
        (_("Install the AWS CLI"), _aws_cli),
        (_("Run the installer"), _installer),
        (_("Get AWS credentials"), _credentials),
        (_("Check, then start"), _first_run),
    ]
    parts = ["## " + _("Set it up")]
    for number, (title, step) in enumerate(steps, start=1):
        parts += [f"### {number}. {title}", *step(shape)]
    return parts


def _claude_code(shape: Shape) -> list[str]:
    return [
        _("The native installer is the best choice, because it keeps itself up to date:"),
        block(shape.commands.fence, shape.commands.install_claude),
        *_package_manager(shape.commands),
        _("Avoid npm unless you have Node 22 or newer: on an older Node it installs an old version and says nothing."),
    ]


def _package_manager(commands: Commands) -> list[str]:
    if commands.package_manager is None:
        return [
            _("Packages for apt, dnf and apk are described here: %(url)s")
            % {"url": "<https://code.claude.com/docs/en/setup>"}
        ]
    install, upgrade = commands.package_manager
    return [
        _("Or use a package manager; then you update it yourself with `%(upgrade)s`:") % {"upgrade": upgrade},
        block(commands.fence, install),
    ]


def _aws_cli(shape: Shape) -> list[str]:
    return [
        _("You need version 2. If `aws --version` shows it, skip this step."),
        block(shape.commands.fence, *shape.commands.install_aws),
    ]


def _installer(shape: Shape) -> list[str]:
    commands = shape.commands
    return [
        _("See what it would change on your machine, line by line. This changes nothing:"),
        block(commands.fence, commands.diff),
        _("Then let it:"),
        block(commands.fence, commands.install),
        _(
            "It merges its own keys into your `%(settings)s` and adds a part of its own to `%(config)s`; everything "
            "else of yours stays as it is. It copies both files first, does nothing to a file that it cannot read, "
            "and remembers what was there before."
        )
        % {"settings": commands.settings_path, "config": commands.config_path},
        _("To take it off again, byte for byte as it was:"),
        block(commands.fence, commands.uninstall),
    ]


def _credentials(shape: Shape) -> list[str]:
    return [
        *how_to_get_credentials(shape.method, shape.commands, shape.login, shape.aws_profile, shape.start_url),
        *warnings_about_credentials(shape.method),
    ]


def _first_run(shape: Shape) -> list[str]:
    commands = shape.commands
    return [
        _("The doctor checks your machine with your own credentials, and can report to Onramp that it is connected:"),
        block(commands.fence, commands.doctor),
        _("It shows what it would send, and asks first. Claude Code's own answer to where it works:"),
        block(commands.fence, "claude auth status"),
        _(
            'The answer must contain `"apiProvider": "bedrock"`. If it does not, `claude doctor` names the '
            "setting at fault."
        ),
        _("Now open one of your projects in the terminal and start:"),
        block(commands.fence, "claude"),
        _("Restart Claude Code after every change of settings.json: it reads provider and Region at the start only."),
    ]


def _managed(shape: Shape) -> list[str]:
    if not shape.is_managed:
        return []
    rows = [(str(platform.label), code(COMMANDS[platform].managed_path)) for platform in Platform]
    return [
        "## " + _("Where managed-settings.json goes"),
        _(
            "Your company's device management puts this file on your machine; you cannot change there what it says, "
            "and the installer leaves it alone. Its place:"
        ),
        table((_("System"), _("File")), rows),
        _("On macOS, a configuration profile of the domain %(domain)s does the same; on Windows, the value %(value)s.")
        % {
            "domain": code("com.anthropic.claudecode"),
            "value": code(r"HKLM\SOFTWARE\Policies\ClaudeCode\Settings"),
        },
        _("One source counts as a whole: where a profile or a registry value exists, the file is not read."),
    ]


def _by_hand(shape: Shape) -> list[str]:
    """What the installer does, for a machine on which it cannot run."""
    commands = shape.commands
    return [
        "## " + _("By hand, where the installer cannot run"),
        *(_config_by_hand(shape, commands) if shape.sections else []),
        *(_settings_by_hand(commands) if not shape.is_managed else []),
        _(
            "Then take these out of your `env` block and your shell's start-up files, because they can get "
            "in the bundle's way: `ANTHROPIC_MODEL`, `ANTHROPIC_SMALL_FAST_MODEL`, "
            "`ANTHROPIC_BEDROCK_BASE_URL`, `AWS_BEARER_TOKEN_BEDROCK`, "
            "`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`."
        ),
    ]


def _config_by_hand(shape: Shape, commands: Commands) -> list[str]:
    first, last = markers(shape.aws_profile)
    return [
        _("The file `aws-config` goes to the end of `%(path)s`. First look whether its sections are there already:")
        % {"path": commands.config_path},
        block(commands.fence, commands.find_headings(shape.sections)),
        _("If nothing is found, or the file does not exist yet, append it:"),
        block(commands.fence, *commands.append_config),
        _(
            "If an older Onramp part is there, replace it, from `%(first)s` to `%(last)s`. AWS tools refuse a file in "
            "which the same section stands twice."
        )
        % {"first": first, "last": last},
    ]


def _settings_by_hand(commands: Commands) -> list[str]:
    return [
        _("The place of settings.json is `%(path)s`, or the folder in `CLAUDE_CONFIG_DIR`. This never overwrites:")
        % {"path": commands.settings_path},
        block(commands.fence, *commands.copy_settings),
        _("If you already have a settings.json, keep a copy of it, then merge by hand:"),
        bullets(
            [
                _("`env`, `modelOverrides`: add our entries to yours; where both have one, take ours."),
                _("`permissions.deny`: keep your rules and add ours."),
                _("Every other key of ours: replace yours as a whole."),
                _("Everything else of yours stays as it is."),
            ]
        ),
    ]


def _without_settings_file(shape: Shape) -> list[str]:
    return [
        "## " + _("Where settings.json cannot be used"),
        _(
            "In a container or a build job, load the same environment from a file instead. Do not use "
            "both on one "
            "machine: what settings.json says wins over the shell."
        ),
        table((_("Shell"), _("Command")), [(shell, code(command)) for shell, command in shape.commands.env_files]),
        _(
            "Neither the list of allowed models nor the denied tools come with these files. The AWS profile is "
            "needed there too."
        ),
        *_blocked_script(shape),
    ]


def _blocked_script(shape: Shape) -> list[str]:
    if shape.platform is not Platform.WINDOWS:
        return []
    return [
        _("If PowerShell refuses to run `env.ps1`, check the files first and then run `%(command)s`.")
        % {"command": "Unblock-File env.ps1; Set-ExecutionPolicy -Scope Process RemoteSigned"}
    ]


def _closing(shape: Shape) -> list[str]:
    return [
        "## " + _("If an older guide told you something else"),
        outdated_advice(),
        "## " + _("If something does not work"),
        symptoms(shape.login, shape.region),
        _("Not in the table? Paste what it says into Onramp, which names the layer and the fix: %(errors)s")
        % {"errors": f"<{shape.portal_url}/diagnose/>"},
    ]
