"""`assay rank`: a file of queries, as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

<<<<<<< HEAD
import numpy as np
import pytest

from assay.service.cli.demo import WORD_PROBLEMS, expected, load, votes
=======
>>>>>>> 18498a9 (Split the tests of commands and plans by module)
from assay.service.cli.rank import settled
from tests.support.jsonl import read_jsonl
from tests.support.processes import assay


def test_a_file_is_ranked_and_a_second_run_goes_on(tmp_path: Path) -> None:
    """Bad lines are answered with their error, and asked again; good ones are not."""
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
<<<<<<< HEAD


def test_the_demo_prints_its_table_as_json(tmp_path: Path) -> None:
    """On a free port; the numbers lie where they must."""
    done = assay("demo", "--once", "--json", "--port", "0", "--data-dir", tmp_path, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    share = {row["method"]: row["selection_at_1"] for row in figures["methods"]}
    assert (figures["problems"], figures["candidates"]) == (150, 8)
    assert set(share) == {
        "first sample",
        "majority",
        "consensus",
        "arithmetic",
        "relevance",
        "completeness",
        "Assay",
        "oracle",
    }
    assert share["first sample"] < share["Assay"] < share["oracle"]
    assert all(row["low"] <= row["selection_at_1"] <= row["high"] for row in figures["methods"])


def test_the_bundled_candidates_are_graded_as_stated() -> None:
    """The last number of a complete text is the answer, or it is not."""
    rows = [json.loads(line) for line in WORD_PROBLEMS.read_text().splitlines()]
    sys.path.insert(0, str(ROOT / "deploy" / "demo"))
    try:
        from sample_word_problems import is_correct, problems  # type: ignore[import-not-found,unused-ignore]
    finally:
        sys.path.pop(0)

    assert [(row["query"], row["answer"]) for row in rows] == list(problems(len(rows), 7))
    for row in rows:
        for each in row["candidates"]:
            assert each["correct"] == is_correct(each["text"], each["finish_reason"], row["answer"])
    assert all(len(problem.texts) == 8 for problem in load(WORD_PROBLEMS))


def test_ties_count_at_their_expected_value() -> None:
    """And where nothing is scored, any candidate may be taken."""
    correct = np.array([1.0, 0.0, 0.0, 1.0])

    assert expected(np.array([3.0, 3.0, 1.0, 0.0]), correct) == 0.5
    assert expected(np.array([np.nan, 2.0, np.nan, 1.0]), correct) == 0.0
    assert expected(np.full(4, np.nan), correct) == 0.5
    assert votes(["is 7", "7.", "none", "8"]).tolist() == pytest.approx(
        [2, 2, np.nan, 1], nan_ok=True
    )


def test_init_writes_a_configuration_that_checks(tmp_path: Path) -> None:
    """And does not overwrite one."""
    first = assay("init", "mine.yaml", cwd=tmp_path)
    again = assay("init", "mine.yaml", cwd=tmp_path)
    checked = assay("config", "check", "mine.yaml", "--offline", "--json", cwd=tmp_path)

    assert (first.returncode, again.returncode, checked.returncode) == (0, 1, 0), checked.stdout
    assert json.loads(checked.stdout) == {"ok": True, "problems": []}


def test_a_wrong_configuration_is_a_message_and_not_a_traceback(tmp_path: Path) -> None:
    """On standard error, with exit code 2."""
    (tmp_path / "bad.yaml").write_text("verifiers:\n  - {name: a, kind: jugde}\n")

    done = assay("serve", "--config", "bad.yaml", cwd=tmp_path)
    port = assay("serve", cwd=tmp_path, ASSAY_PORT="http")

    assert (done.returncode, port.returncode) == (2, 2)
    assert done.stderr.startswith("bad.yaml:2: verifiers.0.kind: must be one of:")
    assert "ASSAY_PORT" in port.stderr
    assert "Traceback" not in done.stderr + port.stderr


def test_version_says_what_runs(tmp_path: Path) -> None:
    """For people and machines."""
    assert set(json.loads(assay("version", "--json", cwd=tmp_path).stdout)) == {
        "assay",
        "python",
        "platform",
    }
    assert "python" in assay("version", cwd=tmp_path).stdout
=======
>>>>>>> 18498a9 (Split the tests of commands and plans by module)
