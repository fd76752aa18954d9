"""`assay rank`: a file of queries, as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from assay.service.cli.ranking.rank import RankOptions, is_stdout
from tests.support.commands.bulk_jobs import as_lines
from tests.support.commands.in_process import problem, run
from tests.support.commands.ranked_rows import RANKED_ROWS, rank_rows
from tests.support.jsonl import read_jsonl
from tests.support.servers.processes import ROOT, assay, write_config

pytestmark = pytest.mark.usefixtures("log_as_before")


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
    names = ("ranked", "failed", "already_there", "out")
    assert [[json.loads(run.stdout)[name] for name in names] for run in (first, second)] == [
        [3, 1, 0, str(tmp_path / "out.jsonl")],
        [0, 1, 3, str(tmp_path / "out.jsonl")],
    ]
    said = {line["line"]: line for line in read_jsonl(tmp_path / "out.jsonl")}
    assert list(said) == [1, 2, 3, 5]
    assert [said[place]["results"][0]["index"] for place in (1, 2, 3)] == [0, 0, 0]
    assert said[5]["error"]["param"] == "candidates"


@pytest.mark.parametrize(("stated", "explained"), [({}, True), ({"explain": False}, False)])
def test_answers_have_the_verifiers_scores(
    tmp_path: Path, stated: dict[str, Any], explained: bool
) -> None:
    """So that a model can be fitted on them; a row may leave them out."""
    row = {"query": "What is 3 + 4?", "candidates": ["3 + 4 = 7", "3 + 4 = 8"], **stated}
    (tmp_path / "in.jsonl").write_text(json.dumps(row) + "\n")
    config = write_config(tmp_path / "c.yaml", {"verifiers": [{"name": "a", "kind": "arithmetic"}]})

    assert (
        run("rank", tmp_path / "in.jsonl", "-o", tmp_path / "o.jsonl", "-c", config).exit_code == 0
    )

    (answer,) = read_jsonl(tmp_path / "o.jsonl")
    assert ["verifiers" in result for result in answer["results"]] == [explained, explained]


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


def test_an_answer_carries_the_row(tmp_path: Path) -> None:
    """F12: its own id, its texts and labels in the request's order, and each result's place."""
    row = {**RANKED_ROWS[0], "labels": [1, 0], "source": {"deep": [1]}, "explain": True}

    _, [answer] = rank_rows(tmp_path, [row])

    assert {name: answer[name] for name in row if name != "explain"} == {
        name: value for name, value in row.items() if name != "explain"
    }
    assert sorted(result["index"] for result in answer["results"]) == [0, 1]
    assert answer["results"][0]["key"].startswith(answer["key"])
    assert "explain" not in answer


def test_answers_come_in_the_order_of_the_rows(tmp_path: Path) -> None:
    """However long each takes."""
    _, answers = rank_rows(tmp_path, RANKED_ROWS * 5)

    assert [answer["line"] for answer in answers] == list(range(1, 31))
    assert [answer["id"] for answer in answers] == [row["id"] for row in RANKED_ROWS * 5]


@pytest.mark.parametrize(
    "bad",
    [
        '{"query": "q", "candidates": ["a"], "x": ' + "[" * 300 + "]" * 300 + "}",
        '{"query": "q", "candidates": ["a"], "x": "\\ud800"}',
        '{"query": "q", "candidates": ["a"], "x": 1234567890123456789012345}',
        "{nonsense",
        "[1]",
        {"query": "q", "candidates": ["a"], "results": []},
    ],
    ids=["deep", "surrogate", "integer", "nonsense", "list", "clash"],
)
def test_a_bad_row_has_its_error_and_the_others_are_ranked(tmp_path: Path, bad: Any) -> None:
    """F32: nothing of it stops the file."""
    summary, answers = rank_rows(tmp_path, [RANKED_ROWS[0], bad, RANKED_ROWS[1]], code=1)

    assert (summary["ranked"], summary["failed"]) == (2, 1)
    assert ["error" in answer for answer in answers] == [False, True, False]
    assert answers[1]["error"]["code"] == "unreadable_row"


def test_a_column_that_answers_have_is_named_before_any_work(tmp_path: Path) -> None:
    """Its file and row as well; an earlier output stays as it was."""
    source = as_lines(tmp_path / "in.jsonl", [{**RANKED_ROWS[0], "results": [1]}])

    shown = problem("rank", source, "-o", tmp_path / "out.jsonl", "--data-dir", tmp_path / "data")

    assert shown == "in.jsonl:1: the column 'results' is also one of the output's; rename it"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("in.csv", 'prompt,response_a,response_b\n"1 + 1?",It is 2.,It is 3.\n'),
        ("in.tsv", 'question\tresponses\n1 + 1?\t["It is 2.", "It is 3."]\n'),
        ("in.json", '[{"instruction": "1 + 1?", "outputs": ["It is 2.", "It is 3."]}]'),
        ("in.jsonl", '{"prompt": "1 + 1?", "chosen": "It is 2.", "rejected": "It is 3."}'),
        ("in.jsonl", '{"query": "1 + 1?", "candidates": [{"role": "assistant", "content": "It is 2."},'
         ' {"role": "assistant", "content": "It is 3."}]}'),
    ],
    ids=["csv", "tsv", "list", "pair", "chat"],
)  # fmt: skip
def test_files_of_any_form_are_ranked(tmp_path: Path, name: str, content: str) -> None:
    """Under the names that people give their columns; the answer has the row as it was read."""
    (tmp_path / name).write_text(content)
    words: list[str | Path] = ["-o", tmp_path / "o.jsonl", "--data-dir", tmp_path / "data"]

    result = run("rank", tmp_path / name, *words)

    assert result.exit_code == 0, result.output
    assert f"{tmp_path / name}: read as " in result.stderr.replace("\n", "")
    [answer] = read_jsonl(tmp_path / "o.jsonl")
    assert [answer[field] for field in ("query", "candidates")] == [
        "1 + 1?",
        ["It is 2.", "It is 3."],
    ]


def test_several_files_are_ranked_into_one(tmp_path: Path) -> None:
    """Each answer names its file and its line there."""
    for name, rows in (("a.jsonl", RANKED_ROWS[:2]), ("b.jsonl", RANKED_ROWS[2:5])):
        as_lines(tmp_path / name, rows)
    words: list[str | Path] = ["-o", tmp_path / "o.jsonl", "--data-dir", tmp_path / "data"]

    assert run("rank", tmp_path / "a.jsonl", tmp_path / "b.jsonl", *words).exit_code == 0
    assert [(row["file"], row["line"]) for row in read_jsonl(tmp_path / "o.jsonl")] == [
        ("a.jsonl", 1),
        ("a.jsonl", 2),
        ("b.jsonl", 1),
        ("b.jsonl", 2),
        ("b.jsonl", 3),
    ]


def piped(*words: str | Path, feed: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command with pipes as its standard input and output."""
    return subprocess.run(
        [sys.executable, "-m", "assay.service", *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        input=feed,
        capture_output=True,
        text=True,
        timeout=100,
    )


@pytest.mark.parametrize("out", ["-", "/dev/stdout"])
def test_standard_input_is_ranked_to_standard_output(tmp_path: Path, out: str) -> None:
    """F22: the counts go to the other stream, and the device stays a device."""
    feed = "".join(json.dumps(row) + "\n" for row in RANKED_ROWS)

    result = piped("rank", "-", "-o", out, "--data-dir", tmp_path / "data", "--json", feed=feed)

    assert [json.loads(line)["id"] for line in result.stdout.splitlines()] == [
        row["id"] for row in RANKED_ROWS
    ], result.stderr
    assert json.loads(result.stderr.splitlines()[-1])["ranked"] == 6
    assert Path("/dev/stdout").is_symlink()


def test_a_pipe_with_a_name_is_written_and_stays(tmp_path: Path) -> None:
    """F22: nothing is read from it."""
    os.mkfifo(tmp_path / "fifo")
    source, content = as_lines(tmp_path / "in.jsonl", RANKED_ROWS), []
    reader = threading.Thread(target=lambda: content.append((tmp_path / "fifo").read_text()))
    reader.start()

    result = piped("rank", source, "-o", tmp_path / "fifo", "--data-dir", tmp_path / "data")
    reader.join(10)

    assert result.returncode == 0, result.stderr
    assert len(content[0].splitlines()) == 6
    assert (tmp_path / "fifo").is_fifo()


def test_a_link_leads_to_the_file_that_is_written(tmp_path: Path) -> None:
    """F22: also at a second run, and the link stays one."""
    (tmp_path / "out.jsonl").symlink_to(tmp_path / "target.jsonl")

    rank_rows(tmp_path, RANKED_ROWS)
    summary, _ = rank_rows(tmp_path, RANKED_ROWS[::-1])

    assert summary["already_there"] == 6
    assert (tmp_path / "out.jsonl").is_symlink()
    assert len(read_jsonl(tmp_path / "target.jsonl")) == 6


def test_standard_output_is_known_by_its_names() -> None:
    """Where the answers go there, the counts go elsewhere."""
    assert is_stdout(Path("-"))
    assert is_stdout(Path("/dev/stdout"))
    assert not is_stdout(Path("out.jsonl"))
    assert RankOptions().concurrency == 8


@pytest.mark.parametrize(
    "second",
    [
        {"question": "3+4?", "candidates": ["7", "8"]},
        {"query": "3+4?", "responses": ["7", "8"]},
        {"query": "3+4?", "candidates": ["7", "8"], "source": "s"},
    ],
)
def test_what_was_understood_is_printed_once(tmp_path: Path, second: dict[str, Any]) -> None:
    """Later rows may add to it: only what is new follows."""
    source = as_lines(tmp_path / "in.jsonl", [{"query": "1+1?", "candidates": ["2"]}, second])
    config = write_config(tmp_path / "c.yaml", {"verifiers": [{"name": "l", "kind": "length"}]})

    result = run("rank", source, "-o", tmp_path / "o.jsonl", "-c", config)

    assert result.exit_code == 0, result.output
    assert result.stderr.count("read as JSON lines") == 1
    assert next(iter(second)) in result.stderr


@pytest.mark.parametrize(
    ("columns", "shown"),
    [
        ("query=nope", "--map query=nope: no column 'nope' in its first 6 rows; there are "),
        ("candidates=candidates.text", "--map candidates=candidates.text: no column"),
        ("query=query,reference=gold", "--map reference=gold: no column 'gold'"),
        ("id=[red]", "--map id=[red]: no column '[red]'"),
    ],
)
@pytest.mark.parametrize("command", ["rank", "batch"])
def test_a_mapped_column_that_no_row_has_stops_the_command(
    tmp_path: Path, columns: str, shown: str, command: str
) -> None:
    """A typo leaves an earlier output as it was."""
    rank_rows(tmp_path, RANKED_ROWS)
    before = (tmp_path / "out.jsonl").read_bytes()
    own = ["-o", tmp_path / "out.jsonl"] if command == "rank" else [tmp_path / "out"]
    out: list[str | Path] = [*own]

    message = problem(
        command, tmp_path / "in.jsonl", *out, "--map", columns, "--data-dir", tmp_path / "data"
    )

    assert shown in message
    assert (tmp_path / "out.jsonl").read_bytes() == before
    assert not (tmp_path / "out").exists()


def test_all_files_are_looked_at_before_the_first_is_ranked(tmp_path: Path) -> None:
    """The second lacks the column."""
    first = as_lines(tmp_path / "a.jsonl", [{"p": "1?", "candidates": ["1", "2"]}])
    second = as_lines(tmp_path / "b.jsonl", RANKED_ROWS)
    out = tmp_path / "o.jsonl"

    message = problem(
        "rank", first, second, "-o", out, "--map", "query=p", "--data-dir", tmp_path / "data"
    )

    assert message.startswith(f"{second}: --map query=p: no column 'p'")
    assert not out.exists()


def test_the_reasons_of_failed_rows_are_printed_by_their_count(tmp_path: Path) -> None:
    """And where each row's own is, and where its earlier answer is."""
    rank_rows(tmp_path, RANKED_ROWS)
    bad = [{**row, "query": number} for number, row in enumerate(RANKED_ROWS[:3])]
    source = as_lines(tmp_path / "in.jsonl", [*bad, "{nonsense", *RANKED_ROWS[3:]])
    words: list[str | Path] = ["-c", tmp_path / "config.yaml", "--data-dir", tmp_path / "data"]

    result = run("rank", source, "-o", tmp_path / "out.jsonl", *words)

    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert "failed: 3 rows, the first in.jsonl:1: query: must be a text" in result.stderr
    assert any(line.startswith("failed: in.jsonl:4: not JSON") for line in lines)
    assert f"each failed row has its reason in {tmp_path / 'out.jsonl'}: `error`" in lines
    assert any(line.startswith("3 of the failed rows had answers of an earlier") for line in lines)


@pytest.mark.parametrize("own", [1.5, 7, "x"])
def test_a_failed_row_keeps_its_id(tmp_path: Path, own: Any) -> None:
    """Where a good row has it."""
    _, answers = rank_rows(tmp_path, [RANKED_ROWS[0], {"id": own, "query": "q"}], code=1)

    assert answers[1]["id"] == own
    assert answers[1]["input"]["id"] == own


def test_standard_error_is_one_line_of_json_where_answers_take_standard_output(
    tmp_path: Path,
) -> None:
    """Without progress, and without what the line has under `understood`."""
    config = write_config(
        tmp_path / "config.yaml", {"verifiers": [{"name": "length", "kind": "length"}]}
    )
    source = as_lines(tmp_path / "in.jsonl", RANKED_ROWS)

    result = run("rank", source, "-o", "-", "--json", "-c", config, "--data-dir", tmp_path / "data")

    assert len(result.stdout.splitlines()) == 6
    summary = json.loads(result.stderr)
    assert (summary["ranked"], list(summary["understood"])) == (6, [str(source)])
