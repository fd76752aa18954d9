"""The cascade: what it must do whatever the numbers, and what it is worth on synthetic
ensembles.
"""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.aggregation import Floats, LabelModel
from assay.aggregation.cascade.cascade import Cascade, Replayed, first_of
from assay.aggregation.cascade.curve import CASCADE, SUBSET, Curve, Point, curve
from assay.aggregation.cascade.redundant_calls import advice
from assay.aggregation.cascade.tiers import Calls, explained, ordered, own_tiers, tiered, without
from assay.aggregation.evaluation.label_sampling import draw_labels
from assay.aggregation.label_model.artifact import ArtifactError, checksum, from_dict, to_dict
from assay.aggregation.statistics.queries import Queries
from assay.aggregation.statistics.score_covariance import Joint
from tests.aggregation.data import small
from tests.synthetic import Sample

COSTS = (0.0, 0.1, 1.0, 2.0, 10.0, 30.0)


@cache
def sample() -> Sample:
    """Return 200 queries of 6 candidates and 6 verifiers."""
    return small(3, queries=200)


@cache
def model(labels: int = 0) -> LabelModel:
    """Return a model of it."""
    data = sample()
    queries = Queries.of(data.query_id)
    known = None
    if labels:
        known = np.full(len(data.labels), np.nan)
        rows = draw_labels(queries, data.labels.astype(float), labels, np.random.default_rng(0))
        known[rows] = data.labels[rows]
    return LabelModel(families=data.families).fit(
        data.scores, data.query_id, known, verifier_names=data.names
    )


def cascade(
    labels: int = 0, price: float | None = None, costs: tuple[float, ...] = COSTS
) -> Cascade:
    """Return its cascade."""
    found = Cascade.of(model(labels), Calls.of(costs), price)
    assert found is not None
    return found


def query(number: int) -> Floats:
    """Return a query's scores."""
    data = sample()
    return np.array(data.scores[data.query_id == np.unique(data.query_id)[number]])


def full_pick(found: Cascade, scores: Floats) -> int:
    """Return what all verifiers put first, by the sum of their parts."""
    return first_of(found.parts(scores).sum(axis=1), scores, np.arange(len(scores)))


@pytest.mark.parametrize("labels", [0, 60])
def test_a_price_of_nothing_is_the_full_ensemble(labels: int) -> None:
    """Everything is asked about every candidate, and the pick is that of all scores."""
    found = cascade(labels, 0.0)

    for number in range(100):
        got = found.replay(query(number))
        assert got.cost == pytest.approx(1.0)
        assert got.rounds == len(found.tiers)
        assert got.best == full_pick(found, query(number))


@pytest.mark.parametrize("labels", [0, 60])
def test_a_higher_price_asks_less(labels: int) -> None:
    """And at a price beyond all worth, only the first tier."""
    spent = [
        np.mean([cascade(labels, price).replay(query(n)).cost for n in range(100)])
        for price in (0.0, 0.01, 0.1, 1.0, 1e9)
    ]

    assert spent == sorted(spent, reverse=True)
    assert spent[1] < 0.9
    assert spent[-1] == pytest.approx(cascade().spent[0])


def test_what_is_free_is_asked_about_everybody() -> None:
    """First, whatever the price; also where an operator's own tiers have it last."""
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
    """Neither for what is asked nor for the pick."""
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
    """Return what was seen of each candidate, or of one, in no order: those of whom the same was
    seen are one to it.
    """
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
    """All of a tier, all of everything, what is far out of range: a pick, and a share of the
    cost.
    """
    for labels in (0, 60):
        got = cascade(labels).replay(np.array(rows))
        assert 0 <= got.best < len(rows)
        assert 0 < got.cost <= 1
        assert (got.reached >= 1).all()


def test_a_tier_that_fails_counts_as_what_is_expected_of_it() -> None:
    """Its missing scores move nobody, and those that are there still do."""
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
    """There is nothing to choose, so nothing is decided early."""
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
    """The copy of one adds nothing, comes after it, and costs what it costs."""
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


def test_columns_of_one_call_are_asked_together_and_paid_once() -> None:
    """The minimum and the mean of one process reward model."""
    calls = Calls.of([1.0, 1.0, 0.0, 5.0], ["prm", "prm", "length", "judge"])
    covariance = np.diag([1.0, 1.0, 0.1, 2.0])
    order = ordered(covariance, calls)
    tiers = tiered(order, calls, (0.1,))

    assert calls.total == 6.0
    assert [tier.columns for tier in tiers] == [(2,), (0, 1), (3,)]
    assert [tier.cost for tier in tiers] == [0.0, 1.0, 5.0]
    assert [tier.columns for tier in own_tiers([[0], [3, 1, 2]], calls)] == [(2,), (0, 1), (3,)]


