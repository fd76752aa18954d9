"""Which metric is the label."""

from __future__ import annotations

import pytest

from assay.service.domain.errors import StartupError
from assay.service.importers.evaluations.metric_labels import label_metric, label_of
from assay.service.importers.importer import Wish
from assay.service.importers.tool_rows import ToolRow
from assay.service.row_files.column_map import ColumnMap

ROW = ToolRow({"acc": 1, "bleu": 31.5, "f1": [0.5], "em": None, "word": "x"}, 4, "f.jsonl")


@pytest.mark.parametrize(
    ("metrics", "chosen"),
    [
        (["bleu", "acc", "exact_match"], "exact_match"),
        (["bleu"], "bleu"),
        (["bleu", "rouge"], None),
        ([], None),
        (["pass@1:8_samples", "bleu"], "pass@1:8_samples"),
    ],
)
def test_the_most_telling_metric_is_the_label(metrics: list[str], chosen: str | None) -> None:
    """Or the only one."""
    assert label_metric(ROW, metrics, Wish("rankings")) == chosen


def test_map_names_the_label() -> None:
    """An unknown name is refused, with the names that there are."""
    assert label_metric(ROW, ["acc", "f1"], Wish("rankings", ColumnMap({"label": "f1"}))) == "f1"
    with pytest.raises(
        StartupError, match=r"f\.jsonl:4: x: --map label names no metric; there are acc"
    ):
        label_metric(ROW, ["acc"], Wish("rankings", ColumnMap({"label": "x"})))


@pytest.mark.parametrize(
    ("metric", "label"), [("acc", 1.0), ("bleu", None), ("f1", 0.5), ("em", None)]
)
def test_a_label_is_from_0_to_1(metric: str, label: float | None) -> None:
    """Another number is no share of right answers."""
    assert label_of(ROW, metric, Wish("rankings")) == label


def test_a_metric_that_is_no_number_is_refused() -> None:
    """With its place."""
    with pytest.raises(StartupError, match=r"f\.jsonl:4: word: must be a number \(got 'x'\)"):
        label_of(ROW, "word", Wish("rankings"))


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        ("bleu", "samples whose bleu is not from 0 to 1"),
        ("em", "samples without a value of em"),
        ("parts", "samples without a value of parts"),
    ],
)
def test_a_value_that_is_no_label_is_counted(metric: str, reason: str) -> None:
    """No label goes missing in silence."""
    wish = Wish("rankings")
    row = ToolRow({**ROW.values, "parts": {"a": 1}}, 4, "f.jsonl")

    assert label_of(row, metric, wish) is None
    assert wish.unlabelled == {reason: 1}


@pytest.mark.parametrize("value", [37.5, -0.5, 999])
def test_a_mapped_metric_outside_0_to_1_is_refused(value: float) -> None:
    """The user asked for this label."""
    wish = Wish("rankings", ColumnMap({"label": "bleu"}))

    with pytest.raises(StartupError, match=r"f\.jsonl:4: bleu: a label must be from 0 to 1 \(got"):
        label_of(ToolRow({"bleu": value}, 4, "f.jsonl"), "bleu", wish)
