"""iam-policy.json: the least that the role behind this plan needs; and the same for Terraform. For the admin.

https://code.claude.com/docs/en/amazon-bedrock#iam-configuration. Without the actions of AWS Marketplace: an admin
accepts a model's agreement once, for everybody.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from onboarding import policies
from onboarding.bundles import grammar, pins
from onboarding.bundles.inputs import BundleInputs
from onboarding.bundles.json_text import json_text
from onboarding.catalog import guardrail_arn
from onboarding.enums import CredentialMethod


def iam_policies(inputs: BundleInputs) -> dict[str, bytes]:
    """Both files, by name. Terraform's is a data source: whoever owns the role attaches it as they attach theirs."""
    found = statements(inputs)
    name = grammar.name("plan_slug", inputs.plan_slug).replace(".", "_")
    return {
        "iam-policy.json": json_text(policies.policy(found)),
        "iam-policy.tf": _data_source(name, found),
    }


def _data_source(name: str, found: Iterable[Mapping[str, Any]]) -> bytes:
    blocks = "\n".join(_block(statement) for statement in found)
    return f'data "aws_iam_policy_document" "claude_code_{name}" {{\n{blocks}}}\n'.encode("ascii")


def statements(inputs: BundleInputs) -> list[dict[str, Any]]:
    """Every profile, and the models behind it as far as Bedrock has named them; the plan's guardrail; the use of
    short-term keys."""
    profiles = dict.fromkeys(inputs.models.values())
    known = [inputs.routes[profile] for profile in profiles if profile in inputs.routes]
    arns = {_profile_arn(inputs, profile) for profile in profiles}
    models = {_arn("routes", arn) for route in known for arn in route.model_arns}
    found = [*policies.invoke(policies.INVOKE, arns, models, arns), *policies.discover(arns)]
    if models:
        found.append(policies.count_tokens(models))
    if inputs.behaviour.guardrail:
        found.append(policies.apply_guardrail(_guardrail_arn(inputs)))
    if inputs.credentials.method == CredentialMethod.BEDROCK_API_KEY:
        found += policies.call_with_short_term_keys()
    return found


def _arn(field: str, arn: str) -> str:
    return grammar.shell_word(field, arn)


def _profile_arn(inputs: BundleInputs, profile: str) -> str:
    route = inputs.routes.get(profile)
    return _arn("routes", route.arn if route else pins.arn_of(inputs, profile))


def _guardrail_arn(inputs: BundleInputs) -> str:
    region, account = grammar.region("region", inputs.region), grammar.account_id("account_id", inputs.account_id)
    return guardrail_arn(grammar.shell_word("guardrail", inputs.behaviour.guardrail), region, account)


def _block(statement: Mapping[str, Any]) -> str:
    """One `statement` block. Every text in it has a shape in which Terraform finds nothing to fill in."""
    lines = [f'    effect    = "{statement["Effect"]}"']
    lines += [f"    actions   = {_list(statement['Action'])}", f"    resources = {_list(statement['Resource'])}"]
    for test, condition in statement.get("Condition", {}).items():
        for key, values in condition.items():
            lines += [
                "    condition {",
                f'      test     = "{test}"',
                f'      variable = "{key}"',
                f"      values   = {_list(values)}",
                "    }",
            ]
    return "\n".join(["  statement {", *lines, "  }", ""])


def _list(values: str | list[str]) -> str:
    return json.dumps([values] if isinstance(values, str) else values)
