"""A candidate's length."""

from __future__ import annotations

from typing import Any

import pytest

from assay.verifiers import Pair, Query, Verdict
from tests.support.kinds import made


async def one(kind: str, candidate: str, query: Query | None = None, **options: Any) -> Verdict:
    """Return what a kind says of one candidate."""
    verifier = made(kind, **options)
    await verifier.warm_up()
    return (await verifier.score([Pair(query or Query.of("?"), candidate)])).items[0]


@pytest.mark.parametrize(
    ("words", "expected"), [(0, 0.0), (5, 0.5), (10, 1.0), (20, 1.0), (40, 0.5)]
)
async def test_length_is_right_within_its_range(words: int, expected: float) -> None:
    """And falls off on both sides."""
    assert (await one("length", "w " * words, min_words=10, max_words=20)).score == expected
