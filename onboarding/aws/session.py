"""Clients: one per (service, Region, access) and process, with time-outs and bounded retries.

Making a client costs tens of milliseconds of CPU, a call through one a tenth of a millisecond, so they are kept.
Clients are safe to share between threads (boto3's guide, "Multithreading or multiprocessing with clients").
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import NoCredentialsError
from botocore.handlers import json_decode_policies
from botocore.loaders import Loader

from onboarding.aws.pace import wait_for_turn

# Worst case for one call: 3 tries of 2 s + 8 s and short pauses, about half a minute. A fourth would come near the
# minute for which a job is leased. Not "adaptive": once a call was throttled, that mode holds back every call of its
# client, so that whoever looks at a page would wait for a sweep; and AWS advises against it where one client serves
# several (https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html). Sweeps keep a pace: pace.py.
CONFIG = Config(
    connect_timeout=2,
    read_timeout=8,
    retries={"mode": "standard", "total_max_attempts": 3},
    user_agent_extra="onramp",
)
# Cost Explorer charges for every attempt, also for one that nobody waited for: once, and with patience.
_CHARGED = {"ce": CONFIG.merge(Config(read_timeout=60, retries={"mode": "standard", "total_max_attempts": 1}))}
_SESSION_NAME = "onramp"


@dataclass(frozen=True, slots=True)
class Access:
    """How the portal reaches an account: by assuming `role_arn`, or with its own credentials when that is empty."""

    role_arn: str = ""
    external_id: str = ""


def client(service: str, *, region: str, access: Access) -> Any:
    """A boto3 client. Raises nothing of its own: credentials are looked up at the first call."""
    return _client(service, region, access)


@lru_cache(maxsize=256)
def _client(service: str, region: str, access: Access) -> Any:
    config = _CHARGED.get(service, CONFIG)
    made = _session(access).client(service, region_name=region, config=config)  # type: ignore[call-overload]  # any service
    if service == "iam":
        # A policy's text as it was written: the simulator names statements by where they stand in it.
        made.meta.events.unregister("after-call.iam", json_decode_policies)
    made.meta.events.register("before-send", lambda **_: wait_for_turn(service, access.role_arn))
    return made


@lru_cache(maxsize=64)
def _session(access: Access) -> boto3.Session:
    core = _core()
    if access.role_arn:
        # botocore has no public setter for refreshable credentials; this is the way its own documentation of
        # `AssumeRoleCredentialFetcher` leaves open, and what the AWS CLI does for profiles with a role_arn.
        core._credentials = _assumed(core, access)  # type: ignore[attr-defined]  # no public setter
    return boto3.Session(botocore_session=core)


class _SharedLoader(Loader):
    """Knows AWS's services from what was read once: megabytes of JSON, in a thousand folders.

    boto3 has each session add a folder of resources. Nobody here uses them, and they would be looked through as many
    times as there are sessions.
    """

    @property
    def search_paths(self) -> list[str]:
        return list(super().search_paths)


_LOADER = _SharedLoader()


def _core() -> botocore.session.Session:
    session = botocore.session.Session()
    session.register_component("data_loader", _LOADER)
    return session


def _assumed(core: botocore.session.Session, access: Access) -> DeferredRefreshableCredentials:
    """Credentials of the role, asked for at first use and renewed before they expire."""
    source = _core()
    arguments = {"RoleSessionName": _SESSION_NAME, **_external(access.external_id)}
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=lambda name, **kwargs: source.create_client(name, **{**kwargs, "config": CONFIG}),
        source_credentials=_LazyCredentials(source),
        role_arn=access.role_arn,
        extra_args=arguments,
    )
    return DeferredRefreshableCredentials(method="assume-role", refresh_using=fetcher.fetch_credentials)


class _LazyCredentials:
    """The portal's own credentials, found when they are first needed, not when a client is made."""

    def __init__(self, session: botocore.session.Session) -> None:
        self._session = session

    def get_frozen_credentials(self) -> Any:
        credentials = self._session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        return credentials.get_frozen_credentials()


def assumed(role_arn: str, *, region: str, external_id: str) -> Any:
    """A boto3 session as a role that trusts the portal's own credentials; for calls that have to be made as it."""
    answer = client("sts", region=region, access=Access()).assume_role(
        RoleArn=role_arn, RoleSessionName=_SESSION_NAME, DurationSeconds=900, **_external(external_id)
    )["Credentials"]
    return boto3.Session(
        botocore_session=_core(),
        aws_access_key_id=answer["AccessKeyId"],
        aws_secret_access_key=answer["SecretAccessKey"],
        aws_session_token=answer["SessionToken"],
        region_name=region,
    )


def _external(external_id: str) -> dict[str, str]:
    return {"ExternalId": external_id} if external_id else {}


def forget_clients() -> None:
    """Drop every kept client, so that the next call sees a changed environment."""
    _client.cache_clear()
    _session.cache_clear()
