"""Every form that writes holds the token without which Django refuses it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.http import HttpResponse

from tests.repository.pages import Company, make_company, pages

pytestmark = pytest.mark.django_db

_FORM = re.compile(r"<form\b(?P<attributes>[^>]*)>(?P<content>.*?)</form>", re.DOTALL | re.IGNORECASE)
_POSTS = re.compile(r"\bmethod=[\"']?post\b", re.IGNORECASE)
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="\w+"')
_ROLES = ("anonymous", "newcomer", "person", "auditor", "admin")


def _forms(company: Company, role: str) -> Iterator[tuple[str, str, str]]:
    """Page, attributes and content of each form that writes, as a browser of this role gets it."""
    client, arguments = company.client(role), company.stand_ins()
    for page in pages():
        response = client.get(page.url(arguments))
        if not isinstance(response, HttpResponse) or not response["Content-Type"].startswith("text/html"):
            continue
        for form in _FORM.finditer(response.content.decode()):
            if _POSTS.search(form["attributes"]):
                yield page.name, form["attributes"], form["content"]


@pytest.mark.parametrize("role", _ROLES)
def test_every_form_that_writes_holds_a_token(role: str) -> None:
    forms = list(_forms(make_company(), role))
    assert forms
    assert [(page, attributes) for page, attributes, content in forms if not _TOKEN.search(content)] == []
