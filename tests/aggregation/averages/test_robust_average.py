"""The robust average."""

from __future__ import annotations

import math

import numpy as np
import pytest

from assay.aggregation import Column, Floats, RobustAverage, order

NAN = math.nan
COLUMNS = [Column("a", "a", (0, 1)), Column("b", "rm"), Column("c", "rm")]


def sample(rows: int = 300, seed: int = 0) -> Floats:
    """Return the scores of three verifiers that share one truth; the second has heavy tails,
    the third holes.
    """
    random = np.random.default_rng(seed)
    truth = random.normal(size=(rows, 1))
    scores = truth + random.normal(size=(rows, 3))
    scores[:, 0] = 1 / (1 + np.exp(-scores[:, 0]))
    scores[:, 1] = 40 * scores[:, 1] ** 3
    scores[random.random(rows) < 0.2, 2] = NAN
    return np.asarray(scores)


def test_contributions_and_the_intercept_sum_to_the_log_odds() -> None:
    """Also with holes, and with a stated base rate."""
    scores = sample()
    for model in (RobustAverage(COLUMNS), RobustAverage(COLUMNS, 0.2)):
        assert model.contributions(scores).sum(axis=1) + model.intercept == pytest.approx(
            model.score_samples(scores)
        )


def test_a_family_counts_less_a_head() -> None:
    """Weights fall with the root of the family's size; a stated weight multiplies."""
    model = RobustAverage([*COLUMNS, Column("d", "d", weight=3)])

    assert model.weights.tolist() == pytest.approx([1, 1 / math.sqrt(2), 1 / math.sqrt(2), 3])


def test_a_missing_score_is_not_a_low_one() -> None:
    """A row scores as its other scores alone would score it; a row without any scores nothing."""
    model = RobustAverage(COLUMNS)
    rows = np.array([[0.9, 30.0, NAN], [0.2, 10.0, NAN]])
    without = RobustAverage(COLUMNS[:2])
    without.weights = model.weights[:2]

    assert model.score_samples(rows) == pytest.approx(without.score_samples(rows[:, :2]))
    assert np.isnan(model.score_samples(np.full((1, 3), NAN))).all()
    assert np.isnan(model.predict_proba(np.full((1, 3), NAN))).all()


def test_infinite_is_missing() -> None:
    """±inf says nothing."""
    model = RobustAverage(COLUMNS)

    assert model.score_samples(np.array([[0.5, np.inf, NAN]])) == pytest.approx(
        model.score_samples(np.array([[0.5, NAN, NAN]]))
    )


def test_an_outlier_counts_no_more_than_the_range() -> None:
    """A score beyond its stated range is clipped."""
    model = RobustAverage(COLUMNS)

    assert model.score_samples(np.array([[1e9, NAN, NAN]])) == pytest.approx(
        model.score_samples(np.array([[1.0, NAN, NAN]]))
    )


def test_cold_a_bounded_column_uses_its_range_and_an_unbounded_one_the_requests_own() -> None:
    """One whose scores are all equal says nothing."""
    model = RobustAverage(COLUMNS)

    told = model.score_samples(np.array([[0.5, 10, 7], [0.5, 20, 7]]))
    same = model.contributions(np.array([[0.5, 10, 7], [0.5, 20, 7]]))

    assert told[1] > told[0]
    assert same[:, 2].tolist() == [0, 0]
    assert np.isnan(model.score_samples(np.array([[NAN, 10, 7], [NAN, 10, 7]]))).all()


def test_cold_candidates_alone_are_not_measured_by_each_other() -> None:
    """One by one or in a batch, the same score; a higher raw score is a higher one, however far
    it reaches.
    """
    model = RobustAverage([Column("b", "b")])
    raw = np.array([[-1e9], [-3.0], [0.0], [0.1], [2.0], [1e6], [NAN]])

    together = model.combine(raw, alone=True)

    one_by_one = [model.combine(row[None], alone=True).log_odds[0] for row in raw]
    assert together.log_odds == pytest.approx(one_by_one, nan_ok=True)
    assert (np.diff(together.log_odds[:-1]) > 0).all()
    assert math.isnan(together.log_odds[-1])
    assert (together.contributions().sum(axis=1) + model.intercept)[:-1] == pytest.approx(
        together.log_odds[:-1]
    )


