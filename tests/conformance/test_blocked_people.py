"""For people whom the portal blocks, AWS denies Claude Code what the portal said it would, by the layer it named."""

from __future__ import annotations

from pathlib import Path

import pytest

from onboarding.bundles.make import NotVerified
from onboarding.enums import Layer
from tests.conformance.machine import Machine
from tests.conformance.people import Bundles, bundle_of, denial, verified

pytestmark = [pytest.mark.conformance, pytest.mark.usefixtures("company")]

ANA = "ana.nunez@acme.example"
STREAM = "bedrock:InvokeModelWithResponseStream"
# How AWS names the layer at the end of an AccessDeniedException, by whether it denies explicitly.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
SAID = {
    (Layer.IDENTITY_POLICY, False): f"because no identity-based policy allows the {STREAM} action",
    (Layer.PERMISSIONS_BOUNDARY, False): f"because no permissions boundary allows the {STREAM} action",
    (Layer.SERVICE_CONTROL_POLICY, True): "with an explicit deny in a service control policy",
}


@pytest.mark.parametrize(
    ("email", "colleague", "layer"),
    [
        ("luis.gil@acme.example", ANA, Layer.IDENTITY_POLICY),
        ("pau.vidal@acme.example", ANA, Layer.SERVICE_CONTROL_POLICY),
        ("diego.aranda@acme.example", ANA, Layer.PERMISSIONS_BOUNDARY),
        ("chiara.rossi@acme.example", "sofia.marin@acme.example", Layer.IDENTITY_POLICY),
    ],
)
def test_aws_denies_what_the_portal_said(
    email: str, colleague: str, layer: Layer, claude: Path, machine: Machine, bundles: Bundles
) -> None:
    blocked = verified(email)
    with pytest.raises(NotVerified):
        bundle_of(blocked)
    finding = denial(blocked)
    machine.install(bundles.borrowed(colleague, finding))
    machine.sign_in(email)

    reply = machine.ask(claude, first="export CLAUDE_CODE_MAX_RETRIES=0")

    assert finding.layer == layer
    # The first denial ends AWS's own evaluation, so its message names one of the finding's rows.
    expected = {
        f"is not authorized to perform: {row['action']} on resource: {row['resource']} "
        f"{SAID[layer, row['is_explicit']]}"
        for row in finding.facts["denied"]
        if row["action"] == STREAM
    }
    assert [text for text in expected if text in reply.text], (expected, reply.text)
    assert (reply.exit_code, reply.told["api_error_status"]) == (1, 403)
    assert {(row["model_id"], row["status"]) for row in reply.invocations} == {(finding.facts["profile"], 403)}
    assert all(row["principal"].endswith(f"/{email}") for row in reply.invocations)
