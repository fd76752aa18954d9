"""Rules that a cascade keeps for any numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.aggregation import Floats, LabelModel
from assay.aggregation.cascade.cascade import Cascade, Replayed, first_of
from assay.aggregation.cascade.tiers import Calls
from assay.aggregation.label_model.saved.artifact import checksum, from_dict, to_dict
from assay.aggregation.statistics.queries import Queries
from tests.support.samples.cascades import COSTS, cascade, model, query, sample


def full_pick(found: Cascade, scores: Floats) -> int:
    """Return the candidate that all verifiers put first, by the sum of their parts."""
    return first_of(found.parts(scores).sum(axis=1), scores, np.arange(len(scores)))


@pytest.mark.parametrize("labels", [0, 60])
def test_a_price_of_nothing_is_the_full_ensemble(labels: int) -> None:
    """The cascade calls every verifier for every candidate, and picks by all scores."""
    found = cascade(labels, 0.0)

    for number in range(100):
        got = found.replay(query(number))
        assert got.cost == pytest.approx(1.0)
        assert got.rounds == len(found.tiers)
        assert got.best == full_pick(found, query(number))


@pytest.mark.parametrize("labels", [0, 60])
def test_a_higher_price_asks_less(labels: int) -> None:
    """And at a price beyond all worth, only the first tier."""
    costs = [
        np.mean([cascade(labels, price).replay(query(n)).cost for n in range(100)])
        for price in (0.0, 0.01, 0.1, 1.0, 1e9)
    ]

    assert costs == sorted(costs, reverse=True)
    assert costs[1] < 0.9
    assert costs[-1] == pytest.approx(cascade().cumulative_cost[0])


def test_what_is_free_is_asked_about_everybody() -> None:
    """Free verifiers come first at any price, also where an operator's own tiers have them last."""
    found = cascade(price=1e9)
    assert found.tiers[0].columns == (0,)
    assert found.replay(query(0)).reached.tolist() == [1] * 6

    own = Cascade.of(model(), Calls.of(COSTS), 1e9, [[5], [1, 2, 3, 4], [0]])
    assert own is not None
    assert [tier.columns for tier in own.tiers] == [(0,), (5,), (1, 2, 3, 4)]


@given(
    st.integers(0, 199), st.permutations(range(6)), st.sampled_from([0, 60]), st.floats(0.001, 0.3)
)
@settings(max_examples=150, deadline=None)
def test_the_order_of_candidates_does_not_matter(
    number: int, order: list[int], labels: int, price: float
) -> None:
    """It changes neither the calls nor the pick."""
    scores = query(number)
    found = cascade(labels, price)
    first, other = found.replay(scores), found.replay(scores[order])

    assert other.cost == pytest.approx(first.cost)
    assert other.rounds == first.rounds
    assert asked(found, scores[order], other) == asked(found, scores, first)
    assert asked(found, scores[order], other, other.best) == asked(found, scores, first, first.best)


def asked(
    found: Cascade, scores: Floats, got: Replayed, only: int | None = None
) -> list[tuple[float, ...]]:
    """Return the scores seen of each candidate, in no order; equal candidates count as one."""
    seen = []
    for place, tiers in enumerate(got.reached):
        columns = [column for tier in found.tiers[:tiers] for column in tier.columns]
        if only in (None, place):
            seen.append((float(tiers), *np.nan_to_num(scores[place, columns], nan=-9.0).tolist()))
    return sorted(seen)


@given(
    st.lists(
        st.lists(
            st.sampled_from([np.nan, -1e30, 0.0, 0.5, 1.0, 3.0, 1e30]), min_size=6, max_size=6
        ),
        min_size=1,
        max_size=5,
    )
)
@settings(max_examples=150, deadline=None)
def test_whatever_is_missing_it_decides(rows: list[list[float]]) -> None:
    """With a tier, everything or far outliers missing, it picks, and spends a share of the cost."""
    for labels in (0, 60):
        got = cascade(labels).replay(np.array(rows))
        assert 0 <= got.best < len(rows)
        assert 0 < got.cost <= 1
        assert (got.reached >= 1).all()


def test_a_tier_that_fails_counts_as_what_is_expected_of_it() -> None:
    """Missing scores move no candidate; the scores that exist still do."""
    found, scores = cascade(), query(1)
    without_it = scores.copy()
    without_it[:, list(found.tiers[1].columns)] = np.nan

    columns = list(found.tiers[1].columns)
    assert (found.parts(without_it)[:, columns] == 0).all()
    np.testing.assert_allclose(
        found.expected(without_it, 2) - found.means.sum(),
        found.parts(without_it) @ found.weights[2],
        atol=1e-12,
    )
    assert np.ptp(found.expected(without_it, 2)) > 0


def test_one_candidate_is_asked_in_full() -> None:
    """Without a choice, the cascade stops nothing early."""
    got = cascade(price=1e9).replay(query(0)[:1])

    assert got.cost == pytest.approx(1.0)
    assert got.best == 0


def test_there_is_no_cascade_where_nothing_can_be_saved() -> None:
    """All free, one tier, no covariances, or candidates that stand alone."""
    data = sample()
    old = from_dict({**_without_joint(model())})
    alone = LabelModel().fit(data.scores[:300], np.arange(300), verifier_names=data.names)

    assert Cascade.of(model(), Calls.of([0.0] * 6)) is None
    assert Cascade.of(model(), Calls.of([5.0] * 6, ["one"] * 6)) is None
    assert Cascade.of(old, Calls.of(COSTS)) is None
    assert Cascade.of(alone, Calls.of(COSTS)) is None
    with pytest.raises(ValueError, match="costs: must be 0 or more"):
        Calls.of([1.0, -1.0])
    with pytest.raises(ValueError, match="every verifier"):
        Cascade.of(model(), Calls.of(COSTS), groups=[[0, 1], [1, 2]])


def _without_joint(fitted: LabelModel) -> dict[str, object]:
    """Return a model's file as an earlier version wrote it."""
    data = {key: value for key, value in to_dict(fitted).items() if key != "joint"}
    return {**data, "sha256": checksum(data)}


def test_repeated_verifiers_make_a_singular_covariance_and_no_trouble() -> None:
    """A copy adds nothing, comes after its original, and adds its own cost."""
    data = sample()
    doubled = np.hstack([data.scores, data.scores[:, :1], np.ones((len(data.scores), 1))])
    names = (*data.names, "copy", "constant")
    fitted = LabelModel().fit(doubled, data.query_id, verifier_names=names)
    found = Cascade.of(fitted, Calls.of([1.0] * 8))
    assert found is not None
    rows = doubled[data.query_id == data.query_id[0]]
    got = found.replay(rows)

    assert np.isfinite(found.weights).all()
    assert np.isfinite(found.variance).all()
    assert (np.diff(found.variance) <= 1e-9).all()
    assert 0 < got.cost <= 1


def test_what_is_expected_is_the_least_squares_prediction() -> None:
    """h_T predicts the sum of all parts from those that are known, as a regression on many rows
    does.
    """
    data = sample()
    found = cascade()
    parts = found.parts(np.nan_to_num(data.scores, nan=0.5))
    queries = Queries.of(data.query_id)
    within = parts - queries.means(parts)
    total = within.sum(axis=1)
    for tier in range(len(found.tiers) - 1):
        columns = [column for each in found.tiers[: tier + 1] for column in each.columns]
        least = np.linalg.lstsq(within[:, columns], total, rcond=None)[0]
        predicted = within @ found.weights[tier]
        assert np.corrcoef(predicted, within[:, columns] @ least)[0, 1] > 0.98
