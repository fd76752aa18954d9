"""The sample of the rows."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation.statistics.queries import Queries
from assay.aggregation.statistics.row_sample import LAYER, MAX_ROWS, RowSample


def test_a_sample_is_whole_queries_up_to_a_layer() -> None:
    """It has 20,000 rows at most; each query gives 64 rows before any gives more, in any shards."""
    sizes = np.concatenate([np.full(40, 1000), np.full(2000, 5)])
    query = np.repeat(np.arange(len(sizes)), sizes)
    scores = np.random.default_rng(0).normal(size=(len(query), 2)).astype(np.float32)
    half = query < 500

    whole = RowSample.of(scores, Queries.of(query), ["a", "b"])
    merged = RowSample.of(scores[~half], Queries.of(query[~half]), ["a", "b"]).merge(
        RowSample.of(scores[half], Queries.of(query[half]), ["a", "b"])
    )

    counts = np.sort(whole.queries.sizes)
    assert MAX_ROWS - 1000 < len(whole.scores) <= MAX_ROWS
    assert len(counts) == len(sizes)  # every query is there: no large one crowded others out
    assert counts[-1] >= LAYER
    assert np.array_equal(whole.scores, merged.scores)
    assert np.array_equal(whole.query, merged.query)


@pytest.mark.parametrize("size", [20, 21, 70])
def test_a_merged_sample_is_that_of_all_rows(size: int) -> None:
    """Whether the last query just fits, is cut, or gives a second layer; in any order of
    merging.
    """
    random = np.random.default_rng(size)
    query = np.repeat(np.arange(42_000 // size), size)
    scores = random.normal(size=(len(query), 1))
    part = random.integers(0, 5, query[-1] + 1)[query]
    parts = [
        RowSample.of(scores[part == each], Queries.of(query[part == each]), ["a"])
        for each in random.permutation(5)
    ]

    whole = RowSample.of(scores, Queries.of(query), ["a"])
    merged = parts[0].merge(parts[1]).merge(parts[2].merge(parts[3]).merge(parts[4]))

    assert MAX_ROWS - LAYER < len(whole.scores) <= MAX_ROWS
    assert np.array_equal(whole.scores, merged.scores)


def test_a_small_data_set_is_its_own_sample() -> None:
    """All rows, in an order that follows from the content alone."""
    scores = np.random.default_rng(0).normal(size=(500, 2))
    query = np.repeat(np.arange(50), 10)
    mixed = np.random.default_rng(1).permutation(500)

    one = RowSample.of(scores, Queries.of(query), ["a", "b"])
    other = RowSample.of(scores[mixed], Queries.of(query[mixed]), ["a", "b"])

    assert np.array_equal(one.scores, other.scores)
    assert sorted(one.scores[:, 0].tolist()) == sorted(scores[:, 0].tolist())
