"""Whose an IAM user is that verification found for nobody, such as the one that IAM makes for an API key that lasts.

Its tags say so: the one by which a plan finds its people's IAM users, or the one by which the bill is grouped.
https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-how.html
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from onboarding.aws import AwsError, iam
from onboarding.costs.callers import IdentityMap, keep_mapped
from onboarding.costs.profiles import access_to
from onboarding.enums import IdentitySource
from onboarding.models import Caller, LogSource, PlanRevision

log = structlog.get_logger(__name__)


def map_users(source: LogSource) -> int:
    """Map the IAM users of a source's account that are nobody's; how many were. One question, and none without them.

    Never raises for anything AWS does: they stay nobody's, and are asked about again with the next run.
    """
    account = source.account
    nobodys = Caller.objects.filter(person=None, claimed_by="", arn__contains=f":iam::{account.account_id}:user/")
    callers = list(nobodys)
    keys = _keys(source) if callers else set()
    if not keys:
        return 0
    try:
        tags = iam.user_tags(region=source.region, access=access_to(source))
    except AwsError as error:
        log.warning("callers.users_unknown", source=str(source), operation=error.operation, detail=error.detail)
        return 0
    return _map(callers, tags, keys)


def _keys(source: LogSource) -> set[str]:
    """The tags that say whose a user of this account is."""
    of_plans = PlanRevision.objects.filter(
        is_current=True, account=source.account_id, identity_source=IdentitySource.IAM_USER
    )
    return {*of_plans.values_list("user_tag", flat=True), source.account.cost_tag} - {""}


def _map(callers: list[Caller], tags: Mapping[str, Mapping[str, str]], keys: set[str]) -> int:
    identities, found = IdentityMap(), []
    for caller in callers:
        named = {identities.named(value) for key, value in tags.get(caller.arn, {}).items() if key in keys} - {None}
        if len(named) == 1:
            caller.person_id = named.pop()
            found.append(caller)
    return keep_mapped(found)
