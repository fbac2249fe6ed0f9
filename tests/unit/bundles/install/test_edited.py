"""A person goes on editing what was installed. What they changed is theirs; what is still ours is taken out."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.bundles.install import generated, oracle
from tests.unit.bundles.install.machine import (
    EDITS,
    NEXT_EDITS,
    READERS,
    Machine,
    block,
    machine,
    make_bundle,
    present,
)


def edited(content: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """The file after a person had a go at it: some of ours and some of theirs gone, changed or joined by more."""
    env = content["env"]
    changes: tuple[Callable[[], object], ...] = (
        lambda: env.pop("AWS_REGION"),
        lambda: env.update(AWS_REGION="us-east-1"),
        lambda: env.update(ADDED="1"),
        lambda: content.pop("model"),
        lambda: content.update(model="opus"),
        lambda: content["availableModels"].append("mine"),
        lambda: content["permissions"]["deny"].remove("Read(./.env)"),
        lambda: content["permissions"]["deny"].append("Bash(rm:*)"),
        lambda: content["permissions"].update(allow=["Edit"]),
        lambda: content.update(env={}),
        lambda: content.pop("permissions"),
        lambda: content.update(permissions="none"),
        lambda: content.pop("theirs", None),
    )
    for change in dice.sample(changes, dice.choice((1, 1, 2, 3))):
        if isinstance(content.get("permissions"), dict) and "deny" in content["permissions"]:
            change()
    return content


def now(computer: Machine) -> dict[str, Any]:
    content = oracle.parse(computer.settings.read_bytes()) if computer.settings.exists() else {}
    assert content is not None
    return content


@given(
    theirs=generated.json_objects,
    dice=st.randoms(use_true_random=False),
    upgrades=st.booleans(),
    reader=st.sampled_from([name for name in present(READERS) if name != "jxa"]),
)
@settings(max_examples=8)
def test_what_a_person_changed_is_kept(theirs: bytes, dice: random.Random, upgrades: bool, reader: str) -> None:
    original = oracle.parse(theirs)
    assert original is not None
    with machine(reader=reader) as computer:
        computer.has(settings=theirs)
        if "Nothing was changed." in computer.install(expect=None):
            return
        changed = edited(now(computer), dice)
        # In another format than ours.
        computer.settings.write_bytes(generated.spell(changed, dice).encode())
        expected = oracle.unmerge(changed, original, EDITS)
        if upgrades:
            make_bundle(computer.bundle, NEXT_EDITS, config=block())
            merged = oracle.merged(expected, NEXT_EDITS)
            computer.install(expect=2 if isinstance(merged, oracle.Refused) else 0)
            assert isinstance(merged, oracle.Refused) or oracle.is_equal(now(computer), merged)
        computer.uninstall()
        assert oracle.is_equal(now(computer), expected)
