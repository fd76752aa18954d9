"""The result of a first walk over the rows."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation import LabelModel, Shard
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
