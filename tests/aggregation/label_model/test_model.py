"""The label model: rules for any fit, its estimates where the truth is known, and odd input."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from assay.aggregation import Floats, LabelModel, NotFittedError, Shard
from assay.aggregation.label_model.summaries.fit_summary import fit_report
from assay.aggregation.statistics.queries import finite
from tests.support.samples.ensembles import (
    SEEDS,
    fit,
    fitted,
    named,
    selection,
    small,
    supervised_reference,
)

INCREASING: dict[str, Callable[[Floats], Floats]] = {
    "exp": np.exp,
    "cube": lambda x: x**3,
    "scale": lambda x: 1e4 * x - 7,
    "arctan": np.arctan,
    "sqrt": lambda x: np.sign(x) * np.sqrt(np.abs(x)),
}


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, place=st.integers(0, 5), change=st.sampled_from(sorted(INCREASING)))
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
@given(seed=SEEDS, cuts=st.lists(st.integers(1, 59), min_size=1, max_size=7, unique=True))
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
@given(seed=SEEDS)
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


def test_a_large_useless_family_is_seen_through() -> None:
    """Ten copies of a useless verifier beside five good verifiers: within 0.02 of supervised (5)."""
    sample = named("17")

    model = fitted(sample)

    assert (
        selection(sample, model.score_samples(sample.scores, sample.query_id))
        > selection(sample, supervised_reference(sample)) - 0.02
    )


@pytest.mark.parametrize("number", ["01", "03", "13"])
def test_a_fifth_missing_keeps_the_order(number: str) -> None:
    """Rank correlation with the complete data's scores above 0.9 (8)."""
    sample = named(number)
    holes = np.random.default_rng(1).random(sample.scores.shape) < 0.2
    missing = np.where(holes, np.nan, sample.scores)

    complete = fitted(sample).score_samples(sample.scores, sample.query_id)
    partial = fitted(sample, missing).score_samples(missing, sample.query_id)

    assert spearmanr(complete, partial).statistic > 0.9


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


NAN = np.nan


def test_empty_constant_and_infinite_columns_are_left_out() -> None:
    """With a word in the report; the others count as if they were alone."""
    sample = small(verifiers=4)
    odd = np.column_stack(
        [
            sample.scores,
            np.full(len(sample.scores), NAN),
            np.full(len(sample.scores), 7.0),
            np.full(len(sample.scores), np.inf),
        ]
    )
    names = [*sample.names, "nothing", "constant", "infinite"]

    model = fit(odd, sample.query_id, verifier_names=names)
    alone = fit(sample.scores, sample.query_id, verifier_names=sample.names)

    assert model.dropped_ == {
        "nothing": "0 scores: it takes 10",
        "constant": "only one value",
        "infinite": "360 scores beyond 1e150 in size or infinite, 0 others: it takes 10",
    }
    assert model.score_samples(odd, sample.query_id) == pytest.approx(
        alone.score_samples(sample.scores, sample.query_id), nan_ok=True
    )
    assert "nothing is left out: 0 scores: it takes 10" in fit_report(model)["warnings"]


@pytest.mark.parametrize(("factor", "dtype"), [(1e307, np.float64), (-1e200, np.longdouble)])
def test_scores_beyond_the_largest_are_named(factor: float, dtype: type) -> None:
    """The reason is their size, not that there are none."""
    sample = small(verifiers=4)
    scores: Any = sample.scores.astype(dtype)
    scores[:, 3] = (np.arctan(np.nan_to_num(scores[:, 3])) + 2) * factor

    model = fit(scores, sample.query_id, verifier_names=sample.names)

    beyond = int((np.abs(scores[:, 3]) > 1e150).sum())
    assert beyond > 300
    assert (
        f"v3 is left out: {beyond} scores beyond 1e150 in size or infinite, {360 - beyond} others:"
        " it takes 10"
    ) in fit_report(model)["warnings"]
    with pytest.raises(NotFittedError, match=f"; {beyond} scores are beyond 1e150 in size"):
        fit(scores[:, 3:], sample.query_id)