def test_the_order_is_by_what_a_call_explains_for_its_cost() -> None:
    """A copy of one that is known explains nothing; conditioning twice is conditioning on both."""
    rng = np.random.default_rng(0)
    factor = rng.normal(size=(4, 4))
    covariance = factor @ factor.T
    covariance = np.block(
        [[covariance, covariance[:, :1]], [covariance[:1], covariance[:1, :1]]]
    )  # the last is the first again

    assert explained(without(covariance, [0]), [4]) == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(
        without(without(covariance, [1]), [2]), without(covariance, [1, 2]), atol=1e-9
    )
    assert explained(covariance, range(5)) == pytest.approx(covariance.sum())
    assert ordered(covariance, Calls.of([1.0] * 5))[-1] in (0, 4)


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


def test_a_models_file_keeps_its_covariances() -> None:
    """To the last bit, for other verifiers too; what is none is refused."""
    fitted = model(60)
    data = json.loads(json.dumps(to_dict(fitted)))
    again = from_dict(data)
    assert fitted.joint_ is not None
    assert again.joint_ is not None
    np.testing.assert_array_equal(again.joint_.covariance, fitted.joint_.covariance)
    np.testing.assert_array_equal(again.joint_.means, fitted.joint_.means)

    turned = again.for_verifiers([*reversed(fitted.names_)])
    other = Cascade.of(turned, Calls.of(COSTS[::-1]))
    assert other is not None
    scores = query(5)
    assert other.replay(scores[:, ::-1]).cost == pytest.approx(cascade(60).replay(scores).cost)
    data["joint"]["covariance"][0][0] = -1.0
    with pytest.raises(ArtifactError):
        from_dict({**data, "sha256": checksum(data)})


def test_the_joint_statistics_are_those_of_numpy() -> None:
    """Within queries, of scores that are all there."""
    rng = np.random.default_rng(1)
    u, z = rng.normal(size=(2, 400, 3))
    queries = Queries.of(np.repeat(np.arange(100), 4))
    joint = Joint.of(u, z, queries)
    both = np.hstack([u, z])
    within = both - queries.means(both)
    a, b = rng.normal(size=(2, 3))

    np.testing.assert_allclose(joint.covariance, within.T @ within / 300)
    sums = within[:, :3] * a + within[:, 3:] * b
    np.testing.assert_allclose(joint.of_sums(a, b), sums.T @ sums / 300, atol=1e-12)


def test_advice_is_what_hardly_moves_the_score() -> None:
    """The copies of verifiers, with their share of the cost; none where all say something of
    their own.
    """
    data = sample()
    rng = np.random.default_rng(0)
    copies = data.scores[:, 3:6] + 1e-3 * rng.normal(size=(len(data.scores), 3))
    names = (*data.names, "x", "y", "z")
    doubled = LabelModel().fit(
        np.hstack([data.scores, copies]), data.query_id, verifier_names=names
    )
    found = Cascade.of(doubled, Calls.of([1.0] * 6 + [5.0] * 3))
    assert found is not None
    spare = advice(found)
    assert spare is not None
    assert set(spare.columns) >= {6, 7, 8}
    assert spare.variance_share < 0.02
    assert spare.cost_share == pytest.approx((15 + len(spare.columns) - 3) / 21)
    assert advice(cascade(), 1e-9) is None


def test_on_synthetic_data_it_saves_more_than_it_loses() -> None:
    """Half the cost for two points at most, and better than a fixed subset that costs no less."""
    data = sample()
    found = curve(
        data.scores,
        data.query_id,
        data.labels,
        data.names,
        Calls.of(COSTS),
        model=LabelModel(families=data.families),
        budget=60,
    )
    point = next(each for each in found.points[CASCADE] if each.setting == found.default_price)
    everything = found.points[CASCADE][-1]

    assert everything.cost == pytest.approx(1.0)
    assert (
        everything.agree > 0.9
    )  # not 1: what is missing counts as what is expected here, and is left out there
    assert point.cost < 0.7
    assert point.loss < 0.02
    assert found.at(SUBSET, 2.0) is not None
    assert found.tiers[0] == [data.names[0]]


def test_the_price_for_a_loss_is_the_cheapest_that_stays_within_it() -> None:
    """Also where a cheaper one happens to lose less than a dearer."""
    points = [
        Point(price, cost, 0.5, loss, 0.0, 1.0, 1.0)
        for price, cost, loss in (
            (0.2, 0.1, 0.0),
            (0.1, 0.2, 0.03),
            (0.05, 0.4, 0.01),
            (0.0, 1.0, 0.0),
        )
    ]
    found = Curve(10, 0, 0.5, 0.005, [], {CASCADE: points, SUBSET: points[1:]})

    assert found.price_for(0.02) == points[2]
    assert found.price_for(0.05) == points[0]
    assert found.price_for(-0.01) is None
    assert found.at(SUBSET, 0.15) is None
    assert found.at(SUBSET, 0.5) == points[2]
