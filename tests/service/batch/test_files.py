"""Where a bulk job reads and writes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from assay.service.batch.files import BatchError, Files, inputs
from tests.support.commands.bulk_jobs import as_lines, as_parquet, bodies
from tests.support.commands.in_process import problem, said


def test_what_cannot_be_an_input_is_refused(config: Path, tmp_path: Path) -> None:
    """Nothing there, two formats, other columns, columns that the output has, damage, no rows."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "both").mkdir()
    as_lines(tmp_path / "both" / "a.jsonl", [])
    as_parquet(tmp_path / "both" / "b.parquet", bodies(1))
    os.mkfifo(tmp_path / "pipe")
    as_parquet(tmp_path / "taken.parquet", [{**bodies(1)[0], "score": 1.0}])
    (tmp_path / "damaged.parquet").write_bytes(b"PAR1 but no more")

    def refused(name: str) -> str:
        return problem(
            "batch",
            name if ":" in name else tmp_path / name,
            tmp_path / "out",
            "-c",
            config,
            "--data-dir",
            tmp_path / "data",
        )

    assert "no such file or folder" in refused("none.jsonl")
    assert "has no file of rows" in refused("empty")
    assert "has both .parquet files and others" in refused("both")
    assert "is a pipe or a device" in refused("pipe")
    assert "the column 'score' is also one of the output's; rename it" in refused("taken.parquet")
    assert "not Parquet" in refused("damaged.parquet")
    assert "has no rows" in refused(str(as_lines(tmp_path / "blank.jsonl", ["", ""]).name))
    assert "nosuch" in refused("nosuch://bucket/x.jsonl")


def test_an_object_store_will_do(config: Path, tmp_path: Path) -> None:
    """Paths are fsspec's: here, memory."""
    files = Files("memory://batch-test")
    files.put(as_lines(tmp_path / "in.jsonl", bodies(70)).read_bytes(), "in.jsonl")

    found = said(
        "batch",
        "memory://batch-test/*.jsonl",
        "memory://batch-test/out",
        "-c",
        config,
        "--data-dir",
        tmp_path / "data",
        "--part-rows",
        "50",
    )

    found.pop("understood")
    assert found.pop("reasons") == []
    assert found == {"rows": 70, "bad": 0, "partial": 0, "out": "memory://batch-test/out"}
    assert files.names("out/_done") == [
        "part-00000-000000000000.jsonl",
        "part-00000-000000000050.jsonl",
    ]
    last = files.get("out", "part-00000-000000000050.jsonl")
    assert last is not None
    assert len(last.splitlines()) == 20


def test_a_place_that_is_none_is_refused() -> None:
    """A protocol that fsspec does not know."""
    with pytest.raises(BatchError, match="nosuch"):
        Files("nosuch://bucket")


def test_no_input_is_written_over(tmp_path: Path) -> None:
    """An output is a folder; files in it are not inputs, by whatever name it has."""
    folder, link = tmp_path / "rows", tmp_path / "link"
    folder.mkdir()
    (folder / "part-00000-000000000000.jsonl").write_text("{}\n")
    link.symlink_to(folder)
    [file] = folder.iterdir()

    with pytest.raises(BatchError, match="is a file; name a folder"):
        inputs(str(file), Files(str(file)))
    for where, out in ((folder, link), (link, folder), (file, link)):
        with pytest.raises(BatchError, match="is the folder of the input"):
            inputs(str(where), Files(str(out)))
    assert inputs(str(folder), Files(str(tmp_path / "out")))[1] == [str(file)]
