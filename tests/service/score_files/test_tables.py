"""Tables of scores in files: every format says the same, and a wrong one is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.aggregation.label_model.saved.artifact import load_model
from assay.service.score_files.score_table import TableError
from assay.service.score_files.tables import read_table, write_table
from tests.support.commands.in_process import SAMPLE, as_npz, rows_of, said


def test_query_ids_of_any_kind_come_back(tmp_path: Path) -> None:
    """Strings from Parquet into npz, without a pickle."""
    import pyarrow
    from pyarrow import parquet

    rows = [{**row, "query_id": f"q{row['query_id']}"} for row in rows_of(SAMPLE)]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a.parquet")
    said("fit", tmp_path / "a.parquet", "-o", tmp_path / "m.json")
    said("predict", tmp_path / "m.json", tmp_path / "a.parquet", "-o", tmp_path / "out.npz")

    with np.load(tmp_path / "out.npz", allow_pickle=False) as out:
        assert out["query_id"].tolist() == [row["query_id"] for row in rows]


@pytest.mark.parametrize("ending", ["npz", "parquet", "jsonl"])
def test_every_format_says_the_same(tmp_path: Path, ending: str) -> None:
    """Wide or with an object a row, in and out."""
    import pyarrow
    from pyarrow import parquet

    labels = np.where(SAMPLE.query_id < 20, SAMPLE.labels, -1)
    version = said(
        "fit",
        as_npz(tmp_path / "a.npz", labels=labels, scores=SAMPLE.scores.astype(float)),
        "-o",
        tmp_path / "a.json",
        "--labels",
    )
    rows = [
        {**row, "labels": int(label)} for row, label in zip(rows_of(SAMPLE), labels, strict=True)
    ]
    wide = [{"query_id": row["query_id"], "label": row["labels"], **row["scores"]} for row in rows]
    for name, content in (("nested", rows), ("wide", wide)):
        path = tmp_path / f"{name}.{ending}"
        if ending == "parquet":
            parquet.write_table(pyarrow.Table.from_pylist(content), path)
        elif ending == "jsonl":
            path.write_text("\n".join(map(json.dumps, content)))
        else:
            as_npz(path, labels=labels, scores=SAMPLE.scores.astype(float))

        assert (
            said("fit", path, "-o", tmp_path / "b.json", "--labels")["version"]
            == version["version"]
        )
        said("predict", tmp_path / "b.json", path, "-o", tmp_path / f"out.{ending}")
        out = tmp_path / f"out.{ending}"
        if ending == "jsonl":
            probability = [json.loads(line)["probability"] for line in out.read_text().splitlines()]
        elif ending == "parquet":
            probability = parquet.read_table(out)["probability"].to_pylist()
        else:
            probability = np.load(out)["probability"].tolist()
        assert probability == pytest.approx(
            load_model(tmp_path / "a.json").predict_proba(SAMPLE.scores, SAMPLE.query_id).tolist()
        )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"", "must end in .*.jsonl"),
        ("a.csv", b"", "has no rows"),
        ("none.npz", None, "cannot be read"),
        ("a.npz", b"PK\x03\x04nonsense", "not an npz archive"),
        ("a.npz", b"nonsense", "not an npz archive"),
        ("a.parquet", b"nonsense", "not Parquet"),
        ("a.jsonl", b"", "has no rows"),
        ("a.jsonl", b"{}\n{", "a.jsonl:2: not JSON"),
        ("a.jsonl", b"5", "a.jsonl:1: must be an object"),
        ("a.jsonl", b'{"query_id": 1}', "no column of numbers"),
        ("a.jsonl", b'{"scores": {"a": 1}}', "has no `query_id`"),
        (
            "a.jsonl",
            b'{"query_id": 1, "scores": {"a": "x"}}',
            r"row 0 \(line 1\), verifier 'a': 'x' is no number",
        ),
        (
            "a.jsonl",
            b'{"query_id": 1, "scores": {"a": 1}}\n{"query_id": 1, "scores": [1]}',
            "an object, or a list",
        ),
        (
            "a.jsonl",
            b'{"query_id": 1, "scores": [1, 2], "verifier_names": ["a"]}',
            "each of 2 verifiers",
        ),
        ("a.jsonl", b'{"query_id": 1, "scores": [1], "verifier_names": [3]}', "must be strings"),
    ],
)
def test_a_file_that_is_no_table_is_named(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    """With the fault and its place."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(TableError, match=message):
        read_table(tmp_path / name, labels=False)


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
@pytest.mark.parametrize("name", ["random", "label_random"])
@pytest.mark.parametrize("values", [[False, True], [0, 1]])
@pytest.mark.parametrize("labels", [True, False])
def test_randomness_beside_labels_is_no_verifier(
    tmp_path: Path, suffix: str, name: str, values: list[Any], labels: bool
) -> None:
    """Whether the labels are read or not: a fit and a prediction have the same verifiers."""
    path = tmp_path / f"t{suffix}"
    columns = {"query_id": ["q", "q"], "a": [0.5, 0.7], "label": [0, 1], name: values}
    write_table(path, {key: np.array(column) for key, column in columns.items()})

    table = read_table(path, labels)

    assert table.names == ("a",)
    assert (table.random is None) is not labels
    assert table.random is None or table.random.tolist() == [False, True]


@pytest.mark.parametrize("name", ["random", "label_random"])
def test_what_is_not_stated_is_not_random_and_other_values_are_named(
    tmp_path: Path, name: str
) -> None:
    """Null among true and false; a number that is neither; a text."""
    path = tmp_path / "t.jsonl"

    def written(*values: Any) -> Path:
        rows = [{"query_id": "q", "a": 0.5, "label": 1, name: value} for value in values]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    table = read_table(written(True, None, False), labels=True)

    assert table.random is not None
    assert table.random.tolist() == [True, False, False]
    for value in (0.5, "no"):
        with pytest.raises(TableError, match=f"label_random.*: row 1 has '{value}'; must be true"):
            read_table(written(True, value), labels=True)


def test_a_verifier_may_be_called_random_where_there_are_no_labels(tmp_path: Path) -> None:
    """Such as a baseline; and beside labels in an object of scores."""
    path = tmp_path / "t.jsonl"
    path.write_text('{"query_id": "q", "a": 0.5, "random": 0.3}')
    wide = read_table(path, labels=False)
    path.write_text('{"query_id": "q", "scores": {"a": 0.5, "random": 0.3}, "label": 1}')

    assert wide.names == read_table(path, labels=True).names == ("a", "random")
