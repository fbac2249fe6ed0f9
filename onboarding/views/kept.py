"""What was rendered or read, kept in this process for as long as what it was made of stays as it is."""

from __future__ import annotations

import datetime as dt
import secrets
from collections import OrderedDict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar

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

    def answer(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(self.text.replace(TOKEN_SLOT, get_token(request)))


def etag(tag: str) -> str:
    """As headers have it."""
    return f'"{tag}"'


T = TypeVar("T")


class Kept(Generic[T]):
    """What was asked for last, by everything it was made of. May be used by several threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, tuple[T, dt.datetime]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable) -> T | None:
        with self._lock:
            found = self._kept.get(key)
            if found is None or found[1] <= timezone.now():
                return None
            self._kept.move_to_end(key)
            return found[0]

    def keep(self, key: Hashable, what: T, until: dt.datetime) -> None:
        with self._lock:
            self._kept[key] = (what, until)
            self._kept.move_to_end(key)
            if len(self._kept) > _MOST:
                self._kept.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()


def until(moments: Iterable[dt.datetime] = (), now: dt.datetime | None = None) -> dt.datetime:
    """When the first of the moments comes at which a page says something else by itself."""
    now = now or timezone.now()
    return min([now + _OLDEST, *(moment for moment in moments if moment > now)])
