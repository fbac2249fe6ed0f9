"""No secret survives in a text, and nothing else is lost."""

from __future__ import annotations

import string
import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from onboarding.masking import MASK, mask

KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SESSION_TOKEN = "IQoJb3JpZ2luX2VjEJr//////////wEaCXVzLWVhc3QtMSJHMEUCIQD" + "aB3/+" * 40 + "=="
OPAQUE_TOKEN = "AgoJb3JpZ2lu" + "aB3/+" * 40 + "=="
SHORT_TERM_KEY = "bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29tLz9BY3Rpb249Q2FsbFdpdGhCZWFyZXJUb2tlbg=="
LONG_TERM_KEY = "ABSKQmVkcm9ja0FQSUtleS0xMjM0LWF0LTExMTEyMjIyMzMzMzpzZWNyZXQ="
WEB_TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0abc.c2lnbmF0dXJl"
SIGNATURE = "fe5f80f77d5fa3beca038a248ff027d0445342fe2855ddc963176630326f1024"

# What is said, and what must not be left of it.
SAID = [
    (f"key {KEY_ID}, please", KEY_ID),
    (f"?q=aws_secret_access_key%3D{SECRET_KEY}", SECRET_KEY),
    ("post to https://hooks.slack.com/services/T0/B0/abcdefghijklmnop0123", "abcdefghijklmnop0123"),
    ("ASIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"),
    (f"aws_secret_access_key = {SECRET_KEY}", SECRET_KEY),
    (f"AWS_SECRET_ACCESS_KEY={SECRET_KEY}", SECRET_KEY),
    (f'$Env:AWS_SECRET_ACCESS_KEY="{SECRET_KEY}"', SECRET_KEY),
    (f"aws configure set aws_secret_access_key {SECRET_KEY}", SECRET_KEY),
    (f"AWS Secret Access Key [****************WXYZ]: {SECRET_KEY}", SECRET_KEY),
    (f'{{"SecretAccessKey": "{SECRET_KEY}"}}', SECRET_KEY),
    (f'{{\\"SecretAccessKey\\":\\"{SECRET_KEY}\\"}}', SECRET_KEY),
    (f"{{'secretAccessKey': '{SECRET_KEY}'}}", SECRET_KEY),
    (f"<SecretAccessKey>{SECRET_KEY}</SecretAccessKey>", SECRET_KEY),
    (f"secret_access_key: {SECRET_KEY[:20]}\n  {SECRET_KEY[20:]}", SECRET_KEY[20:]),
    (f"{KEY_ID} {SECRET_KEY}", SECRET_KEY),
    (f"{KEY_ID}\n{SECRET_KEY}\n", SECRET_KEY),
    (f"{SECRET_KEY}\n{KEY_ID}", SECRET_KEY),
    (f"User,Key,Secret\nana,{KEY_ID},{SECRET_KEY}", SECRET_KEY),
    (f"aws_session_token={OPAQUE_TOKEN}", OPAQUE_TOKEN),
    (f"export AWS_SESSION_TOKEN='{OPAQUE_TOKEN}'", OPAQUE_TOKEN),
    (f'"SessionToken" : "{OPAQUE_TOKEN}"', OPAQUE_TOKEN),
    (f"X-Amz-Security-Token: {OPAQUE_TOKEN}", OPAQUE_TOKEN),
    (f"?X-Amz-Security-Token={OPAQUE_TOKEN.replace('/', '%2F')}&X", OPAQUE_TOKEN.replace("/", "%2F")),
    (f"aws_session_token {OPAQUE_TOKEN}", OPAQUE_TOKEN),
    (f"it printed {SESSION_TOKEN} and ended", SESSION_TOKEN),
    (f"│ {SESSION_TOKEN[:76]} │\n│ {SESSION_TOKEN[76:152]} │\n", SESSION_TOKEN[76:152]),
    (f"AWS_BEARER_TOKEN_BEDROCK={SHORT_TERM_KEY}", SHORT_TERM_KEY),
    (f"token: {SHORT_TERM_KEY}", SHORT_TERM_KEY),
    (f"with {LONG_TERM_KEY}.", LONG_TERM_KEY),
    (f"Authorization: Bearer {LONG_TERM_KEY}", LONG_TERM_KEY),
    ('-H "Authorization: Bearer opaque-Token_0123456789"', "opaque-Token_0123456789"),
    ("{'Authorization': b'Basic dXNlcjpwYXNzd29yZA=='}", "dXNlcjpwYXNzd29yZA=="),
    ("authorization: opaque-Token_0123456789", "opaque-Token_0123456789"),
    (f"SignedHeaders=host;x-amz-date, Signature={SIGNATURE}", SIGNATURE),
    (f"&X-Amz-Signature={SIGNATURE}&Version=1", SIGNATURE),
    (f"id {WEB_TOKEN}", WEB_TOKEN),
    ("ANTHROPIC_API_KEY=sk-ant-api03-abcdefghij_KLMNOPQRST", "abcdefghij_KLMNOPQRST"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIB\nAAKCAQEA\n-----END RSA PRIVATE KEY-----", "MIIEpAIB"),
    ("-----BEGIN PRIVATE KEY-----\nMIIEpAIB\nAAKC", "AAKC"),
    ("/callback/?code=abc&state=def", "abc"),
    ("https://device.sso.eu-west-1.amazonaws.com/?user_code=ABCD-EFGH", "ABCD-EFGH"),
    ("HTTPS_PROXY=http://ana:hunter2@proxy.acme.example:3128", "hunter2"),
]
# Nothing of these is secret, and a diagnosis needs most of it.
PLAIN = [
    "User: arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_ClaudeCode_0123456789abcdef/ana@acme.example",
    "is not authorized to perform: bedrock:InvokeModelWithResponseStream",
    "arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0",
    "arn:aws:bedrock:eu-west-1:111122223333:inference-profile/eu.anthropic.claude-sonnet-4-6",
    "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/a1b2c3d4e5f6",
    "arn:aws:organizations::999988887777:policy/o-a1b2c3d4e5/service_control_policy/p-examplepolicyid111",
    "with an explicit deny in a service control policy",
    "An error occurred (ExpiredTokenException) when calling the InvokeModel operation",
    "The security token included in the request is expired",
    "403 Bearer Token has expired",
    "UnauthorizedException: Session token not found or invalid",
    "The SSO session token associated with profile=team-x was not found or is invalid",
    "Partial credentials found in env, missing: AWS_SECRET_ACCESS_KEY",
    "Authentication failed: Please make sure your API Key is valid.",
    "Credential should be scoped to a valid Region, not 'eu-west-1'.",
    "request id: 3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    '"requestId":"req_011CSHoEeqs5C35K2UUqR7Fy"',
    "https://console.aws.amazon.com/iam/home#/authorization-details/5arhuwacg4o48yxyin4kcrony",
    "AROAEXAMPLEROLEID1234:ana@acme.example",
    "at commit 54a880916fd0d9b1c1c4b1b3a0f3b7c2d7e3a111",
    "bedrock-runtime.eu-west-1.amazonaws.com",
]


@pytest.mark.parametrize(("text", "secret"), SAID)
def test_secrets_are_masked(text: str, secret: str) -> None:
    masked = mask(text)

    assert secret not in masked
    assert MASK in masked


@pytest.mark.parametrize("text", PLAIN)
def test_plain_text_stays(text: str) -> None:
    assert mask(text) == text


@given(st.lists(st.sampled_from(PLAIN), min_size=1), st.sampled_from([" ", "\n", "; ", ' "', " | "]))
def test_plain_texts_stay_together(texts: list[str], between: str) -> None:
    text = between.join(texts)

    assert mask(text) == text


def test_what_stands_around_a_secret_stays() -> None:
    signed = (
        f"Authorization: AWS4-HMAC-SHA256 Credential={KEY_ID}/20261122/us-east-1/bedrock/aws4_request, "
        f"SignedHeaders=host, Signature={SIGNATURE}"
    )

    assert mask(signed) == (
        f"Authorization: AWS4-HMAC-SHA256 Credential={MASK}/20261122/us-east-1/bedrock/aws4_request, "
        f"SignedHeaders=host, Signature={MASK}"
    )
    config = f"[team-x]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET_KEY}\nregion = eu-west-1\n"
    assert (
        mask(config) == f"[team-x]\naws_access_key_id = {MASK}\naws_secret_access_key = {MASK}\nregion = eu-west-1\n"
    )
    proxy = "http://ana:hunter2@proxy.acme.example:3128"
    assert mask(proxy) == f"http://{MASK}@proxy.acme.example:3128"


def test_a_secret_hides_no_other() -> None:
    both = f"?code=aws_secret_access_key: {SECRET_KEY}, bearer default_aws_session_token: {OPAQUE_TOKEN}"

    assert mask(both) == f"?{MASK} {MASK}, bearer {MASK}: {MASK}"


def test_a_lone_word_of_forty_is_no_secret_without_a_key_id() -> None:
    assert mask(f"{SECRET_KEY}\n\n{KEY_ID}") == f"{SECRET_KEY}\n\n{MASK}"


# --- any secret, anywhere

BASE64 = string.ascii_letters + string.digits + "+/"
UPPER = string.ascii_uppercase + string.digits
URL_SAFE = string.ascii_letters + string.digits + "-_"
BEFORE = {
    "secret": [
        "aws_secret_access_key=",
        "AWS_SECRET_ACCESS_KEY: ",
        '"SecretAccessKey": "',
        "secret_key ",
        "'secretKey':'",
    ],
    "token": [
        "aws_session_token = ",
        '"SessionToken":"',
        "X-Amz-Security-Token=",
        "x-amz-security-token: ",
        "--session-token ",
    ],
}


def _secret_keys() -> st.SearchStrategy[tuple[str, str]]:
    keys = st.text(BASE64, min_size=40, max_size=40)
    return st.tuples(st.sampled_from(BEFORE["secret"]), keys)


def _bare(prefix: str, alphabet: str, least: int, most: int) -> st.SearchStrategy[tuple[str, str]]:
    return st.text(alphabet, min_size=least, max_size=most).map(lambda rest: ("", prefix + rest))


def _web_tokens() -> st.SearchStrategy[tuple[str, str]]:
    part = st.text(URL_SAFE, min_size=20, max_size=60)
    return st.tuples(part, part, part).map(lambda parts: ("", f"eyJ{'.'.join(parts)}"))


SECRETS = st.one_of(
    *(_bare(prefix, UPPER, 16, 16) for prefix in ("AKIA", "ASIA", "ABIA")),
    _secret_keys(),
    st.tuples(st.sampled_from(BEFORE["token"]), st.text(BASE64, min_size=100, max_size=300)),
    *(_bare(prefix, BASE64, 96, 300) for prefix in ("IQoJ", "FwoG", "FQoG")),
    _bare("bedrock-api-key-", BASE64, 60, 200),
    _bare("ABSK", BASE64, 100, 140),
    st.tuples(st.just("Authorization: Bearer "), st.text(URL_SAFE, min_size=20, max_size=100)),
    st.tuples(
        st.sampled_from(["Signature=", "X-Amz-Signature="]), st.text("0123456789abcdef", min_size=64, max_size=64)
    ),
    _web_tokens(),
)
TEXTS = st.text() | st.lists(st.sampled_from([*PLAIN, "\n", " ", "=", "[", "]", '"', "api_key", "?code=", "eyJ"])).map(
    "".join
)


@given(TEXTS, SECRETS, TEXTS)
def test_no_secret_survives_wherever_it_stands(before: str, named_secret: tuple[str, str], after: str) -> None:
    name, secret = named_secret
    assume(secret not in before and secret not in after)

    assert secret not in mask(before + name + secret + after)


@given(st.lists(st.sampled_from([text for text, _ in SAID]) | TEXTS).map("".join))
def test_masking_twice_is_masking_once(text: str) -> None:
    masked = mask(text)

    assert mask(masked) == masked


@given(st.text(BASE64, min_size=40, max_size=40), st.sampled_from([" ", "\t", "\n", ",", "\r\n", '","', " | "]))
def test_no_secret_key_survives_beside_its_id(secret: str, between: str) -> None:
    assume(not set(secret) <= set("0123456789abcdef"))

    assert secret not in mask(KEY_ID + between + secret)


# --- hostile input

SIZE = 100_000
HOSTILE = [
    "eyJ",
    "eyJ" + "a" * 17 + ".",
    "AKIA",
    "AKIA" + "A" * 16 + "\n",
    "A" * 15 + "\n",
    "IQoJ",
    "IQoJ" + "a" * 44 + " |\n",
    "secret key ",
    "secret_access_key=",
    "secret key=A\n",
    "api_key[",
    "-----BEGIN PRIVATE KEY-----",
    "://a:",
    "&token=",
    "authorization=basic ",
    "bearer ",
    "signature=",
    "|\n",
    " ",
    "\\",
    "\n",
]


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("start", ["", "secret key=", "IQoJ" + "1" * 50])
def test_hostile_text_takes_no_time(start: str, piece: str) -> None:
    text = (start + piece * SIZE)[:SIZE]

    begun = time.perf_counter()
    mask(text)

    # Milliseconds when it is linear, minutes when it is not.
    assert time.perf_counter() - begun < 20
