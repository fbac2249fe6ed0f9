"""The commands of each platform. Commands only, no prose: nothing here is translated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from onboarding.enums import Platform


@dataclass(frozen=True, slots=True)
class Commands:
    """What a person types on one platform. `find_headings` makes the command that looks for section headings."""

    fence: str
    settings_path: str
    managed_path: str
    config_path: str
    diff: str  # what the installer would change
    install: str
    doctor: str
    uninstall: str
    enter_keys: tuple[str, ...]  # without echo, into this terminal only
    mint_key: tuple[str, ...]
    verify_files: tuple[str, ...]
    digest_of_archive: str
    install_claude: str
    package_manager: tuple[str, str] | None  # install, update
    install_aws: tuple[str, ...]
    find_headings: Callable[[Sequence[str]], str]
    append_config: tuple[str, ...]
    copy_settings: tuple[str, ...]
    env_files: tuple[tuple[str, str], ...]


def _grep(headings: Sequence[str]) -> str:
    wanted = " ".join(f"-e '{heading}'" for heading in headings)
    return f"grep -nF {wanted} ~/.aws/config"


def _select_string(headings: Sequence[str]) -> str:
    quoted = ", ".join(f"'{heading}'" for heading in headings)
    return rf'Select-String -SimpleMatch {quoted} "$HOME\.aws\config"'


_POSIX_APPEND = ("mkdir -p ~/.aws", "{ echo; cat aws-config; } >> ~/.aws/config")
_POSIX_COPY = (
    "mkdir -p ~/.claude",
    "test -e ~/.claude/settings.json || cp settings.json ~/.claude/settings.json",
)
# bash, zsh and sh; then fish.
_POSIX_KEYS = (". ~/.onramp/bundle/aws-keys.sh", "source ~/.onramp/bundle/aws-keys.fish")
_POSIX_MINT = (
    'eval "$(sh ~/.onramp/bundle/bedrock-key.sh)"',
    "sh ~/.onramp/bundle/bedrock-key.sh --shell fish | source",
)
# A script that came as a download runs under no stricter policy than this.
_ALLOW_SCRIPTS = "Set-ExecutionPolicy -Scope Process Bypass"
_POWERSHELL = "powershell -NoProfile -ExecutionPolicy Bypass -File"
_POSIX_ENV = (("bash, zsh, sh", ". ./env.sh"), ("fish", "source env.fish"))

_MACOS = Commands(
    fence="sh",
    settings_path="~/.claude/settings.json",
    managed_path="/Library/Application Support/ClaudeCode/managed-settings.json",
    config_path="~/.aws/config",
    diff="sh install.sh --diff",
    install="sh install.sh",
    doctor="sh ~/.onramp/bundle/doctor.sh",
    uninstall="sh ~/.onramp/bundle/install.sh uninstall",
    enter_keys=_POSIX_KEYS,
    mint_key=_POSIX_MINT,
    verify_files=("shasum -a 256 -c SHA256SUMS",),
    digest_of_archive="shasum -a 256 onramp-bundle.zip",
    install_claude="curl -fsSL https://claude.ai/install.sh | bash",
    package_manager=("brew install --cask claude-code", "brew upgrade --cask claude-code"),
    install_aws=("brew install awscli",),
    find_headings=_grep,
    append_config=_POSIX_APPEND,
    copy_settings=_POSIX_COPY,
    env_files=_POSIX_ENV,
)

_LINUX = Commands(
    fence="sh",
    settings_path="~/.claude/settings.json",
    managed_path="/etc/claude-code/managed-settings.json",
    config_path="~/.aws/config",
    diff="sh install.sh --diff",
    install="sh install.sh",
    doctor="sh ~/.onramp/bundle/doctor.sh",
    uninstall="sh ~/.onramp/bundle/install.sh uninstall",
    enter_keys=_POSIX_KEYS,
    mint_key=_POSIX_MINT,
    verify_files=("sha256sum -c SHA256SUMS",),
    digest_of_archive="sha256sum onramp-bundle.zip",
    install_claude="curl -fsSL https://claude.ai/install.sh | bash",
    # Packages exist for apt, dnf and apk, but each needs its repository set up first.
    package_manager=None,
    install_aws=(
        'curl -fsSLo awscliv2.zip "https://awscli.amazonaws.com/awscli-exe-linux-$(uname -m).zip"',
        "unzip awscliv2.zip && sudo ./aws/install",
    ),
    find_headings=_grep,
    append_config=_POSIX_APPEND,
    copy_settings=_POSIX_COPY,
    env_files=_POSIX_ENV,
)

_WINDOWS = Commands(
    fence="powershell",
    settings_path=r"%USERPROFILE%\.claude\settings.json",
    managed_path=r"C:\Program Files\ClaudeCode\managed-settings.json",
    config_path=r"%USERPROFILE%\.aws\config",
    diff=rf"{_POWERSHELL} .\install.ps1 -Diff",
    install=rf"{_POWERSHELL} .\install.ps1",
    doctor=rf'{_POWERSHELL} "$HOME\.onramp\bundle\doctor.ps1"',
    uninstall=rf'{_POWERSHELL} "$HOME\.onramp\bundle\install.ps1" uninstall',
    enter_keys=(_ALLOW_SCRIPTS, r". $HOME\.onramp\bundle\aws-keys.ps1"),
    mint_key=(_ALLOW_SCRIPTS, r". $HOME\.onramp\bundle\bedrock-key.ps1"),
    # Prints the names of files that differ.
    verify_files=(
        "Get-Content SHA256SUMS | ForEach-Object {",
        "  $hash, $name = $_ -split '  ', 2",
        "  if ((Get-FileHash -Algorithm SHA256 $name).Hash -ne $hash) { $name }",
        "}",
    ),
    digest_of_archive="Get-FileHash -Algorithm SHA256 onramp-bundle.zip",
    install_claude="irm https://claude.ai/install.ps1 | iex",
    package_manager=("winget install Anthropic.ClaudeCode", "winget upgrade Anthropic.ClaudeCode"),
    install_aws=("winget install Amazon.AWSCLI",),
    find_headings=_select_string,
    append_config=(
        r'New-Item -ItemType Directory -Force "$HOME\.aws" | Out-Null',
        r'Add-Content "$HOME\.aws\config" "`n$(Get-Content -Raw aws-config)" -Encoding ascii',
    ),
    copy_settings=(
        r'New-Item -ItemType Directory -Force "$HOME\.claude" | Out-Null',
        r'if (-not (Test-Path "$HOME\.claude\settings.json")) {',
        r'  Copy-Item settings.json "$HOME\.claude\settings.json"',
        "}",
    ),
    env_files=(("PowerShell", r". .\env.ps1"), ("cmd", "env.cmd"), ("Git Bash", ". ./env.sh")),
)

COMMANDS = {Platform.MACOS: _MACOS, Platform.LINUX: _LINUX, Platform.WINDOWS: _WINDOWS}
