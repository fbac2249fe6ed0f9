"""Asking IAM's simulator as seldom as its answer stays exact.

Condition keys hold for a whole simulation, and Bedrock authorizes each hop with keys of its own, so in general every
profile and Region needs a question. One question is exact for all of them when the principal's policies look at none
of those keys and no service control policy has a say: the organization tells that, or else the first answer, which
knows whether the account is in one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from onboarding.aws import iam
from onboarding.aws.iam import Decision, Matched, Simulation
from onboarding.checks import links
from onboarding.checks.base import Answer, Case, Facts, Reason, Remedy, routed_profiles
from onboarding.checks.policies import requested_region
from onboarding.enums import Layer, Outcome
from onboarding.policies import INVOKE

# What Bedrock puts into a request's context that differs from hop to hop.
_HOP_KEYS = frozenset({"aws:requestedregion", "bedrock:inferenceprofilearn"})
# What tells the people of one role apart. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
_PERSON_KEYS = ("aws:principaltag/", "aws:userid", "aws:username", "sts:", "saml:", "identitystore:")

# The words for an answer that depends on what the portal cannot know of a request.
NEEDS_CONTEXT = Reason(
    _("Only a real request can tell"),
    _("The policy of %(role)s depends on %(keys)s, which only a real request has. This is not a denial."),
    Remedy(
        _("An admin looks whether the policy's condition fits you, or makes the grant unconditional."),
        _("Look whether the condition on %(keys)s fits this person, or make the grant unconditional."),
        link=links.ROLE,
    ),
)


def person_keys(keys: Iterable[str]) -> list[str]:
    """Those condition keys whose value is not the same for everybody in a role."""
    return [key for key in keys if key.lower().startswith(_PERSON_KEYS)]


def decisions_about(about: str, case: Case) -> dict[tuple[str, str], Decision]:
    """What the person's role may do with one inference profile: a decision for each action and ARN."""
    context = person_context(case)
    if _may_batch(case):
        batched = case.once(("batch", _key(case, context)), lambda: _all_at_once(case, context))
        is_told = any(row.layer == Layer.SERVICE_CONTROL_POLICY for row in batched.decisions)
        if not batched.has_organization or (_has_scps(case) is False and not is_told):
            return {(row.action, row.resource): row for row in batched.decisions}
        case.memory.know(("organization", case.account_access), True)
    return _hop_by_hop(about, case, context)


def _may_batch(case: Case) -> bool:
    """Nobody looks at what differs from hop to hop: not the policies, nor, as far as is known, an organization."""
    looks = _HOP_KEYS.intersection(key.lower() for key in case.facts("role-policies")["context_keys"])
    has_organization = _has_scps(case) or case.memory.known(("organization", case.account_access))
    return not looks and not has_organization


def _has_scps(case: Case) -> bool | None:
    """What the directory's account knows of service control policies; None where it was not asked or may not look."""
    finding = case.standing("permission-sets")
    return finding.facts.get("has_scps") if finding else None


def role_subject(case: Case) -> str:
    """How the subjects begin of what a role may do: with the person only where its policies look at who it is."""
    role = case.facts("role-policies")
    whose = f"|person {case.person.pk}" if person_keys(role["context_keys"]) else ""
    return f"{role['role_arn']}|{role['fingerprint']}|{case.revision.region}{whose}"


def person_context(case: Case) -> dict[str, str]:
    """The values of those person keys that the portal knows; the others stay away, and the simulator says so."""
    role, identity = case.facts("role-policies"), case.facts("identity")
    session = identity.get("session_name", "")
    is_user = ":user/" in role["role_arn"]
    known = {
        "aws:userid": role["unique_id"] if is_user else f"{role['unique_id']}:{session}",
        "aws:username": session if is_user else "",
        "sts:rolesessionname": "" if is_user else session,
        "identitystore:userid": identity.get("user_id", ""),
        **{f"aws:principaltag/{key.lower()}": value for key, value in role["tags"].items()},
    }
    asked = person_keys(role["context_keys"])
    return {key: known[key.lower()] for key in asked if known.get(key.lower())}


def _key(case: Case, context: Mapping[str, str]) -> tuple[object, ...]:
    role = case.facts("role-policies")
    return role["role_arn"], role["fingerprint"], case.revision.pk, tuple(sorted(context.items()))


