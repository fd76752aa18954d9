"""The label model: what holds of any fit, and what it finds where the truth is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import spearmanr

from assay.aggregation import Floats, LabelModel, NotFittedError, OneClassError, Shard
from assay.aggregation.averages.baselines import supervised
from assay.aggregation.evaluation.measures import selection_by_query
from assay.aggregation.label_model.head import Rows
from assay.aggregation.statistics.queries import Queries, finite
from tests.aggregation.data import fitted, named, selection, small
from tests.synthetic import Sample, Scenario, kinds, make

INCREASING: dict[str, Callable[[Floats], Floats]] = {
    "exp": np.exp,
    "cube": lambda x: x**3,
    "scale": lambda x: 1e4 * x - 7,
    "arctan": np.arctan,
    "sqrt": lambda x: np.sign(x) * np.sqrt(np.abs(x)),
}
seeds = st.integers(0, 2**31)


@settings(max_examples=25, deadline=None)
@given(seed=seeds, place=st.integers(0, 5), change=st.sampled_from(sorted(INCREASING)))
def test_an_increasing_change_of_a_scale_changes_nothing(
    seed: int, place: int, change: str
) -> None:
    """Normal scores, agreement and weights stay: only the order of a verifier's scores counts
    for them (1).
    """
    sample = small(seed)
    scores = np.round(finite(sample.scores), 3)
    changed = scores.copy()
    changed[:, place] = INCREASING[change](np.clip(scores[:, place], -20, 20))
    clipped = scores.copy()
    clipped[:, place] = np.clip(scores[:, place], -20, 20)

    one, other = fitted(sample, clipped), fitted(sample, changed)

    assert other.maps_.normals(changed) == pytest.approx(
        one.maps_.normals(clipped), abs=1e-9, nan_ok=True
    )
    assert other.d_ == pytest.approx(one.d_, abs=1e-9)
    assert other.base_.fitted == pytest.approx(one.base_.fitted, abs=1e-7)


@settings(max_examples=20, deadline=None)
@given(seed=seeds, cuts=st.lists(st.integers(1, 59), min_size=1, max_size=7, unique=True))
def test_shards_in_any_order_are_one_pass(seed: int, cuts: list[int]) -> None:
    """Scores of a model from shards are those of one from all rows (2)."""
    sample = small(seed)
    labels = np.where(
        np.random.default_rng(seed).random(len(sample.labels)) < 0.2, sample.labels, -1
    )
    parts = np.searchsorted(sorted(cuts), sample.query_id, side="right")
    order = np.random.default_rng(seed).permutation(len(cuts) + 1)
    shards = [
        Shard.of(*(values[parts == part] for values in (sample.scores, sample.query_id, labels)))
        for part in order
    ]

    whole = LabelModel(families=sample.families).fit(
        sample.scores, sample.query_id, labels, verifier_names=sample.names
    )
    merged = LabelModel(families=sample.families).fit_shards(shards, sample.names)

    scored = (model.score_samples(sample.scores, sample.query_id) for model in (whole, merged))
    assert next(scored) == pytest.approx(next(scored), abs=1e-10)


@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_the_order_of_rows_queries_and_verifiers_does_not_matter(seed: int) -> None:
    """A shuffled matrix gives each row the score it had (2)."""
    sample, random = small(seed), np.random.default_rng(seed)
    rows, columns = random.permutation(len(sample.scores)), random.permutation(len(sample.names))
    names = [sample.names[place] for place in columns]
    labels = np.where(random.random(len(sample.labels)) < 0.2, sample.labels, -1)

    one = LabelModel(families=sample.families).fit(
        sample.scores, sample.query_id, labels, verifier_names=sample.names
    )
    other = LabelModel(families=sample.families).fit(
        sample.scores[rows][:, columns], sample.query_id[rows], labels[rows], verifier_names=names
    )

    there = other.score_samples(sample.scores[rows][:, columns], sample.query_id[rows])
    assert there == pytest.approx(one.score_samples(sample.scores, sample.query_id)[rows], abs=1e-7)


def test_a_copy_in_the_family_changes_little() -> None:
    """An exact copy of the best verifier moves the others' agreement by under 0.02 and selection
    by under 0.01 (3).
    """
    sample = named("02")
    best = int(sample.strength.argmax())
    families = {**sample.families, sample.names[best]: "best", "copy": "best"}
    scores = np.column_stack([sample.scores, sample.scores[:, best]])

    before = fitted(sample)
    after = LabelModel(families=families).fit(
        scores, sample.query_id, verifier_names=[*sample.names, "copy"]
    )

    others = np.arange(len(sample.names)) != best
    assert after.d_[:-1][others] == pytest.approx(before.d_[others], abs=0.02)
    gained = selection(sample, after.score_samples(scores, sample.query_id))
    assert gained == pytest.approx(
        selection(sample, before.score_samples(sample.scores, sample.query_id)), abs=0.01
    )


@pytest.mark.parametrize("base_rate", [0.05, 0.2, 0.5, 0.75, 0.9])
def test_independent_errors_are_trusted_and_tell_the_base_rate(base_rate: float) -> None:
    """Third moments give it to 0.05, the fit is believed, and selection is within 0.01 of
    supervised (4).
    """
    sample = make(
        Scenario(
            "independent",
            kinds(5, 3, 2, 5),
            base_rate=base_rate,
            strength_mean=1.2,
            strength_sd=0.4,
        ),
        3,
    )

    model = fitted(sample)

    assert model.trust_.value > 0.8
    assert model.base_rate_from_ == "third moments"
    assert model.base_rate_ == pytest.approx(float(sample.labels.mean()), abs=0.05)
    assert (
        selection(sample, model.score_samples(sample.scores, sample.query_id))
        > selection(sample, reference(sample)) - 0.01
    )


def reference(sample: object) -> Floats:
    """Return supervised log-odds on the very rows that they were fitted on."""
    scores, labels, query = (
        np.asarray(getattr(sample, name)) for name in ("scores", "labels", "query_id")
    )
    queries = Queries.of(query)
    return supervised(finite(scores), labels.astype(float), queries, finite(scores), queries, True)


def test_a_large_useless_family_is_seen_through() -> None:
    """Ten copies of a useless verifier beside five good ones: within 0.02 of supervised (5)."""
    sample = named("17")

    model = fitted(sample)

    assert (
        selection(sample, model.score_samples(sample.scores, sample.query_id))
        > selection(sample, reference(sample)) - 0.02
    )


def test_one_factor_behind_everything_is_not_trusted() -> None:
    """Verifiers that agree more than truth could make them: t < 0.05, and the order is that of
    the average (6).
    """
    random = np.random.default_rng(0)
    shared = random.normal(size=(5000, 1))
    scores = 0.8 * shared + 0.6 * random.normal(size=(5000, 10))
    query = np.repeat(np.arange(500), 10)

    model = LabelModel().fit(scores, query)

    assert model.trust_.value < 0.05
    average = model.base_.terms(model.maps_.units(scores), None).sum(axis=1)
    assert np.argsort(model.score_samples(scores, query)).tolist() == np.argsort(average).tolist()


def test_with_four_families_a_fit_explains_anything() -> None:
    """Four verifiers that hardly agree, one of them with a little of each other: the average is
    kept.

    Seen on real answers: the fit took topical similarity for the truth, and explained all
    correlations.
    """
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 4000)
    checks = truth[:, None] + random.normal(size=(4000, 2)) * [0.7, 0.8]
    checks[:, 1] -= 0.85 * (
        checks[:, 0] - checks[:, 0].mean()
    )  # right as well, where the other is not
    similar = 0.25 * checks.sum(axis=1) + random.normal(size=4000)
    scores, query = (
        np.column_stack([checks, similar, random.normal(size=4000)]),
        np.repeat(np.arange(500), 8),
    )

    model = LabelModel().fit(scores, query)
    average = model.base_.terms(model.maps_.units(scores), None).sum(axis=1)

    said = model.score_samples(scores, query)
    queries = Queries.of(query)
    best, kept = (
        selection_by_query(each, truth.astype(float), queries).mean() for each in (average, said)
    )
    assert model.trust_.value < 0.25
    assert kept > best - 0.02


def test_little_data_or_few_families_are_not_trusted() -> None:
    """Fifty rows, or two families: t = 0 (7)."""
    sample = named("02")
    few = LabelModel().fit(sample.scores[:50], sample.query_id[:50])
    halves = {name: f"f{place % 2}" for place, name in enumerate(sample.names)}
    two = LabelModel(families=halves).fit(
        sample.scores, sample.query_id, verifier_names=sample.names
    )

    assert few.trust_.value == 0
    assert two.trust_.value == 0
    assert not two.trust_.identified


@pytest.mark.parametrize("value", [0, 1])
def test_labels_of_one_class_are_refused(value: int) -> None:
    """With a message that says which (7)."""
    sample = small()
    with pytest.raises(
        OneClassError, match="all 360 labels are " + ("correct" if value else "wrong")
    ):
        LabelModel().fit(sample.scores, sample.query_id, np.full(len(sample.labels), value))


@pytest.mark.parametrize("number", ["01", "03", "13"])
def test_a_fifth_missing_keeps_the_order(number: str) -> None:
    """Rank correlation with the complete data's scores above 0.9 (8)."""
    sample = named(number)
    holes = np.random.default_rng(1).random(sample.scores.shape) < 0.2
    missing = np.where(holes, np.nan, sample.scores)

    complete = fitted(sample).score_samples(sample.scores, sample.query_id)
    partial = fitted(sample, missing).score_samples(missing, sample.query_id)

    assert spearmanr(complete, partial).statistic > 0.9


