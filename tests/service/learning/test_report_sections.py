"""The sections of a report, each from its own numbers."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from assay.aggregation import Floats, LabelModel
from assay.aggregation.evaluation.verifier_value import RemovalStep, VerifierValues
from assay.service.domain.observation import TrainingTable
from assay.service.learning.fit_job import FitInputs, KnownLabel
from assay.service.learning.report_sections import (
    advice_of,
    calibration_of,
    family_rows,
    label_counts,
    labels_gain,
    smallest_subset,
    top_selection,
    verifier_rows,
)
from tests.support.samples.ensembles import small

DAY = 86_400.0
NAMES = ("v0", "v1", "v2", "v3", "v4", "v5")


@cache
def sampled() -> tuple[TrainingTable, Floats]:
    """Return rows of sixty queries, and the truth of each."""
    data = small(queries=60)
    keys = [f"{query}:{row}" for row, query in enumerate(data.query_id.tolist())]
    return TrainingTable(data.scores.astype(float), data.query_id, keys), data.labels.astype(float)


@cache
def model(labelled: bool) -> LabelModel:
    """Return a model of it, the first three verifiers in one family."""
    table, truth = sampled()
    families = {name: "f" if place < 3 else name for place, name in enumerate(NAMES)}
    return LabelModel(families=families).fit(
        table.scores, table.query, truth if labelled else None, verifier_names=NAMES
    )


def values(**changes: object) -> VerifierValues:
    """Return the measured worth of the six."""
    return replace(
        VerifierValues(
            accuracy=np.full(6, 0.7),
            loss=np.full(6, 0.01),
            cost=np.full(6, 1 / 6),
            path=[],
            sufficient=list(NAMES),
            correlations=np.full((6, 6), 0.25),
            selection=np.full(60, 0.8),
        ),
        **changes,  # type: ignore[arg-type]  # its own fields
    )


def test_labels_are_counted_as_received_and_as_used() -> None:
    """By day in UTC; one whose candidate is gone is not used, and a judgement may be in between."""
    scores = sampled()[0].scores[:3]
    table = TrainingTable(scores, np.zeros(3, np.int64), ["a", "b", "c"])
    labels = {
        "a": KnownLabel(1.0, True, DAY - 1),
        "b": KnownLabel(0.5, False, DAY, 2, True),
        "gone": KnownLabel(1.0, True, DAY + 1),
    }
    drawn = np.array([True, False, True])

    counts = label_counts(table, labels, np.array([1.0, 0.5, -1.0]), drawn, model(False))

    assert counts == {
        "given": 3,
        "used": 2,
        "unused": 1,
        "because": {"not_kept": 1, "not_scored": 0, "one_kind": 0, "no_model": 0},
        "several": 1,
        "conflicts": 1,
        "agreement": 0.0,
        "correct": 1.5,
        "random": 1,
        "by_date": [
            {"date": "1970-01-01", "labels": 1, "correct": 1.0},
            {"date": "1970-01-02", "labels": 2, "correct": 1.5},
        ],
    }


def test_the_share_of_top_candidates_is_measured_on_random_labels_only() -> None:
    """Chosen labels tell nothing about the rest."""
    table, truth = sampled()
    everything = np.ones(len(truth), bool)

    measured = top_selection(model(False), table, values(), truth, everything, None)
    chosen = top_selection(model(False), table, values(), truth, ~everything, None)

    assert (measured["expected"], measured["error"]) == (None, None)  # it is not calibrated
    assert measured["measured"]["labels"] == 60
    assert (
        measured["measured"]["low"] < measured["measured"]["value"] < measured["measured"]["high"]
    )
    assert chosen["measured"] is None


def test_an_expectation_needs_a_calibrated_model() -> None:
    """Its error grows with the uncertainty of held-out labels."""
    table, truth = sampled()
    everything = np.ones(len(truth), bool)
    sure = np.where(truth > 0.5, 9.0, -9.0)

    near = top_selection(model(True), table, values(), truth, everything, sure)
    far = top_selection(model(True), table, values(), truth, everything, np.zeros(len(truth)))

    assert near["expected"] == far["expected"] == pytest.approx(0.8)
    assert near["error"] < far["error"]


def test_more_labels_are_worth_no_less_than_nothing() -> None:
    """Up to the next milestone."""
    table, truth = sampled()
    inputs = FitInputs(NAMES, tuple(range(6)), {}, {}, None)
    known = np.where(np.arange(len(truth)) < 40, truth, -1.0)
    drawn = np.ones(len(truth), bool)

    gain = labels_gain(inputs, model(True), table, known, drawn)

    assert gain is not None
    assert (gain["labels"], gain["more"]) == (40, 10)
    assert 0 <= gain["worth"] < 0.2


def test_a_verifier_has_its_model_beside_its_measures() -> None:
    """Coverage counts rows; without labels of both kinds the measured AUC is missing."""
    table, truth = sampled()

    rows = verifier_rows(model(True), table, values(), truth)
    unlabelled = verifier_rows(model(True), table, values(), np.full(len(truth), -1.0))
    alike = verifier_rows(model(True), table, values(), np.ones(len(truth)))

    assert [row["name"] for row in rows] == list(NAMES)
    for row, column in zip(rows, table.scores.T, strict=True):
        assert row["coverage"] == np.isfinite(column).mean()
        measured = row["measured_auc"]
        assert measured["low"] <= measured["value"] <= measured["high"]
    assert all(row["measured_auc"] is None for row in (*unlabelled, *alike))


def test_each_pair_of_families_has_its_mean_correlation() -> None:
    """Without a verifier's own, and without unknown ones."""
    correlations = np.full((6, 6), 0.25)
    correlations[0, 1] = correlations[1, 0] = math.nan
    correlations[0, 2] = correlations[2, 0] = 0.75

    rows = {tuple(row["families"]): row["correlation"] for row in family_rows(model(True), values(correlations=correlations))}  # fmt: skip

    assert rows["f", "f"] == 0.5
    assert rows["f", "v3"] == 0.25
    assert rows["v3", "v3"] is None
    assert len(rows) == 4 * 5 / 2


