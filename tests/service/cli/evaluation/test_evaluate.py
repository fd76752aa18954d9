"""`assay evaluate`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.support.commands.in_process import SAMPLE, as_npz, problem, run, said


def test_an_evaluation_is_printed_and_drawn(tmp_path: Path) -> None:
    """A row a method; four pictures."""
    data = as_npz(tmp_path / "some$data.npz", labels=SAMPLE.labels)

    found = said("evaluate", data, "--plot", tmp_path / "out", "--draws", "1")
    shown = run("evaluate", data, "--draws", "1").stdout

    assert [Path(path).name for path in found["figures"]] == [
        "reliability.png",
        "labels.png",
        "verifiers.png",
        "correlations.png",
    ]
    assert all(Path(path).read_bytes().startswith(b"\x89PNG") for path in found["figures"])
    for name in (
        "mean of z-scores",
        "Borda",
        "Assay, no labels",
        "Assay, 100 labels",
        "supervised, all labels",
        "oracle",
    ):
        assert name in shown
        assert name in {method["name"] for method in found["methods"]}
    for title in (
        "AUC by fold",
        "slope",
        "bias",
        "of true p",
        "− first sample",
        "− mean of min–max",
    ):
        assert title in shown
    assert "has no `labels`" in problem("evaluate", as_npz(tmp_path / "plain.npz"))


def test_soft_labels_are_counted(tmp_path: Path) -> None:
    """Those of 0 and 1 are not named, others are, and "of true p" is not known then."""
    hard = as_npz(tmp_path / "hard.npz", labels=SAMPLE.labels)
    soft = as_npz(tmp_path / "soft.npz", labels=0.1 + 0.8 * SAMPLE.labels)

    counts = [said("evaluate", data, "--draws", "1")["soft_labels"] for data in (hard, soft)]
    shown = " ".join(run("evaluate", soft, "--draws", "1").stdout.split())

    assert counts == [0, len(SAMPLE.labels)]
    assert f"{len(SAMPLE.labels)} labels between 0 and 1 count as they stand" in shown
    methods = said("evaluate", soft, "--draws", "1")["methods"]
    assert {method["calibration_floor"] for method in methods} == {None}


@pytest.mark.parametrize("labelled", [1, 2, 4])
def test_partly_labelled_queries_are_measured(tmp_path: Path, labelled: int) -> None:
    """As the documentation tells people to label: one or two random candidates of a query."""
    random = np.random.default_rng(labelled)
    labels = np.full(480, -1)
    for low in range(0, 480, 6):
        rows = low + random.permutation(6)[:labelled]
        labels[rows] = SAMPLE.labels[rows]
    data = as_npz(tmp_path / "partial.npz", labels=labels)

    measures = said("evaluate", data, "--draws", "1")
    shown = " ".join(run("evaluate", data, "--draws", "1").stdout.split())

    assert (measures["queries"], measures["rows"]) == (80, 480)
    assert measures["labels"] == 80 * labelled
    assert measures["labels_random"] == "assumed"
    assert "each labelled candidate counts for n/k candidates" in measures["estimator"]
    assert "which the file does not state" in shown
    assert "oracle" in measures["not_measured"]
    assert measures["best_verifier"]["name"] in SAMPLE.names
    assert f"best single verifier: {measures['best_verifier']['name']}" in shown
    for verifier in measures["verifiers"]:
        interval = verifier["auc_interval"]
        assert interval["low"] < verifier["auc"] < interval["high"]
        assert (verifier["auc_within"] is None) == (labelled == 1)
    assert "picks a correct answer for" in measures["summary"][0]
    assert measures["summary"][0] in shown
    assert "majority: not known, the file has no answers (column `answer`" in shown


def test_answers_and_the_draw_are_read_from_rows(tmp_path: Path) -> None:
    """From JSONL: `answer` is no verifier, and labels of chosen candidates only teach."""
    random = np.random.default_rng(0)
    rows = []
    for place, (query, scores, label) in enumerate(
        zip(SAMPLE.query_id, SAMPLE.scores, SAMPLE.labels, strict=True)
    ):
        rows.append(
            {
                "query_id": int(query),
                **{
                    name: None if np.isnan(value) else float(value)
                    for name, value in zip(SAMPLE.names, scores, strict=True)
                },
                "label": int(label) if place % 6 in (1, 3) else None,
                "label_random": place % 6 == 3,
                "answer": int(random.integers(0, 3)),
            }
        )
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    measures = said("evaluate", path, "--draws", "1")

    assert [verifier["name"] for verifier in measures["verifiers"]] == list(SAMPLE.names)
    assert (measures["labels"], measures["labels_not_random"]) == (80, 80)
    assert measures["labels_random"] == "stated"
    methods = {method["name"]: method for method in measures["methods"]}
    assert "majority answer" in methods
    assert "majority answer" in methods["Assay, all labels"]["ahead_of"]
    assert "over the majority answer" in measures["summary"][0]


def test_labels_that_are_too_few_are_counted(tmp_path: Path) -> None:
    """The message has what it takes."""
    labels = np.where(np.arange(480) < 30, SAMPLE.labels, -1)

    message = problem("evaluate", as_npz(tmp_path / "few.npz", labels=labels))

    assert "30 labels of 5 of 80 queries measure" in message
    assert "to evaluate takes labels of 10 queries" in message


def test_an_evaluation_of_partial_labels_is_drawn(tmp_path: Path) -> None:
    """Though there is no oracle."""
    labels = np.where(np.arange(480) % 6 == 2, SAMPLE.labels, -1)
    data = as_npz(tmp_path / "partial.npz", labels=labels)

    assert len(said("evaluate", data, "--plot", tmp_path / "out", "--draws", "1")["figures"]) == 4


@pytest.mark.parametrize(
    ("column", "labels", "stated"),
    [(None, 80, "assumed"), (True, 80, "stated"), (1, 80, "stated")],
)
def test_a_draw_that_no_row_states_is_assumed(
    tmp_path: Path, column: object, labels: int, stated: str
) -> None:
    """A column of missing values states nothing."""
    rows = [
        {
            "query_id": int(query),
            "a": float(label + np.sin(place)),
            "b": float(label + np.cos(place)),
            "label": int(label) if place % 6 == place // 6 % 6 else None,
            "label_random": column,
        }
        for place, (query, label) in enumerate(zip(SAMPLE.query_id, SAMPLE.labels, strict=True))
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    measures = said("evaluate", path, "--draws", "1")

    assert (measures["labels"], measures["labels_random"]) == (labels, stated)
    assert measures["warnings"] == []