def test_a_base_rate_must_be_a_share() -> None:
    """0 and 1 leave nothing to decide."""
    with pytest.raises(ValueError, match="base_rate"):
        RobustAverage(COLUMNS, 1.0)


def test_probability_orders_as_the_log_odds_and_missing_comes_last() -> None:
    """Ties go by the keys, not by place."""
    log_odds = np.array([0.5, NAN, 2.0, 0.5, 0.5])

    assert order(log_odds, lambda: [9, 1, 5, 3, 7]) == [2, 3, 4, 0, 1]


def test_it_finds_the_better_candidate_more_often_than_any_one_verifier() -> None:
    """Ten verifiers of equal worth, fixed seed."""
    random = np.random.default_rng(1)
    truth = random.random(4000) < 0.5
    scores = truth[:, None] + 1.5 * random.normal(size=(4000, 10))
    model = RobustAverage([Column(str(place), str(place)) for place in range(10)])

    def right(score: Floats) -> float:
        best = score.reshape(-1, 4).argmax(axis=1)
        return float(truth.reshape(-1, 4)[np.arange(1000), best].mean())

    assert (
        right(model.score_samples(scores))
        > max(right(scores[:, place]) for place in range(10)) + 0.1
    )


def test_a_column_that_only_lowers_raises_nothing_above_a_stated_base_rate() -> None:
    """Its best score is neutral, the rest of the range counts as before; the order stays."""
    judge = Column("j", "j", (0, 1))
    form = [Column(name, name, (0, 1), only_lowers=True) for name in "fgh"]
    scores = np.array([[0.5, 1, 1, 1], [0.5, 1, 0, 1], [0.9, 1, 1, 1]])
    stated, plain = RobustAverage([judge, *form], 0.3), RobustAverage([judge, *form])

    chances = stated.predict_proba(scores)
    assert chances[0] == pytest.approx(
        RobustAverage([judge], 0.3).predict_proba(np.array([[0.5]]))[0]
    )
    assert chances[1] < chances[0] < chances[2]
    assert np.argsort(chances).tolist() == np.argsort(plain.predict_proba(scores)).tolist()
    assert stated.contributions(scores).sum(axis=1) + stated.intercept == pytest.approx(
        stated.score_samples(scores)
    )


@pytest.mark.parametrize("bounds", [None, (0.0, 1.0)])
def test_random_judges_and_perfect_form_leave_the_mean_at_the_base_rate(
    bounds: tuple[float, float] | None,
) -> None:
    """Queries of four candidates, three judges of noise, and a check that all of them pass."""
    random = np.random.default_rng(0)
    columns = [Column(str(place), str(place), bounds) for place in range(3)]
    model = RobustAverage([*columns, Column("f", "f", (0, 1), only_lowers=True)], 0.5)
    chances = [
        model.predict_proba(np.column_stack([random.random((4, 3)), np.ones(4)]))
        for _ in range(400)
    ]

    assert float(np.mean(chances)) == pytest.approx(0.5, abs=0.02)


def test_scores_count_where_they_say_something() -> None:
    """One without a range tells candidates of a query apart where they differ, and no others."""
    model = RobustAverage([Column("j", "j", (0, 1)), Column("r", "r"), Column("s", "s")])
    scores = np.array([[0.5, 3.0, 7.0], [NAN, 4.0, 7.0]])

    together = model.combine(scores, alone=False).counted
    alone = model.combine(scores, alone=True).counted
    one = model.combine(scores[:1], alone=False).counted

    assert together is not None
    assert together.tolist() == [[True, True, False], [False, True, False]]
    assert alone is not None
    assert alone.tolist() == [[True, False, False], [False, False, False]]
    assert one is not None
    assert one.tolist() == [[True, False, False]]
