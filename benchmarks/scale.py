"""A company as large as one wants, served as AWS by a process of its own, with every call counted.

Everybody is in the directory and in one group; each group has one permission set in one account, so that there are as
many roles as groups. Plans are spread over accounts, Regions and models.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from sandbox import company as sandbox
from sandbox.company import Company

MODELS = (
    ("anthropic.claude-opus-4-8", "Claude Opus 4.8"),
    ("anthropic.claude-sonnet-4-6", "Claude Sonnet 4.6"),
    ("anthropic.claude-haiku-4-5-20251001-v1:0", "Claude Haiku 4.5"),
    ("anthropic.claude-opus-5", "Claude Opus 5"),
    ("anthropic.claude-sonnet-5", "Claude Sonnet 5"),
    ("anthropic.claude-haiku-5-5", "Claude Haiku 5.5"),
)
# Two plans for each account and Region: three models each.
TIERS = (MODELS[:3], MODELS[3:])
REGIONS = {
    "eu-west-1": ("eu", ("eu-west-1", "eu-west-3", "eu-central-1", "eu-north-1")),
    "us-east-1": ("us", ("us-east-1", "us-east-2", "us-west-2")),
}
DIRECTORY = "999988887777"
_GENEROUS = {"tokens_per_minute": 10**12, "requests_per_minute": 10**9}


@dataclass(frozen=True, slots=True)
class Scale:
    """How large: `roles` are spread evenly over the accounts."""

    people: int
    roles: int
    accounts: int
    regions: tuple[str, ...] = tuple(REGIONS)

    @property
    def account_ids(self) -> list[str]:
        return [f"{number:012d}" for number in range(100000000001, 100000000001 + self.accounts)]

    @property
    def sets(self) -> int:
        """Permission sets, each with a role in each account."""
        return self.roles // self.accounts

    def account_of(self, person: int) -> str:
        return self.account_ids[person % self.accounts]

    def group_of(self, person: int) -> str:
        return f"{self.account_of(person)}-{person // self.accounts % self.sets}"

    def plan_of(self, person: int) -> tuple[str, str, int]:
        """Account, Region, and which half of the models."""
        place = person // self.roles
        return self.account_of(person), self.regions[place % len(self.regions)], place // len(self.regions) % 2

    def minimum(self) -> dict[str, int]:
        """The fewest calls that tell everything, by what they are for; benchmarks/verification.py has the terms."""
        members = [0] * self.roles
        groups: dict[str, int] = {}
        uses: set[tuple[str, tuple[str, str, int]]] = set()
        for person in range(self.people):
            group = self.group_of(person)
            members[groups.setdefault(group, len(groups))] += 1
            uses.add((group, self.plan_of(person)))
        places = {(group, plan[1]) for group, plan in uses}
        regional = self.accounts * len(self.regions)
        return {
            "credentials": self.accounts + 1,
            "directory: instance, policies of the organization": 2,
            "directory: users / 100": math.ceil(self.people / 100),
            "directory: members of each group / 100": sum(math.ceil(count / 100) for count in members),
            "directory: names of groups and permission sets": self.roles + self.sets,
            "accounts: permission sets": self.accounts,
            "accounts: assignments of each": self.roles,
            "accounts: roles and their policies": self.accounts,
            "Regions: profiles, lifecycles, form, logging, quotas": regional * (4 + _quota_pages()),
            "models: availability in each destination": self.accounts
            * sum(len(MODELS) * len(REGIONS[region][1]) for region in self.regions),
            "roles: context keys": self.roles,
            "roles x plans: invoke, look up": 2 * len(uses),
            "roles x Regions: subscribe": len(places),
        }


def _quota_pages() -> int:
    """How many pages of a hundred the sandbox's quotas of one Region take."""
    from sandbox.aws.quotas import quotas

    small = Scale(people=1, roles=1, accounts=1)
    return math.ceil(len(list(quotas(company_of(small), small.account_ids[0], "eu-west-1"))) / 100)


def _policy() -> Mapping[str, Any]:
    """What Claude Code needs, with no condition on a Region: the simulator may be asked about all models at once."""
    arns = [f"arn:aws:bedrock:{geography}-*" for geography in ("eu", "us")]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
                "Resource": [f"{arn}:*:inference-profile/*" for arn in arns]
                + [f"{arn}::foundation-model/anthropic.*" for arn in arns],
            },
            {
                "Effect": "Allow",
                "Action": ["bedrock:ListInferenceProfiles", "bedrock:GetInferenceProfile"],
                "Resource": "*",
            },
            {
                "Effect": "Allow",
                "Action": ["aws-marketplace:ViewSubscriptions", "aws-marketplace:Subscribe"],
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:CalledViaLast": "bedrock.amazonaws.com"}},
            },
        ],
    }


def _accounts(scale: Scale) -> tuple[sandbox.Account, ...]:
    ids = tuple(model for model, _ in MODELS)
    offered = {
        region: (sandbox.ProfileGroup(geography, destinations, models=ids),)
        for region, (geography, destinations) in REGIONS.items()
        if region in scale.regions
    }
    quotas = {region: dict.fromkeys(ids, sandbox.Quota(**_GENEROUS)) for region in scale.regions}
    logging = {region: sandbox.InvocationLogging(s3_bucket="bench-bedrock-logs") for region in scale.regions}
    return tuple(
        sandbox.Account(
            id=account_id,
            name=f"bench-{account_id}",
            portal_role="OnrampReadOnly",
            use_case_form=True,
            regions=offered,
            quotas=quotas,
            invocation_logging=logging,
        )
        for account_id in scale.account_ids
    )


