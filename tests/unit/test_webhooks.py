"""Webhooks: what may be posted to, and that nothing else ever is. The server is a real one, with TLS, on loopback."""

from __future__ import annotations

import datetime as dt
import http.server
import ipaddress
import json
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from onboarding import webhooks
from onboarding.webhooks import WebhookError, is_public
from tests.serving import serving

HOST = "hooks.slack.com"
URL = f"https://{HOST}/services/T0/B0/very-secret"


class Server(http.server.ThreadingHTTPServer):
    """What was posted, as path and body; answers with `status`."""

    status = 200
    headers: dict[str, str] = {}
    answer = b"ok"
    drips = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.posted: list[tuple[str, str, Any]] = []


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append((self.path, self.headers["Host"].partition(":")[0], json.loads(body)))
        if self.server.drips:
            self._drip()
            return
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()
        # The client reads no more than it wants.
        with suppress(OSError):
            self.wfile.write(self.server.answer)

    def _drip(self) -> None:
        """A head without end, a byte at a time: no single one lets its reader wait for long."""
        with suppress(OSError):
            self.wfile.write(b"HTTP/1.0 200 OK\r\nX-Endless: ")
            for _ in range(500):
                self.wfile.write(b"x")
                time.sleep(0.02)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for HOST, with its key, that nobody trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(made.public_bytes(pem) + private)
    return path


@pytest.fixture
def server(certificate: Path) -> Iterator[Server]:
    running = Server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    running.socket = context.wrap_socket(running.socket, server_side=True)
    with serving(running):
        yield running


@pytest.fixture
def post(server: Server, certificate: Path) -> Any:
    """`webhooks.post`, for which HOST is on loopback and its certificate is trusted."""
    return partial(
        webhooks.post,
        hosts={HOST},
        port=server.server_address[1],
        resolver=lambda host, port: ["127.0.0.1"],
        may_reach=lambda address: address == "127.0.0.1",
        context=ssl.create_default_context(cafile=str(certificate)),
    )


# --- Delivering


def test_it_is_posted_as_json_to_the_path_of_the_host(post: Any, server: Server) -> None:
    post(f"{URL}?a=b", {"text": "ñ & <"})

    assert server.posted == [("/services/T0/B0/very-secret?a=b", HOST, {"text": "ñ & <"})]


def test_an_address_that_takes_no_connection_is_passed_over(post: Any, server: Server) -> None:
    post(
        URL,
        {},
        resolver=lambda host, port: ["::1", "127.0.0.1"],
        may_reach=lambda address: True,
    )

    assert len(server.posted) == 1


@pytest.mark.parametrize("status", [302, 307, 404, 410, 500])
def test_what_is_not_success_is_an_error_and_no_redirect_is_followed(post: Any, server: Server, status: int) -> None:
    server.status = status
    server.headers = {"Location": f"https://{HOST}/elsewhere"}

    with pytest.raises(WebhookError, match=f"^answer-{status}$"):
        post(URL, {})

    assert len(server.posted) == 1


def test_an_answer_without_end_is_not_read_to_its_end(post: Any, server: Server) -> None:
    server.answer = b"x" * 10_000_000

    post(URL, {})


def test_an_answer_that_comes_byte_by_byte_is_cut(post: Any, server: Server) -> None:
    server.drips = True
    began = time.monotonic()

    with pytest.raises(WebhookError, match=r"^TimeoutError$"):
        post(URL, {}, altogether=0.3)

    assert time.monotonic() - began < 5


def test_a_certificate_of_another_name_is_refused(post: Any, server: Server) -> None:
    with pytest.raises(WebhookError, match=r"^SSLCertVerificationError$"):
        post(URL.replace(HOST, "example.com"), {}, hosts={"example.com"})

    assert server.posted == []


def test_a_certificate_that_nobody_trusts_is_refused(post: Any, server: Server) -> None:
    with pytest.raises(WebhookError, match=r"^SSLCertVerificationError$"):
        post(URL, {}, context=None)

    assert server.posted == []


