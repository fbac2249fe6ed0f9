"""json.ps1, on the model of PowerShell in interpreter.py: what it takes for JSON, and what it makes of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.bundles.windows.cmdlets import machine
from tests.unit.bundles.windows.home import script
from tests.unit.bundles.windows.interpreter import Machine
from tests.unit.bundles.windows.values import Dictionary, Thrown, units

many = settings(max_examples=60, deadline=None)
texts = st.text(st.characters() | st.sampled_from('"\\/\x00\x1f\x7f\u2028\xad\U0001f600'), max_size=6)
values: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(texts | st.sampled_from(["Keys", "keys", "Count", "Item"]), values, max_size=4)


def loaded() -> Machine:
    made = machine({})
    made.load(script("json.ps1"), "", [], [])
    return made


def parsed(content: bytes) -> Dictionary:
    node = loaded().call("ConvertFrom-JsonContent", content.decode("latin-1"))
    assert isinstance(node, Dictionary)
    return node


def written(node: Dictionary) -> bytes:
    text = loaded().call("ConvertTo-JsonContent", node)
    assert isinstance(text, str)
    return text.encode("latin-1")


def is_refused(content: bytes) -> bool:
    try:
        parsed(content)
    except Thrown as thrown:
        return bool(thrown.exception.properties["message"] == "not-json")
    return False


@many
@given(objects, st.sampled_from([None, 1, 4]), st.booleans())
def test_it_writes_what_python_writes(value: Any, indent: int | None, ascii_only: bool) -> None:
    # Python writes half of a surrogate pair as it stands, which is no UTF-8.
    source = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    if not ascii_only and not is_utf8(source):
        assert is_refused(source)
        return
    expected = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    assert escaped(written(parsed(source)).decode()) == escaped(expected)


def is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def escaped(text: str) -> str:
    return "".join(f"\\u{ord(one):04x}" if "\ud800" <= one <= "\udfff" else one for one in text)


@many
@given(st.binary(max_size=12) | st.text('{}[]":,0123456789.eE+-tfn \n\\u\x01', max_size=12).map(str.encode))
def test_it_takes_what_is_json_and_nothing_else(content: bytes) -> None:
    for source in (content, b'{"a":' + content + b"}"):
        assert is_refused(source) == (not is_object(source))


def is_object(content: bytes) -> bool:
    def refuse(name: str) -> Any:
        raise ValueError(name)

    try:
        text = content.removeprefix(b"\xef\xbb\xbf").decode()
        return isinstance(json.loads(text, parse_constant=refuse), dict)
    except ValueError:
        return False


@pytest.mark.parametrize("number", ["-0", "1.50", "9007199254740993", "1e2", "1E+2", "0.1e-7", "1" + "0" * 300])
def test_a_number_keeps_its_spelling(number: str) -> None:
    assert written(parsed(f'{{"a":{number}}}'.encode())) == f'{{\n  "a": {number}\n}}\n'.encode()


@pytest.mark.parametrize(
    "value", ["NaN", "Infinity", "1e400", "-1e400", "01", "+1", ".5", "1.", "0x1", "'a'", '"\t"', "[1,]", "// 1\n1"]
)
def test_it_is_strict(value: str) -> None:
    assert is_refused(f'{{"a":{value}}}'.encode())


def test_nesting_has_an_end() -> None:
    assert not is_refused(b'{"a":' * 50 + b"1" + b"}" * 50)
    for deep in (b'{"a":' * 102 + b"1" + b"}" * 102, b'{"a":' + b"[" * 5000):
        assert is_refused(deep)


def test_of_two_members_with_one_name_the_last_counts() -> None:
    assert json.loads(written(parsed(b'{"a": 1, "b": 2, "a": 3, "A": 4}'))) == {"a": 3, "b": 2, "A": 4}


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("1", "1.0", True),
        ("10e-1", "1", True),
        ("-0", "0.0e5", True),
        ("100", "1e2", True),
        ("9007199254740992", "9007199254740993", False),
        ("1", "-1", False),
        ("1", '"1"', False),
        ("true", "1", False),
        ("null", "false", False),
        ('{"a":1,"b":2}', '{"b":2,"a":1}', True),
        ('{"a":1}', '{"A":1}', False),
        ("[1,2]", "[2,1]", False),
        ('"a\\u00ad"', '"a"', False),
        ('"\\u0000"', '""', False),
        ('"\\u00e9"', '"e\\u0301"', False),
    ],
)
def test_equal(left: str, right: str, same: bool) -> None:
    first, second = (parsed(f'{{"a":{value}}}'.encode()) for value in (left, right))
    assert loaded().call("Test-JsonEqual", first, second) is same
    assert loaded().call("Test-JsonEqual", second, first) is same


# --- edits

keys = st.sampled_from(["env", "permissions", "a", "keys", "Count"])
items = st.lists(st.sampled_from([1, "1", "x", True, None, [1], {"a": 1}]), max_size=3)
trees: Any = st.recursive(
    st.integers(0, 2) | st.booleans() | items, lambda inner: st.dictionaries(keys, inner, max_size=3), max_leaves=6
)
bases = st.dictionaries(keys, trees, max_size=3)
edits = st.lists(
    st.fixed_dictionaries({"path": st.lists(keys, min_size=1, max_size=3), "value": trees})
    | st.fixed_dictionaries({"path": st.lists(keys, min_size=1, max_size=3), "add": items}),
    max_size=3,
)


@many
@given(bases, edits)
def test_merging_is_what_the_contract_says(base: Any, wanted: Any) -> None:
    ps = loaded()
    given_edits = parsed(json.dumps({"edits": wanted}).encode()).get("Value").get("edits")
    node = parsed(json.dumps(base).encode())
    expected = merged(json.loads(json.dumps(base)), wanted)
    try:
        ps.call("Merge-JsonEdit", node, given_edits)
    except Thrown as thrown:
        properties = thrown.exception.properties
        assert (properties["message"], properties["data"].get("About")) == ("in-the-way", expected)
        return
    # Order counts, and 1 is not true.
    assert written(node).decode() == json.dumps(expected, indent=2) + "\n"
    assert [ps.call("Get-JsonDifference", node, given_edits)] == [differences(expected, wanted)]


def same(left: Any, right: Any) -> bool:
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def merged(base: Any, wanted: Any) -> Any:
    """The object, or the key that is in the way."""
    for edit in wanted:
        holder, path = base, edit["path"]
        for depth, key in enumerate(path[:-1], 1):
            holder = holder.setdefault(key, {})
            if not isinstance(holder, dict):
                return ".".join(path[:depth])
        if "value" in edit:
            holder[path[-1]] = json.loads(json.dumps(edit["value"]))
            continue
        found = holder.setdefault(path[-1], [])
        if not isinstance(found, list):
            return ".".join(path)
        found += [
            item for at, item in enumerate(edit["add"]) if not any(same(item, one) for one in found + edit["add"][:at])
        ]
    return base


def differences(base: Any, wanted: Any) -> Any:
    """As PowerShell hands on a list: nothing, the only one, or all."""
    found = [".".join(edit["path"]) for edit in wanted if not stands(base, edit)]
    return found[0] if len(found) == 1 else found or None


def stands(base: Any, edit: Any) -> bool:
    for key in edit["path"]:
        if not isinstance(base, dict) or key not in base:
            return False
        base = base[key]
    if "value" in edit:
        return same(base, edit["value"])
    return isinstance(base, list) and all(any(same(item, one) for one in base) for item in edit["add"])


def undone(current: Any, original: Any, wanted: Any) -> Any:
    node, before = parsed(json.dumps(current).encode()), parsed(json.dumps(original).encode())
    given_edits = parsed(json.dumps({"edits": wanted}).encode()).get("Value").get("edits")
    loaded().call("Undo-JsonEdit", node, before, given_edits)
    return json.loads(written(node))


@many
@given(bases, st.fixed_dictionaries({"path": st.lists(keys, min_size=1, max_size=3), "value": trees}))
def test_undoing_what_nobody_changed_gives_back_the_original(base: Any, edit: Any) -> None:
    found = merged(json.loads(json.dumps(base)), [edit])
    if isinstance(found, dict):
        assert same(undone(found, base, [edit]), base)


def test_undoing_leaves_what_the_person_changed() -> None:
    wanted = [
        {"path": ["env", "A"], "value": 1},
        {"path": ["env", "B"], "value": 2},
        {"path": ["p", "d"], "add": ["x", "y"]},
    ]
    assert undone({"env": {"A": 9, "B": 2}, "p": {"d": ["y", "z", "x"]}}, {"p": {"d": ["x"]}}, wanted) == {
        "env": {"A": 9},
        "p": {"d": ["z", "x"]},
    }
    assert undone({"env": {"A": 1, "B": 2}, "p": {"d": ["x"]}, "q": {}}, {}, wanted) == {"q": {}}
    assert undone({"env": {"A": 1}}, {"env": {}}, wanted) == {"env": {}}


# --- sentences


def test_a_sentence_is_filled_in_once_and_a_value_stands_for_itself(tmp_path: Any) -> None:
    (tmp_path / "words.txt").write_bytes("a: {1} y {2} y {1}, señor\r\nb: run sh install.sh\na: later\n".encode())
    ps = loaded()
    ps.call("Read-Word", str(tmp_path / "words.txt"))
    assert ps.call("Get-Word", "a", "{2}", "$1 \\ &") == units("{2} y $1 \\ & y {2}, señor")
    assert ps.call("Get-Word", "b") == "run powershell -ExecutionPolicy Bypass -File install.ps1"
    assert ps.call("Get-Word", "missing") == "missing"
