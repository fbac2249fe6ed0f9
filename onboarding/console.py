"""Addresses of the AWS console's pages, built from Region and account: where somebody goes to act on a finding.

Pure. The console has no way to name an account in its own addresses; the access portal of Identity Center has:
https://docs.aws.amazon.com/singlesignon/latest/userguide/createshortcutlink.html
"""

from __future__ import annotations

from urllib.parse import quote, urlencode

from onboarding.catalog import partition_of

_DOMAINS = {
    "aws": "console.aws.amazon.com",
    "aws-us-gov": "console.amazonaws-us-gov.com",
    "aws-cn": "console.amazonaws.cn",
}


def _page(region: str, path: str, fragment: str = "") -> str:
    domain = _DOMAINS[partition_of(region)]
    return f"https://{region}.{domain}/{path}?{urlencode({'region': region})}{fragment}"


def model_catalog(region: str) -> str:
    """Bedrock's model catalog, where agreements are made and the use-case form is sent."""
    return _page(region, "bedrock/home", "#/model-catalog")


def inference_profiles(region: str) -> str:
    return _page(region, "bedrock/home", "#/inference-profiles")


def bedrock_settings(region: str) -> str:
    """Where invocation logging is switched on."""
    return _page(region, "bedrock/home", "#/settings")


def service_quotas(region: str) -> str:
    return _page(region, "servicequotas/home/services/bedrock/quotas")


def role(region: str, role_arn: str) -> str:
    """An IAM role, or a user, by its ARN."""
    kind, _, path = role_arn.rpartition(":")[2].partition("/")
    name = quote(path.rpartition("/")[2], safe="")
    return _page(region, "iam/home", f"#/{'users' if kind == 'user' else 'roles'}/details/{name}")


def permission_sets(region: str) -> str:
    return _page(region, "singlesignon/home", "#/instances/permission-sets")


def assignments(region: str) -> str:
    return _page(region, "singlesignon/home", "#/instances/accounts")


def directory_users(region: str) -> str:
    return _page(region, "singlesignon/home", "#/instances/users")


def service_control_policies(region: str) -> str:
    return _page(region, "organizations/v2/home/policies/service-control-policy")


def resource_control_policies(region: str) -> str:
    return _page(region, "organizations/v2/home/policies/resource-control-policy")


def vpc_endpoints(region: str) -> str:
    return _page(region, "vpcconsole/home", "#Endpoints:")


def payment_methods(region: str) -> str:
    return _page(region, "billing/home", "#/paymentpreferences")


def support_case(region: str) -> str:
    return _page(region, "support/home", "#/case/create")


def authorization_details(region: str, authorization_id: str) -> str:
    """AWS's own account of a denial, in the Region that was called."""
    return _page(region, "iam/home", f"#/authorization-details/{quote(authorization_id, safe='')}")


def through_portal(url: str, *, start_url: str, account_id: str) -> str:
    """The same page, opened in the right account by way of the company's access portal."""
    return f"{start_url.rstrip('/#')}/#/console?{urlencode({'account_id': account_id, 'destination': url})}"
