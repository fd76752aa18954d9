"""The label model's parts: grouping, maps, samples, statistics, measures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregation import Floats
from aggregation.base_rate import base_rate_from_third_moments
from aggregation.bootstrap import Bootstrap
from aggregation.drawing import draw_labels
from aggregation.families import families_of, family_weights, quality_weights
from aggregation.few_labels import fit_head
from aggregation.head import Rows
from aggregation.label_free import BaseScore
from aggregation.labels import count, parse_labels
from aggregation.logistic import fit_map
from aggregation.lookup import Lookup
from aggregation.maps import MAX_KNOTS, ScoreMaps
from aggregation.measures import auc, auc_within, calibration_bins, expected_calibration_error, selection_by_query
from aggregation.moments import Moments
from aggregation.posterior import probability_any_correct, probability_top_is_best
from aggregation.queries import Queries
from aggregation.rank_one import fit_rank_one
from aggregation.recipe import FIRST, Recipe
from aggregation.row_sample import LAYER, MAX_ROWS, RowSample

NAN = np.nan
ids = st.lists(st.integers(-5, 5), min_size=1, max_size=60)


@given(ids)
def test_grouping_puts_rows_of_a_query_together_and_back(query: list[int]) -> None:
    """Whatever their order; sums and means are by query."""
    queries = Queries.of(np.array(query))
    values = np.arange(len(query), dtype=float)

    grouped = queries.take(np.array(query))

    assert [len(np.unique(grouped[low:high])) for low, high in zip(queries.starts[:-1], queries.starts[1:], strict=True)] == [
        1
    ] * len(queries)
    assert queries.put_back(queries.take(values)).tolist() == values.tolist()
    assert queries.sums(queries.take(values)).tolist() == [
        sum(place for place, each in enumerate(query) if each == one) for one in queries.ids.tolist()
    ]


def test_blocks_hold_whole_queries() -> None:
    """Also one that is larger than a block; infinities become missing."""
    scores = np.arange(20, dtype=np.float16).reshape(10, 2)
    scores[0, 0] = np.inf
    query = np.array(list("bbbbbacacd"))
    queries = Queries.of(query)

    blocks = list(queries.blocks(scores, 3))

    assert [len(part) for part, _ in blocks] == [2, 5, 3]
    assert [grouped.ids.tolist() for _, grouped in blocks] == [["a"], ["b"], ["c", "d"]]
    assert np.isnan(blocks[1][0][0, 0])
    assert blocks[0][0].dtype == np.float64


def test_a_query_id_is_needed() -> None:
    """NaN is none; the message names the row."""
    with pytest.raises(ValueError, match="row 1"):
        Queries.of(np.array([1.0, NAN]))
    with pytest.raises(ValueError, match="shape"):
        Queries.of(np.zeros((2, 2)))


@settings(max_examples=60, deadline=None)
@given(
    knots=st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60, unique=True),
    values=st.lists(st.one_of(st.floats(-2e6, 2e6), st.just(NAN), st.sampled_from([np.inf, -np.inf])), max_size=50),
)
def test_the_table_interpolates_as_numpy_does(knots: list[float], values: list[float]) -> None:
    """Also at the knots, outside them, and for NaN."""
    known, heights = np.sort(knots), np.sort(np.random.default_rng(0).normal(size=len(knots)))
    at = np.concatenate([values, known, (known[1:] + known[:-1]) / 2])

    assert Lookup(known, heights)(at) == pytest.approx(np.interp(at, known, heights), rel=1e-12, abs=1e-12, nan_ok=True)


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
    scores = np.column_stack([random.normal(size=5000), random.integers(1, 6, 5000), random.standard_t(1, 5000)])
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


def test_a_sample_is_whole_queries_up_to_a_layer() -> None:
    """20,000 rows at most; a large query gives 64 rows before any gives more; whatever the shards."""
    sizes = np.concatenate([np.full(40, 1000), np.full(2000, 5)])
    query = np.repeat(np.arange(len(sizes)), sizes)
    scores = np.random.default_rng(0).normal(size=(len(query), 2)).astype(np.float32)
    half = query < 500

    whole = RowSample.of(scores, Queries.of(query), ["a", "b"])
    merged = RowSample.of(scores[~half], Queries.of(query[~half]), ["a", "b"]).merge(
        RowSample.of(scores[half], Queries.of(query[half]), ["a", "b"])
    )

    counts = np.sort(whole.queries.sizes)
    assert MAX_ROWS - 1000 < len(whole.scores) <= MAX_ROWS
    assert len(counts) == len(sizes)  # every query is there: no large one crowded others out
    assert counts[-1] >= LAYER
    assert np.array_equal(whole.scores, merged.scores)
    assert np.array_equal(whole.query, merged.query)


@pytest.mark.parametrize("size", [20, 21, 70])
def test_a_merged_sample_is_that_of_all_rows(size: int) -> None:
    """Whether the last query just fits, is cut, or gives a second layer; in any order of merging."""
    random = np.random.default_rng(size)
    query = np.repeat(np.arange(42_000 // size), size)
    scores = random.normal(size=(len(query), 1))
    part = random.integers(0, 5, query[-1] + 1)[query]
    parts = [RowSample.of(scores[part == each], Queries.of(query[part == each]), ["a"]) for each in random.permutation(5)]

    whole = RowSample.of(scores, Queries.of(query), ["a"])
    merged = parts[0].merge(parts[1]).merge(parts[2].merge(parts[3]).merge(parts[4]))

    assert MAX_ROWS - LAYER < len(whole.scores) <= MAX_ROWS
    assert np.array_equal(whole.scores, merged.scores)


def test_a_small_data_set_is_its_own_sample() -> None:
    """All rows, in an order that follows from the content alone."""
    scores = np.random.default_rng(0).normal(size=(500, 2))
    query = np.repeat(np.arange(50), 10)
    mixed = np.random.default_rng(1).permutation(500)

    one = RowSample.of(scores, Queries.of(query), ["a", "b"])
    other = RowSample.of(scores[mixed], Queries.of(query[mixed]), ["a", "b"])

    assert np.array_equal(one.scores, other.scores)
    assert sorted(one.scores[:, 0].tolist()) == sorted(scores[:, 0].tolist())


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), size=st.integers(1, 5), holes=st.booleans())
def test_statistics_are_what_they_say(seed: int, size: int, holes: bool) -> None:
    """Against the definition, pair by pair; and they add up."""
    random = np.random.default_rng(seed)
    scores = random.normal(size=(12 * size, 3))
    if holes:
        scores[random.random(scores.shape) < 0.3] = NAN
        scores[:12] = random.normal(size=(12, 3))
    query = np.repeat(np.arange(12), size)
    maps = ScoreMaps.fit(np.vstack([scores, random.normal(size=(20, 3))]))
    z, queries = maps.normals(scores), Queries.of(query)
    first = query < 5

    moments = Moments.of(scores, queries, maps)
    added = Moments.of(scores[first], Queries.of(query[first]), maps) + Moments.of(scores[~first], Queries.of(query[~first]), maps)

    centred = np.nan_to_num(z - queries.means(z))
    assert moments.within == pytest.approx(centred.T @ centred, abs=1e-9)
    assert moments.products == pytest.approx(np.nan_to_num(z).T @ np.nan_to_num(z), abs=1e-9)
    assert moments.counts.tolist() == (~np.isnan(z)).sum(axis=0).tolist()
    covariance, pairs = moments.covariance()
    if size == 1:
        both = ~np.isnan(z[:, 0]) & ~np.isnan(z[:, 1])
        means = np.nanmean(z, axis=0)
        assert pairs[0, 1] == both.sum()
        assert covariance[0, 1] == pytest.approx(((z[both, 0] - means[0]) * (z[both, 1] - means[1])).mean())
    for name in Moments.__dataclass_fields__:
        assert getattr(added, name) == pytest.approx(getattr(moments, name), rel=1e-12, abs=1e-12)


def test_the_rank_one_fit_finds_the_shared_factor() -> None:
    """Exactly, where it is all there is, also with one verifier turned round; a family's own correlation is left out."""
    d = np.array([0.5, 0.4, 0.3, -0.3, 0.45, 0.35])
    correlations = np.outer(d, d)
    correlations[0, 1] = correlations[1, 0] = 0.9
    np.fill_diagonal(correlations, 1.0)
    found, trust = fit_rank_one(correlations, np.full((6, 6), 1e6), np.array([0, 0, 1, 2, 3, 4]))

    assert found == pytest.approx(d, abs=2e-3)
    assert trust.value > 0.95