@settings(max_examples=20, deadline=None)
@given(seed=seeds, place=st.integers(0, 5), told=st.booleans())
def test_a_missing_score_is_the_model_without_that_verifier(
    seed: int, place: int, told: bool
) -> None:
    """A query that lacks a verifier gets what the other verifiers give it, weights unchanged
    (8).
    """
    sample = small(seed)
    labels = (
        np.where(np.random.default_rng(seed).random(len(sample.labels)) < 0.3, sample.labels, -1)
        if told
        else None
    )
    model = LabelModel().fit(sample.scores, sample.query_id, labels, verifier_names=sample.names)
    holed = sample.scores.copy()
    holed[:, place] = np.nan
    others = [name for name in sample.names if name != sample.names[place]]

    expected = model.for_verifiers(others).score_samples(
        np.delete(sample.scores, place, axis=1), sample.query_id
    )

    assert model.score_samples(holed, sample.query_id) == pytest.approx(
        expected, abs=1e-9, nan_ok=True
    )


def unpenalised(columns: Floats, labels: Floats) -> Floats:
    """Return the weights of nearly unpenalised logistic regression, by a general optimiser."""

    def loss(weights: Floats) -> tuple[float, Floats]:
        eta = columns @ weights
        value = (np.logaddexp(0, eta) - labels * eta).sum() + 5e-5 * weights @ weights
        return float(value), columns.T @ (expit(eta) - labels) + 1e-4 * weights

    return np.asarray(
        minimize(loss, np.zeros(columns.shape[1]), jac=True, options={"maxiter": 500}).x
    )


