"""json.sh: python3, jq and JavaScript for Automation read and change JSON alike, and none reads what is none."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.bundles.install import generated, oracle
from tests.unit.bundles.install.machine import (
    COMBINATIONS,
    EDITS,
    READERS,
    SCRIPTS,
    SHELLS,
    Edits,
    onramp_json,
    present,
    program,
    reader_folder,
)

NO_JSON = (
    b"", b" ", b"null", b"1", b'"a"', b"[]", b"true", b"{", b"}", b"{}{}", b"{}\n{}", b"{} 1", b'{"a":1}]', b"{]",
    b'{"a":}', b'{"a" 1}', b"{a:1}", b"{'a':1}", b'{"a":1,}', b'{,"a":1}', b'{"a":[1,]}', b'{"a":[1 2]}',
    b'{"a":1 "b":2}', b'{"a":NaN}', b'{"a":nan}', b'{"a":Infinity}', b'{"a":-Infinity}', b'{"a":1e400}',
    b'{"a":-1e999}', b'{"a":01}', b'{"a":-01}', b'{"a":+1}', b'{"a":.5}', b'{"a":5.}', b'{"a":1e}', b'{"a":0x10}',
    b'{"a":1_000}', b'{"a":--1}', b'{"a":-}', b'{"a":True}', b'{"a":nul}', b'{"a":S}', b'{S:1}', b'{"a":undefined}',
    b'{"a":"\x01"}', b'{"a":"\t"}', b'{"a":"\n"}', b'{"a":"\r"}', b'{"a":"\x00"}', b'{"a":1}\x00', b"\x00{}",
    b'{"a":"\\x"}', b'{"a":"\\u12"}', b'{"a":"\\u12g4"}', b'{"a":"\\"}', b'{"a":"b}', b'{"a":"\xff"}',
    b'{"a":"\xc0\x80"}', b'{"a":"\xed\xa0\x80"}', b'{"a":"\xf5\x80\x80\x80"}', b'{"a":"\xe2\x82"}',
    b"\xff\xfe{\x00}\x00", b"{}\xef\xbb\xbf", b"\xef\xbb\xbf\xef\xbb\xbf{}", b"{} // x", b"/* x */{}", b"# x\n{}",
    b"{\x0b}", b"{\x0c}", b"{\xc2\xa0}", b"{\xe2\x80\xa8}", b'{"a":1;}', b'{"a":(1)}', b'{"a":"b""c"}', b'{"":"" ""}',
    b'{"a":1e5.5}', b'{"a":' + b"[" * 99999 + b"]" * 99999 + b"}", b'{"a":1,"b"}', b'{"a"::1}', b'{"a":[,]}',
    b'{"a":\\u0031}',
)  # fmt: skip
JSON = (
    b"{}", b" \t\r\n{ } \r\n", b"\xef\xbb\xbf{}", b'{"a":"\x7f"}', b'{"a":"\xe2\x80\xa8"}', b'{"a":"\\u0000\\/\\b"}',
    b'{"a":"\\\\u12"}', b'{"a":"\\\\\\""}', b'{"a":-0.0e-0}', b'{"a":1E+10}', b'{"a":1,"a":2}', b'{"":{"":[]}}',
    b'{"a":"\xf4\x8f\xbf\xbf"}', b'{"a":"S"}', b'{"a":"\\ud83d\\ude00"}', b'{"a":123456789012345}',
    b'{"a":9007199254740991}', b'{"a":' + b"[" * 90 + b"]" * 90 + b"}",
    b'{"__proto__":1,"constructor":{"10":1,"2":2}}', b'{"a":"// # \' {"}',
)  # fmt: skip


def ask(
    reader: str, script: str, *arguments: str | Path, given: bytes = b"", shell: str = "sh"
) -> tuple[int, bytes, bytes]:
    """Exit status, standard output and standard error of a script that has read json.sh."""
    environment = {"PATH": f"{reader_folder()}:/usr/bin:/bin", "ONRAMP_JSON_READER": reader}
    start = '. "$1"; shift; json_find_reader || exit 9; '
    command = [*SHELLS[shell], "-c", start + script, "sh", str(SCRIPTS / "json.sh"), *map(str, arguments)]
    result = subprocess.run(command, input=given, env=environment, capture_output=True, timeout=60)
    return result.returncode, result.stdout, result.stderr


Question = tuple[str, Sequence[str | None], str]  # mode, files, key


class Answer(NamedTuple):
    status: int
    output: bytes
    errors: bytes


@cache
def _program() -> Path:
    """The JavaScript of json.sh, with a main of our own that answers many questions at once."""
    core = subprocess.run(
        ["sh", "-c", '. "$1"; json_javascript', "sh", SCRIPTS / "json.sh"], capture_output=True, check=True
    )
    path = reader_folder() / "core.js"
    main = """
