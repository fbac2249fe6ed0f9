"""The scripts of a bundle, and what they read. The scripts are files of ours, the same for everyone, byte for byte;
what is personal is data in onramp.json, and what they say is in words.txt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from django.utils import translation

from onboarding import doctor
from onboarding.bundles import words
from onboarding.bundles.credentials import aws_profile, login_command
from onboarding.bundles.inputs import BundleInputs
from onboarding.bundles.json_text import json_text
from onboarding.bundles.pins import oldest_release
from onboarding.bundles.settings_json import edits
from onboarding.claude_settings import OUTRANKING
from onboarding.enums import CredentialMethod

FORMAT = 1
_FOLDER = Path(__file__).parent / "files"
_IN_EVERY_BUNDLE = ("install.sh", "doctor.sh", "json.sh", "install.ps1", "doctor.ps1", "json.ps1")
_BY_METHOD = {
    CredentialMethod.ENVIRONMENT_KEYS: ("aws-keys.sh", "aws-keys.fish", "aws-keys.ps1"),
    CredentialMethod.BEDROCK_API_KEY: ("bedrock-key.sh", "bedrock-key.ps1"),
}
# Fetched from the portal by their own URLs, before there is a bundle.
PUBLISHED = ("onramp.sh", "onramp.ps1")
ALL = frozenset({*PUBLISHED, *_IN_EVERY_BUNDLE, *(name for names in _BY_METHOD.values() for name in names)})


def scripts(method: CredentialMethod) -> dict[str, bytes]:
    """The scripts a bundle has, by name."""
    return {name: script(name) for name in (*_IN_EVERY_BUNDLE, *_BY_METHOD.get(method, ()))}


@cache
def script(name: str) -> bytes:
    """One of our scripts. Raises FileNotFoundError."""
    return (_FOLDER / name).read_bytes()


@cache
def script_digest(name: str) -> str:
    """The SHA-256 of a script, in hexadecimal, as the portal publishes it."""
    return hashlib.sha256(script(name)).hexdigest()


def onramp_json(inputs: BundleInputs, settings: Mapping[str, Any]) -> bytes:
    """What the scripts read: the values of this bundle, and the edits that make `settings` of a person's own file."""
    values = {
        "version": FORMAT,
        "portal_url": inputs.portal_url,
        "plan": inputs.plan_slug,
        "revision": inputs.revision,
        "language": inputs.language,
        "settings_scope": str(inputs.behaviour.settings_scope),
        "method": inputs.credentials.method.value,
        "aws_profile": aws_profile(inputs),
        "region": inputs.region,
        "account_id": inputs.account_id,
        "role": inputs.role_name,
        "pins": list(dict.fromkeys(inputs.models.values())),
        "default_model": inputs.default_model,
        "minimum_version": oldest_release(inputs),
        "login_command": login_command(inputs),
        "hosts": _hosts(inputs),
        "conflicts": conflicts(inputs.credentials.method, settings["env"]),
        "edits": edits(settings),
    }
    return json_text(values)


def conflicts(method: CredentialMethod, environment: Mapping[str, str]) -> list[str]:
    """The variables that would outrank a bundle with this `env` if a shell exported them. Those it sets itself cannot,
    and keys that are meant to come from the environment are none."""
    mine = set(environment)
    if method == CredentialMethod.ENVIRONMENT_KEYS:
        mine |= {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
    if method == CredentialMethod.BEDROCK_API_KEY:
        mine.add("AWS_BEARER_TOKEN_BEDROCK")
    return [name for name in OUTRANKING if name not in mine]


def _hosts(inputs: BundleInputs) -> list[str]:
    """Everything a machine has to reach, by https://code.claude.com/docs/en/network-config and observation."""
    hosts = [f"bedrock-runtime.{inputs.region}", f"bedrock.{inputs.region}", f"sts.{inputs.region}"]
    session = inputs.credentials.session
    if session is not None:
        hosts += [f"oidc.{session.region}", f"portal.sso.{session.region}"]
    return [f"https://{host}.amazonaws.com" for host in hosts]


@cache
def words_txt(language: str) -> bytes:
    """What the scripts say, in one language."""
    with translation.override(language):
        return words.words_txt(words.words() | doctor.words())