@pytest.mark.parametrize("value", [1e308, -1e200, np.inf])
def test_a_single_score_that_is_too_large_has_a_warning(value: float, tmp_path: Path) -> None:
    """Also in the file, and for a part of the verifiers; two of them in two shards add up."""
    sample = small(verifiers=4)
    scores = sample.scores.astype(float)
    scores[7, 1] = value
    warning = (
        "v1: 1 score beyond 1e150 in size or infinite, which counts as missing: give smaller"
        " numbers, or leave them out"
    )

    model = fit(scores, sample.query_id, verifier_names=sample.names)
    model.save(tmp_path / "model.json")
    loaded = LabelModel.load(tmp_path / "model.json")

    assert warning in fit_report(model)["warnings"]
    assert warning in fit_report(loaded)["warnings"]
    assert loaded.for_verifiers(["v1", "v0"]).too_large_ == {"v1": 1}
    assert loaded.for_verifiers(["v0", "v2"]).too_large_ == {}
    assert "1e150" not in str(fit_report(fit(sample.scores, sample.query_id))["warnings"])
    shards = [
        Shard.of(scores, sample.query_id),
        Shard.of(scores + np.random.default_rng(0).random(scores.shape), sample.query_id + 1000),
    ]
    assert LabelModel().fit_shards(shards, sample.names).too_large_ == {"v1": 2}


def test_one_verifier_is_its_own_order() -> None:
    """With labels and without."""
    sample = named("02")
    column = sample.scores[:, [int(sample.strength.argmax())]]
    keep = ~np.isnan(column[:, 0])
    for labels in (None, sample.labels[keep]):
        said = fit(column[keep], sample.query_id[keep], labels).score_samples(
            column[keep], sample.query_id[keep]
        )
        in_first = sample.query_id[keep] == 0
        assert (
            np.argsort(column[keep][in_first, 0], kind="stable").tolist()
            == np.argsort(np.round(said[in_first], 9), kind="stable").tolist()
        )


@pytest.mark.parametrize("rows", [0, 1, 9])
def test_too_few_rows_are_not_fitted(rows: int) -> None:
    """It takes ten."""
    with pytest.raises(NotFittedError, match=f"{rows} rows: it takes 10"):
        fit(np.random.default_rng(0).random((rows, 2)), np.arange(rows))


def test_nothing_to_learn_from_is_not_fitted() -> None:
    """All columns constant."""
    with pytest.raises(NotFittedError, match="no verifier has 10 scores"):
        fit(np.ones((50, 2)), np.arange(50) // 5)


def test_any_layout_and_type_of_numbers() -> None:
    """float16, columns of another array, unsorted queries of strings, Python lists with None."""
    sample = small()
    plain = fit(sample.scores.astype(np.float16).astype(float), sample.query_id)
    wide = np.zeros((len(sample.scores), 12), np.float16)
    wide[:, ::2] = sample.scores
    mixed = np.random.default_rng(0).permutation(len(sample.scores))
    names = np.array([f"q{place}" for place in sample.query_id])
    listed = [
        [None if np.isnan(value) else float(value) for value in row]
        for row in sample.scores.astype(np.float16)
    ]

    strided = fit(wide[:, ::2], sample.query_id)
    shuffled = fit(np.asfortranarray(wide[mixed][:, ::2]), names[mixed])
    objects = fit(listed, sample.query_id)

    expected = plain.score_samples(wide[:, ::2], sample.query_id)
    for model in (strided, shuffled, objects):
        assert model.score_samples(wide[:, ::2], sample.query_id) == pytest.approx(
            expected, abs=1e-6, nan_ok=True
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scores": [1.0, 2.0]}, r"scores: must have the shape \(rows, verifiers\)"),
        ({"scores": [["a", 1.0]] * 20}, "scores: row 0, column 0: not a number: 'a'"),
        ({"query_id": [1, 2]}, "query_id: has 2 entries for 20 rows"),
        ({"labels": [1, 0]}, "labels: must be one a row"),
        ({"labels": [3] * 20}, "labels: row 0 has 3"),
        ({"verifier_names": ["a", "a"]}, "'a' names column 0 and column 1"),
        ({"verifier_names": ["a", ""]}, "column 1 has no name"),
        ({"verifier_names": ["a"]}, "2 columns, but 1 verifier names"),
        ({"label_random": [True]}, "label_random: must be one a row"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    """With the value that is wrong."""
    right: dict[str, Any] = {
        "scores": np.random.default_rng(0).random((20, 2)),
        "query_id": np.arange(20) // 4,
    }
    with pytest.raises(ValueError, match=message):
        fit(**{**right, **arguments})
    with pytest.raises(ValueError, match="base_rate"):
        LabelModel(base_rate=1.0)
