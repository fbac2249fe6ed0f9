"""GUIDE.md: what a person may use, how to set it up, and what helps when it does not work."""

from __future__ import annotations

from django.utils import translation
from django.utils.translation import gettext as _

from onboarding.bundles import grammar
from onboarding.bundles.advice import outdated_advice, symptoms
from onboarding.bundles.aws_config import headings, markers
from onboarding.bundles.inputs import BundleInputs
from onboarding.bundles.markdown import block, bullets, code, isolated, table, text
from onboarding.bundles.platforms import COMMANDS, Commands
from onboarding.bundles.settings_json import denied_tools, login_command
from onboarding.catalog import model_label, region_label
from onboarding.enums import Platform, Tier


def guide(inputs: BundleInputs) -> bytes:
    commands = COMMANDS[inputs.platform]
    with translation.override(inputs.language):
        parts = [
            *_opening(inputs),
            *_what_you_may_use(inputs),
            *_what_is_left_out(inputs),
            *_check_the_files(inputs, commands),
            *_steps(inputs, commands),
            *_without_settings_file(inputs, commands),
            *_closing(inputs),
        ]
    return ("\n\n".join(parts) + "\n").encode()


def _opening(inputs: BundleInputs) -> list[str]:
    return [
        "# " + _("Claude Code on Amazon Bedrock"),
        _("Made by Onramp for %(person)s (%(email)s): plan %(plan)s, revision %(revision)d, for %(platform)s.")
        % {
            "person": isolated(inputs.person_name),
            "email": isolated(inputs.person_email),
            "plan": isolated(inputs.plan_name),
            "revision": inputs.revision,
            "platform": inputs.platform.label,
        },
        _(
            "Onramp verified every model in this bundle for your role before making it. The bundle holds "
            "no secret: "
            "no password, no key, no token. Your credentials come from signing in, and only on your machine."
        ),
    ]


def _what_you_may_use(inputs: BundleInputs) -> list[str]:
    return [
        "## " + _("What you may use"),
        table((_("Tier"), _("Model"), _("Inference profile")), [_tier_row(inputs, tier) for tier in Tier]),
        *_unverified(inputs),
        bullets(_facts(inputs)),
        *_limits(inputs),
    ]


def _tier_row(inputs: BundleInputs, tier: Tier) -> tuple[str, ...]:
    profile = grammar.shell_word("models", inputs.models.get(tier, inputs.default_model))
    label = text(model_label(profile))
    if tier not in inputs.models:
        label = _("%(model)s in its place") % {"model": label}
    return (str(tier.label), label, code(profile))


def _unverified(inputs: BundleInputs) -> list[str]:
    """Said plainly, because a person who chooses one of these gets another model than its name says."""
    return [
        _(
            "**There is no verified %(tier)s model for you.** Wherever you choose `%(alias)s`, and "
            "wherever Claude Code "
            "does by itself, %(model)s answers. It is pinned this way because Claude Code would otherwise "
            "try a model "
            "at every start that nobody verified."
        )
        % {"tier": tier.label, "alias": tier.value, "model": text(model_label(inputs.default_model))}
        for tier in inputs.unverified_tiers
    ]


def _facts(inputs: BundleInputs) -> list[str]:
    return [
        _("AWS account: %(account)s (%(name)s)")
        % {"account": code(inputs.account_id), "name": isolated(inputs.account_name)},
        _("Region: %(region)s") % {"region": text(region_label(inputs.region))},
        _("Role: %(role)s") % {"role": code(inputs.role_name)},
        _("AWS profile on your machine: %(profile)s") % {"profile": code(inputs.aws_profile)},
        _("Claude Code starts with: %(tier)s, which is %(model)s")
        % {"tier": inputs.default_tier.label, "model": text(model_label(inputs.default_model))},
    ]


def _limits(inputs: BundleInputs) -> list[str]:
    limits = []
    if inputs.max_output_tokens is not None:
        limits.append(
            _("One answer is at most %(tokens)d tokens long. Bedrock sets this much of the quota aside per request.")
            % {"tokens": inputs.max_output_tokens}
        )
    if rules := denied_tools(inputs):
        limits.append(_("Your plan keeps Claude Code from doing this:"))
        limits.append(bullets([code(rule) for rule in rules]))
    return limits


def _what_is_left_out(inputs: BundleInputs) -> list[str]:
    if not inputs.left_out:
        return []
    return [
        "## " + _("What is left out, and why"),
        _("Your plan names these models too. They could not be verified for you, so they are not in the bundle:"),
        bullets([f"{left.tier.label}, {code(left.profile_id)}: {text(left.why)}" for left in inputs.left_out]),
        _("When that has changed, verify again in Onramp and download a new bundle: %(portal)s")
        % {"portal": _link("portal_url", inputs.portal_url)},
    ]


def _check_the_files(inputs: BundleInputs, commands: Commands) -> list[str]:
    return [
        "## " + _("Before you start: check the files"),
        _("Compare the SHA-256 of the zip with the one that Onramp shows beside your bundle:"),
        block(commands.fence, commands.digest_of_archive),
        _("Unpack the zip into an empty folder, open a terminal there, and check each file against the list:"),
        block(commands.fence, *commands.verify_files),
        _("Nothing must be printed: each name that appears is a file that differs.")
        if inputs.platform is Platform.WINDOWS
        else _("Each line must end in `OK`."),
    ]


def _steps(inputs: BundleInputs, commands: Commands) -> list[str]:
    return [
        "## " + _("Set it up"),
        *_step_claude_code(commands),
        *_step_aws_cli(commands),
        *_step_aws_config(inputs, commands),
        *_step_settings(commands),
        *_step_sign_in(inputs, commands),
        *_step_first_run(commands),
    ]


