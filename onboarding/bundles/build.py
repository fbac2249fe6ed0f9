"""From verified values to the files a person installs. Pure: equal inputs give equal bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from onboarding.bundles import archive, aws_config, guide, settings_json, shell
from onboarding.bundles.inputs import BundleInputs
from onboarding.enums import Tier

FILENAME = "onramp-bundle.zip"
MANIFEST_VERSION = 1


@dataclass(frozen=True, slots=True)
class Built:
    files: Mapping[str, bytes]
    archive: bytes
    digest: str  # SHA-256 of the archive, in hexadecimal


def build(inputs: BundleInputs) -> Built:
    """Raises `UnsafeValue` when a value must not reach a file."""
    files = {
        "settings.json": settings_json.settings_json(inputs),
        "aws-config": aws_config.aws_config(inputs),
        "env.sh": shell.env_sh(inputs),
        "env.fish": shell.env_fish(inputs),
        "env.ps1": shell.env_ps1(inputs),
        "GUIDE.md": guide.guide(inputs),
    }
    files["MANIFEST.json"] = _manifest(inputs, files)
    files["SHA256SUMS"] = _checksums(files)
    packed = archive.pack(files)
    return Built(files, packed, _sha256(packed))


def _manifest(inputs: BundleInputs, files: Mapping[str, bytes]) -> bytes:
    """What the bundle is, for programs. No time and nobody's name: it describes the files, not the person."""
    manifest = {
        "version": MANIFEST_VERSION,
        "plan": inputs.plan_name,
        "revision": inputs.revision,
        "platform": inputs.platform.value,
        "language": inputs.language,
        "region": inputs.region,
        "account_id": inputs.account_id,
        "models": {tier.value: inputs.models[tier] for tier in Tier if tier in inputs.models},
        "left_out": [left.tier.value for left in inputs.left_out],
        "files": {name: {"sha256": _sha256(text), "size": len(text)} for name, text in files.items()},
    }
    return (json.dumps(manifest, indent=2) + "\n").encode("ascii")


def _checksums(files: Mapping[str, bytes]) -> bytes:
    """As `sha256sum` writes it: two spaces between digest and name."""
    return "".join(f"{_sha256(content)}  {name}\n" for name, content in files.items()).encode("ascii")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
