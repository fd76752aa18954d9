"""Comparisons as text and as data."""

from __future__ import annotations

import json
from pathlib import Path

from assay.service.cli.comparison.choices import SimpleChoice
from assay.service.cli.comparison.file_comparison import compared
from assay.service.cli.comparison.printing import comparison_data
from assay.service.cli.comparison.systems import ComparedFiles
from tests.service.cli.comparison.test_file_comparison import rows
from tests.service.cli.comparison.test_flat_rows import write


def test_data_have_both_intervals_and_the_verdict(tmp_path: Path) -> None:
    """And whatever is not known is null."""
    path = write(tmp_path / "a[1].jsonl", *rows(3.0, 1))

    data = comparison_data(compared(ComparedFiles(path, baseline=SimpleChoice.FIRST)))

    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert data["better"] == "b"
    assert data["verdict"].startswith("B (a[1].jsonl) is better: +0.")
    difference = data["difference"]
    assert difference["powered"]["low"] <= difference["powered"]["value"]
    assert difference["labels_alone"] is not None
    assert difference["as_good_as_labels"] >= difference["labels"]
    assert data["more_labels"] is None
    assert data["queries"] == 300
    same = comparison_data(compared(ComparedFiles(path, path)))
    assert (same["better"], same["decision"]) == (None, "same")
    assert same["difference"]["as_good_as_labels"] is None