def _step_claude_code(commands: Commands) -> list[str]:
    return [
        "### 1. " + _("Install Claude Code"),
        _("The native installer is the best choice, because it keeps itself up to date:"),
        block(commands.fence, commands.install_claude),
        *_package_manager(commands),
        _("Avoid npm unless you have Node 22 or newer: on an older Node it installs an old version and says nothing."),
    ]


def _package_manager(commands: Commands) -> list[str]:
    if commands.package_manager is None:
        return [
            _("Packages for apt, dnf and apk are described here: %(url)s")
            % {"url": _link("setup", "https://code.claude.com/docs/en/setup")}
        ]
    install, upgrade = commands.package_manager
    return [
        _("Or use a package manager; then you update it yourself with `%(upgrade)s`:") % {"upgrade": upgrade},
        block(commands.fence, install),
    ]


def _step_aws_cli(commands: Commands) -> list[str]:
    return [
        "### 2. " + _("Install the AWS CLI"),
        _("You need version 2. If `aws --version` shows it, skip this step."),
        block(commands.fence, *commands.install_aws),
    ]


def _step_aws_config(inputs: BundleInputs, commands: Commands) -> list[str]:
    sections = headings(inputs)
    first, last = markers(inputs.aws_profile)
    return [
        "### 3. " + _("Add the AWS profile"),
        _("The file `aws-config` goes to the end of `%(path)s`. First look whether its sections are there already:")
        % {"path": commands.config_path},
        block(commands.fence, commands.find_headings(sections)),
        _("If nothing is found, or the file does not exist yet, append it:"),
        block(commands.fence, *commands.append_config),
        _(
            "If an older Onramp part is there, replace it, from `%(first)s` to `%(last)s`. If only "
            "`%(session)s` is "
            "there, append just the profile. AWS tools refuse a file in which the same section stands twice."
        )
        % {"first": first, "last": last, "session": sections[0]},
    ]


def _step_settings(commands: Commands) -> list[str]:
    return [
        "### 4. " + _("Put settings.json in its place"),
        _("Its place is `%(path)s`, or the folder in `CLAUDE_CONFIG_DIR` if you set that. This never overwrites:")
        % {"path": commands.settings_path},
        block(commands.fence, *commands.copy_settings),
        _("If you already have a settings.json, keep a copy of it, then merge by hand:"),
        bullets(
            [
                _("`env`: add our variables to yours; where both have one, take ours."),
                _("`model`, `availableModels`, `enforceAvailableModels`, `awsAuthRefresh`: replace yours as a whole."),
                _("`permissions.deny`: keep your rules and add ours."),
                _("Everything else of yours stays as it is."),
            ]
        ),
        _(
            "Then take these out of your `env` block and your shell's start-up files, because they can get "
            "in the bundle's way: `ANTHROPIC_MODEL`, `ANTHROPIC_SMALL_FAST_MODEL`, "
            "`ANTHROPIC_BEDROCK_BASE_URL`, `AWS_BEARER_TOKEN_BEDROCK`, "
            "`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`."
        ),
    ]


def _step_sign_in(inputs: BundleInputs, commands: Commands) -> list[str]:
    if inputs.session is None:
        return [
            "### 5. " + _("Get AWS credentials"),
            _("Get credentials for the profile %(profile)s with your company's own tool, then see whether they work:")
            % {"profile": code(inputs.aws_profile)},
            block(commands.fence, f"aws sts get-caller-identity --profile {inputs.aws_profile}"),
        ]
    return [
        "### 5. " + _("Sign in to AWS"),
        block(commands.fence, login_command(inputs)),
        _("Your browser opens %(url)s. When the sign-in runs out, Claude Code runs this command for you.")
        % {"url": _link("session.start_url", inputs.session.start_url)},
    ]


def _step_first_run(commands: Commands) -> list[str]:
    return [
        "### 6. " + _("Check, then start"),
        block(commands.fence, "claude auth status"),
        _(
            'The answer must contain `"apiProvider": "bedrock"`. If it does not, `claude doctor` names the '
            "setting at fault."
        ),
        _("Now open one of your projects in the terminal and start:"),
        block(commands.fence, "claude"),
        _("Restart Claude Code after every change of settings.json: it reads provider and Region at the start only."),
    ]


def _without_settings_file(inputs: BundleInputs, commands: Commands) -> list[str]:
    return [
        "## " + _("Where settings.json cannot be used"),
        _(
            "In a container or a build job, load the same environment from a file instead. Do not use "
            "both on one "
            "machine: what settings.json says wins over the shell."
        ),
        table((_("Shell"), _("Command")), [(shell, code(command)) for shell, command in commands.env_files]),
        _(
            "Neither the list of allowed models nor the denied tools come with these files. The AWS profile is "
            "needed there too."
        ),
        *_blocked_script(inputs),
    ]


def _blocked_script(inputs: BundleInputs) -> list[str]:
    if inputs.platform is not Platform.WINDOWS:
        return []
    return [
        _("If PowerShell refuses to run `env.ps1`, check the files first and then run `%(command)s`.")
        % {"command": "Unblock-File env.ps1; Set-ExecutionPolicy -Scope Process RemoteSigned"}
    ]


def _closing(inputs: BundleInputs) -> list[str]:
    return [
        "## " + _("If an older guide told you something else"),
        outdated_advice(),
        "## " + _("If something does not work"),
        symptoms(inputs),
        _("Not in the table? Verify again in Onramp, and show an admin what it says: %(portal)s")
        % {"portal": _link("portal_url", inputs.portal_url)},
    ]


def _link(field: str, address: str) -> str:
    return f"<{grammar.url(field, address)}>"