def test_many_labels_are_logistic_regression() -> None:
    """10,000 labels: within 0.001 Brier of nearly unpenalised regression on the same columns
    (9).
    """
    sample = named("03")
    rows = np.random.default_rng(0).permutation(len(sample.labels))
    train, test = rows[:10_000], rows[10_000:]
    labels = np.full(len(sample.labels), -1)
    labels[train] = sample.labels[train]

    model = LabelModel(families=sample.families).fit(
        sample.scores, sample.query_id, labels, verifier_names=sample.names
    )
    mine = model.predict_proba(sample.scores, sample.query_id)
    scores, queries = finite(sample.scores), Queries.of(sample.query_id)
    columns = Rows.of(
        model.base_, model.maps_.units(scores), model.maps_.normals(scores), queries
    ).features
    theirs = expit(columns[test] @ unpenalised(columns[train], sample.labels[train].astype(float)))

    def brier(probability: Floats) -> float:
        return float(((probability - sample.labels[test]) ** 2).mean())

    assert brier(mine[test]) == pytest.approx(brier(theirs), abs=0.001)


def test_no_labels_are_the_label_free_order() -> None:
    """Labels all unknown are no labels (9)."""
    sample = small()

    free = LabelModel().fit(sample.scores, sample.query_id)
    unknown = LabelModel().fit(sample.scores, sample.query_id, np.full(len(sample.labels), -1))

    assert (
        unknown.score_samples(sample.scores, sample.query_id).tolist()
        == free.score_samples(sample.scores, sample.query_id).tolist()
    )
    assert not unknown.calibrated_


