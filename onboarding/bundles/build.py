"""From verified values to the files a person installs. Pure: equal inputs give equal bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from onboarding.bundles import archive, guide, scripts, shell
from onboarding.bundles.aws_config import aws_config
from onboarding.bundles.iam_policy import iam_policies
from onboarding.bundles.inputs import BundleInputs
from onboarding.bundles.json_text import json_text
from onboarding.bundles.settings_json import settings_of
from onboarding.enums import Tier

ZIP_FILENAME = "onramp-bundle.zip"
TAR_FILENAME = "onramp-bundle.tar"
MANIFEST_VERSION = 2


@dataclass(frozen=True, slots=True)
class Built:
    files: Mapping[str, bytes]
    archive: bytes

    @property
    def digest(self) -> str:
        """The SHA-256 of the archive, in hexadecimal; who only fetches the bytes does not pay for it."""
        return hashlib.sha256(self.archive).hexdigest()


def build(inputs: BundleInputs) -> Built:
    """Raises `UnsafeValue` when a value must not reach a file."""
    first, last = _shared_files(inputs.of_nobody)
    manual = guide.guide(inputs)
    files = {**first, "GUIDE.md": manual.text, "GUIDE.html": manual.page, **last}
    files["MANIFEST.json"] = manifest(inputs, files)
    files["SHA256SUMS"] = checksums(files)
    return Built(files, archive.pack(files))


@lru_cache(maxsize=256)
def _shared_files(inputs: BundleInputs) -> tuple[Mapping[str, bytes], Mapping[str, bytes]]:
    """What stands before the guide and behind it: the same for everybody with the same offer, so made once.

    A file that a bundle has no use for is not there.
    """
    settings = settings_of(inputs)
    config = aws_config(inputs)
    first = {
        inputs.settings_name: json_text(settings),
        **({"aws-config": config} if config else {}),
        **shell.shell_files(inputs),
        **iam_policies(inputs),
    }
    last = {
        "onramp.json": scripts.onramp_json(inputs, settings),
        "words.txt": scripts.words_txt(inputs.language),
        **scripts.scripts(inputs.credentials.method),
    }
    return first, last


def manifest(inputs: BundleInputs, files: Mapping[str, bytes]) -> bytes:
    """What the bundle is, for programs. No time and nobody's name: it describes the files, not the person.

    `digest` is the SHA-256 of the files' own lines as SHA256SUMS has them: one figure for everything but the manifest.
    """
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
    }
    digest = hashlib.sha256(checksums(files)).hexdigest()
    described = (f'"digest": "{digest}",\n  "files": {{\n{_described(files)}\n  }}\n}}\n').encode("ascii")
    return json_text(manifest).removesuffix(b"\n}\n") + b",\n  " + described


def _described(files: Mapping[str, bytes]) -> str:
    """A line a file: the one part of the manifest that is nobody else's. Names are ours, and plain."""
    return ",\n".join(
        f'    "{name}": {{"sha256": "{_sha256(text)}", "size": {len(text)}}}' for name, text in files.items()
    )


def checksums(files: Mapping[str, bytes]) -> bytes:
    """As `sha256sum` writes it: two spaces between digest and name."""
    return "".join(f"{_sha256(content)}  {name}\n" for name, content in files.items()).encode("ascii")


@lru_cache(maxsize=256)
def _sha256(content: bytes) -> str:
    """Remembered, since most of a bundle's files are the same for everybody on a plan."""
    return hashlib.sha256(content).hexdigest()