const asked = JSON.parse(require("fs").readFileSync(0, "utf-8"));
process.stdout.write(JSON.stringify(asked.map(([mode, texts, key]) => answer(mode, texts, key))));
"""
    path.write_bytes(core.stdout + main.encode())
    return path


def ask_javascript(questions: Sequence[Question]) -> list[Answer]:
    """What the core says. JXA's own Foundation has decoded the files by then."""
    given = json.dumps(questions).encode()
    result = subprocess.run([program("node"), _program()], input=given, capture_output=True, check=True, timeout=60)
    return [
        Answer(answer["status"], answer["output"].encode(), answer["errors"].encode())
        for answer in json.loads(result.stdout)
    ]


def accepted(reader: str, contents: Sequence[bytes]) -> list[bool]:
    if reader == "jxa":
        return accepted_by_javascript(contents)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / str(number) for number in range(len(contents))]
        for path, content in zip(paths, contents, strict=True):
            path.write_bytes(content)
        script = 'for file; do if json_check "$file" 2>/dev/null; then echo yes; else echo no; fi; done'
        return [line == b"yes" for line in ask(reader, script, *paths)[1].splitlines()]


def accepted_by_javascript(contents: Sequence[bytes]) -> list[bool]:
    texts = [_decoded(content) for content in contents]
    answers = iter(ask_javascript([("check", [text], "") for text in texts if text is not None]))
    return [text is not None and next(answers).status == 0 for text in texts]


def _decoded(content: bytes) -> str | None:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


@pytest.mark.parametrize("reader", READERS)
def test_json_is_read_and_nothing_else(reader: str) -> None:
    program(READERS[reader])
    contents = [*NO_JSON, *JSON]
    assert [oracle.parse(content) is not None for content in contents] == [False] * len(NO_JSON) + [True] * len(JSON)
    # Python is the oracle as well: a third of them shows that it is called in the right way.
    contents = contents[:: 3 if reader == "python3" else 1]
    wrong = [
        content[:40]
        for content, answer in zip(contents, accepted(reader, contents), strict=True)
        if answer != (content in JSON)
    ]
    assert wrong == []


@pytest.mark.parametrize("reader", READERS)
@given(contents=st.lists(generated.broken_json, min_size=8, max_size=8))
@settings(max_examples=3)
def test_what_is_nearly_json_is_read_as_strictly(reader: str, contents: list[bytes]) -> None:
    program(READERS[reader])
    for content, answer in zip(contents, accepted(reader, contents), strict=True):
        # jq may refuse a number that is too long for it. None may take what is no JSON.
        assert answer is (oracle.parse(content) is not None) or (reader == "jq" and not answer)


def test_no_reader_loses_a_number(tmp_path: Path) -> None:
    numbers = ", ".join(generated.LONG_NUMBERS)
    for reader in present(READERS):
        if reader == "jq":
            contents = [f'{{"theirs": [{number}]}}'.encode() for number in generated.LONG_NUMBERS]
            assert not any(accepted(reader, contents))
        else:
            merging, _ = both(reader, tmp_path, f'{{"theirs": [{numbers}]}}'.encode(), b"{}", EDITS)
            assert merging.output.decode().split("[")[1].split("]")[0].split() == numbers.split()


