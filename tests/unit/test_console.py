"""Addresses in the AWS console: the right partition and Region, and nothing that breaks out of its place."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onboarding import console
from tests.factories import ROLE_ARN

ROLE_NAME = "AWSReservedSSO_ClaudeCodeDeveloper_0123456789abcdef"
HOST = "https://eu-west-1.console.aws.amazon.com"

PAGES: tuple[tuple[Callable[[str], str], str], ...] = (
    (console.model_catalog, "/bedrock/home?region=eu-west-1#/model-catalog"),
    (console.inference_profiles, "/bedrock/home?region=eu-west-1#/inference-profiles"),
    (console.bedrock_settings, "/bedrock/home?region=eu-west-1#/settings"),
    (console.service_quotas, "/servicequotas/home/services/bedrock/quotas?region=eu-west-1"),
    (console.permission_sets, "/singlesignon/home?region=eu-west-1#/instances/permission-sets"),
    (console.assignments, "/singlesignon/home?region=eu-west-1#/instances/accounts"),
    (console.directory_users, "/singlesignon/home?region=eu-west-1#/instances/users"),
    (
        console.service_control_policies,
        "/organizations/v2/home/policies/service-control-policy?region=eu-west-1",
    ),
    (
        console.resource_control_policies,
        "/organizations/v2/home/policies/resource-control-policy?region=eu-west-1",
    ),
    (console.vpc_endpoints, "/vpcconsole/home?region=eu-west-1#Endpoints:"),
    (console.payment_methods, "/billing/home?region=eu-west-1#/paymentpreferences"),
    (console.support_case, "/support/home?region=eu-west-1#/case/create"),
)


@pytest.mark.parametrize(("page", "address"), PAGES, ids=[page.__name__ for page, _ in PAGES])
def test_pages(page: Callable[[str], str], address: str) -> None:
    assert page("eu-west-1") == HOST + address


@pytest.mark.parametrize(
    ("region", "domain"),
    [
        ("eu-west-1", "console.aws.amazon.com"),
        ("us-east-1", "console.aws.amazon.com"),
        ("us-gov-west-1", "console.amazonaws-us-gov.com"),
        ("us-gov-east-1", "console.amazonaws-us-gov.com"),
        ("cn-north-1", "console.amazonaws.cn"),
        ("xx-moon-1", "console.aws.amazon.com"),
    ],
)
@pytest.mark.parametrize("page", [*(page for page, _ in PAGES), lambda region: console.role(region, ROLE_ARN)])
def test_partitions_have_consoles_of_their_own(page: Callable[[str], str], region: str, domain: str) -> None:
    address = urlsplit(page(region))

    assert (address.scheme, address.netloc) == ("https", f"{region}.{domain}")
    assert parse_qs(address.query) == {"region": [region]}


@pytest.mark.parametrize(
    ("arn", "fragment"),
    [
        (ROLE_ARN, f"/roles/details/{ROLE_NAME}"),
        ("arn:aws:iam::111122223333:role/ClaudeCode", "/roles/details/ClaudeCode"),
        ("arn:aws:iam::111122223333:role/team/a/ClaudeCode", "/roles/details/ClaudeCode"),
        ("arn:aws:iam::111122223333:user/ana", "/users/details/ana"),
        ("arn:aws:iam::111122223333:user/team/ana.nunez@acme.example", "/users/details/ana.nunez%40acme.example"),
        ("arn:aws:iam::111122223333:role/a+b=c,d@e-f_g", "/roles/details/a%2Bb%3Dc%2Cd%40e-f_g"),
        ("arn:aws-us-gov:iam::111122223333:role/ClaudeCode", "/roles/details/ClaudeCode"),
        ("arn:aws:iam::111122223333:role/x#y?z&w", "/roles/details/x%23y%3Fz%26w"),
    ],
)
def test_a_role_or_a_user_by_its_arn(arn: str, fragment: str) -> None:
    assert console.role("eu-west-1", arn) == f"{HOST}/iam/home?region=eu-west-1#{fragment}"


def test_a_denial_by_its_id() -> None:
    address = f"{HOST}/iam/home?region=eu-west-1#/authorization-details/5arh%2F%3Fx"

    assert console.authorization_details("eu-west-1", "5arh/?x") == address


@pytest.mark.parametrize("start_url", ["https://acme.awsapps.com/start", "https://acme.awsapps.com/start/"])
@pytest.mark.parametrize("page", [console.model_catalog("eu-west-1"), console.role("eu-west-1", ROLE_ARN)])
def test_a_page_is_opened_in_its_account(start_url: str, page: str) -> None:
    found = console.through_portal(page, start_url=start_url, account_id="111122223333")

    before, _, query = found.partition("?")
    assert before == "https://acme.awsapps.com/start/#/console"
    assert parse_qs(query) == {"account_id": ["111122223333"], "destination": [page]}


@pytest.mark.parametrize("end", ["/#", "/#/", "#/"])
def test_a_start_url_may_end_as_aws_shows_it(end: str) -> None:
    found = console.through_portal("https://x", start_url=f"https://acme.awsapps.com/start{end}", account_id="1")

    assert found == "https://acme.awsapps.com/start/#/console?account_id=1&destination=https%3A%2F%2Fx"


@given(st.text(max_size=50), st.text(max_size=12))
def test_a_destination_never_breaks_out_of_its_place(url: str, account: str) -> None:
    url, account = (text.encode(errors="ignore").decode() for text in (url, account))

    found = console.through_portal(url, start_url="https://acme.awsapps.com/start", account_id=account)

    assert found.isascii()
    assert found.isprintable()
    query = parse_qs(found.partition("?")[2], keep_blank_values=True)
    assert query == {"account_id": [account], "destination": [url]}


def test_every_page_is_in_the_table() -> None:
    ours = [made for _, made in inspect.getmembers(console, inspect.isfunction) if made.__module__ == console.__name__]
    public = {made.__name__ for made in ours if not made.__name__.startswith("_")}

    assert public == {page.__name__ for page, _ in PAGES} | {"authorization_details", "role", "through_portal"}