def test_the_smallest_ensemble_is_where_leaving_out_stopped() -> None:
    """Its cost and loss are the last step's; with nothing left out it costs everything."""
    path = [
        RemovalStep(dropped="v5", loss=-0.001, cost=0.8),
        RemovalStep(dropped="v4", loss=0.001, cost=0.5),
        RemovalStep(dropped="v3", loss=0.1, cost=0.2),
    ]
    enough = values(path=path, sufficient=["v0", "v1", "v2", "v3"])
    gained = values(path=path[:1], sufficient=list(NAMES[:5]))

    subset = smallest_subset(enough)

    assert (subset["verifiers"], subset["cost_share"], subset["loss"]) == (
        ["v0", "v1", "v2", "v3"],
        0.5,
        0.001,
    )
    assert smallest_subset(gained)["loss"] == 0.0
    assert (smallest_subset(values())["cost_share"], smallest_subset(values())["loss"]) == (1.0, 0)


def test_calibration_goes_by_probability_and_by_the_labels_time() -> None:
    """Ten labels a period; only held-out labels count."""
    count = 40
    table = TrainingTable(
        np.zeros((count, 1)), np.arange(count), [f"{row}" for row in range(count)]
    )
    labels = {
        f"{row}": KnownLabel(float(row % 2), True, DAY * (count - row)) for row in range(count)
    }
    known = np.array([label.correct for label in labels.values()])
    held = np.where(known > 0.5, 2.0, -2.0)
    held[0] = math.nan

    calibration = calibration_of(table, labels, known, held)

    assert calibration is not None
    assert calibration["labels"] == count - 1
    assert calibration["brier"] == pytest.approx((1 / (1 + math.exp(2.0))) ** 2)
    periods = calibration["periods"]
    assert len(periods) == 3
    assert [period["from"] for period in periods] == sorted(period["from"] for period in periods)
    assert sum(each["labels"] for each in calibration["bins"]) == count - 1


def test_without_held_out_labels_there_is_no_calibration() -> None:
    """A model measured on its own labels would look too good."""
    table, truth = sampled()

    assert calibration_of(table, {}, truth, None) is None
    assert calibration_of(table, {}, truth, np.full(len(truth), math.nan)) is None


def test_a_dear_verifier_that_says_nothing_is_advised_against() -> None:
    """With its share of the cost; verifiers that all add something are kept."""
    random = np.random.default_rng(0)
    truth = np.tile([0.0, 0.0, 1.0, 1.0], 100)
    scores = truth[:, None] + random.normal(size=(400, 4))
    scores[:, 3] = random.normal(size=400)
    names = ("a", "b", "c", "noise")
    query = np.repeat(np.arange(100), 4)

    noisy = LabelModel().fit(scores, query, truth, verifier_names=names)
    useful = LabelModel().fit(scores[:, :3], query, truth, verifier_names=names[:3])

    advice = advice_of(noisy, (1.0, 1.0, 1.0, 7.0))
    assert advice is not None
    assert advice["verifiers"] == ["noise"]
    assert advice["variance_share"] < 0.02
    assert advice["cost_share"] == pytest.approx(0.7)
    assert advice_of(useful, (1.0, 1.0, 1.0)) is None
