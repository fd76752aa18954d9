"""From raw scores to comparable scores."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation.label_model.score_maps import MAX_KNOTS, ScoreMaps

NAN = np.nan


@pytest.mark.parametrize("power", [1, 5, -1])
def test_many_rows_are_mapped_as_few(power: int) -> None:
    """The quick way is the plain one, also where a column's knots crowd together."""
    random = np.random.default_rng(0)
    scores = np.exp(power * random.normal(size=(9000, 3)))
    scores[:, 1] = scores[:, 1] > 1
    scores[random.random(scores.shape) < 0.1] = NAN
    maps = ScoreMaps.fit(scores)

    parts = np.concatenate([maps.normals(scores[:5000]), maps.normals(scores[5000:])])

    assert maps.normals(scores) == pytest.approx(parts, abs=1e-12, nan_ok=True)


def test_maps_are_standard_and_ties_share_a_rank() -> None:
    """Mean 0 and sd 1 over the training rows; u between 0 and 1, centred; at most 512 knots."""
    random = np.random.default_rng(0)
    scores = np.column_stack(
        [random.normal(size=5000), random.integers(1, 6, 5000), random.standard_t(1, 5000)]
    )
    maps = ScoreMaps.fit(scores)

    z, u = maps.normals(scores), maps.units(scores)

    assert z.mean(axis=0) == pytest.approx([0, 0, 0], abs=0.01)
    assert z.std(axis=0) == pytest.approx([1, 1, 1], abs=0.01)
    assert len(np.unique(z[:, 1])) == 5
    assert u.mean(axis=0) == pytest.approx([0, 0, 0], abs=1e-12)
    assert np.ptp(u, axis=0) == pytest.approx([1, 1, 1])
    assert all(len(knots) <= MAX_KNOTS for knots in maps.knots)
    assert len(maps.knots[1]) == 5


def test_the_whisker_reaches_past_the_quantiles_and_not_past_the_scores() -> None:
    """A far outlier is clipped, a near one is not."""
    scores = np.concatenate([np.linspace(0, 1, 1000), [50.0]])[:, None]

    plain, reaching = ScoreMaps.fit(scores), ScoreMaps.fit(scores, 0.25)

    assert (plain.low[0], reaching.low[0]) == (pytest.approx(0.025, abs=1e-3), 0.0)
    assert reaching.low[0] + reaching.span[0] == pytest.approx(0.976 + 0.25 * 0.95, abs=0.01)


def test_columns_that_teach_nothing_have_no_maps() -> None:
    """Under ten scores, or one value."""
    scores = np.full((50, 3), NAN)
    scores[:9, 0], scores[:, 1], scores[:, 2] = np.arange(9), 3.0, np.arange(50)
    maps = ScoreMaps.fit(scores)

    assert maps.usable.tolist() == [False, False, True]
    assert np.isnan(maps.units(scores)[:, :2]).all()
    assert np.isnan(maps.normals(scores)[:, :2]).all()
