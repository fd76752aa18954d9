"""Scores of another unit than those of the fit are named."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation import LabelModel
from assay.aggregation.label_model.summaries.unlike_scores import unlike_scores
from assay.aggregation.matrix import Floats

NAMES = ("reward", "share", "rating")


def rows(seed: int, count: int = 100) -> tuple[Floats, Floats]:
    """Return a reward, a share, and a rating from 0 to 4 of 4 candidates a query."""
    random = np.random.default_rng(seed)
    truth = random.random(4 * count) < 0.4
    noise = random.normal(size=(4 * count, 3)) + truth[:, None]
    share = 1 / (1 + np.exp(-noise[:, 1]))
    rating = np.clip(np.round(noise[:, 2] + 2), 0, 4)
    return np.column_stack([noise[:, 0], share, rating]), np.repeat(np.arange(count), 4)


MODEL = LabelModel().fit(*rows(0), verifier_names=NAMES)


@pytest.mark.parametrize("seed", range(1, 21))
@pytest.mark.parametrize("count", [1, 5, 400])
def test_scores_of_the_same_kind_are_not_named(seed: int, count: int) -> None:
    """Few or many, with gaps, of one value, and beyond the fit's by chance."""
    scores, _ = rows(seed, count)
    gaps = np.where(np.random.default_rng(seed).random(scores.shape) < 0.3, np.nan, scores)
    alike = np.repeat(MODEL.maps_.knots[2][1:2], 3)[None, :].repeat(20, axis=0) * [0, 0.25, 1]

    for table in (scores, gaps, alike, np.full((3, 3), np.nan)):
        assert [found for found in unlike_scores(MODEL, table) if found.outside < 1] == []
    assert unlike_scores(MODEL, scores if count > 1 else alike) == []


@pytest.mark.parametrize(
    ("place", "factor", "offset"), [(0, 100, 0), (0, 1, 50), (1, 100, 0), (2, 20, 0), (2, 1, 5)]
)
def test_scores_beyond_those_of_the_fit_are_named(place: int, factor: float, offset: float) -> None:
    """With the verifier, the share, and the range of the fit."""
    scores, _ = rows(1)
    scores[:, place] = scores[:, place] * factor + offset
    knots = MODEL.maps_.knots[place]
    outside = np.mean((scores[:, place] < knots[0]) | (scores[:, place] > knots[-1]))

    (found,) = unlike_scores(MODEL, scores)

    assert found.name == NAMES[place]
    assert found.outside == pytest.approx(float(outside))
    assert found.outside > 0.5
    assert (found.lowest, found.highest) == (knots[0], knots[-1])
    assert f"{NAMES[place]}: {outside:.0%} of its scores lie outside" in found.sentence


@pytest.mark.parametrize("factor", [0.01, 0.001])
def test_scores_of_a_smaller_unit_are_named(factor: float) -> None:
    """They lie within the range of the fit, and vary far less."""
    scores, _ = rows(1)
    scores[:, 0] *= factor

    (found,) = unlike_scores(MODEL, scores)

    assert (found.name, found.outside) == ("reward", 0)
    assert found.narrower == pytest.approx(1 / factor, rel=0.2)
    assert "reward: its scores vary" in found.sentence


def test_a_part_of_other_scores_is_named_beyond_chance() -> None:
    """One row in ten of another unit is; columns are those of the model that reads them."""
    scores, _ = rows(1)
    scores[::10, 0] = 40.0

    (found,) = unlike_scores(MODEL.for_verifiers(("rating", "reward")), scores[:, [2, 0]])

    assert found.name == "reward"
    assert found.outside == pytest.approx(0.1, abs=0.02)