def company_of(scale: Scale) -> Company:
    directory = sandbox.Account(DIRECTORY, "bench-management", "OnrampDirectory", use_case_form=False)
    names = [f"ClaudeCode{number}" for number in range(scale.sets)]
    return Company(
        name="Bench",
        region="eu-west-1",
        portal=sandbox.Portal("123456789012", "AKIAONRAMPBENCH00001", "of-no-use-beyond-loopback", "onramp-bench"),
        identity_center=sandbox.IdentityCenter(
            DIRECTORY, "https://bench.example/start", "arn:aws:sso:::instance/ssoins-0000000000000000", "d-0000000000"
        ),
        models=tuple(sandbox.Model(model, name) for model, name in MODELS),
        accounts=(*_accounts(scale), directory),
        permission_sets=tuple(sandbox.PermissionSet(name, _policy()) for name in names),
        assignments=tuple(
            sandbox.Assignment(account_id, name, group=f"{account_id}-{number}")
            for account_id in scale.account_ids
            for number, name in enumerate(names)
        ),
        people=tuple(_person(scale, number) for number in range(scale.people)),
    )


def email_of(person: int) -> str:
    return f"person-{person:06d}@bench.example"


def _person(scale: Scale, number: int) -> sandbox.Person:
    email, groups = email_of(number), (scale.group_of(number),)
    return sandbox.Person(email, f"Person {number}", directory=sandbox.DirectoryUser(email, email, groups))


@dataclass(frozen=True, slots=True)
class Server:
    """The company's AWS while it runs."""

    url: str
    company: Company

    def calls(self) -> dict[str, int]:
        found: dict[str, int] = self._call("GET", "/sandbox/calls")
        return found

    def throttles(self) -> int:
        found: dict[str, int] = self._call("GET", "/sandbox/throttles")
        return sum(found.values())

    def forget(self) -> None:
        self._call("DELETE", "/sandbox/calls")

    def limit(self, rates: list[dict[str, Any]]) -> None:
        self._call("PUT", "/sandbox/settings", {"rates": rates})

    def fail(self, faults: list[dict[str, Any]]) -> None:
        self._call("PUT", "/sandbox/faults", faults)

    def _call(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)  # noqa: S310 -- loopback
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 -- loopback
            text = response.read()
        return json.loads(text) if text else None


def _serve(scale: Scale, pipe: Connection) -> None:
    from sandbox.aws.server import start

    running = start(company_of(scale))
    pipe.send(running.port)
    pipe.recv()
    running.stop()


@contextmanager
def serving(scale: Scale) -> Iterator[Server]:
    """The company's AWS in a process of its own, so that its work and its memory are not the portal's; and the
    environment that points the portal at it."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(scale, theirs), daemon=True)
    process.start()
    company = company_of(scale)
    server = Server(f"http://127.0.0.1:{ours.recv()}", company)
    try:
        with _environment(server):
            yield server
    finally:
        ours.send(None)
        process.join(10)


@contextmanager
def _environment(server: Server) -> Iterator[None]:
    from onboarding.aws.session import forget_clients

    before = dict(os.environ)
    os.environ |= {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ACCESS_KEY_ID": server.company.portal.access_key_id,
        "AWS_SECRET_ACCESS_KEY": server.company.portal.secret_access_key,
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    forget_clients()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        forget_clients()


def load(scale: Scale) -> None:
    """The portal's rows for the company: accounts, plans, teams, people."""
    from onboarding.models import Person, Team
    from onboarding.plans import load_document

    plans = [
        (account_id, region, half) for account_id in scale.account_ids for region in scale.regions for half in (0, 1)
    ]
    load_document(
        {
            "accounts": [
                {
                    "account_id": account_id,
                    "name": f"bench-{account_id}",
                    "role_arn": f"arn:aws:iam::{account_id}:role/OnrampReadOnly",
                    "external_id": "onramp-bench",
                }
                for account_id in scale.account_ids
            ],
            "identity_centers": [
                {
                    "name": "bench",
                    "region": "eu-west-1",
                    "start_url": "https://bench.example/start",
                    "role_arn": f"arn:aws:iam::{DIRECTORY}:role/OnrampDirectory",
                    "external_id": "onramp-bench",
                }
            ],
            "plans": [_plan(*plan) for plan in plans],
            "teams": [{"name": _slug(*plan), "group": _slug(*plan), "plan": _slug(*plan)} for plan in plans],
        },
        actor="benchmarks",
    )
    teams = {team.name: team for team in Team.objects.all()}
    Person.objects.bulk_create(
        [Person(email=email_of(number), team=teams[_slug(*scale.plan_of(number))]) for number in range(scale.people)],
        batch_size=1000,
    )


def _slug(account_id: str, region: str, half: int) -> str:
    return f"{account_id}-{region}-{half}"


def _plan(account_id: str, region: str, half: int) -> dict[str, Any]:
    geography = REGIONS[region][0]
    named = {
        tier: f"{geography}.{model}" for tier, (model, _) in zip(("opus", "sonnet", "haiku"), TIERS[half], strict=True)
    }
    slug = _slug(account_id, region, half)
    return {
        "slug": slug,
        "name": slug,
        "account": account_id,
        "identity_center": "bench",
        "region": region,
        "default_tier": "sonnet",
        "max_output_tokens": 32_000,
        **named,
    }
