"""What a fit makes of a task's labels."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation import LabelModel
from assay.service.domain.observation import TrainingTable
from assay.service.learning.label_usage import (
    annotator_agreement,
    label_usage,
    why_not_calibrated,
)
from tests.support.samples.replicas import sample

DATA = sample(20)
SCORES = DATA.scores.astype(np.float64)
KEYS = [f"{row}" for row in range(len(DATA.scores))]
MODEL = LabelModel().fit(DATA.scores, DATA.query_id)


def usage(labels: dict[str, float], silent: int = 0) -> dict[str, object]:
    """Return the use of labels where the first rows have no score."""
    scores = SCORES.copy()
    scores[:silent] = np.nan
    table = TrainingTable(scores, DATA.query_id, KEYS)
    return label_usage(table, labels.keys(), table.labels(labels), MODEL)


def test_each_label_is_used_or_has_a_reason() -> None:
    """Of a candidate that is not kept, or that no verifier scored."""
    answer = usage({"0": 1.0, "1": 0.0, "2": 1.0, "gone": 1.0, "never": 0.0}, silent=1)

    assert (answer["given"], answer["used"], answer["unused"]) == (5, 2, 3)
    assert answer["because"] == {"not_kept": 2, "not_scored": 1, "one_kind": 0, "no_model": 0}


@pytest.mark.parametrize(("values", "used"), [((1, 1), 0), ((0, 0), 0), ((1, 0.5), 2), ((1, 0), 2)])
def test_labels_of_one_kind_teach_nothing(values: tuple[float, float], used: int) -> None:
    """A label in between is of both kinds."""
    answer = usage({"3": values[0], "4": values[1]})

    assert answer["used"] == used


@pytest.mark.parametrize(
    ("labels", "silent", "reason"),
    [
        ({}, 0, "no labels: "),
        ({str(row): 0.0 for row in range(40)}, 0, "all 40 labels that can be used say wrong: "),
        ({"3": 1.0, "4": 1.0, "gone": 0.0}, 0, "all 2 labels that can be used say correct: "),
        ({"3": 1.0, "4": 0.0}, 0, "this version learned none of 2 labels: "),
        ({"0": 1.0, "gone": 0.0}, 1, "none of 2 labels is used: 1 are of candidates that no kept"),
        ({"lost": 1.0, "gone": 0.0}, 0, "none of 2 labels is used: 2 are of candidates that no"),
    ],
)
def test_labels_that_calibrate_nothing_are_not_called_no_labels(
    labels: dict[str, float], silent: int, reason: str
) -> None:
    """The reason is theirs; only a task without any has none."""
    scores = SCORES.copy()
    scores[:silent] = np.nan
    table = TrainingTable(scores, DATA.query_id, KEYS)
    correct = table.labels(labels)

    answer = why_not_calibrated(MODEL, label_usage(table, labels.keys(), correct, MODEL), correct)

    assert (answer or "").startswith(reason)


def test_without_a_model_no_label_is_used() -> None:
    """Such as with too few candidates."""
    table = TrainingTable(SCORES, DATA.query_id, KEYS)

    answer = label_usage(table, ["0"], table.labels({"0": 1.0}), None)

    assert (answer["used"], answer["because"]) == (
        0,
        {"not_kept": 0, "not_scored": 0, "one_kind": 0, "no_model": 1},
    )


def test_agreement_is_among_candidates_of_several_annotators() -> None:
    """None without such a candidate."""
    assert annotator_agreement({"a": (1, False)}) == {
        "several": 0,
        "conflicts": 0,
        "agreement": None,
    }
    assert annotator_agreement(
        {"a": (1, False), "b": (2, True), "c": (3, False), "d": (2, False)}
    ) == {
        "several": 3,
        "conflicts": 1,
        "agreement": pytest.approx(2 / 3),
    }
