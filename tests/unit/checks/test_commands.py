"""Commands to paste: a shell reads them as they were meant, and the AWS CLI knows what they ask."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.validate import validate_parameters
from hypothesis import given
from hypothesis import strategies as st

from onboarding.checks.base import Facts
from onboarding.checks.commands import (
    accept_agreement,
    assign_permission_set,
    change_retention,
    command,
    enable_logging,
    provision_permission_set,
    request_quota_increase,
    submit_use_case_form,
)
from tests.unit.bundles.examples import HOSTILE
from tests.unit.checks.stubs import ACCOUNT, INSTANCE, PERMISSION_SET_ARN, REGION, USER_ID

ANOTHER_ARN = PERMISSION_SET_ARN.replace("ps-0", "ps-f")
ASSIGNING: Mapping[str, Any] = {
    "region": REGION,
    "instance": INSTANCE,
    "account": ACCOUNT,
    "user_id": USER_ID,
    "permission_sets": {"ClaudeCodeDeveloper": PERMISSION_SET_ARN, "Analyst": ANOTHER_ARN},
    "permission_set": "ClaudeCodeDeveloper",
    "wanted": "ClaudeCodeDeveloper",
}
QUOTAS: Mapping[str, Any] = {"region": REGION, "short": [{"code": "L-2", "needed": 9}, {"code": "L-1", "needed": 400}]}
OFFER: Mapping[str, Any] = {"region": REGION, "model_id": "anthropic.claude-sonnet-4-6"}
RETENTION: Mapping[str, Any] = {"region": REGION, "modes": ["aws_review", "provider_data_share"]}


def words(text: str) -> list[str]:
    return shlex.split(text.replace(" \\\n", " "))


def options(text: str) -> dict[str, str]:
    """The options of one command, each with its value."""
    read = words(text)
    return {word: read[place + 1] for place, word in enumerate(read) if word.startswith("--")}


# --- Quoting

# No shell can hand a NUL on; a line's end behind a backslash cannot be told here from one that `command` wrote.
_hostile = st.text(max_size=20) | st.sampled_from(HOSTILE)
_words = _hostile.filter(lambda text: "\0" not in text and "\\\n" not in text)


@given(st.lists(_words, min_size=1, max_size=6).filter(lambda read: not read[0].startswith("--")))
def test_hostile_words_come_back_as_they_were(read: list[str]) -> None:
    assert words(command(*read)) == read


@pytest.mark.parametrize("word", [text for text in HOSTILE if "\0" not in text and text.isprintable()])
def test_a_real_shell_reads_hostile_words_as_they_are(word: str) -> None:
    text = command("printf", r"%s\0", "--name", word, "a\\\nb", word)

    done = subprocess.run(["sh", "-c", text], capture_output=True, check=True)

    assert done.stdout.decode().split("\0") == ["--name", word, "a\\\nb", word, ""]


def test_an_option_and_its_value_are_on_a_line() -> None:
    assert command("aws", "sts", "--region", REGION, "--name", "a b") == (
        "aws sts \\\n  --region eu-west-1 \\\n  --name 'a b'"
    )


@pytest.mark.parametrize("hostile", ["'; touch canary; '", "$(touch canary)", "a b", "--help"])
@pytest.mark.parametrize(
    ("make", "facts", "fact", "option"),
    [
        (assign_permission_set, ASSIGNING, "user_id", "--principal-id"),
        (assign_permission_set, ASSIGNING, "instance", "--instance-arn"),
        (provision_permission_set, ASSIGNING, "account", "--target-id"),
        (enable_logging, {"region": REGION}, "region", "--region"),
        (request_quota_increase, QUOTAS, "region", "--region"),
        (change_retention, RETENTION, "region", "--region"),
        (submit_use_case_form, {"region": REGION}, "region", "--region"),
    ],
)
def test_what_aws_named_is_never_more_than_a_word(
    make: Callable[[list[Facts]], str], facts: Mapping[str, Any], fact: str, option: str, hostile: str
) -> None:
    read = words(make([{**facts, fact: hostile}]))

    assert read[read.index(option) + 1] == hostile


# --- What the commands ask


def test_the_plans_permission_set_is_assigned() -> None:
    assert options(assign_permission_set([ASSIGNING])) == {
        "--region": REGION,
        "--instance-arn": INSTANCE,
        "--permission-set-arn": PERMISSION_SET_ARN,
        "--target-type": "AWS_ACCOUNT",
        "--target-id": ACCOUNT,
        "--principal-type": "USER",
        "--principal-id": USER_ID,
    }


def test_any_permission_set_may_be_assigned_where_the_plan_names_none() -> None:
    made = assign_permission_set([{**ASSIGNING, "wanted": ""}]).split("\n\n")

    assert [options(each)["--permission-set-arn"] for each in made] == [PERMISSION_SET_ARN, ANOTHER_ARN]


def test_a_permission_set_that_the_account_lacks_cannot_be_assigned() -> None:
    assert assign_permission_set([{**ASSIGNING, "wanted": "Gone"}]) == ""


def test_the_persons_permission_set_is_provisioned() -> None:
    assert options(provision_permission_set([ASSIGNING]))["--permission-set-arn"] == PERMISSION_SET_ARN


def test_a_quota_is_asked_for_once_and_as_needed() -> None:
    made = request_quota_increase([QUOTAS, QUOTAS]).split("\n\n")

    assert [(options(each)["--quota-code"], options(each)["--desired-value"]) for each in made] == [
        ("L-1", "400"),
        ("L-2", "9"),
    ]


def test_the_least_far_reaching_mode_is_set() -> None:
    assert options(change_retention([RETENTION]))["--mode"] == "aws_review"


def test_logging_is_switched_on_without_texts() -> None:
    config = json.loads(options(enable_logging([{"region": REGION}]))["--logging-config"])

    assert config["textDataDeliveryEnabled"] is False


def test_the_form_is_json() -> None:
    form = json.loads(options(submit_use_case_form([{"region": REGION}]))["--form-data"])

    assert set(form) == {
        *("companyName", "companyWebsite", "intendedUsers"),
        *("industryOption", "otherIndustryOption", "useCases"),
    }


def test_each_offer_is_accepted_once() -> None:
    haiku = {**OFFER, "model_id": "anthropic.claude-haiku-4-5"}

    made = accept_agreement([OFFER, haiku, OFFER]).split("\n\n")

    assert len(made) == 2
    assert [words(each)[words(each).index("--model-id") + 1] for each in made] == [
        "anthropic.claude-haiku-4-5",
        "anthropic.claude-sonnet-4-6",
    ]


def test_an_offers_token_goes_from_one_command_to_the_next() -> None:
    """A shell runs it with an `aws` that answers with a token in which everything has to be quoted."""
    text = """aws() { case $2 in list-*) echo "to ken'" ;; *) printf '%s\\n' "$@" ;; esac; }\n"""

    done = subprocess.run(["sh", "-c", text + accept_agreement([OFFER])], capture_output=True, check=True, text=True)

    assert done.stdout.splitlines() == [
        *("bedrock", "create-foundation-model-agreement", "--region", REGION),
        *("--model-id", "anthropic.claude-sonnet-4-6", "--offer-token", "to ken'"),
    ]


# --- Whether the AWS CLI knows them

# Of every command, not of an operation.
_GLOBAL = {"--region", "--query", "--output", "--cli-binary-format"}


@pytest.mark.parametrize(
    "text",
    [
        assign_permission_set([ASSIGNING]),
        provision_permission_set([ASSIGNING]),
        enable_logging([{"region": REGION}]),
        change_retention([RETENTION]),
        *request_quota_increase([QUOTAS]).split("\n\n"),
        submit_use_case_form([{"region": REGION}]),
        *accept_agreement([OFFER]).removeprefix("token=$(").split(")\n"),
    ],
)
def test_the_aws_cli_knows_the_command(text: str) -> None:
    program, service, operation, *_ = words(text)
    given_options = {name: value for name, value in options(text).items() if name not in _GLOBAL}
    model = botocore.session.Session().get_service_model(service)
    named = {xform_name(name, "-"): name for name in model.operation_names}
    shape = model.operation_model(named[operation]).input_shape
    assert shape is not None
    members = {f"--{xform_name(name, '-')}": name for name in shape.members}

    validate_parameters(
        {members[name]: _value(shape.members[members[name]], value) for name, value in given_options.items()}, shape
    )

    assert program == "aws"


def _value(shape: Any, text: str) -> Any:
    """An option's value as the AWS CLI reads it."""
    if shape.type_name in ("structure", "list"):
        return json.loads(text)
    return float(text) if shape.type_name in ("double", "float", "integer") else text
