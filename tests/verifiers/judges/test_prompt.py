"""A judge's prompt."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tests.support.verifiers.fakes import FakeTransport
from tests.support.verifiers.label_judges import judge_on


@pytest.mark.parametrize(
    "prompt", ["no places", "{candidate} {query}", "{query} {query} {candidate}"]
)
def test_a_prompt_needs_both_places_in_the_order_that_the_prefix_cache_wants(prompt: str) -> None:
    """Refused at the start, not at the first request."""
    with pytest.raises(ValidationError, match="query"):
        judge_on(FakeTransport({}), prompt=prompt)
