"""Score tables in files of rows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from assay.service.score_files.columns.file_columns import TableReading
from assay.service.score_files.row_tables import read_row_table
from assay.service.score_files.score_table import TableError
from assay.service.score_files.tables import read_table
from tests.support.samples.carried_labels import CARRIED


def test_answers_are_a_table(tmp_path: Path) -> None:
    """`assay fit` reads the output of `assay rank`, with labels in the results, and skips errors."""
    verifiers = {"a": {"raw": 0.5, "status": "ok"}, "b": {"raw": None, "status": "timeout"}}
    answers = [
        {
            "line": 4,
            "results": [
                {"index": 1, "verifiers": verifiers, "label": 1, "random": True},
                {"index": 0, "verifiers": verifiers, "label": None, "random": False},
            ],
        },
        {"line": 5, "error": {"code": "x"}},
    ]
    path = tmp_path / "out.jsonl"
    path.write_text("\n".join(map(json.dumps, answers)))
    table = read_table(path, labels=True)
    path.write_text(json.dumps({"line": 1, "results": [{"index": 0}]}))

    assert (table.names, table.query_id.tolist(), table.scores[:, 0].tolist()) == (
        ("a", "b"),
        ["4", "4"],
        [0.5, 0.5],
    )
    assert np.isnan(table.scores[:, 1]).all()
    assert table.labels is not None
    assert np.isnan(table.labels).tolist() == [True, False]
    assert table.random is not None
    assert table.random.tolist() == [False, True]
    with pytest.raises(TableError, match='"explain": true'):
        read_table(path, labels=False)


def test_answers_of_a_cascade_are_not_rows_to_fit(tmp_path: Path) -> None:
    """The reader skips queries with a cut candidate, and takes the others."""
    verifiers = {"v": {"raw": 1.0}}
    whole = {"line": 1, "results": [{"fully_scored": True, "verifiers": verifiers}] * 2}
    cut = {
        "line": 2,
        "results": [
            {"fully_scored": True, "verifiers": verifiers},
            {"fully_scored": False, "verifiers": verifiers},
        ],
    }
    path = tmp_path / "out.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in (whole, cut)))

    assert read_table(path, labels=False).query_id.tolist() == ["1", "1"]


def written(folder: Path, *rows: object) -> Path:
    """Write rows, with a mark of the byte order and an empty line."""
    path = folder / "a.jsonl"
    path.write_bytes(b"\xef\xbb\xbf\n" + "\n".join(map(json.dumps, rows)).encode())
    return path


def test_a_wide_row_has_scores_beside_its_labels(tmp_path: Path) -> None:
    """Reserved names and texts are no verifiers; a row may lack a score."""
    path = written(
        tmp_path,
        {"query_id": "q", "label": 1, "a": 0.5, "b": 2, "text": "x", "note": "y"},
        {"query_id": "q", "label": None, "b": 3},
    )

    columns = read_row_table(path, TableReading(labels=True))

    assert columns["verifier_names"] == ["a", "b"]
    np.testing.assert_array_equal(columns["scores"], [[0.5, 2], [np.nan, 3]])
    np.testing.assert_array_equal(columns["labels"], [1, np.nan])


def test_rankings_of_assay_batch_are_rows(tmp_path: Path) -> None:
    """A query a ranking, by file and row; a verifier without an answer has no score."""
    path = written(
        tmp_path,
        {
            "file": "f",
            "row": 3,
            "score": [0.1, 0.9],
            "raw": {"a": [1, 2], "b": None},
            "labels": [0, 1],
        },
        {"file": "f", "row": 4, "score": None, "raw": None},
    )

    columns = read_row_table(path, TableReading(labels=True))

    assert columns["query_id"].own == ["f:3", "f:3"]
    np.testing.assert_array_equal(columns["scores"], [[1, np.nan], [2, np.nan]])
    assert list(columns["labels"]) == [0, 1]


@pytest.mark.parametrize(
    "ranking",
    [{"raw": 5, "score": [1], "row": 1}, {"raw": {}, "row": 1}, {"raw": {}, "score": [1]}],
)
def test_something_else_with_raw_scores_is_refused(tmp_path: Path, ranking: object) -> None:
    """Its message names the command that writes such files."""
    with pytest.raises(TableError, match="has `raw`"):
        read_row_table(written(tmp_path, ranking), TableReading())


@pytest.mark.parametrize("carried", CARRIED)
def test_carried_labels_have_a_value_for_each_candidate(tmp_path: Path, carried: object) -> None:
    """The message has the row; without labels the column is not read at all."""
    ranking = {"file": "f.jsonl", "score": [1, 2, 3, 4], "raw": {"a": [1, 2, 3, 4]}}
    path = written(tmp_path, {**ranking, "row": 6}, {**ranking, "row": 7, "labels": carried})

    with pytest.raises(TableError, match=r"row 7 of f.jsonl: `labels` must be a list .* 4 cand"):
        read_table(path, labels=True)
    assert read_table(path, labels=False).scores.shape == (8, 1)
