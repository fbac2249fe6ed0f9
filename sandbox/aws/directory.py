"""The directory's users, with what moto lacks: whether they are enabled, and pages of thousands of them at once."""

from __future__ import annotations

import json
from typing import Any

from moto.identitystore.models import IdentityStoreData, User
from moto.identitystore.responses import IdentityStoreResponse

from sandbox.aws.errors import AwsError
from sandbox.aws.pages import page_of

_moto_describe_user = IdentityStoreResponse.describe_user


class Directory(IdentityStoreData):
    """moto's store, and the ids of its disabled users."""

    def __init__(self) -> None:
        super().__init__()
        self.disabled: set[str] = set()


def is_enabled(store: IdentityStoreData, user_id: str) -> bool:
    return not (isinstance(store, Directory) and user_id in store.disabled)


def _status(store: IdentityStoreData, user_id: str) -> str:
    return "ENABLED" if is_enabled(store, user_id) else "DISABLED"


def _store(response: IdentityStoreResponse) -> IdentityStoreData:
    """The store asked about; moto makes one of every id."""
    stores = response.identitystore_backend.identity_stores
    store_id = response._get_param("IdentityStoreId")
    if store_id not in stores:
        raise AwsError("ResourceNotFoundException", f"IdentityStore {store_id} not found.")
    return stores[store_id]


def _user(store: IdentityStoreData, user: User) -> dict[str, Any]:
    name = user.Name._asdict() if user.Name else None
    return {**user._asdict(), "Name": name, "UserStatus": _status(store, user.UserId)}


def list_users(self: IdentityStoreResponse) -> str:
    """Only the page's users are written out; moto writes all of them for every page. Filters: UserName."""
    store, size = _store(self), int(self._get_param("MaxResults") or 100)
    if not 1 <= size <= 100:
        raise AwsError("ValidationException", "MaxResults must be between 1 and 100.")
    users = list(store.users.values())
    for wanted in self._get_param("Filters") or ():
        users = [user for user in users if user.UserName == wanted["AttributeValue"]]
    page, token = page_of(users, self._get_param("NextToken"), size)
    answer: dict[str, Any] = {"Users": [_user(store, user) for user in page]}
    return json.dumps({**answer, "NextToken": token} if token else answer)


def describe_user(self: IdentityStoreResponse) -> str:
    store = _store(self)
    user = json.loads(_moto_describe_user(self))
    return json.dumps({**user, "UserStatus": _status(store, user["UserId"])})


def extend() -> None:
    """Put these in the place of moto's."""
    for operation in (list_users, describe_user):
        setattr(IdentityStoreResponse, operation.__name__, operation)
