"""What was understood of score files, as it is printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay.service.cli.fitting.understood_output import labelled_table, print_understood
from assay.service.row_files.column_map import ColumnMap
from assay.service.score_files.columns.understood_table import UnderstoodTable


def test_what_was_understood_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """So that `--json` on stdout stays whole; names are printed as they are."""
    print_understood(UnderstoodTable(("score[gpt]", "a[/b]"), left_out={"turn": "a number"}))

    printed = capsys.readouterr()
    assert printed.out == ""
    assert "verifiers: score[gpt], a[/b]\nleft out: turn (a number)\n" in printed.err


def test_labelled_files_are_one_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a folder, with what was understood."""
    for name in "ab":
        row = {"query_id": name, "x": 0.5, "good": 1}
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(row))

    table = labelled_table([tmp_path], ColumnMap.parse("label=good"))

    assert (table.own_ids, table.scores.tolist()) == (["a", "b"], [[0.5], [0.5]])
    assert table.labels is not None
    assert table.labels.tolist() == [1, 1]
    assert "labels: good" in capsys.readouterr().err
