"""Inverted verifiers are named; without labels they count nothing, with labels as labels say."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation import LabelModel
from assay.aggregation.evaluation.measures import selection_by_query
from assay.aggregation.label_model.families import Families
from assay.aggregation.label_model.relations.inversion import (
    LEAST_LOADING,
    errors_by_chance,
    labelled_aucs,
)
from assay.aggregation.label_model.summaries.verifier_findings import verifier_findings
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Queries
from tests.support.samples.six_verifiers import separation, truth_of


def sample(
    aucs: tuple[float, ...], queries: int = 500, seed: int = 0
) -> tuple[Floats, Floats, Floats]:
    """Return scores of independent judges, the truth and the queries."""
    random = np.random.default_rng(seed)
    truth, query = truth_of(random, queries, 5)
    scores = [separation(auc) * truth + random.standard_normal(len(truth)) for auc in aucs]
    return np.column_stack(scores), truth.astype(float), query.astype(float)


def named(model: LabelModel) -> list[str]:
    """Return the names of a model's inverted verifiers."""
    return [inversion.name for inversion in model.inverted_]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("aucs", "inverted"),
    [
        ((0.9, 0.75, 0.7, 0.6, 0.5, 0.3), ["f"]),
        ((0.3, 0.9, 0.8, 0.7, 0.6), ["a"]),
        ((0.9, 0.75, 0.3, 0.7, 0.6, 0.35), ["c", "f"]),
        ((0.9, 0.75, 0.1), ["c"]),
        ((0.25, 0.8, 0.7), ["a"]),
        ((0.7, 0.2, 0.7), ["b"]),
    ],
)
def test_an_inverted_verifier_is_named_and_counts_nothing(
    aucs: tuple[float, ...], inverted: list[str], seed: int
) -> None:
    """One of three and more, or two of six, without labels."""
    scores, _, query = sample(aucs, seed=seed)

    model = LabelModel().fit(scores, query, verifier_names="abcdef"[: len(aucs)])

    assert named(model) == inverted
    places = [model.names_.index(name) for name in inverted]
    assert (model.weights_[places] == 0).all()
    assert (model.contributions(scores, query)[:, places] == 0).all()
    alone = np.full((1, len(aucs)), np.nan)
    alone[0, places[0]] = 1.0
    assert np.isnan(model.score_samples(alone, [0])).all()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("missing", [0.5, 0.7, 0.85])
def test_an_inverted_verifier_with_gaps_counts_nothing(missing: float, seed: int) -> None:
    """Also where too few scores are left to name it inverted; the fit names it then, too."""
    scores, _, query = sample((0.92, 0.8, 0.76, 0.72, 0.33), 300, seed)
    gaps = np.random.default_rng(seed).random(len(scores)) < missing
    scores[gaps, 4] = np.nan

    model = LabelModel().fit(scores, query, verifier_names="abcde")

    assert (model.weights_[:4] > 0.1).all()
    assert 0 <= model.weights_[4] < model.weights_[:4].min()
    assert model.weights_[4] == 0 or model.trust_.fitted_share < 1
    if named(model) != ["e"] and model.d_[4] <= -LEAST_LOADING and model.weights_[4] == 0:
        (sentence,) = verifier_findings(model)
        assert f"too few scores to be sure: e ({model.d_[4]:.2f})" in sentence


@pytest.mark.parametrize("seed", range(5))
def test_noise_style_and_weak_verifiers_are_not_inverted(seed: int) -> None:
    """Nobody is named where nothing runs against anything."""
    random = np.random.default_rng(seed)
    query = np.repeat(np.arange(150), 8)
    noise = random.standard_normal((1200, 8))
    style = noise + 0.4 * random.standard_normal((1200, 1))
    weak, _, weak_query = sample((0.6, 0.58, 0.55, 0.53, 0.5, 0.5), 240, seed)

    for scores, queries in ((noise, query), (style, query), (weak, weak_query)):
        assert named(LabelModel().fit(scores, queries)) == []


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("aucs", [(0.9, 0.75, 0.1), (0.08, 0.75, 0.75)])
def test_three_without_the_inverted_one_choose_better(aucs: tuple[float, ...], seed: int) -> None:
    """As well as a fit that never saw it."""
    scores, truth, query = sample(aucs, 300, seed)
    right = np.flatnonzero(np.array(aucs) > 0.5)
    model = LabelModel().fit(scores, query)
    without = LabelModel().fit(scores[:, right], query)

    chosen, expected, all_of_them = (
        selection_by_query(score, truth, Queries.of(query)).mean()
        for score in (
            model.score_samples(scores, query),
            without.score_samples(scores[:, right], query),
            scores.sum(axis=1),
        )
    )

    assert chosen == pytest.approx(expected)
    assert chosen > all_of_them + 0.1


