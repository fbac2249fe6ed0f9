"""Nothing secret is written, wherever it stands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.logs import redact

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
