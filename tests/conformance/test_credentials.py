"""Each way credentials come to a machine, with the real Claude Code CLI at both versions in an installed home.

Every plan here has its three tiers, so that neither version calls a model at its start and what is seen on the wire is
the one turn. `aws login` is not among the ways: only version 2 of the AWS CLI has it, and that one is in no registry.
Nor is the company's own tool: there is nothing of ours in it but a profile, which test_aws_cli.py reads.
"""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import pytest

from onboarding.bundles.credentials import HELPER_SECONDS
from onboarding.enums import CredentialMethod
from tests.conformance.machine import Machine, Reply
from tests.conformance.people import HAIKU, OPUS, SONNET, Bundles

pytestmark = pytest.mark.conformance

ANA = "ana.nunez@acme.example"
BEA = "bea.wide@acme.example"  # her role may do everything with Bedrock, so that she may use API keys, too
KENJI = "kenji.mori@acme.example"  # through a federated role
SVEN = "sven.berg@acme.example"  # as an IAM user, by an access key
EMMA = "emma.jones@acme.example"  # as an IAM user, by keys in the environment
ALL_TIERS = {"opus": OPUS, "haiku": HAIKU}
HELPERS = [CredentialMethod.CREDENTIAL_PROCESS, CredentialMethod.CREDENTIAL_EXPORT]

# The operations that a turn is made of: the same that docs and checks ask permissions for, and no other.
OPERATIONS = {
    "sso.GetRoleCredentials",
    "sts.GetCallerIdentity",  # before awsAuthRefresh: it answers, so that nobody has to sign in again
    "bedrock.ListInferenceProfiles",
    "bedrock-runtime.InvokeModelWithResponseStream",
}

# What the company's helper prints, made by the AWS CLI itself of its answer.
_CREDENTIALS = (
    "{Version: `1`, AccessKeyId: Credentials.AccessKeyId, SecretAccessKey: Credentials.SecretAccessKey, "
    "SessionToken: Credentials.SessionToken, Expiration: Credentials.Expiration}"
)
# Version 1 of the AWS CLI has no export-credentials: the same credentials, found as the CLI finds them.
_EXPORT = """
import json, os, sys
import botocore.session
wanted = "configure export-credentials --format process --profile".split()
assert sys.argv[1:-1] == wanted and "AWS_BEARER_TOKEN_BEDROCK" not in os.environ, sys.argv
found = botocore.session.Session(profile=sys.argv[-1]).get_credentials().get_frozen_credentials()
names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
print(json.dumps({"Version": 1, **dict(zip(names, found[:3]))}))
"""


def check_turn(reply: Reply, *, principal: str, authentication: str = "signature") -> None:
    """The plan's model answered this principal, and no other was asked."""
    assert reply.text == f"Hello from the sandbox, {SONNET}."
    assert reply.exit_code == 0
    (row,) = reply.invocations
    assert (row["model_id"], row["status"], row["region"]) == (SONNET, 200, "eu-west-1")
    assert (row["principal"], row["traits"]["authentication"]) == (principal, authentication)


def put_helper(machine: Machine, aws_cli: tuple[str, ...]) -> None:
    """The company's program: it asks STS for the federated role, as the person, and notes that it was run."""
    role = ["--role-arn", "arn:aws:iam::111122223333:role/ClaudeCodeFederated", "--role-session-name", KENJI]
    token = ["--web-identity-token", "the.company.s", "--no-sign-request", "--region", "eu-west-1"]
    shown = ["--output", "json", "--query", _CREDENTIALS]
    command = shlex.join([*aws_cli, "sts", "assume-role-with-web-identity", *role, *token, *shown])
    machine.put_program("acme-sts", f'echo "$@" >>~/asked\nexec {command}')


def test_identity_center(each_claude: Path, machine: Machine, bundles: Bundles) -> None:
    machine.install(bundles.of(ANA))
    machine.sign_in(ANA)
    machine.aws.forget_calls()

    reply = machine.ask(each_claude)

    check_turn(reply, principal=f"{machine.aws.session_arn('ClaudeCodeDeveloper')}/{ANA}")
    assert set(machine.aws.calls()) == OPERATIONS


