"""How the tests of this folder verify somebody, and change what AWS says of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from onboarding.access import access_of
from onboarding.checks.run import open_verification, run
from onboarding.enums import Trigger
from onboarding.models import Person, Verification
from tests.sandbox_aws import PROD, Aws


def opened(email: str, trigger: Trigger = Trigger.SIGN_IN) -> Verification:
    access = access_of(Person.objects.get(email=email))
    assert access.revision is not None
    return open_verification(person=access.person, revision=access.revision, trigger=trigger, actor="tests")


def verify(email: str, trigger: Trigger = Trigger.SIGN_IN) -> Verification:
    verification = opened(email, trigger)
    run(verification.pk)
    verification.refresh_from_db()
    return verification


def replace_policies(aws: Aws, permission_set: str, statements: Sequence[dict[str, Any]]) -> None:
    """Give a permission set's role one inline policy in the place of those it has."""
    role_name = aws.role_arn(permission_set).rsplit("/", 1)[-1]
    iam = aws.portal("iam", PROD)
    for name in iam.list_role_policies(RoleName=role_name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=role_name, PolicyName=name)
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName=role_name, PolicyName="changed", PolicyDocument=document)