def test_jq_is_not_shown_a_string_it_would_change(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_text('{"theirs": "\\ud800"}')
    (tmp_path / "onramp.json").write_bytes(onramp_json(EDITS))
    for reader in present(READERS):
        status, output, _ = ask(reader, 'json_merge "$@"', path, tmp_path / "onramp.json")
        assert status == 1 if reader == "jq" else b'"\\ud800"' in output


OTHER_EDITS: Edits = (
    {"path": ["theirs"], "add": [1, True, None, {"a": 1.0}, "sonnet"]},
    {"path": ["model"], "value": {"nested": [1e2]}},
    {"path": ["model", "more"], "add": []},
    {"path": ["env", "10"], "value": False},
    {"path": ["permissions", "deny"], "value": ["Read(./.env)"]},
    {"path": ["", "deep", "deeper"], "value": None},
)


@given(base=generated.json_objects, changed=generated.json_objects, edits=st.sampled_from((EDITS, OTHER_EDITS)))
@settings(max_examples=6)
def test_all_readers_merge_and_take_apart_alike(base: bytes, changed: bytes, edits: Edits) -> None:
    before, now = oracle.parse(base), oracle.parse(changed)
    assert before is not None
    assert now is not None
    result = oracle.merged(before, edits)
    with tempfile.TemporaryDirectory() as name:
        for reader in present(READERS):
            merging, taking = both(reader, Path(name), base, changed, edits)
            if isinstance(result, oracle.Refused):
                assert (merging.status, merging.errors.decode()) == (3, f"{result}\n")
            else:
                assert merging.status == 0
                assert oracle.is_equal(oracle.parse(merging.output), result)
            assert oracle.is_equal(oracle.parse(taking.output), oracle.unmerge(now, before, edits))
            # Keys keep their order.
            left = list(oracle.parse(taking.output) or {})
            assert left == [key for key in now if key in left]


def both(reader: str, folder: Path, base: bytes, changed: bytes, edits: Edits) -> tuple[Answer, Answer]:
    """The first merged with the edits; the second, taken for what became of the first, without them."""
    if reader == "jxa":
        bundle = onramp_json(edits).decode()
        questions = [
            ("merge", [base.decode(), bundle], ""),
            ("unmerge", [changed.decode(), base.decode(), bundle], ""),
        ]
        first, second = ask_javascript(questions)
        return first, second
    for name, content in (("base", base), ("changed", changed), ("onramp.json", onramp_json(edits))):
        (folder / name).write_bytes(content)
    return (
        Answer(*ask(reader, 'json_merge "$@"', folder / "base", folder / "onramp.json")),
        Answer(*ask(reader, 'json_unmerge "$@"', folder / "changed", folder / "base", folder / "onramp.json")),
    )


def test_an_edit_inside_what_another_set_is_taken_out_first(tmp_path: Path) -> None:
    edits: Edits = ({"path": ["box"], "value": {"b": 1}}, {"path": ["box", "c"], "add": ["x"]})
    base = b'{"theirs": [1]}'
    changed = json.dumps(oracle.merge({"theirs": [1]}, edits), default=int).encode()
    for reader in present(READERS):
        _, taking = both(reader, tmp_path, base, changed, edits)
        assert json.loads(taking.output) == {"theirs": [1]}


@pytest.mark.parametrize(("shell", "reader"), COMBINATIONS)
def test_questions_and_answers(shell: str, reader: str, tmp_path: Path) -> None:
    program(SHELLS[shell][0])
    program(READERS[reader])
    (tmp_path / "onramp.json").write_bytes(onramp_json(EDITS, half=0.5, flag=True, named={"a": 1}, accent="ñ\u202e"))
    (tmp_path / "mine.json").write_text(
        '{"env": {"AWS_REGION": "eu-west-1"}, "permissions": {"deny": ["Read(./.env)"]}}'
    )
    script = """
        cd "$1"
        for key in plan half conflicts accent named; do json_get onramp.json "$key"; done
        echo --; json_differences mine.json onramp.json
        echo --; json_differences no-such onramp.json
        echo --; json_merge '' onramp.json >made.json; json_differences made.json onramp.json
        json_unmerge made.json no-such onramp.json
        json_check mine.json && ! json_check no-such && ! json_check . && echo checked
        json_merge . onramp.json || json_get no-such plan || echo refused
    """
    status, output, _ = ask(reader, script, tmp_path, shell=shell)
    assert status == 0
    assert output.decode().splitlines() == [
        *("platform", "0.5", "ANTHROPIC_MODEL", "AWS_BEARER_TOKEN_BEDROCK", "ñ\u202e"),
        *("--", "env.CLAUDE_CODE_USE_BEDROCK", "model", "availableModels", "permissions.deny"),
        *("--", "env.CLAUDE_CODE_USE_BEDROCK", "env.AWS_REGION", "model", "availableModels", "permissions.deny"),
        *("--", "{}", "checked", "refused"),
    ]


@pytest.mark.parametrize("reader", READERS)
def test_strings(reader: str) -> None:
    program(READERS[reader])
    for text in ("", "a\n", "\n", 'ñ "\\" $(x)\t\x01\x7f', "\u202e👩🏽‍💻"):
        status, output, _ = ask(reader, "json_string", given=text.encode())
        assert (status, json.loads(output)) == (0, text)
    assert ask(reader, "json_string", given=b"\xff")[0] != 0


def test_a_file_is_written_as_people_expect_it(tmp_path: Path) -> None:
    for reader in present(READERS):
        merging, _ = both(reader, tmp_path, '{"b":[],"a":{"ñ":[1,{}]}}'.encode(), b"{}", EDITS)
        content = merging.output.decode()
        assert content == json.dumps(json.loads(content), indent=2, ensure_ascii=False) + "\n"
        assert list(json.loads(content))[:2] == ["b", "a"]