@pytest.mark.parametrize(
    ("aucs", "families"),
    [
        ((0.9, 0.1), "auto"),
        ((0.9, 0.1, 0.5), "auto"),
        ((0.8, 0.8, 0.2, 0.2), "auto"),
        ((0.9, 0.9, 0.1), {"v0": "one", "v1": "one"}),
    ],
)
def test_without_two_that_outvote_a_third_nobody_is_named(
    aucs: tuple[float, ...], families: Families
) -> None:
    """One against one, half against half, or the family of two against the third."""
    scores, _, query = sample(aucs)

    model = LabelModel(families=families).fit(scores, query)

    assert named(model) == []
    assert (model.weights_ > 0).all()


@pytest.mark.parametrize(
    ("verifiers", "queries", "size"),
    [(40, 30, 5), (8, 30, 5), (3, 30, 4), (90, 60, 4), (200, 30, 3)],
)
def test_noise_of_many_verifiers_inverts_none(verifiers: int, queries: int, size: int) -> None:
    """With more verifiers, more run against the rest by chance, and their factor is stronger."""
    query = np.repeat(np.arange(queries), size)
    for seed in range(5):
        random = np.random.default_rng([verifiers, seed])
        scores = random.standard_normal((len(query), verifiers))
        labels = np.where(np.arange(len(query)) % 2, random.integers(0, 2, len(query)), np.nan)

        assert named(LabelModel().fit(scores, query)) == []
        assert named(LabelModel().fit(scores > 0.3, query)) == []
        assert named(LabelModel().fit(scores, query, labels)) == []


def test_the_threshold_grows_with_the_number_of_verifiers() -> None:
    """By Bonferroni, one fit of noise in a thousand names a verifier."""
    assert errors_by_chance(1) == pytest.approx(3.09, abs=0.01)
    assert errors_by_chance(40) == pytest.approx(4.06, abs=0.01)


def test_labels_decide_and_still_name() -> None:
    """The weight is that of the labels, and the finding gives the measured AUC."""
    scores, truth, query = sample((0.9, 0.75, 0.7, 0.6, 0.25))
    labels = np.where(np.arange(len(truth)) % 10 == 0, truth, np.nan)

    model = LabelModel().fit(scores, query, labels, verifier_names="abcde")

    [inversion] = model.inverted_
    assert inversion.name == "e"
    assert inversion.by_labels
    assert inversion.loading is not None
    assert inversion.loading < 0
    assert inversion.labelled_auc == pytest.approx(0.25, abs=0.08)
    assert model.weights_[4] < -0.1


def test_labels_that_show_the_opposite_win() -> None:
    """A verifier that the others invert counts if labels show that it is right."""
    scores, truth, query = sample((0.9, 0.75, 0.7, 0.6, 0.25))
    contrary = np.where(np.arange(len(truth)) % 4 == 0, 1 - truth, np.nan)

    model = LabelModel().fit(scores, query, contrary, verifier_names="abcde")

    assert "e" not in named(model)
    assert model.base_.average[4] > 0
    assert named(model)[:3] == ["a", "b", "c"]


def test_an_auc_on_labels_counts_ties_half_and_leaves_missing_scores_out() -> None:
    """None where one class has no score."""
    scores = np.array([[1.0, np.nan], [1.0, 2.0], [0.0, 3.0], [5.0, np.nan]])
    labels = np.array([1.0, 0.0, 0.0, np.nan])

    first, second = labelled_aucs(scores, labels)

    assert first is not None
    assert first[0] == pytest.approx(0.75)
    assert first[1] == pytest.approx(np.sqrt(4 / 24))
    assert second is None


def test_findings_are_kept_in_the_file(tmp_path: object) -> None:
    """Copies and inverted verifiers are read back as they were."""
    scores, _, query = sample((0.9, 0.75, 0.7, 0.6, 0.3))
    model = LabelModel().fit(np.column_stack([scores, scores[:, 1]]), query)
    path = f"{tmp_path}/model.json"

    model.save(path)
    loaded = LabelModel.load(path)

    assert loaded.copies_ == model.copies_
    assert loaded.inverted_ == model.inverted_
    assert len(model.copies_) == len(model.inverted_) == 1
    assert loaded.for_verifiers(["v0", "v1", "v2", "v3"]).copies_ == []
    assert [i.name for i in loaded.for_verifiers(["v0", "v4"]).inverted_] == ["v4"]
