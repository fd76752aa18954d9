"""The commands that rank: the arguments that they pass on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from assay.service.batch.plan import JobOptions
from assay.service.batch.ranking import Effort
from assay.service.cli import demo
from assay.service.cli.ranking import batch, rank
from assay.service.cli.ranking.batch import Wanted
from assay.service.row_files.column_map import ColumnMap
from tests.support.commands.in_process import Recorder, run


def test_a_file_is_ranked_with_its_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The configuration may come from the environment."""
    recorder = Recorder()
    monkeypatch.setattr(rank, "rank_files", recorder)
    monkeypatch.setenv("ASSAY_CONFIG", "e.yaml")
    (tmp_path / "in.jsonl").touch()

    words = ["--concurrency", "3", "--data-dir", "d", "--map", "query=prompt"]
    run("rank", tmp_path / "in.jsonl", "-", "-o", "out.jsonl", *words)

    assert recorder.calls == [
        (
            [tmp_path / "in.jsonl", Path("-")],
            Path("out.jsonl"),
            Path("e.yaml"),
            {"data_dir": Path("d")},
            rank.RankOptions(ColumnMap({"query": "prompt"}), concurrency=3),
        )
    ]


def test_a_bulk_job_has_its_options_in_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names may be URLs: nothing is made of them here."""
    recorder = Recorder()
    monkeypatch.setattr(batch, "run_batch", recorder)
    words = ["--task", "t", "--part-rows", "10", "--concurrency", "5", "--tries", "2"]

    run("batch", "s3://b/in", "s3://b/out", *words, "--keep-going", "--ray", "local", "--json")

    [(wanted, config, flags, as_json)] = recorder.calls
    assert wanted == Wanted(
        where="s3://b/in",
        out="s3://b/out",
        options=JobOptions(10, "t"),
        effort=Effort(5, True, 2),
        ray="local",
        workers=None,
    )
    assert (config, flags, as_json) == (None, {"data_dir": None}, True)


def test_the_demo_stops_after_its_table_where_the_environment_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As `make demo ONCE=1` does."""
    recorder = Recorder()
    monkeypatch.setattr(demo, "run_demo", recorder)
    monkeypatch.setenv("ONCE", "1")

    run("demo", "--port", "0", "--limit", "3")

    assert recorder.calls == [(None, {"port": 0, "data_dir": None}, True, False, None, 3)]


@pytest.mark.parametrize(
    "words",
    [
        ("rank", "none.jsonl", "-o", "out.jsonl"),
        ("batch", "in", "out", "--tries", "0"),
        ("batch", "in", "out", "--part-rows", "100001"),
        ("batch", "in"),
        ("demo", "--limit", "0"),
    ],
)
def test_what_cannot_be_run_is_refused(words: tuple[str, ...]) -> None:
    """Before anything is loaded."""
    assert run(*words).exit_code == 2


def test_an_input_that_is_no_file_is_named_with_the_reason(tmp_path: Path) -> None:
    """A folder, a circular link and a missing file have messages of their own."""
    (tmp_path / "in.jsonl").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")

    results = [
        run("rank", tmp_path / name, "-o", tmp_path / "o") for name in ("in.jsonl", "loop", "none")
    ]

    assert [result.exit_code for result in results] == [2, 2, 2]
    shown = [" ".join(result.stderr.replace("│", "").split()) for result in results]
    assert "is a folder; name its files" in shown[0]
    assert "is a link that leads in a circle" in shown[1]
    assert "no such file" in shown[2]


@pytest.mark.parametrize("command", ["rank", "batch"])
def test_a_name_that_is_no_text_is_refused(tmp_path: Path, command: str) -> None:
    """Results would have to name it."""
    file = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jsonl"))
    file.write_text('{"query": "q", "candidates": ["a"]}\n')
    words = ["-o", tmp_path / "o.jsonl"] if command == "rank" else [tmp_path / "out"]

    result = run(command, file, *words)

    assert result.exit_code != 0
    assert "is not UTF-8" in f"{result.stderr} {result.exception}"
