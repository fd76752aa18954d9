"""What verifiers that agree with nobody count."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from assay.aggregation import LabelModel
from assay.aggregation.evaluation.measures import selection_by_query
from assay.aggregation.label_model.relations.outsiders import agreement_shares
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Queries

ROWS = 1200
QUERY = np.arange(ROWS) // 4
USELESS: dict[str, Callable[[np.random.Generator], Floats]] = {
    "a coin": lambda random: (random.random(ROWS) < 0.5).astype(float),
    "its place": lambda random: np.tile(np.arange(4.0), ROWS // 4),
    "ratings": lambda random: random.integers(1, 6, ROWS).astype(float),
}


def selection(scores: Floats, truth: Floats) -> float:
    """Return selection@1 of a fit without labels."""
    model = LabelModel().fit(scores, QUERY)
    found = selection_by_query(model.score_samples(scores, QUERY), truth, Queries.of(QUERY))
    return float(found.mean())


@pytest.mark.parametrize("useless", USELESS)
def test_a_score_that_says_nothing_does_not_rule_three_judges(useless: str) -> None:
    """Though it uses its whole range: in the mean of three draws it costs less than 0.06."""
    losses = []
    for seed in range(3):
        random = np.random.default_rng(seed)
        truth = (random.random(ROWS) < 0.4).astype(float)
        judges = truth[:, None] * [2.0, 1.2, 1.0] + random.normal(size=(ROWS, 3))
        beside = np.column_stack([judges, USELESS[useless](random)])
        losses.append(selection(judges, truth) - selection(beside, truth))

    assert np.mean(losses) < 0.06


def test_agreement_beyond_sampling_keeps_the_weight() -> None:
    """Whoever follows the others keeps all of it, an outsider a tenth, unless it has a quality."""
    correlations = np.full((4, 4), 0.3)
    correlations[3, :3] = correlations[:3, 3] = 0.01
    np.fill_diagonal(correlations, 1.0)
    rows, families = np.full((4, 4), 900.0), np.arange(4)

    unstated = agreement_shares(correlations, rows, families, [None] * 4)
    stated = agreement_shares(correlations, rows, families, [None, None, None, 0.8])
    assert unstated.tolist() == pytest.approx([1.0, 1.0, 1.0, 0.1])
    assert stated.tolist() == [1.0, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("families", [[0, 1], [0, 0, 1], [2, 2, 2, 5]])
def test_of_two_families_none_is_the_outsider(families: list[int]) -> None:
    """Nobody can know which one it is."""
    count = len(families)
    shares = agreement_shares(
        np.eye(count), np.full((count, count), 900.0), np.array(families), [None] * count
    )
    assert shares.tolist() == [1.0] * count


def test_copies_speak_once() -> None:
    """Three copies of an outsider do not agree with each other for their own sake."""
    correlations = np.eye(6)
    correlations[:3, :3] = np.where(np.eye(3), 1.0, 0.3)
    correlations[3:, 3:] = 0.999
    np.fill_diagonal(correlations, 1.0)
    families = np.array([0, 1, 2, 3, 3, 3])

    shares = agreement_shares(correlations, np.full((6, 6), 900.0), families, [None] * 6)
    assert (shares[:3] == 1.0).all()
    assert shares[3:].tolist() == pytest.approx([0.1] * 3)
