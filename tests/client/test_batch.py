"""Lone pairs that share requests."""

from __future__ import annotations

import asyncio

import pytest
from assay_client import Scores
from assay_client.answers import scores_of
from assay_client.batch import Batch
from assay_client.exchange import Query

from tests.client.answers import pairs, sigmoid


@pytest.mark.parametrize("count", [1, Batch.MOST, Batch.MOST + 1, 3 * Batch.MOST + 7])
async def test_all_of_a_moment_are_answered_in_full_requests(count: int) -> None:
    """However many: more than two requests hold, too."""
    sizes: list[int] = []

    async def ask(asked: list[tuple[Query, str]]) -> Scores:
        sizes.append(len(asked))
        body = pairs([float(candidate) for _, candidate in asked])
        return scores_of(body, len(asked))

    batch = Batch(ask)

    chances = await asyncio.gather(*(batch.add("q", str(place / 100)) for place in range(count)))

    assert chances == pytest.approx([sigmoid(place / 100) for place in range(count)])
    assert sorted(sizes, reverse=True) == [
        *[Batch.MOST] * (count // Batch.MOST),
        *[count % Batch.MOST] * (count % Batch.MOST > 0),
    ]


@pytest.mark.parametrize("error", [ValueError("a field"), KeyError("role"), OSError("away")])
async def test_whatever_fails_reaches_all_who_wait(error: Exception) -> None:
    """Also what is no error of the service."""

    async def ask(asked: list[tuple[Query, str]]) -> Scores:
        raise error

    batch = Batch(ask)

    results = await asyncio.gather(
        *(batch.add("q", str(place)) for place in range(3)), return_exceptions=True
    )

    assert results == [error] * 3
