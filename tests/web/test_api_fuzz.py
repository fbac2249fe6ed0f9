"""The API against its own document: every answer to anything is one that the document describes, and none is a 500."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from pytest_django import Settings

from onboarding.enums import ApiScope, Outcome
from onboarding.views.api.v1 import document
from tests.factories import make_answer, make_finding, make_ready_person, make_usage
from tests.web.cost_pages import day
from tests.web.in_process import kept_connection
from tests.web.test_api import make_token

pytestmark = pytest.mark.django_db

api = schemathesis.openapi.from_dict(document())
api.app = get_wsgi_application()


@pytest.fixture(autouse=True)
def _in_process(settings: Settings) -> Iterator[None]:
    # What it tries without a token is more than any address may: tests/web/test_limits.py.
    settings.ONRAMP_ADDRESS_RATE = 100_000
    with kept_connection():
        yield


@pytest.fixture
def token() -> str:
    """With somebody to be found, with a verification, and with costs."""
    ana = make_ready_person()
    make_answer(ana.verifications.get(), make_finding(outcome=Outcome.UNKNOWN, reason="no-answer"))
    make_usage(person=ana, day=day(3))
    return make_token(*ApiScope)


@api.parametrize()
@hypothesis_settings(
    max_examples=40,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    # The rows stay as they are: nothing here writes but the record of the token's use.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_every_answer_is_as_the_document_says(case: Any, token: str) -> None:
    case.call_and_validate(headers={"Authorization": f"Bearer {token}"})
