"""`assay rank`: a file of queries, as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay.service.cli.ranking.rank import settled
from assay.service.domain.errors import StartupError
from tests.support.commands.in_process import problem
from tests.support.jsonl import read_jsonl
from tests.support.servers.processes import assay


def test_a_file_is_ranked_and_a_second_run_goes_on(tmp_path: Path) -> None:
    """Bad lines have their error as answer and are tried again; good lines are not."""
    bodies = [
        {
            "query": f"What is {n} + 1?",
            "candidates": [f"{n} + 1 = {n + 1}. The answer is {n + 1}.", f"{n} + 1 = {n}."],
        }
        for n in range(3)
    ]
    # With a byte order mark, as some editors write it.
    (tmp_path / "in.jsonl").write_text(
        "\n".join([*map(json.dumps, bodies), "", '{"query": "no candidates"}']) + "\n", "utf-8-sig"
    )
    command = (
        "rank",
        tmp_path / "in.jsonl",
        "-o",
        tmp_path / "out.jsonl",
        "--data-dir",
        tmp_path / "data",
        "--json",
    )

    first = assay(*command, cwd=tmp_path)
    with (tmp_path / "out.jsonl").open("a") as out:
        out.write('{"line": 9, "cut o')
    second = assay(*command, cwd=tmp_path)

    assert first.returncode == second.returncode == 1, first.stderr
    assert json.loads(first.stdout) == {
        "ranked": 3,
        "failed": 1,
        "already_there": 0,
        "out": str(tmp_path / "out.jsonl"),
    }
    assert json.loads(second.stdout) == {
        "ranked": 0,
        "failed": 1,
        "already_there": 3,
        "out": str(tmp_path / "out.jsonl"),
    }
    said = {line["line"]: line for line in read_jsonl(tmp_path / "out.jsonl")}
    assert sorted(said) == [1, 2, 3, 5]
    assert [said[place]["results"][0]["index"] for place in (1, 2, 3)] == [0, 0, 0]
    assert said[5]["error"]["param"] == "candidates"


def test_what_is_settled_is_what_has_an_answer(tmp_path: Path) -> None:
    """Errors, garbage and a cut-off line are taken out of the file."""
    out = tmp_path / "out.jsonl"
    out.write_text(
        '{"line": 1, "results": []}\n{"line": 2, "error": {}}\nnonsense\n{"line": 3, "results": []}\n{"line": 4, "res'
    )

    assert settled(out) == {1, 3}
    assert [line["line"] for line in read_jsonl(out)] == [1, 3]
    assert settled(tmp_path / "none.jsonl") == set()


@pytest.mark.parametrize("content", ["a note\n", '{"query": "3 + 4?"}\n', '{"line": "1"}\n', "[1]"])
def test_a_file_without_answers_is_not_emptied(tmp_path: Path, content: str) -> None:
    """It holds something else."""
    out = tmp_path / "out.jsonl"
    out.write_text(content)

    with pytest.raises(StartupError, match="holds something other than answers"):
        settled(out)
    assert out.read_text() == content


@pytest.mark.parametrize("content", ["", "\n", '{"line":1,"resu', '{"line":2,"error":{}}\n'])
def test_a_file_without_good_answers_is_begun_again(tmp_path: Path, content: str) -> None:
    """A first answer may be unfinished, and all may be errors."""
    out = tmp_path / "out.jsonl"
    out.write_text(content)

    assert settled(out) == set()
    assert out.read_bytes() == b""


def test_a_device_holds_no_answers() -> None:
    """Reading one might never end."""
    assert settled(Path("/dev/zero")) == set()


def test_an_input_is_never_written_over(tmp_path: Path) -> None:
    """The queries and the configuration stay as they are, also behind a link."""
    queries, config, link = tmp_path / "q.jsonl", tmp_path / "c.yaml", tmp_path / "link.jsonl"
    queries.write_text('{"query": "3 + 4?", "candidates": ["7"]}\n')
    config.write_text("verifiers: []\n")
    link.symlink_to(queries)
    before = queries.read_bytes(), config.read_bytes()

    for out in (queries, link, config):
        shown = problem("rank", str(queries), "-o", str(out), "--config", str(config))
        assert "is the same file as the input" in shown
    assert (queries.read_bytes(), config.read_bytes()) == before