def test_third_moments_need_three_families() -> None:
    """Else there is no estimate."""
    z = np.random.default_rng(0).normal(size=(100, 3))
    assert base_rate_from_third_moments(z, np.ones(3), np.array([0, 0, 1])) is None


def test_families_come_from_the_statement_else_from_the_name() -> None:
    """The text before a colon."""
    assert families_of(["a:x", "b", "c"], {"c": "a"}) == ("a", "b", "a")
    assert family_weights(["a", "a", "b"]).tolist() == pytest.approx([2**-0.5, 2**-0.5, 1])


def test_a_quality_weighs_as_specified() -> None:
    """(2 AUC - 1)^2 for numbers, the first power for tiers, the mean of the stated where none is; useless statements: ones."""
    assert quality_weights([0.9, "high", None, 0.4]).tolist() == pytest.approx([0.64, 0.6, (0.64 + 0.6) / 3, 0])
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
            for weight in fit_head(Rows.of(base, z, z, queries), labels, np.array([0, 0, 1]), np.ones(3), True, recipe)[1]
        ]
        for recipe in (FIRST, Recipe())
    ]

    assert sorted(shares[0]) == [0, 1]
    assert sum(shares[1]) == pytest.approx(1)
    assert 0 < min(shares[1]) <= max(shares[1]) < 1


