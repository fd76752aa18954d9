"""`assay batch`: one job, from its plan to its mark of success."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.service.batch.plan import BAD, SUCCESS
from tests.support.commands.bulk_jobs import as_lines, as_parquet, bodies, results
from tests.support.commands.in_process import problem, run, said
from tests.support.servers.processes import write_config

pytestmark = pytest.mark.usefixtures("log_as_before")


def words(folder: Path, *rows: object, away: bool = False) -> list[str | Path]:
    """Return the command for a job over checks, and over a server that is away where wanted."""
    verifiers: list[dict[str, object]] = [{"name": "length", "kind": "length"}]
    if away:
        endpoint = {"endpoint": "http://127.0.0.1:9", "retries": 0}
        verifiers.append({"name": "away", "kind": "reward_model", "model": "m", **endpoint})
    config = write_config(folder / "config.yaml", {"verifiers": verifiers})
    source = as_lines(folder / "in.jsonl", rows or bodies(3))
    return ["batch", source, folder / "out", "-c", config, "--data-dir", folder / "data"]


def test_a_job_ends_with_its_counts(tmp_path: Path) -> None:
    """On the output and in a file beside the rows; a second run has nothing to do."""
    command = words(tmp_path, *bodies(2), "nonsense")

    first, second = said(*command, "--allow-bad", "1"), said(*command, "--allow-bad", "40%")

    out = tmp_path / "out"
    counts = {"rows": 3, "bad": 1, "partial": 0}
    assert first.pop("understood") == second.pop("understood")
    assert first.pop("reasons") == second.pop("reasons") != []
    assert first == second == {**counts, "out": str(out)}
    assert json.loads((out / SUCCESS).read_text()) == counts
    assert len(results(out)) == 3


def test_a_person_is_shown_where_the_bad_rows_are(tmp_path: Path) -> None:
    """With their number."""
    shown = run(*words(tmp_path, "nonsense", *bodies(1))).stdout

    assert f"2 rows: {tmp_path / 'out'}" in shown
    assert f"1 of them could not be ranked: see {tmp_path / 'out'}/{BAD}" in shown


def test_a_verifier_that_does_not_answer_stops_the_job_before_it_begins(tmp_path: Path) -> None:
    """With its reason and the way round it; nothing is marked as a success."""
    message = problem(*words(tmp_path, away=True))

    assert message.startswith("these verifiers do not answer:\n  away: ")
    assert message.endswith("--keep-going")
    assert not (tmp_path / "out" / SUCCESS).exists()


def test_who_keeps_going_gets_the_rows_without_it(tmp_path: Path) -> None:
    """They are counted as partial."""
    command = words(tmp_path, away=True)

    assert said(*command, "--keep-going", "--tries", "1")["partial"] == 3
    assert "3 of them lack a failed verifier's scores" in run(*command, "--keep-going").stdout


@pytest.mark.parametrize(
    "row",
    [{"said": "2+2?", "heard": ["4", "5"]}, "nonsense", {"query": "q", "candidates": []}],
)
def test_a_job_without_one_ranked_row_is_no_success(tmp_path: Path, row: object) -> None:
    """F17, F20: exit code 1, no mark, and the row as it came in `_bad/`."""
    result = run(*words(tmp_path, row))

    assert result.exit_code == 1
    assert not (tmp_path / "out" / SUCCESS).exists()
    [bad] = (tmp_path / "out" / BAD).iterdir()
    assert json.loads(bad.read_text())["input"] == row
    assert json.loads((tmp_path / "out" / "_assay.json").read_text())["sources"][0]["understood"]


@pytest.mark.parametrize(
    ("allowed", "code"), [(None, 1), ("0", 1), ("10%", 1), ("1", 0), ("34%", 0), ("100%", 0)]
)
def test_bad_rows_are_a_failure_unless_allowed(
    tmp_path: Path, allowed: str | None, code: int
) -> None:
    """F17: one of three rows is bad; the others are ranked."""
    more = () if allowed is None else ("--allow-bad", allowed)

    result = run(*words(tmp_path, *bodies(2), "nonsense"), *more)

    assert result.exit_code == code
    assert (tmp_path / "out" / SUCCESS).exists()


def test_bad_rows_can_be_mended_and_ranked(tmp_path: Path) -> None:
    """F20: in place, in `input`; their results name the row that they were."""
    rows = [bodies(1)[0], {"query": "q", "candidates": "no list", "id": "b"}, "{nonsense"]
    assert run(*words(tmp_path, *rows)).exit_code == 1
    [bad] = (tmp_path / "out" / BAD).iterdir()
    lines = [json.loads(line) for line in bad.read_text().splitlines()]
    lines[0]["input"]["candidates"] = ["1", "2"]
    lines[1]["input"] = json.dumps(bodies(2)[1])
    bad.write_text("".join(json.dumps(line) + "\n" for line in lines))
    command = words(tmp_path, *rows)
    command[1:3] = [tmp_path / "out" / BAD, tmp_path / "mended"]

    assert said(*command)["bad"] == 0
    mended = results(tmp_path / "mended")
    assert [(row["file"], row["row"], row["id"]) for row in mended] == [
        ("in.jsonl", 1, "b"),
        ("in.jsonl", 2, 1),
    ]


@pytest.mark.parametrize("change", ["query", "candidates", "id"])
def test_a_file_that_changed_is_noticed_by_its_content(tmp_path: Path, change: str) -> None:
    """F14: of the same size, also in a column that is carried over."""
    rows = bodies(2)
    said(*words(tmp_path, *rows))
    values = {"query": rows[1]["query"].replace("what", "tahw"), "id": 9}
    rows[1] = {**rows[1], change: values.get(change, rows[1]["candidates"][::-1])}

    assert "was begun with another content of in.jsonl" in problem(*words(tmp_path, *rows))


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({"verifiers": [{"name": "length", "kind": "length", "weight": 2}]}, "verifiers.length"),
        ({"tasks": {"default": {"base_rate": 0.3}}}, "tasks.default"),
        ({"tasks": {"default": {"policy": "cascade", "price": 0.1}}}, "tasks.default"),
        ({"service": {"uncalibrated": "number"}}, "uncalibrated"),
        ({"ensembles": {"other": ["length"]}}, "ensembles.default, ensembles.other"),
    ],
)
def test_a_configuration_that_changed_is_noticed(
    tmp_path: Path, settings: dict[str, object], place: str
) -> None:
    """F14: all that changes a result, by its place."""
    command = words(tmp_path)
    said(*command)
    base = {"verifiers": [{"name": "length", "kind": "length"}]}
    write_config(tmp_path / "config.yaml", {**base, **settings})

    assert f"was begun with other settings of {place}" in problem(*command)


def test_texts_may_be_left_out(tmp_path: Path) -> None:
    """A job keeps to what it began with."""
    command = words(tmp_path)
    said(*command, "--no-texts")

    assert set(results(tmp_path / "out")[0]) & {"query", "candidates"} == set()
    assert "was begun without texts, not with texts" in problem(*command)


def test_a_job_of_another_release_is_refused(tmp_path: Path) -> None:
    """Its parts were cut otherwise."""
    command = words(tmp_path)
    said(*command)
    plan = tmp_path / "out" / "_assay.json"
    fields = json.loads(plan.read_text())
    del fields["layout"]
    plan.write_text(json.dumps(fields))

    assert "was begun by another release of assay" in problem(*command)


FORMS: dict[str, Callable[[Path], object]] = {
    "in.json": lambda path: path.write_text(json.dumps(bodies(3))),
    "in.ndjson": lambda path: path.write_text("\n".join(map(json.dumps, bodies(3)))),
    "in.jsonl.gz": lambda path: path.write_bytes(
        gzip.compress("\n".join(map(json.dumps, bodies(3))).encode())
    ),
    "in.csv": lambda path: path.write_text(as_cells(",")),
    "in.tsv": lambda path: path.write_text(as_cells("\t")),
    "in.parquet": lambda path: as_parquet(
        path, [{"prompt": r["query"], "responses": r["candidates"]} for r in bodies(3)]
    ),
}


def as_cells(mark: str) -> str:
    """Return rows as a table, the candidates in columns of their own."""
    rows = [[row["query"], *row["candidates"]] for row in bodies(3)]
    heading = ["prompt", "response_1", "response_2", "response_3"]
    return "".join(mark.join(cells) + "\n" for cells in [heading, *rows])


@pytest.mark.parametrize("name", FORMS)
def test_a_file_of_any_form_is_ranked_alike(tmp_path: Path, name: str) -> None:
    """Its rows come out as lines of JSON, in their order; a second run has nothing to do."""
    (tmp_path / "plain").mkdir()
    said(*words(tmp_path / "plain"))
    FORMS[name](tmp_path / name)
    command = words(tmp_path)
    command[1] = tmp_path / name

    first, second = said(*command, "--part-rows", "2"), said(*command)

    assert first == second
    ranked, plain = results(tmp_path / "out"), results(tmp_path / "plain" / "out")
    for column in ("row", "query", "candidates", "key", "score", "ranking"):
        assert [row[column] for row in ranked] == [row[column] for row in plain], column


def test_columns_are_named_by_a_map(tmp_path: Path) -> None:
    """The plan keeps it: another one is another job."""
    rows = [{"a": {"b": row["query"]}, "c": row["candidates"]} for row in bodies(2)]
    command = [*words(tmp_path, *rows), "--map"]

    found = said(*command, "query=a.b,candidates=c")

    assert found["bad"] == 0
    assert found["understood"]["in.jsonl"]["columns"] == {"candidates": ["c"], "query": ["a.b"]}
    assert "was begun with --map 'query=a.b,candidates=c'" in problem(
        *command, "query=a,candidates=c"
    )
    assert "a ranking has no field 'x'" in problem(*command, "x=c")


def test_what_was_understood_is_shown(tmp_path: Path) -> None:
    """Before the work, on the other stream."""
    rows = [
        {"question": row["query"], "completions": row["candidates"], "z": 1} for row in bodies(2)
    ]

    shown = run(*words(tmp_path, *rows)).stderr

    assert "in.jsonl: candidates: completions; query: question" in shown
    assert "in.jsonl: carried over: z" in shown


def test_the_files_of_another_tool_are_read(tmp_path: Path) -> None:
    """Alpaca's annotations: two outputs a row."""
    row = {
        "instruction": "2+2?",
        "output_1": "4",
        "output_2": "5",
        "generator_1": "a",
        "generator_2": "b",
        "annotator": "c",
        "preference": 1.0,
    }

    assert said(*words(tmp_path, row))["bad"] == 0
    assert [len(each["candidates"]) for each in results(tmp_path / "out")] == [2]


def test_why_rows_could_not_be_ranked_is_printed_by_its_count(tmp_path: Path) -> None:
    """Beside the place where they are, and in `--json`."""
    bad = [{"query": number, "candidates": ["a", "b"]} for number in range(3)]
    command = words(tmp_path, *bad, {"query": "q", "candidates": ["a", "b"]})

    result = run(*command)
    again = run(*command, "--json")

    assert result.exit_code == again.exit_code == 1
    assert "failed: 3 rows, the first " in result.stderr
    assert "query: must be a text" in result.stderr
    assert json.loads(again.stdout)["reasons"][0]["rows"] == 3


@pytest.mark.parametrize("where", ["", "in.jsonl", "*.jsonl"])
def test_the_folder_of_the_input_is_no_output(tmp_path: Path, where: str) -> None:
    """Whatever names the input."""
    folder = tmp_path / "rows"
    folder.mkdir()
    as_lines(folder / "in.jsonl", bodies(1))

    message = problem("batch", folder / where, folder, "--data-dir", tmp_path / "data")

    assert message.startswith(f"{folder}: is the folder of the input {folder / where}")