@settings(max_examples=20, deadline=None)
@given(seed=seeds, told=st.booleans())
def test_contributions_sum_to_the_log_odds(seed: int, told: bool) -> None:
    """Up to one constant a query; a verifier that is nowhere in a query contributes nothing to
    it.
    """
    sample, random = small(seed), np.random.default_rng(seed)
    scores = sample.scores.copy()
    scores[sample.query_id == 0, 2] = np.nan
    labels = np.where(random.random(len(sample.labels)) < 0.3, sample.labels, -1) if told else None
    model = LabelModel().fit(scores, sample.query_id, labels)

    rest = model.score_samples(scores, sample.query_id) - model.contributions(
        scores, sample.query_id
    ).sum(axis=1)

    for query in range(5):
        assert rest[sample.query_id == query] == pytest.approx(
            rest[sample.query_id == query][0], abs=1e-9
        )
    assert (model.contributions(scores, sample.query_id)[sample.query_id == 0, 2] == 0).all()


def test_a_candidate_alone_has_a_head_of_its_own() -> None:
    """What it gets does not depend on which other lone candidates are there, and is not the
    query head's.
    """
    sample = small(queries=200)
    model = LabelModel().fit(
        sample.scores, sample.query_id, np.where(sample.query_id < 40, sample.labels, -1)
    )
    rows = np.arange(100)

    alone = model.score_samples(sample.scores[:100], rows)

    assert alone == pytest.approx(
        [model.score_samples(sample.scores[[row]], [0])[0] for row in rows], abs=1e-12
    )
    assert alone != pytest.approx(model.score_samples(sample.scores[:100], sample.query_id[:100]))
    assert (model.lone_head_.weights[[2, *range(9, 15)]] == 0).all()


def test_probability_orders_as_the_log_odds_within_a_query() -> None:
    """And is its logistic."""
    sample = named("20")
    model = LabelModel().fit(
        sample.scores, sample.query_id, np.where(sample.query_id < 10, sample.labels, -1)
    )

    log_odds = model.score_samples(sample.scores, sample.query_id)

    assert model.predict_proba(sample.scores, sample.query_id) == pytest.approx(expit(log_odds))


def test_labels_calibrate() -> None:
    """100 random labels bring the Brier score below the label-free one where the base rate is
    far from a half.
    """
    sample = named("04")
    chosen = np.random.default_rng(0).permutation(600)[:100]
    labels = np.where(np.isin(sample.query_id, chosen), sample.labels, -1)

    model = LabelModel(base_rate=0.5).fit(sample.scores, sample.query_id, labels)
    free = LabelModel(base_rate=0.5).fit(sample.scores, sample.query_id)

    errors = [
        ((each.predict_proba(sample.scores, sample.query_id) - sample.labels) ** 2).mean()
        for each in (model, free)
    ]
    assert model.calibrated_
    assert errors[0] < errors[1] / 2
    assert model.check_ is not None
    assert not model.check_.fall_back


