"""Inverted verifiers are named; without labels they count nothing, with labels as labels say."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation import LabelModel
from assay.aggregation.label_model.relations.inversion import labelled_aucs
from assay.aggregation.matrix import Floats
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
    ],
)
def test_an_inverted_verifier_is_named_and_counts_nothing(
    aucs: tuple[float, ...], inverted: list[str], seed: int
) -> None:
    """One, or two of six, without labels."""
    scores, _, query = sample(aucs, seed=seed)

    model = LabelModel().fit(scores, query, verifier_names="abcdef"[: len(aucs)])

    assert named(model) == inverted
    places = [model.names_.index(name) for name in inverted]
    assert (model.weights_[places] == 0).all()
    assert (model.contributions(scores, query)[:, places] == 0).all()
    alone = np.full((1, len(aucs)), np.nan)
    alone[0, places[0]] = 1.0
    assert np.isnan(model.score_samples(alone, [0])).all()


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


def test_an_inverted_majority_names_nobody() -> None:
    """Without labels, the sign is that of most families; half against half has none."""
    scores, _, query = sample((0.8, 0.8, 0.2, 0.2))

    assert named(LabelModel().fit(scores, query)) == []


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