def test_who_is_not_signed_in_is_by_the_bundles_command(each_claude: Path, machine: Machine, bundles: Bundles) -> None:
    """`awsAuthRefresh` in settings.json; an `aws` that leaves what the real one leaves stands in for it."""
    machine.install(bundles.of(ANA))
    name, content = machine.token_cache(ANA)
    (machine.home / "token").write_text(content)
    cache = machine.home / ".aws/sso/cache"
    machine.put_program("aws", f'echo "$@" >> ~/asked; mkdir -p {cache}; cp ~/token {cache}/{name}')

    reply = machine.ask(each_claude)

    assert (machine.home / "asked").read_text() == "sso login --profile claude-code-platform\n"
    check_turn(reply, principal=f"{machine.aws.session_arn('ClaudeCodeDeveloper')}/{ANA}")


@pytest.mark.parametrize("method", HELPERS)
def test_the_companys_helper(
    method: CredentialMethod,
    each_claude: Path,
    machine: Machine,
    aws_cli: tuple[str, ...],
    bundles: Bundles,
) -> None:
    machine.install(bundles.of(KENJI, credential_method=method, **ALL_TIERS))
    put_helper(machine, aws_cli)

    reply = machine.ask(each_claude)

    check_turn(reply, principal=f"arn:aws:sts::111122223333:assumed-role/ClaudeCodeFederated/{KENJI}")
    runs = (machine.home / "asked").read_text().splitlines()
    assert set(runs) == {"--json"}
    # Neither is to be run at every step: a helper may have to ask the person.
    assert len(runs) <= 3


@pytest.mark.parametrize("method", HELPERS)
def test_a_helper_that_hangs_is_ended(
    method: CredentialMethod, claude: Path, machine: Machine, bundles: Bundles
) -> None:
    """By the bundle, whatever the version: neither Claude Code nor the AWS SDK would do it. Here it is soon."""
    machine.install(bundles.of(KENJI, credential_method=method, **ALL_TIERS))
    for path in (machine.settings, machine.aws_config):
        if path.exists():
            path.write_text(path.read_text().replace(f"timeout {HELPER_SECONDS} ", "timeout 0.5 "))
    machine.put_program("acme-sts", "echo $$ >>~/pids\nexec sleep 600")

    reply = machine.ask(claude, first="export CLAUDE_CODE_MAX_RETRIES=0")

    assert (reply.exit_code, reply.invocations) == (1, ())
    assert "Could not load credentials from any providers" in reply.text
    pids = [int(pid) for pid in (machine.home / "pids").read_text().split()]
    assert [pid for pid in pids if os.path.exists(f"/proc/{pid}")] == []


def test_access_keys(each_claude: Path, machine: Machine, aws_cli: tuple[str, ...], bundles: Bundles) -> None:
    """What `aws configure` asks for and writes, by its command for programs."""
    machine.install(bundles.of(SVEN, **ALL_TIERS))
    installed = machine.aws_config.read_bytes()
    keys = machine.aws.user_keys("svc-sven")
    for name, value in keys.items():
        done = machine.run(*aws_cli, "configure", "set", name, value, "--profile", "claude-code-contractors")
        assert done.returncode == 0, done.stderr
    lines = ["[claude-code-contractors]", *(f"{name} = {value}" for name, value in keys.items())]
    assert (machine.home / ".aws" / "credentials").read_text().splitlines() == lines
    assert machine.aws_config.read_bytes() == installed

    check_turn(machine.ask(each_claude), principal="arn:aws:iam::111122223333:user/svc-sven")


def test_keys_in_the_environment(each_claude: Path, machine: Machine, bundles: Bundles) -> None:
    """Those of one shell, which they were typed into."""
    machine.install(bundles.of(EMMA, **ALL_TIERS))
    assert "AWS_PROFILE" not in json.loads(machine.settings.read_text())["env"]
    assert not machine.aws_config.exists()
    typed = [*machine.aws.user_keys(EMMA).values(), ""]

    reply = machine.ask(each_claude, first=". ~/.onramp/bundle/aws-keys.sh", typed="\n".join(typed) + "\n")

    check_turn(reply, principal=f"arn:aws:iam::111122223333:user/{EMMA}")


def test_a_bedrock_api_key(each_claude: Path, machine: Machine, bundles: Bundles) -> None:
    """Minted from the person's session; it wins over the profile that settings.json names."""
    machine.install(bundles.of(BEA, credential_method=CredentialMethod.BEDROCK_API_KEY))
    machine.sign_in(BEA)
    machine.put_python("aws", "-c", _EXPORT)

    reply = machine.ask(each_claude, first='line=$(sh ~/.onramp/bundle/bedrock-key.sh)\neval "$line"')

    principal = f"{machine.aws.session_arn('ClaudeCodeWide')}/{BEA}"
    check_turn(reply, principal=principal, authentication="api-key")
