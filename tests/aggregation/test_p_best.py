"""The probabilities of a query taken together."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from assay.aggregation import Floats
from assay.aggregation.label_model.head import Head, HeadRows
from assay.aggregation.label_model.label_free import BaseScore
from assay.aggregation.p_best import probability_any_correct, probability_top_is_best
from assay.aggregation.statistics.normal_draws import normal_draws
from assay.aggregation.statistics.queries import Queries

NAN = np.nan


def independent(mean: list[float], deviations: list[float]) -> Floats:
    """Return draws of independent normals."""
    return normal_draws(np.array(mean), np.diag(np.array(deviations) ** 2))


def test_the_top_is_best_with_the_chance_that_it_is_larger() -> None:
    """Two candidates: a normal's; one alone is certain; equals share."""
    assert probability_top_is_best(independent([1, 0], [3, 4]), "ab") == pytest.approx(
        0.5793, abs=0.01
    )
    assert probability_top_is_best(independent([0.3], [1]), "a") == 1.0
    assert probability_top_is_best(independent([0] * 4, [1] * 4), "abcd") == pytest.approx(
        0.25, abs=0.02
    )
    with pytest.raises(ValueError, match="no candidates"):
        probability_top_is_best(np.zeros((0, 5)), [])


def test_what_two_candidates_share_does_not_make_their_order_uncertain() -> None:
    """The difference of two that share all weights but a little is nearly certain."""
    covariance = np.array([[9.0, 8.99], [8.99, 9.0]])

    chance = probability_top_is_best(normal_draws(np.array([0.5, 0.0]), covariance), "ab")

    assert chance == pytest.approx(ndtr(0.5 / np.sqrt(0.02)), abs=0.01)
    assert chance > probability_top_is_best(independent([0.5, 0.0], [3, 3]), "ab") + 0.4


def test_candidates_of_the_tops_answer_are_no_rivals() -> None:
    """And a rival answer competes by its best candidate; equal answers share a draw."""
    draws = np.array(
        [[1.0, 1.0, 1.0, 1.0], [5.0, 5.0, 5.0, 5.0], [0.0, 2.0, 1.0, 0.0], [0, 0, 1, 2]]
    )

    assert probability_top_is_best(draws, ["a", "a", "b", "b"]) == pytest.approx((1 + 0.5) / 4)
    assert probability_top_is_best(draws, ["a", "a", "b", "c"]) == pytest.approx((1 + 1 / 3) / 4)
    assert probability_top_is_best(draws, ["a", "a", "a", "a"]) == 1.0
    assert probability_top_is_best(draws, ["a", "b", "c", "d"]) == 0.0


@pytest.mark.parametrize("spread", [0.3, 1.0])
def test_the_chance_is_that_of_true_weights_from_the_posterior(spread: float) -> None:
    """Over many queries, the top is best as often as the mean chance says."""
    random = np.random.default_rng(0)
    weights, factor = random.normal(size=7), spread * np.tril(random.normal(size=(7, 7)))
    weights[2] = 0.0
    head = Head(weights, factor @ factor.T)
    base = BaseScore(np.full(2, 0.5), np.zeros(2), np.zeros(2), fitted_share=0.0)
    queries = Queries.single(4)
    chances, hits = [], []
    for _ in range(600):
        z = random.normal(size=(4, 2))
        rows = HeadRows.from_scores(base, z, z, queries)
        log_odds = head.log_odds(rows, queries)
        places = np.argsort(-log_odds)
        draws = head.posterior_draws(rows, queries, [int(place) for place in places])
        assert draws is not None
        chances.append(probability_top_is_best(draws, range(4)))
        true = rows.features @ (weights + factor @ random.normal(size=7))
        hits.append(true.argmax() == places[0])

    assert np.mean(chances) == pytest.approx(np.mean(hits), abs=0.05)
    sure = np.array(chances) > np.median(chances)
    assert np.mean(np.array(chances)[sure]) == pytest.approx(
        np.mean(np.array(hits)[sure]), abs=0.06
    )


@pytest.mark.parametrize(
    ("p", "answers", "any_correct"),
    [
        ([0.42] * 6, ["7"] * 6, 0.42),
        ([0.5, 0.1, 0.3], ["x", "x", "x"], 0.5),
        ([0.5, 0.3, 0.2], ["a", "b", "a"], 0.65),
    ],
)
def test_wordings_of_one_answer_are_one_chance(
    p: list[float], answers: list[str], any_correct: float
) -> None:
    """Six wordings are as probably right as the best of them, not as six tries."""
    assert probability_any_correct(np.array(p), answers) == pytest.approx(any_correct)


def test_any_correct_counts_an_answer_once() -> None:
    """An answer counts by its largest probability; candidates without an answer do not count."""
    p: Floats = np.array([0.5, 0.4, 0.5, NAN])
    assert probability_any_correct(p, ["a", "a", "b", "c"]) == pytest.approx(0.75)
    assert probability_any_correct(np.array([NAN]), ["a"]) is None
