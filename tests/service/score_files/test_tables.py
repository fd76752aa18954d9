"""Tables of scores in files: every format says the same, and a wrong one is named."""

from __future__ import annotations

import json
import sys
from pathlib import Path

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
        ("a.csv", b"", "must end in .npz, .parquet, .jsonl"),
        ("none.npz", None, "cannot be read"),
        ("a.npz", b"PK\x03\x04nonsense", "not an npz archive"),
        ("a.npz", b"nonsense", "not an npz archive"),
        ("a.parquet", b"nonsense", "not Parquet"),
        ("a.jsonl", b"", "has no rows"),
        ("a.jsonl", b"{}\n{", "a.jsonl:2: not JSON"),
        ("a.jsonl", b"[]", "a.jsonl:1: must be an object"),
        ("a.jsonl", b'{"query_id": 1}', "no column of numbers"),
        ("a.jsonl", b'{"scores": {"a": 1}}', "has no `query_id`"),
        (
            "a.jsonl",
            b'{"query_id": 1, "scores": {"a": "x"}}',
            "row 0, verifier 'a': not a number: 'x'",
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


def test_an_npz_names_what_it_lacks(tmp_path: Path) -> None:
    """Keys, shapes, names; an object array is not unpickled."""
    for key in ("scores", "query_id", "verifier_names"):
        content = {
            "scores": SAMPLE.scores,
            "query_id": SAMPLE.query_id,
            "verifier_names": np.array(SAMPLE.names),
        }
        del content[key]
        np.savez(tmp_path / "a.npz", **content)  # type: ignore[arg-type]  # numpy's stub takes the names for its own flags
        with pytest.raises(TableError, match=f"has no `{key}`"):
            read_table(tmp_path / "a.npz", labels=False)
    with pytest.raises(TableError, match="5 verifier names"):
        read_table(
            as_npz(tmp_path / "b.npz", verifier_names=np.array(SAMPLE.names[:5])), labels=False
        )
    with pytest.raises(TableError, match="two verifiers are called 'v0'"):
        read_table(as_npz(tmp_path / "c.npz", verifier_names=np.array(["v0"] * 6)), labels=False)
    np.savez(
        tmp_path / "d.npz",
        scores=np.array([[print]]),
        query_id=[1],
        verifier_names=["a"],
        allow_pickle=True,
    )
    with pytest.raises(TableError, match=r"d\.npz"):
        read_table(tmp_path / "d.npz", labels=False)


def test_lists_of_scores_have_names_or_places(tmp_path: Path) -> None:
    """The first row's names, else v0, v1, …"""
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"query_id": "q", "scores": [1, null], "verifier_names": ["a", "b"]}\n{"query_id": "q", "scores": [0, 2]}'
    )
    named_so = read_table(path, labels=False)
    path.write_text(
        '{"query_id": "q", "scores": {"a": 1}, "verifier_family": {"a": "f"}, "verifier_quality": [0.7]}'
    )
    said_of = read_table(path, labels=False)
    path.write_text('{"query_id": "q", "scores": [1, null]}')

    assert named_so.names == ("a", "b")
    assert (said_of.families, said_of.quality) == ({"a": "f"}, {"a": 0.7})
    assert np.isnan(named_so.scores).tolist() == [[False, True], [False, False]]
    assert read_table(path, labels=False).names == ("v0", "v1")


def test_answers_are_a_table(tmp_path: Path) -> None:
    """`assay fit` reads the output of `assay rank`, with labels in the results, and skips errors."""
    verifiers = {"a": {"raw": 0.5, "status": "ok"}, "b": {"raw": None, "status": "timeout"}}
    answers = [
        {
            "line": 4,
            "results": [
                {"index": 1, "verifiers": verifiers, "label": 1},
                {"index": 0, "verifiers": verifiers, "label": None},
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
    assert np.isnan(table.labels).tolist() == [False, True]
    with pytest.raises(TableError, match='ask with "explain": true'):
        read_table(path, labels=False)


def test_without_pyarrow_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """npz and JSONL go on working."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(TableError, match="pip install pyarrow"):
        write_table(tmp_path / "a.parquet", {"a": np.arange(3)})


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
