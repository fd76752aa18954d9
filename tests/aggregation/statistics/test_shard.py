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


def test_rows_that_are_one_have_the_mean_of_their_labels() -> None:
    """It counts as drawn at random if one was; an unlabelled row decides neither."""
    random = np.random.default_rng(0)
    scores = random.standard_normal((60, 4))
    again = [0, 0, 1, 2, 3]
    labels = np.concatenate([random.integers(0, 2, 60).astype(float), [1, 1, 0, np.nan, 1]])
    labels[[0, 1, 2, 3]] = [0, 1, 1, np.nan]
    at_random = np.concatenate([np.zeros(60, bool), [True, False, False, True, True]])
    rows = Shard.of(
        np.concatenate([scores, scores[again]]),
        np.concatenate([np.arange(60) // 3, [0, 0, 20, 20, 1]]),
        labels,
        at_random,
    )

    counted = rows.distinct()

    assert counted.labels is not None
    assert counted.random is not None
    by_score = dict(
        zip(counted.scores[:, 0], zip(counted.labels, counted.random, strict=True), strict=True)
    )
    assert by_score[scores[0, 0]] == (2 / 3, True)
    assert by_score[scores[3, 0]] == (1.0, True)
    assert by_score[scores[7, 0]] == (labels[7], False)
    assert len(by_score) == 60
    # Queries 0 and 20 share two rows, but not the third: they are two.
    assert len(counted.scores) == 62


def test_rows_without_duplicates_stay_as_they_are() -> None:
    """Also verdicts, and rows without labels."""
    scores = np.random.default_rng(0).standard_normal((60, 3))
    for values in (scores, (scores > 0).astype(float)):
        rows = Shard.of(values, np.arange(60) // 3)
        assert rows.distinct() is rows
