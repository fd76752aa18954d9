"""`assay import`: other tools' files."""

from __future__ import annotations

import json
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from assay.service.cli.importing.importing import ImportOptions, import_files
from assay.service.cli.main import app
from assay.service.domain.errors import StartupError
from tests.support.tool_files import Row
from tests.support.tool_files.annotation_tools import (
    QA,
    studio_annotation,
    studio_result,
    studio_task,
)
from tests.support.tool_files.evaluations import lm_eval_choice, lm_eval_sample


def written(file: Path, *rows: Row) -> Path:
    """Return a file of JSON lines."""
    file.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return file


def lines(file: Path) -> list[Row]:
    """Return the rows of a file of JSON lines."""
    return [orjson.loads(line) for line in file.read_bytes().splitlines()]


def test_rankings_are_written_and_the_reading_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was understood goes to stderr."""
    file = written(tmp_path / "s.jsonl", lm_eval_sample(1, ["2"]), lm_eval_sample(2, ["5"], 0.0))

    import_files("auto", [file], tmp_path / "r.jsonl", ImportOptions())

    assert [row["labels"] for row in lines(tmp_path / "r.jsonl")] == [[1.0], [0.0]]
    printed = capsys.readouterr()
    assert printed.out == f"2 rows of rankings written to {tmp_path}/r.jsonl\n"
    assert printed.err.splitlines() == [
        "read as lm-evaluation-harness samples",
        "query: arguments (the prompt, with its examples)",
        "labels: exact_match",
    ]


def test_json_reports_what_was_understood_and_skipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For machines."""
    second = lm_eval_sample(1, ["2"], 0.0, "other")
    file = written(tmp_path / "s.jsonl", lm_eval_sample(1, ["2"]), second)
    options = ImportOptions(shape="labels", columns="query=doc.question", as_json=True)

    import_files("lm-eval", [file], tmp_path / "r.jsonl", options)

    assert json.loads(capsys.readouterr().out) == {
        "tool": "lm-evaluation-harness samples",
        "shape": "labels",
        "rows": 1,
        "out": f"{tmp_path}/r.jsonl",
        "understood": {"query": "doc.question", "labels": "exact_match"},
        "skipped": {"samples of a further filter": 1},
        "unlabelled": {},
    }


def test_csv_has_a_column_for_each_verifier(tmp_path: Path) -> None:
    """As people expect of tables."""
    file = written(tmp_path / "s.jsonl", lm_eval_choice(0, [-3.5, -0.5]))

    import_files("lm-eval", [file], tmp_path / "r.csv", ImportOptions(shape="scores"))

    assert (tmp_path / "r.csv").read_text().splitlines() == [
        '"query_id","candidate","text","label","loglikelihood"',
        '"0","0"," Lyon",0.0,-3.5',
        '"0","1"," Paris",1.0,-0.5',
    ]


def test_a_scale_of_ratings(tmp_path: Path) -> None:
    """`--scale` states its ends."""
    task = studio_task([studio_annotation([studio_result("rating", 4)])], QA)
    file = written(tmp_path / "e.jsonl", task)

    import_files("label-studio", [file], tmp_path / "l.jsonl", ImportOptions(scale="0,10"))

    assert [row["correct"] for row in lines(tmp_path / "l.jsonl")] == [0.4]


@pytest.mark.parametrize(
    ("tool", "options", "problem"),
    [
        ("auto", ImportOptions(shape="rows"), "--as takes rankings, scores, labels (got 'rows')"),
        ("auto", ImportOptions(scale="5"), "--scale takes the worst and the best rating"),
        ("auto", ImportOptions(scale="1,1"), "--scale takes the worst and the best rating"),
        ("auto", ImportOptions(scale="nan,1"), "--scale takes the worst and the best rating"),
        ("auto", ImportOptions(columns="answer=x"), "take query, label (got 'answer')"),
        ("harness", ImportOptions(), "no tool is named 'harness'; there are lm-eval, "),
        ("openai-grader", ImportOptions(shape="scores"), "it takes no --as and no --scale"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    tmp_path: Path, tool: str, options: ImportOptions, problem: str
) -> None:
    """Nothing is written."""
    file = written(tmp_path / "s.jsonl", lm_eval_sample(1, ["2"]))

    with pytest.raises(StartupError) as refused:
        import_files(tool, [file], tmp_path / "r.jsonl", options)

    assert problem in str(refused.value)
    assert not (tmp_path / "r.jsonl").exists()


def test_the_input_is_not_written_over(tmp_path: Path) -> None:
    """By whatever name."""
    file = written(tmp_path / "s.jsonl", lm_eval_sample(1, ["2"]))

    with pytest.raises(StartupError, match="is the same file as the input"):
        import_files("auto", [file], file, ImportOptions())


def test_the_command_takes_several_files(tmp_path: Path) -> None:
    """And names them by their models' folders."""
    for name, answer in (("a", "2"), ("b", "3")):
        (tmp_path / name).mkdir()
        written(tmp_path / name / "s.jsonl", lm_eval_sample(1, [answer]))
    files = [str(tmp_path / name / "s.jsonl") for name in ("a", "b")]

    result = CliRunner().invoke(app, ["import", "auto", *files, "-o", str(tmp_path / "r.jsonl")])

    assert result.exit_code == 0
    assert [candidate["id"] for candidate in lines(tmp_path / "r.jsonl")[0]["candidates"]] == [
        "a",
        "b",
    ]


@pytest.mark.parametrize("tool", ["auto", "lm-eval"])
@pytest.mark.parametrize("shape", ["rankings", "labels"])
def test_standard_input_is_read(shape: str, tool: str) -> None:
    """By the name `-`, as the help promises."""
    row = orjson.dumps(lm_eval_sample(1, ["2"]))

    result = CliRunner().invoke(app, ["import", tool, "-", "-o", "-", "--as", shape], input=row)

    assert result.exit_code == 0
    assert orjson.loads(result.stdout)["query"] == "Question: What is 1+1?\nAnswer:"


def test_what_has_no_label_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With its reason, and without a claim."""
    file = written(tmp_path / "s.jsonl", lm_eval_choice(0, [-3.5, -0.5], target="A"))

    import_files("auto", [file], tmp_path / "r.jsonl", ImportOptions())

    assert capsys.readouterr().err.splitlines()[-2:] == [
        "labels: none (looked for: target (the right option))",
        "without a label: 1 samples whose target names no option",
    ]


def test_labels_alone_are_no_scores_and_the_way_is_named(tmp_path: Path) -> None:
    """As of people's preferences, where the tool's first shape is scores."""
    person = {"question_id": 81, "model_a": "a", "model_b": "b", "winner": "model_a", "turn": 1}
    file = written(tmp_path / "s.jsonl", {**person, "judge": "author_1"})

    with pytest.raises(StartupError, match=r"only answers and labels: .* assay import --as labels"):
        import_files("auto", [file], tmp_path / "r.jsonl", ImportOptions())
