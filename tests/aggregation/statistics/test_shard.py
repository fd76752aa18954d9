"""Rows to learn from, and how parts of them are joined."""

from __future__ import annotations

import numpy as np

from assay.aggregation import Shard
from assay.aggregation.statistics.shard import concatenate


def shard(queries: range, size: int = 3) -> Shard:
    """Return rows with their query as score; the even rows have a label."""
    query = np.repeat(np.array(queries), size)
    return Shard.of(
        query[:, None].astype(float), query, np.where(query % 2 == 0, query % 4 == 0, -1)
    )


def test_labelled_queries_keep_their_unlabelled_rows() -> None:
    """A query counts as soon as one of its rows has a label; without labels no query counts."""
    query = np.array([2, 1, 2, 1, 3])
    found = Shard.of(np.arange(5.0)[:, None], query, [-1, -1, 1, -1, 0]).labelled_queries()

    assert found is not None
    assert sorted(found.scores[:, 0].tolist()) == [0, 2, 4]
    assert sorted(found.queries.sizes.tolist()) == [1, 2]
    assert Shard.of(np.arange(5.0)[:, None], query).labelled_queries() is None
    assert Shard.of(np.arange(5.0)[:, None], query, [-1] * 5).labelled_queries() is None


def test_shards_are_joined_in_an_order_of_their_own() -> None:
    """Whichever comes first."""
    one, other = shard(range(10)), shard(range(10, 30))

    joined, turned = concatenate([one, other]), concatenate([other, one])

    assert joined.scores.tolist() == turned.scores.tolist()
    assert len(joined.queries) == 30
    assert joined.scores[:, 0].tolist() != sorted(joined.scores[:, 0].tolist())


def test_too_many_labels_are_cut_by_whole_queries() -> None:
    """The cut is the same before and after shards are joined; it keeps at least one query."""
    one, other = shard(range(60)), shard(range(60, 100))
    whole = shard(range(100)).labelled_queries(50)
    parts = [part for each in (other, one) if (part := each.labelled_queries(50)) is not None]

    joined = concatenate(parts, 50)

    assert whole is not None
    assert joined.scores.tolist() == whole.scores.tolist()
    assert len(joined.scores) == 48
    assert len(concatenate(parts, 1).queries) == 1
