"""What people say: labels, families, qualities, and what is learned from them."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation.evaluation.label_sampling import draw_labels
from assay.aggregation.label_model.families import families_of, family_weights, quality_weights
from assay.aggregation.label_model.head import Rows
from assay.aggregation.label_model.hyperparameters import FIRST, Recipe
from assay.aggregation.label_model.label_free import BaseScore
from assay.aggregation.label_model.labelled_head import fit_head
from assay.aggregation.label_model.labels import count, parse_labels
from assay.aggregation.statistics.logistic import fit_map
from assay.aggregation.statistics.queries import Queries

NAN = np.nan


def test_families_come_from_the_statement_else_from_the_name() -> None:
    """The text before a colon."""
    assert families_of(["a:x", "b", "c"], {"c": "a"}) == ("a", "b", "a")
    assert family_weights(["a", "a", "b"]).tolist() == pytest.approx([2**-0.5, 2**-0.5, 1])


def test_a_quality_weighs_as_specified() -> None:
    """(2 AUC - 1)^2 for numbers, the first power for tiers, the mean of the stated where none
    is; useless statements: ones.
    """
    assert quality_weights([0.9, "high", None, 0.4]).tolist() == pytest.approx(
        [0.64, 0.6, (0.64 + 0.6) / 3, 0]
    )
    assert quality_weights([0.5, None]).tolist() == [1, 1]
    assert quality_weights([1.02, 0.9]).tolist() == pytest.approx([1, 0.64])
    for wrong in ("good", 70.0, -1.0):
        with pytest.raises(ValueError, match="quality of verifier 1"):
            quality_weights([0.7, wrong])


def test_labels_of_any_kind() -> None:
    """-1 and NaN are unknown, values between are soft, others are refused with their row."""
    assert parse_labels([True, False], 2).tolist() == [1, 0]
    assert parse_labels(np.array([1, 0, -1], np.int8), 3).tolist()[:2] == [1, 0]
    assert np.isnan(parse_labels([0.3, NAN, -1], 3)).tolist() == [False, True, True]
    for wrong in ([0, 2], [0, -3], [1, np.inf]):
        with pytest.raises(ValueError, match="row 1"):
            parse_labels(wrong, 2)
    with pytest.raises(ValueError, match="one a row"):
        parse_labels([1], 2)
    with pytest.raises(ValueError, match="numbers"):
        parse_labels(["yes", "no"], 2)


def test_when_labels_calibrate() -> None:
    """25, five of each class, half of them random."""
    labels = np.array([1.0] * 5 + [0.0] * 20)
    assert count(labels, None).calibrated
    assert count(labels[:-1], None).why_not == "24 labels: it takes 25"
    assert "5 of each" in str(count(np.array([1.0] * 4 + [0.0] * 21), None).why_not)
    assert "random" in str(count(labels, np.arange(25) < 12).why_not)


def test_soft_labels_are_shares() -> None:
    """Twice the rows with one label each way is one row with a half."""
    features, prior = np.array([[1.0, 0.5], [1.0, -1.0]]), (np.zeros(2), np.ones(2))
    soft = fit_map(np.vstack([features, features]), np.array([0.5, 1.0, 0.5, 1.0]), *prior)
    hard = fit_map(np.vstack([features, features]), np.array([1.0, 1.0, 0.0, 1.0]), *prior)

    assert soft.mode == pytest.approx(hard.mode)


def test_the_first_recipe_takes_one_prior_and_ours_averages() -> None:
    """By their evidence."""
    random = np.random.default_rng(0)
    z = random.normal(size=(60, 3))
    queries = Queries.of(np.repeat(np.arange(15), 4))
    base = BaseScore(np.full(3, 1 / 3), np.zeros(3), np.zeros(3), 0.0)
    labels = (z[:, 0] + 0.5 * random.normal(size=60) > 0).astype(float)
    shares = [
        [
            weight.share
            for weight in fit_head(
                Rows.of(base, z, z, queries), labels, np.array([0, 0, 1]), np.ones(3), True, recipe
            )[1]
        ]
        for recipe in (FIRST, Recipe())
    ]

    assert sorted(shares[0]) == [0, 1]
    assert sum(shares[1]) == pytest.approx(1)
    assert 0 < min(shares[1]) <= max(shares[1]) < 1


def test_labels_are_drawn_a_few_of_a_query() -> None:
    """Of both classes, no row twice; where a class is too rare, a message says how rare."""
    queries, labels = Queries.of(np.repeat(np.arange(50), 6)), np.tile([1.0, 0, 0, 0, 0, 0], 50)

    chosen = draw_labels(queries, labels, 30, np.random.default_rng(0))

    assert len(np.unique(chosen)) == 30
    assert np.bincount(queries.codes()[chosen]).max() == 4
    assert 0 < labels[chosen].sum() < 30
    with pytest.raises(ValueError, match="0 of 300 are correct"):
        draw_labels(queries, np.zeros(300), 30, np.random.default_rng(0))
