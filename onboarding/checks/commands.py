"""AWS CLI commands that close findings, with the real names in them, quoted so that they can be pasted as they are."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from onboarding.checks.base import Facts


def command(*words: str) -> str:
    """One command a POSIX shell reads as these words, an option and its value to a line."""
    quoted = [shlex.quote(word) for word in words]
    lines, line = [], quoted[0]
    for word in quoted[1:]:
        if word.startswith("--"):
            lines.append(line)
            line = f"  {word}"
        else:
            line += f" {word}"
    return " \\\n".join([*lines, line])


def assign_permission_set(findings: Sequence[Facts]) -> str:
    """Assign the plan's permission set to the person; any of the account's, when the plan names none."""
    facts = findings[0]
    sets, wanted = facts["permission_sets"], facts["wanted"]
    chosen = {wanted: sets[wanted]} if wanted in sets else ({} if wanted else sets)
    return "\n\n".join(
        command(
            "aws", "sso-admin", "create-account-assignment",
            "--region", facts["region"],
            "--instance-arn", facts["instance"],
            "--permission-set-arn", arn,
            "--target-type", "AWS_ACCOUNT", "--target-id", facts["account"],
            "--principal-type", "USER", "--principal-id", facts["user_id"],
        )
        for arn in chosen.values()
    )  # fmt: skip


def provision_permission_set(findings: Sequence[Facts]) -> str:
    facts = findings[0]
    return command(
        "aws", "sso-admin", "provision-permission-set",
        "--region", facts["region"],
        "--instance-arn", facts["instance"],
        "--permission-set-arn", facts["permission_sets"][facts["permission_set"]],
        "--target-type", "AWS_ACCOUNT", "--target-id", facts["account"],
    )  # fmt: skip


def enable_logging(findings: Sequence[Facts]) -> str:
    """Switch invocation logging on, to a bucket the admin names: counts without the text of prompts and answers."""
    return command(
        "aws", "bedrock", "put-model-invocation-logging-configuration",
        "--region", findings[0]["region"],
        "--logging-config",
        '{"s3Config": {"bucketName": "BUCKET"}, "textDataDeliveryEnabled": false}',
    )  # fmt: skip


def change_retention(findings: Sequence[Facts]) -> str:
    """Change the account's data-retention mode in a Region to the least far-reaching that the model accepts."""
    return command(
        "aws", "bedrock", "put-account-data-retention",
        "--region", findings[0]["region"], "--mode", findings[0]["modes"][0],
    )  # fmt: skip


def request_quota_increase(findings: Sequence[Facts]) -> str:
    """Ask AWS for the quotas the plan's people need, one command a quota."""
    short = [(facts["region"], row) for facts in findings for row in facts["short"]]
    # Of two plans on one model, the larger need counts.
    wanted = {row["code"]: (region, row) for region, row in sorted(short, key=lambda each: each[1]["needed"])}
    return "\n\n".join(
        command(
            "aws", "service-quotas", "request-service-quota-increase",
            "--region", region,
            "--service-code", "bedrock", "--quota-code", code, "--desired-value", str(row["needed"]),
        )
        for code, (region, row) in sorted(wanted.items())
    )  # fmt: skip


def submit_use_case_form(findings: Sequence[Facts]) -> str:
    """Send Anthropic's use-case form; the fields are the console's."""
    form = (
        '{"companyName": "…", "companyWebsite": "https://…", "intendedUsers": "0", "industryOption": "…", '
        '"otherIndustryOption": "", "useCases": "…"}'
    )
    return command(
        "aws", "bedrock", "put-use-case-for-model-access",
        "--region", findings[0]["region"], "--cli-binary-format", "raw-in-base64-out", "--form-data", form,
    )  # fmt: skip


def accept_agreement(findings: Sequence[Facts]) -> str:
    """Look up the offer of each model and accept it."""
    wanted = sorted({(facts["region"], facts["model_id"]) for facts in findings})
    return "\n\n".join(
        "\n".join([
            "token=$(" + command(
                "aws", "bedrock", "list-foundation-model-agreement-offers",
                "--region", region, "--model-id", model_id,
                "--query", "offers[0].offerToken", "--output", "text",
            ) + ")",
            command(
                "aws", "bedrock", "create-foundation-model-agreement", "--region", region, "--model-id", model_id,
            ) + ' \\\n  --offer-token "$token"',
        ])
        for region, model_id in wanted
    )  # fmt: skip
