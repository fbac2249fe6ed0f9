"""Pages that were rendered, kept in this process for as long as what they were made of stays as it is."""

from __future__ import annotations

import datetime as dt
import secrets
from collections import OrderedDict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from threading import Lock

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.utils import timezone

# Stands where each answer has the CSRF token of its request. Nobody can write it into a page.
TOKEN_SLOT = secrets.token_hex(32)
# Whatever a page depends on and does not say, it is at most this old.
_OLDEST = dt.timedelta(minutes=5)
_MOST = 256  # pages of some 30 kB


@dataclass(frozen=True, slots=True)
class Page:
    """A rendered page; `tag` says which state of things it shows."""

    text: str
    tag: str
    until: dt.datetime

    @property
    def etag(self) -> str:
        return f'"{self.tag}"'

    def answer(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(self.text.replace(TOKEN_SLOT, get_token(request)))


class Pages:
    """The pages that were asked for last, by everything they were made of. May be used by several threads."""

    def __init__(self) -> None:
        self._pages: OrderedDict[Hashable, Page] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable) -> Page | None:
        with self._lock:
            page = self._pages.get(key)
            if page is None or page.until <= timezone.now():
                return None
            self._pages.move_to_end(key)
            return page

    def keep(self, key: Hashable, page: Page) -> None:
        with self._lock:
            self._pages[key] = page
            self._pages.move_to_end(key)
            if len(self._pages) > _MOST:
                self._pages.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._pages.clear()


def until(moments: Iterable[dt.datetime], now: dt.datetime) -> dt.datetime:
    """When the first of the moments comes at which a page says something else by itself."""
    return min([now + _OLDEST, *(moment for moment in moments if moment > now)])
