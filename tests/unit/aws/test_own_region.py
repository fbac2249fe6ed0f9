"""Where the portal's own Region comes from: the variable that the examples of a deployment set."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.httpsession import URLLib3Session
from urllib3 import HTTPResponse

from onboarding.aws import PortalDenied, bedrock
from onboarding.aws.session import Access, forget_clients
from tests.deploy.declared import BASE_DIR

DENIED = b"<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>"
EXAMPLES = (
    ".env.example",
    "deploy/compose.env.example",
    "deploy/kubernetes/example/kustomization.yaml",
)


@pytest.mark.parametrize("example", EXAMPLES)
def test_sts_is_asked_in_the_region_that_an_example_sets(example: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = re.findall(r"\b(AWS_\w*REGION)=(\S+)", (BASE_DIR / example).read_text(encoding="utf-8"))
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    for name, value in found:
        monkeypatch.setenv(name, value)
    asked: list[str] = []

    def send(_: URLLib3Session, request: Any) -> AWSResponse:
        asked.append(request.url)
        return AWSResponse(request.url, 403, HTTPHeaders(), HTTPResponse(BytesIO(DENIED), preload_content=False))

    monkeypatch.setattr(URLLib3Session, "send", send)
    forget_clients()
    with pytest.raises(PortalDenied, match="sts:AssumeRole"):
        bedrock.data_retention_mode(region="us-west-2", access=Access("arn:aws:iam::999900001111:role/OnrampReadOnly"))
    forget_clients()

    assert asked == ["https://sts.eu-west-1.amazonaws.com/"]
