"""`assay rank`: a file of queries, as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

from assay.service.cli.rank import settled
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