def test_selection_counts_ties_at_their_expected_value() -> None:
    """And a candidate without a score last."""
    labels, queries = np.array([1.0, 0, 0, 1, 0, 1, 0]), Queries.of(np.array([0, 0, 0, 1, 1, 2, 2]))
    scores = np.array([2.0, 2, 1, NAN, 0, NAN, NAN])

    assert selection_by_query(scores, labels, queries).tolist() == [0.5, 0, 0.5]


@given(st.integers(0, 2**31))
def test_auc_is_the_share_of_pairs(seed: int) -> None:
    """With ties half, and weighted rows as so many rows."""
    random = np.random.default_rng(seed)
    scores, labels = random.integers(0, 5, 30).astype(float), random.integers(0, 2, 30).astype(float)
    labels[:2] = [0, 1]
    times = random.integers(0, 4, 30)
    times[:2] = 1
    good, bad = scores[labels == 1], scores[labels == 0]
    pairs = (good[:, None] > bad).mean() + (good[:, None] == bad).mean() / 2

    assert auc(scores, labels) == pytest.approx(pairs)
    assert auc(scores, labels, times.astype(float)) == pytest.approx(auc(np.repeat(scores, times), np.repeat(labels, times)))


def test_measures_of_nothing_are_nan() -> None:
    """One class, or no pair of both in a query."""
    ones = np.ones(4)
    assert np.isnan(auc(np.arange(4.0), ones))
    assert np.isnan(auc_within(np.arange(4.0), ones, Queries.single(4)))
    assert np.isnan(expected_calibration_error(np.full(4, NAN), ones))


def test_calibration_error_is_the_distance_of_said_and_true() -> None:
    """Weighted by rows; empty bins do not count."""
    probability, labels = np.array([0.05, 0.05, 0.95, 0.95]), np.array([0.0, 0, 1, 0])
    rows, said, true = calibration_bins(probability, labels)

    assert rows[[0, 9]].tolist() == [2, 2]
    assert (said[9], true[9]) == (pytest.approx(0.95), 0.5)
    assert expected_calibration_error(probability, labels) == pytest.approx((0.05 + 0.45) / 2)


def test_labels_are_drawn_a_few_of_a_query() -> None:
    """Of both classes, no row twice; where a class is too rare, a message says how rare."""
    queries, labels = Queries.of(np.repeat(np.arange(50), 6)), np.tile([1.0, 0, 0, 0, 0, 0], 50)

    chosen = draw_labels(queries, labels, 30, np.random.default_rng(0))

    assert len(np.unique(chosen)) == 30
    assert np.bincount(queries.codes()[chosen]).max() == 4
    assert 0 < labels[chosen].sum() < 30
    with pytest.raises(ValueError, match="0 of 300 are correct"):
        draw_labels(queries, np.zeros(300), 30, np.random.default_rng(0))


def test_intervals_hold_the_estimate() -> None:
    """And are narrower with more queries."""

    def width(queries: int) -> float:
        random = np.random.default_rng(0)
        labels = random.integers(0, 2, queries * 4).astype(float)
        found = Bootstrap(labels, Queries.of(np.repeat(np.arange(queries), 4))).selection(
            [labels + random.normal(size=queries * 4)]
        )
        assert found.low <= found.value <= found.high
        return found.high - found.low

    assert width(400) < width(40)


def test_the_top_is_best_with_the_chance_that_it_is_larger() -> None:
    """Two candidates: a normal's; one alone is certain; equals share; none is unknown."""
    assert probability_top_is_best(np.array([1.0, 0.0]), np.array([3.0, 4.0])) == pytest.approx(0.5793, abs=1e-4)
    assert probability_top_is_best(np.array([NAN, 0.3]), np.ones(2)) == pytest.approx(1)
    assert probability_top_is_best(np.zeros(4), np.ones(4)) == pytest.approx(0.25, abs=1e-3)
    assert probability_top_is_best(np.full(2, NAN), np.ones(2)) is None


def test_any_correct_counts_an_answer_once() -> None:
    """By its largest probability; what has none is left out."""
    p: Floats = np.array([0.5, 0.4, 0.5, NAN])
    assert probability_any_correct(p, ["a", "a", "b", "c"]) == pytest.approx(0.75)
    assert probability_any_correct(np.array([NAN]), ["a"]) is None
