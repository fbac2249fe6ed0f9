"""Provisioning before a judge that others wrote: every check of scim2-tester, in the process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from django.core.wsgi import get_wsgi_application
from scim2_client.engines.wsgi import WSGISCIMClient
from scim2_tester import Status, check_server

from onboarding.provisioning import issue_token
from tests.web.in_process import kept_connection

pytestmark = pytest.mark.django_db


@pytest.fixture
def scim() -> Iterator[WSGISCIMClient]:
    token = issue_token(actor="tests")
    with kept_connection():
        yield WSGISCIMClient(
            get_wsgi_application(),
            base_url="http://localhost:8000/scim/v2",
            headers={"Authorization": f"Bearer {token}"},
        )


def test_every_check_of_the_standard_passes(scim: WSGISCIMClient) -> None:
    results = check_server(scim)

    failed = [
        f"{each.title}: {each.reason}" for each in results if each.status not in (Status.SUCCESS, Status.SKIPPED)
    ]
    assert failed == []
    passed = Counter(each.resource_type for each in results if each.status == Status.SUCCESS)
    assert passed["User"] >= 20
    assert passed["Group"] >= 10
    skipped = {each.title for each in results if each.status == Status.SKIPPED}
    assert skipped == {"search_with_attributes"}