def test_a_stated_base_rate_moves_the_probabilities_and_not_the_order() -> None:
    """Without labels; with labels they outrank the statement."""
    sample = small()
    low, high = (LabelModel(rate).fit(sample.scores, sample.query_id) for rate in (0.1, 0.8))
    one, other = (model.predict_proba(sample.scores, sample.query_id) for model in (low, high))

    assert (other > one).all()
    assert np.argsort(one).tolist() == np.argsort(other).tolist()
    assert high.base_rate_from_ == "stated"
    assert low.with_base_rate(0.8).predict_proba(sample.scores, sample.query_id) == pytest.approx(
        other
    )


def test_stated_qualities_weigh_the_average() -> None:
    """A verifier stated to be a coin does not count; all alike is as if nothing was stated."""
    sample = small()
    plain = LabelModel().fit(sample.scores, sample.query_id, verifier_names=sample.names)
    alike = LabelModel(quality=dict.fromkeys(sample.names, 0.7)).fit(
        sample.scores, sample.query_id, verifier_names=sample.names
    )
    useless = LabelModel(quality={sample.names[0]: 0.5, sample.names[1]: "high"}).fit(
        sample.scores, sample.query_id, verifier_names=sample.names
    )

    assert alike.base_.average == pytest.approx(plain.base_.average)
    assert useless.base_.average[0] == 0
    assert (useless.base_.average[1:] > 0).all()


def told(
    sample: Sample,
    queries: int,
    borrow: Sequence[LabelModel] = (),
    names: Sequence[str] | None = None,
) -> LabelModel:
    """Return a model fitted with the labels of the first queries."""
    labels = np.where(sample.query_id < queries, sample.labels, -1)
    return LabelModel(borrow=borrow).fit(
        sample.scores, sample.query_id, labels, verifier_names=names or sample.names
    )


def test_borrowed_weights_help_where_tasks_are_alike() -> None:
    """Two halves of one data set as two tasks: few labels here and many there are better than
    few; by name, in any order.
    """
    whole, order = named("07"), np.arange(20)[::-1]
    here, there = (
        Sample(
            whole.name,
            whole.scores[rows],
            whole.labels[rows],
            whole.query_id[rows],
            whole.names,
            {},
            whole.strength,
        )
        for rows in (whole.query_id < 250, whole.query_id >= 250)
    )
    lender = LabelModel().fit(
        there.scores[:, order],
        there.query_id,
        there.labels,
        verifier_names=[there.names[place] for place in order],
    )

    errors = [
        ((model.predict_proba(here.scores, here.query_id) - here.labels) ** 2).mean()
        for model in (told(here, 2), told(here, 2, [lender]))
    ]

    assert errors[1] < 0.9 * errors[0]


def test_nothing_is_borrowed_from_a_model_that_has_nothing_to_lend() -> None:
    """Of other verifiers, or fitted without labels: the fit is the one without it."""
    sample = small()
    alone = told(sample, 10).score_samples(sample.scores, sample.query_id)
    stranger = told(small(1), 10, names=[f"other {place}" for place in range(6)])

    for lender in (stranger, fitted(sample)):
        assert told(sample, 10, [lender]).score_samples(
            sample.scores, sample.query_id
        ) == pytest.approx(alone, abs=1e-12, nan_ok=True)


def test_weights_of_the_wrong_verifiers_do_little_harm() -> None:
    """A lender whose names were mixed up: the labels outvote it."""
    sample = named("07")
    lenders = [
        told(sample, 100, names=np.random.default_rng(seed).permutation(sample.names).tolist())
        for seed in range(3)
    ]

    def error(model: LabelModel) -> float:
        return float(
            ((model.predict_proba(sample.scores, sample.query_id) - sample.labels) ** 2).mean()
        )

    assert error(told(sample, 5, lenders)) < 1.1 * error(told(sample, 5))


def test_it_must_be_fitted_first() -> None:
    """And says so."""
    with pytest.raises(NotFittedError, match="not fitted"):
        LabelModel().predict_proba(np.zeros((2, 2)), [0, 0])
