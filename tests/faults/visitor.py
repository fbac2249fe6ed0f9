"""Somebody with a browser in front of several web processes, as a load balancer shows them: one that refuses the
connection is passed over. Whatever is answered counts, also an error.
"""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import requests

from sandbox.idp import PASSWORD, username_of


class Visitor:
    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = urls
        self._turn = itertools.cycle(urls)
        self.session = requests.Session()
        # What the environment says of proxies is not for loopback.
        self.session.trust_env = False

    def through(self, url: str) -> Visitor:
        """The same one, by way of a balancer."""
        visitor = Visitor([url])
        visitor.session = self.session
        visitor.session.headers["Connection"] = "close"
        return visitor

    def get(self, path: str, **options: Any) -> requests.Response:
        return self._ask("GET", path, **options)

    def post(self, path: str, *, allow_redirects: bool = True, **data: str) -> requests.Response:
        """A form of a page: with its token, and from its own site."""
        token = next((cookie.value for cookie in self.session.cookies if cookie.name == "csrf"), "") or ""
        form = {"csrfmiddlewaretoken": token, **data}
        return self._ask("POST", path, data=form, headers={"Referer": self._urls[0]}, allow_redirects=allow_redirects)

    def _ask(self, method: str, path: str, **options: Any) -> requests.Response:
        options.setdefault("timeout", 30)
        for _ in self._urls[1:]:
            try:
                return self.session.request(method, next(self._turn) + path, **options)
            except requests.exceptions.ConnectionError as error:
                if "refused" not in str(error):
                    raise
        return self.session.request(method, next(self._turn) + path, **options)

    def sign_in(self, email: str) -> requests.Response:
        """At the first of the web processes: the provider sends people back to the portal's public URL."""
        front = Visitor(self._urls[:1])
        front.session = self.session
        front.get("/")
        page = front.post("/accounts/oidc/corp/login/")
        hidden = re.search(r'name="transaction_id" value="([^"]+)"', page.text)
        assert hidden is not None, page.text[:2000]
        form = {"username": username_of(email), "password": PASSWORD, "transaction_id": hidden[1]}
        answer = self.session.post(page.url, data=form, timeout=30)
        assert answer.status_code == 200, (answer.status_code, answer.url, answer.text[:2000])
        return answer


class Load:
    """Visitors who load pages all the time. `statuses` counts what they were answered, `slowest` is in seconds."""

    def __init__(self, visitors: Sequence[Visitor], paths: Sequence[str]) -> None:
        self.statuses: Counter[str] = Counter()
        self.slowest = 0.0
        self._visitors, self._paths = visitors, paths
        self._ended = threading.Event()
        self._lock = threading.Lock()

    @property
    def failed(self) -> int:
        return sum(count for status, count in self.statuses.items() if status != "200")

    @property
    def made(self) -> int:
        return self.statuses.total()

    def _go(self, visitor: Visitor) -> None:
        for path in itertools.cycle(self._paths):
            if self._ended.is_set():
                return
            began = time.monotonic()
            try:
                status = str(visitor.get(path, timeout=60).status_code)
            except requests.RequestException as error:
                status = f"{type(error).__name__} at {path}"
            with self._lock:
                self.statuses[status] += 1
                self.slowest = max(self.slowest, time.monotonic() - began)
            # Somebody reads.
            self._ended.wait(0.05)

    @contextmanager
    def running(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._go, args=(visitor,), daemon=True) for visitor in self._visitors]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._ended.set()
            for thread in threads:
                thread.join(60)
