"""What was counted, as `/metrics` tells it."""

from __future__ import annotations

from collections import Counter

from onboarding import instruments


def aws_calls(operation: str) -> Counter[str]:
    """How often an operation ended with each result, by all tests up to now; the difference of two is what grew."""
    found: Counter[str] = Counter()
    for metric in instruments.total():
        for sample in metric.samples:
            if sample.name == "onramp_aws_call_seconds_count" and sample.labels["operation"] == operation:
                found[sample.labels["result"]] += int(sample.value)
    return found