def test_proxies_of_the_environment_are_not_asked(post: Any, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")

    post(URL, {})

    assert len(server.posted) == 1


def test_nobody_listens() -> None:
    with pytest.raises(WebhookError, match=r"^ConnectionRefusedError$"):
        webhooks.post(
            URL, {}, hosts={HOST}, port=9, resolver=lambda host, port: ["127.0.0.1"], may_reach=lambda address: True
        )


# --- Refusing


@pytest.mark.parametrize(
    "url",
    [
        "",
        f"http://{HOST}/services",
        f"ftp://{HOST}/services",
        f"//{HOST}/services",
        "https://example.com/services",
        f"https://{HOST}.example.com/",
        f"https://{HOST}./",
        f"https://example.com@{HOST}/",
        f"https://user:word@{HOST}/",
        f"https://{HOST}@example.com/",
        f"https://{HOST}\\@example.com/",
        f"https://example.com\\@{HOST}/",
        f"https://{HOST}:8443/",
        f"https://{HOST}:65536/",
        f"https://{HOST}:x/",
        f"https://{HOST}/a b",
        f"https://{HOST}/a\r\nX: y",
        f"https://{HOST}/#fragment",
        f"https://{HOST}/ñ",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::1/",
        f"https://{HOST}/" + "a" * 3000,
    ],
)
def test_a_url_of_any_other_form_is_refused_before_anything_is_looked_up(url: str) -> None:
    def never(host: str, port: int) -> list[str]:
        raise AssertionError("looked up")

    with pytest.raises(WebhookError, match=r"^url$"):
        webhooks.post(url, {}, hosts={HOST}, resolver=never)


@given(st.text())
def test_no_text_that_is_no_url_of_the_host_leads_anywhere(text: str) -> None:
    with pytest.raises(WebhookError, match=r"^url$"):
        webhooks.post(text, {}, hosts={HOST}, resolver=lambda host, port: ["127.0.0.1"])


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::ffff:169.254.169.254"], ["2606:4700::1", "fd00:ec2::254"]],
)
def test_one_address_that_is_not_public_stops_it(addresses: list[str]) -> None:
    with pytest.raises(WebhookError, match=r"^address$"):
        webhooks.post(URL, {}, hosts={HOST}, resolver=lambda host, port: addresses)


@pytest.mark.parametrize("problem", [OSError("no such name"), []])
def test_a_name_without_an_address(problem: Any) -> None:
    def resolver(host: str, port: int) -> list[str]:
        if problem:
            raise problem
        return []

    with pytest.raises(WebhookError, match=r"^no-address$"):
        webhooks.post(URL, {}, hosts={HOST}, resolver=resolver)


def test_loopback_by_name_is_refused_by_the_resolver_of_the_system() -> None:
    with pytest.raises(WebhookError, match=r"^address$"):
        webhooks.post("https://localhost/", {}, hosts={"localhost"})


def test_no_error_names_the_url() -> None:
    with pytest.raises(WebhookError) as caught:
        webhooks.post(URL, {}, hosts={HOST}, resolver=lambda host, port: ["127.0.0.1"])

    assert "secret" not in repr(caught.value)
    assert caught.value.__cause__ is None


# --- Addresses

PRIVATE = [
    *("0.0.0.1", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1"),
    *("192.0.0.1", "192.168.1.1", "198.18.0.1", "224.0.0.1", "239.1.2.3", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fe80::1%1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "2001::1"),
    *("::127.0.0.1", "64:ff9b:1::10.0.0.1", "100::1"),
]


@pytest.mark.parametrize("address", [*PRIVATE, "", "localhost", "127.1", "0x7f.0.0.1", "2130706433", "1.2.3.4 "])
def test_an_address_of_the_inside_or_of_no_known_form_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "3.95.117.96", "2606:4700::6810:84e5", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"],
)
def test_an_address_of_the_open_internet_is_public(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_however_ipv6_wraps_an_ipv4_address_it_is_no_more_public_than_that(inner: ipaddress.IPv4Address) -> None:
    number = int(inner)
    mapped = ipaddress.IPv6Address((0xFFFF << 32) | number)
    translated = ipaddress.IPv6Address((0x64FF9B << 96) | number)
    relayed = ipaddress.IPv6Address((0x2002 << 112) | (number << 80) | 1)
    for wrapped in (mapped, translated, relayed):
        assert is_public(str(wrapped)) == is_public(str(inner))
