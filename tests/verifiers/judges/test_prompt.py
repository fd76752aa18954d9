"""A judge's prompt."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from assay.verifiers.judges.verdict import Judge, JudgeSettings
from tests.support.fakes import FakeTransport


def judge(transport: FakeTransport, **options: Any) -> Judge:
    """Return a judge on a fake server."""
    return Judge(JudgeSettings(name="j", model="m", endpoint="http://x", **options), transport)


@pytest.mark.parametrize(
    "prompt", ["no places", "{candidate} {query}", "{query} {query} {candidate}"]
)
def test_a_prompt_needs_both_places_in_the_order_that_the_prefix_cache_wants(prompt: str) -> None:
    """Refused at the start, not at the first request."""
    with pytest.raises(ValidationError, match="query"):
        judge(FakeTransport({}), prompt=prompt)
