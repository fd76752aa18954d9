"""The result of a first walk over the rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from assay.aggregation import LabelModel, Shard
from assay.aggregation.label_model.labels import LabelCounts
from assay.aggregation.statistics.reduction import RowReduction
from tests.support.samples.ensembles import small


def test_the_report_counts_all_labels() -> None:
    """Also those that the head was not learned from."""
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 201_000)
    scores = (truth[:, None] + random.normal(size=(201_000, 2))).astype(np.float32)

    model = LabelModel().fit(scores, np.arange(201_000) // 3, truth)

    assert model.counts_.labels == 201_000
    assert model.predict_proba(scores[:300], np.arange(300) // 3).mean() > 0.3


def test_shards_must_agree_on_columns() -> None:
    """The message gives both counts."""
    sample = small()
    with pytest.raises(ValueError, match="6 columns, but 5 verifier names"):
        LabelModel().fit_shards([Shard.of(sample.scores, sample.query_id)], sample.names[:5])


@pytest.mark.parametrize("labelled", [1.0, 0.4])
def test_labels_count_once_where_a_query_is_in_two_files(labelled: float) -> None:
    """Under different names: its copies are never in two folds of a check."""
    random = np.random.default_rng(0)
    truth, query = random.integers(0, 2, 480), np.arange(480) // 4
    scores = truth[:, None] + random.standard_normal((480, 3))
    labels = np.where(random.random(480) < labelled, truth, -1)
    plain = LabelModel().fit(scores, query, labels)
    shards = [Shard.of(scores, query + 1000 * file, labels) for file in range(2)]

    first, second = (RowReduction.of(shard, plain.names_) for shard in shards)
    together, counts = (first + second).all_labelled()
    model = LabelModel().fit_shards(shards, plain.names_)

    assert together is not None
    assert len(together.queries) == len(np.unique(query[labels >= 0]))
    assert counts == plain.counts_ == model.counts_
    assert model.weights_ == pytest.approx(plain.weights_, rel=0.1)


def test_labels_beyond_those_learned_from_are_counted() -> None:
    """Also where a file repeats another's queries."""
    reduced = RowReduction.of(
        Shard.of(
            np.random.default_rng(0).standard_normal((40, 3)), np.arange(40) // 4, [1, 0] * 20
        ),
        ("a", "b", "c"),
    )
    cut = replace(reduced, counts=LabelCounts(1000, 500.0, 1000, 500.0))

    assert (cut + cut).all_labelled()[1].labels == 2000
    assert reduced.all_labelled()[1].labels == 40
