"""A candidate's length."""

from __future__ import annotations

import pytest

from tests.support.verifiers.check_verdicts import verdict_of


@pytest.mark.parametrize(
    ("words", "expected"), [(0, 0.0), (5, 0.5), (10, 1.0), (20, 1.0), (40, 0.5)]
)
async def test_length_is_right_within_its_range(words: int, expected: float) -> None:
    """And falls off on both sides."""
    assert (await verdict_of("length", "w " * words, min_words=10, max_words=20)).score == expected