def _all_at_once(case: Case, context: Mapping[str, str]) -> Simulation:
    """Every profile and model of the plan in one question; exact when nobody looks at what differs between them."""
    profiles = routed_profiles(case)
    arns = dict.fromkeys(arn for profile in profiles for arn in (profile["arn"], *profile["models"]))
    return _ask(list(arns), case.revision.region, profiles[0]["arn"], case, context)


def _hop_by_hop(about: str, case: Case, context: Mapping[str, str]) -> dict[tuple[str, str], Decision]:
    profile = case.facts("inference-profile", about)
    grouped: dict[str, list[str]] = {case.revision.region: [profile["arn"]]}
    for row in profile["destinations"]:
        grouped.setdefault(requested_region(row["region"]), []).append(row["arn"])
    told = (_ask(arns, region, profile["arn"], case, context) for region, arns in grouped.items())
    return {(row.action, row.resource): row for simulation in told for row in simulation.decisions}


def _ask(
    resources: Sequence[str], region: str, profile_arn: str, case: Case, context: Mapping[str, str]
) -> Simulation:
    hop = {"aws:RequestedRegion": region, "bedrock:InferenceProfileArn": profile_arn}
    return simulated(INVOKE, resources, {**context, **hop}, case)


def simulated(actions: Sequence[str], resources: Sequence[str], context: Mapping[str, str], case: Case) -> Simulation:
    return iam.simulate(
        case.facts("role-policies")["role_arn"],
        actions=actions,
        resources=resources,
        context=context,
        region=case.revision.region,
        access=case.account_access,
    )


def judged(facts: dict[str, Any], told: Sequence[Decision], wanted: Mapping[str, Sequence[str]]) -> Answer:
    """The answer about actions a role can do without: `allowed`, or a warning, `denied`, that names those missing.
    `needs-context` where only a real request can tell.

    `wanted` says on which resources each action counts.
    """
    found = {(decision.action, decision.resource): decision for decision in told}
    asked = [(action, resource) for action, resources in wanted.items() for resource in resources]
    if any(question not in found for question in asked):
        operation = {"operation": "iam:SimulatePrincipalPolicy"}
        return Answer(Outcome.UNKNOWN, "incomplete", facts | operation, Layer.AWS)
    denied = [found[question] for question in asked if not found[question].is_allowed]
    if any(not decision.is_certain for decision in denied):
        keys = sorted({key for decision in denied for key in decision.missing})
        return Answer(Outcome.UNKNOWN, "needs-context", facts | {"keys": ", ".join(keys)}, Layer.IDENTITY_POLICY)
    if not denied:
        return Answer(Outcome.PASSED, "allowed", facts | {"missing": []})
    missing = list(dict.fromkeys(decision.action for decision in denied))
    layer = denied[0].layer or Layer.IDENTITY_POLICY
    return Answer(Outcome.WARNING, "denied", facts | {"missing": missing, "layer": layer.value}, layer)


def matched_rows(decisions: Iterable[Decision], role: Facts) -> list[dict[str, Any]]:
    """The statements that decided, each once: the policy, the statement's name, and its text where it is known."""
    found = dict.fromkeys(matched for decision in decisions for matched in decision.matched)
    return [{"policy": row.policy, "type": row.policy_type, **_statement(row, role["policies"])} for row in found]


def _statement(matched: Matched, policies: Sequence[Facts]) -> dict[str, str]:
    """The simulator names inline policies by name, some with the role's before it, and places the statement."""
    named = [row for row in policies if matched.policy.endswith(row["name"])]
    document = max(named, key=lambda row: len(row["name"]))["document"] if named else ""
    text = _excerpt(document, matched)
    try:
        sid = json.loads(text).get("Sid", "") if text else ""
    except (ValueError, AttributeError):
        return {"sid": "", "text": ""}
    return {"sid": str(sid), "text": text}


def _excerpt(document: str, matched: Matched) -> str:
    """What stands between two places of a text, lines and columns from 1."""
    lines = document.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    (start_line, start_column), (end_line, end_column) = matched.start, matched.end
    if not 1 <= start_line <= end_line <= len(lines):
        return ""
    return document[starts[start_line - 1] + start_column - 1 : starts[end_line - 1] + end_column - 1].strip()
