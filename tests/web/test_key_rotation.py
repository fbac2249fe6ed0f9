"""A new secret: what the one before signed still counts while that is a fallback, and no longer."""

from __future__ import annotations

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.test import Client
from pytest_django.fixtures import Settings

from onboarding.enums import Role
from tests.factories import make_person, make_revision
from tests.web.identity_provider import Provider, sign_in, unsigned
from tests.web.plan_pages import EDIT, hidden, preview, values_of
from tests.web.test_oidc_logout import SIGN_OUT, asked
from tests.web.test_sessions import is_signed_in, page_of, row_of, signed_in

pytestmark = pytest.mark.django_db

NEXT = "the-next-secret-of-the-tests-0123456789-abcdefghijklmnopqrstuvwxyz"


def rotate(settings: Settings) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEXT, [settings.SECRET_KEY]


def test_who_is_signed_in_stays_so(settings: Settings) -> None:
    client = signed_in(make_person())
    rotate(settings)

    assert is_signed_in(client)
    assert "You are signed in here and nowhere else" in page_of(client)


def test_a_session_can_still_be_ended_by_its_owner_from_elsewhere(settings: Settings) -> None:
    person = make_person()
    here, there = signed_in(person), signed_in(person)
    rotate(settings)
    assert is_signed_in(there)

    here.post(f"/sessions/{row_of(there).pk}/end/")

    assert is_signed_in(here)
    assert not is_signed_in(there)


def test_one_secret_after_the_other_leaves_one_row(settings: Settings) -> None:
    client = signed_in(make_person())
    row = row_of(client)
    rotate(settings)
    assert is_signed_in(client)
    # As in the next release: the earlier secret is forgotten.
    settings.SECRET_KEY_FALLBACKS = []

    assert is_signed_in(client)
    assert row_of(client).pk == row.pk
    assert UserSession.objects.count() == Session.objects.count() == 1


def test_without_the_earlier_secret_everybody_is_signed_out(settings: Settings) -> None:
    client = signed_in(make_person())
    settings.SECRET_KEY = NEXT

    assert not is_signed_in(client)


def test_a_session_that_no_list_would_show_ends(settings: Settings) -> None:
    """Two requests at once: the other one took the row along."""
    client = signed_in(make_person())
    rotate(settings)
    UserSession.objects.update(session_key="taken-along-by-the-other-request")

    assert not is_signed_in(client)


def test_signing_out_still_tells_the_provider_who(client: Client, idp: Provider, settings: Settings) -> None:
    sign_in(client)
    rotate(settings)

    hint = asked(client.post(SIGN_OUT)["Location"])["id_token_hint"]

    assert unsigned(hint)["sub"] == "ana.nunez"


def test_without_the_earlier_secret_the_hint_stays_closed(client: Client, idp: Provider, settings: Settings) -> None:
    sign_in(client)
    kept = client.session["oidc"]
    settings.SECRET_KEY = NEXT
    sign_in(client)
    session = client.session
    session["oidc"] = kept
    session.save()

    assert "id_token_hint" not in asked(client.post(SIGN_OUT)["Location"])


def test_a_form_that_was_open_meanwhile_can_be_published(settings: Settings) -> None:
    admin, revision = signed_in(make_person(role=Role.ADMIN)), make_revision()
    seen = hidden(preview(admin, revision, max_output_tokens="24000"), "previewed")
    values = values_of(revision, max_output_tokens="24000", previewed=seen, note="Why", publish="1")
    rotate(settings)

    assert admin.post(EDIT, values).status_code == 302
