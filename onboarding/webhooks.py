"""Posting to a webhook that an operator configured, without becoming a way into the network the portal stands in.

The URL is https at a host of a list, and nowhere else; every address of the host is public; and the connection goes to
the very address that was looked at, so that a second answer from the name server changes nothing. No redirect is
followed, and no proxy of the environment is asked. A webhook's URL is a secret: it is in no error and no log.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import SplitResult, urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Host and port to the addresses of that host; raises OSError where it has none.
Resolver = Callable[[str, int], Sequence[str]]

_TIMEOUT = 3.0  # seconds, for the connection and for each piece of an answer
_ALTOGETHER = 15.0  # seconds, from the connection on: an answer may come in many pieces
_ANSWER_LIMIT = 4096  # bytes
_PLAIN = re.compile(r"[!-~]{1,2048}")  # printable ASCII without spaces
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class WebhookError(Exception):
    """Nothing was delivered, and why, in a word that names no URL: such as `url`, `address`, `answer-404`."""


def resolve(host: str, port: int) -> Sequence[str]:
    """What the system's resolver answers."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def is_public(address: str) -> bool:
    """Whether an address, and every address that it only wraps, is one of the open internet."""
    try:
        return all(_is_public(each) for each in _meant(ipaddress.ip_address(address)))
    except ValueError:
        return False


def _meant(address: Address) -> Iterator[Address]:
    """What an address leads to: IPv6 carries IPv4 in several ways, and each of them reaches the IPv4 network."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            yield address.ipv4_mapped
            return
        if address in _NAT64:
            yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
            return
        if address.sixtofour:
            yield address.sixtofour
    yield address


def _is_public(address: Address) -> bool:
    is_local = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
    return address.is_global and not (is_local or address.is_multicast or address.is_reserved)


def post(
    url: str,
    payload: Any,
    *,
    hosts: Collection[str],
    port: int = 443,
    resolver: Resolver = resolve,
    may_reach: Callable[[str], bool] = is_public,
    context: ssl.SSLContext | None = None,
    altogether: float = _ALTOGETHER,
) -> None:
    """Post `payload` as JSON; raises WebhookError unless the answer is one of success.

    `port`, `resolver`, `may_reach`, `context` and `altogether` are for tests: no setting leads to them.
    """
    parts = _checked(url, hosts)
    host = str(parts.hostname)
    connection = http.client.HTTPSConnection(host, port, timeout=_TIMEOUT)
    try:
        plain = _connected(_addresses(host, port, resolver, may_reach), port)
        secured = (context or ssl.create_default_context()).wrap_socket(
            plain, server_hostname=host, do_handshake_on_connect=False
        )
        # With a socket of its own the connection does not look the name up again.
        connection.sock = secured
        with _ended_after(altogether, secured):
            secured.do_handshake()
            target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
            connection.request("POST", target, json.dumps(payload).encode(), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read(_ANSWER_LIMIT)
    except (OSError, http.client.HTTPException) as error:
        raise WebhookError(type(error).__name__) from None
    finally:
        connection.close()
    if not 200 <= answer.status < 300:
        raise WebhookError(f"answer-{answer.status}")


@contextmanager
def _ended_after(seconds: float, secured: socket.socket) -> Iterator[None]:
    """Cut the connection when it takes longer, under whatever reads from it; raises TimeoutError then."""
    is_cut = threading.Event()

    def cut() -> None:
        is_cut.set()
        with suppress(OSError):
            # Not the TLS one, which would say goodbye and wait.
            socket.socket.shutdown(secured, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if is_cut.is_set():
            raise TimeoutError


def _checked(url: str, hosts: Collection[str]) -> SplitResult:
    """The URL in its parts, if it is one that may be posted to."""
    try:
        parts = urlsplit(url)
        is_fine = (
            _PLAIN.fullmatch(url) is not None
            and "\\" not in url
            and parts.scheme == "https"
            and "@" not in parts.netloc
            and parts.hostname in hosts
            and parts.port in (None, 443)
            and not parts.fragment
        )
    except ValueError:
        is_fine = False
    if not is_fine:
        raise WebhookError("url")
    return parts


def _addresses(host: str, port: int, resolver: Resolver, may_reach: Callable[[str], bool]) -> Sequence[str]:
    """The host's addresses. All of them have to be public: one that is not says that somebody meddles."""
    try:
        found = list(resolver(host, port))
    except OSError:
        raise WebhookError("no-address") from None
    if not found:
        raise WebhookError("no-address")
    if not all(may_reach(address) for address in found):
        raise WebhookError("address")
    return found


def _connected(addresses: Sequence[str], port: int) -> socket.socket:
    """A connection to the first that takes one: a network without IPv6 still gets IPv6 addresses told."""
    *others, last = dict.fromkeys(addresses)
    for address in others:
        try:
            return socket.create_connection((address, port), timeout=_TIMEOUT)
        except OSError:
            continue
    return socket.create_connection((last, port), timeout=_TIMEOUT)
