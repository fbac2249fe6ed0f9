"""Nothing secret is written, wherever it stands."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from portal.logs import logging_config, redact

SECRETS = [
    "AKIAIOSFODNN7EXAMPLE",
    "bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t",
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0abc.c2lnbmF0dXJl",
    "ABSKQmVkcm9ja0FQSUtleS0xMjM0LWF0LTExMTEyMjIyMzMzMzpzZWNyZXQ",
    "IQoJb3JpZ2luX2VjEJraB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_in_texts_are_masked(secret: str) -> None:
    assert secret not in repr(redact({"event": f"asked with {secret}!", "items": [("a", {"b": secret})]}))


@pytest.mark.parametrize("key", ["password", "client_secret", "Authorization", "SessionToken", "csrf_cookie"])
def test_values_of_secret_keys_are_masked(key: str) -> None:
    assert redact({"outer": {key: "plain"}}) == {"outer": {key: "[redacted]"}}


def test_sign_in_parameters_in_urls_are_masked() -> None:
    url = redact("GET /accounts/oidc/corp/login/callback/?code=abc&state=def&next=/setup/")

    assert url == "GET /accounts/oidc/corp/login/callback/?[redacted]&[redacted]&next=/setup/"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_it_takes_whatever_is_logged(value: object) -> None:
    redact(value)


class Opaque:
    """What JSON has no form for: a renderer writes its repr."""

    def __repr__(self) -> str:
        return f"<Opaque {SECRETS[0]} of ana@acme.example>"


@pytest.mark.parametrize(
    "value",
    [
        SECRETS[0].encode(),
        bytearray(SECRETS[1].encode()),
        memoryview(SECRETS[2].encode()),
        ValueError(f"not {SECRETS[3]}"),
        {SECRETS[4]},
        frozenset((SECRETS[0],)),
        Opaque(),
        {SECRETS[0]: "a key"},
        {("in", SECRETS[0]): "a key"},
        {b"Authorization": "plain-hunter2"},
        [{"headers": [{"X-Api-Key": "plain-hunter2"}]}],
        {"kwargs": ({"slack_webhook": "plain-hunter2"},)},
        "POST https://hooks.slack.com/services/T0ACME000/B0ACME000/hunter2hunter2hunter2",
        "Max retries exceeded with url: /services/T0ACME000/B0ACME000/hunter2hunter2hunter2 (Caused by",
    ],
    ids=lambda value: type(value).__name__,
)
def test_secrets_are_masked_wherever_they_stand(value: object) -> None:
    written = json.dumps(redact({"event": "asked", "about": value}))

    assert not [secret for secret in (*SECRETS, "hunter2", "acme.example") if secret in written]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("found ana.nunez+test@mail.acme.example twice", "found [e-mail] twice"),
        ("GET /people/?q=ana%40acme.example", "GET /people/?q=[e-mail]"),
        ("Key (email)=(ana@acme.example) already exists", "Key (email)=([e-mail]) already exists"),
        (
            "arn:aws:sts::111122223333:assumed-role/dev/ana@acme.example",
            "arn:aws:sts::111122223333:assumed-role/dev/[e-mail]",
        ),
        # Machines.
        ("celery@worker-1.internal.example ready.", "celery@worker-1.internal.example ready."),
        ("Connected to redis://:[redacted]@127.0.0.1:6379/0", "Connected to redis://:[redacted]@127.0.0.1:6379/0"),
    ],
)
def test_people_are_not_named_by_their_address(text: str, expected: str) -> None:
    assert redact(text) == expected


def written(**extra: Any) -> str:
    """A line as a process writes it: through the handler that the settings name."""
    formatter = logging_config("json")["formatters"]["onramp"]
    made = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=formatter["foreign_pre_chain"], processors=formatter["processors"]
    )
    record = logging.makeLogRecord({"name": "celery.worker", "levelname": "ERROR", "levelno": logging.ERROR} | extra)
    return made.format(record)


def test_a_traceback_is_masked_with_all_its_causes() -> None:
    try:
        try:
            raise KeyError(SECRETS[0])
        except KeyError as cause:
            raise RuntimeError(f"refused Bearer {SECRETS[2]} to ana@acme.example") from cause
    except RuntimeError:
        line = written(msg="it failed", exc_info=sys.exc_info())

    assert "RuntimeError" in json.loads(line)["exception"]
    assert "KeyError" in json.loads(line)["exception"]
    assert not [secret for secret in (*SECRETS, "acme.example") if secret in line]


def test_the_arguments_of_a_task_are_masked_as_celery_writes_them() -> None:
    arguments = {"name": "onboarding.send", "kwargs": {"secret_key": "kU7mWnq4Zt0pXyRb2cVdLh8sJf3gEa5iOuT1wKeQ"}}
    line = written(msg="Task %(name)s raised with %(kwargs)r", args=arguments)

    assert "kU7mWnq4" not in line
    assert json.loads(line)["level"] == "error"
