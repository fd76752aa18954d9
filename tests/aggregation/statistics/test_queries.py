"""Rows grouped by query."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.aggregation.statistics.queries import Queries

NAN = np.nan
ids = st.lists(st.integers(-5, 5), min_size=1, max_size=60)


@given(ids)
def test_grouping_puts_rows_of_a_query_together_and_back(query: list[int]) -> None:
    """Rows come in any order; sums and means are by query."""
    queries = Queries.of(np.array(query))
    values = np.arange(len(query), dtype=float)

    grouped = queries.take(np.array(query))

    assert [
        len(np.unique(grouped[low:high]))
        for low, high in zip(queries.starts[:-1], queries.starts[1:], strict=True)
    ] == [1] * len(queries)
    assert queries.put_back(queries.take(values)).tolist() == values.tolist()
    assert queries.sums(queries.take(values)).tolist() == [
        sum(place for place, each in enumerate(query) if each == one)
        for one in queries.ids.tolist()
    ]


def test_blocks_hold_whole_queries() -> None:
    """Also one that is larger than a block; infinities become missing."""
    scores = np.arange(20, dtype=np.float16).reshape(10, 2)
    scores[0, 0] = np.inf
    query = np.array(list("bbbbbacacd"))
    queries = Queries.of(query)

    blocks = list(queries.blocks(scores, 3))

    assert [len(part) for part, _ in blocks] == [2, 5, 3]
    assert [grouped.ids.tolist() for _, grouped in blocks] == [["a"], ["b"], ["c", "d"]]
    assert np.isnan(blocks[1][0][0, 0])
    assert blocks[0][0].dtype == np.float64


def test_a_query_id_is_needed() -> None:
    """NaN is no query; the message names the row."""
    with pytest.raises(ValueError, match="row 1"):
        Queries.of(np.array([1.0, NAN]))
    with pytest.raises(ValueError, match="shape"):
        Queries.of(np.zeros((2, 2)))
