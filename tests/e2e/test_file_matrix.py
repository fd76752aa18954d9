"""Which command reads which of the files that the product writes, and what the others say.

The page of formats prints this matrix.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from assay.service.cli.labels.exporting import LABEL_COLUMNS
from assay.service.cli.labels.label_columns import rows_of_labels
from assay.service.cli.labels.label_rows import checked_rows
from assay.service.domain.errors import StartupError
from assay.service.learning.exports.options import EXPORT_COLUMNS
from assay.service.row_files.column_map import ColumnMap
from assay.service.row_files.forms.endings import ending_of
from assay.service.row_files.reading import opened_rows
from assay.service.row_files.understood import Understood
from assay.service.row_files.writing import encoded
from tests.support.commands.in_process import SAMPLE, as_npz, run, said
from tests.support.servers.processes import ROOT, write_config

CHECKS = [{"name": name, "kind": name} for name in ("consensus", "arithmetic", "completeness")]
RANDOM = np.random.default_rng(0)
READS = ""
NO_VERIFIER = "has no column of the model's verifiers, which are"
NO_LABELS = "has no `labels`"
LABELS_HERE, TRAINING_HERE = "holds labels, and no scores", "holds training data, and no verifiers"


def questions() -> list[dict[str, Any]]:
    """Return sums with five candidates each, some right, and labels."""
    rows = []
    for number in range(24):
        errors = [int(RANDOM.random() < 0.5) for _ in range(5)]
        answers = [number + 17 + error for error in errors]
        texts = [f"{number} + 17 = {answer}. The answer is {answer}." for answer in answers]
        labels = [1.0 - error for error in errors]
        query = f"What is {number} + 17?"
        rows.append({"query": query, "candidates": texts, "labels": labels, "id": f"sum-{number}"})
    return rows


def write_files(path: Path) -> None:
    """Write one file of each kind that the product writes, by its own commands where they are."""
    config = write_config(path / "config.yaml", {"verifiers": CHECKS})
    rows = questions()
    explained = [{**row, "explain": True} for row in rows]
    (path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in explained))
    parquet.write_table(pyarrow.Table.from_pylist(rows), path / "in.parquet")
    said("rank", path / "in.jsonl", "-o", path / "answers.jsonl", "-c", config)
    said("batch", path / "in.jsonl", path / "batch_jsonl", "-c", config)
    said("batch", path / "in.parquet", path / "batch_parquet", "-c", config)
    said("fit", path / "answers.jsonl", "-o", path / "model.json", "--labels")
    for ending in ("jsonl", "parquet", "csv", "npz"):
        out = path / f"prediction.{ending}"
        said("predict", path / "model.json", path / "answers.jsonl", "-o", out)
    label = {"key": f"{1:032x}:{2:032x}", "correct": 1.0, "who": "ann", "matched": True}
    (path / "labels.jsonl").write_text(json.dumps(label) + "\n")
    (path / "labels.csv").write_bytes(
        encoded([label], LABEL_COLUMNS, ending_of(path / "labels.csv"))
    )
    pairs = [
        {"query": row["query"], "candidate": text, "correct": label}
        for row in rows
        for text, label in dict(zip(row["candidates"], row["labels"], strict=True)).items()
    ]
    (path / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    for shape, columns in EXPORT_COLUMNS.items():
        row = dict.fromkeys(columns, 0.5) | {"prompt": "a question"}
        row |= {name: "a text" for name in ("chosen", "rejected", "completion") if name in columns}
        (path / f"export_{shape}.jsonl").write_text(json.dumps(row) + "\n")
    as_npz(path / "scores.npz", labels=SAMPLE.labels)
    said("fit", path / "scores.npz", "-o", path / "model_of_npz.json", "--labels")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with these files."""
    path = tmp_path_factory.mktemp("files")
    write_files(path)
    return path


def fit(folder: Path, file: Path) -> str:
    """Fit a model; return what the command says where it refuses."""
    return refusal("fit", file, "-o", folder / "out.json")


def evaluate(folder: Path, file: Path) -> str:
    """Evaluate."""
    return refusal("evaluate", file, "--draws", "1")


def predict(folder: Path, file: Path) -> str:
    """Predict by a model of the same verifiers."""
    model = folder / ("model_of_npz.json" if file.name == "scores.npz" else "model.json")
    return refusal("predict", model, file, "-o", folder / "out.jsonl")


def import_labels(folder: Path, file: Path) -> str:
    """Read labels as `assay labels import` does before it sends them."""
    try:
        with opened_rows(file) as opened:
            rows = rows_of_labels(file, opened, ColumnMap(), Understood())
            checked_rows(file, rows, opened.form.of_texts, False)
    except StartupError as exc:
        return str(exc)
    return READS


def refusal(*words: str | Path) -> str:
    """Return the message that stops a command; none where it does its work."""
    result = run(*words)
    if isinstance(result.exception, StartupError):
        return str(result.exception)
    assert result.exit_code == 0, result.output
    return READS


def rank(folder: Path, file: Path) -> str:
    """Rank the rows anew; return why none could be ranked."""
    out = folder / "ranked_again.jsonl"
    out.unlink(missing_ok=True)
    result = run("rank", *files_in(file), "-o", out, "-c", folder / "config.yaml")
    if isinstance(result.exception, StartupError):
        return str(result.exception)
    if result.exit_code == 0:
        return READS
    return str(json.loads(out.read_text().splitlines()[0])["error"]["message"])


def batch(folder: Path, file: Path) -> str:
    """Rank the rows in bulk; return why none could be ranked."""
    out = folder / "batched_again"
    shutil.rmtree(out, ignore_errors=True)
    result = run("batch", file, out, "-c", folder / "config.yaml")
    if isinstance(result.exception, StartupError):
        return str(result.exception)
    if result.exit_code == 0:
        return READS
    return str(json.loads(next((out / "_bad").iterdir()).read_text().splitlines()[0])["error"])


def compare(folder: Path, file: Path) -> str:
    """Compare with a random candidate."""
    own = file.name == "scores.npz"  # its queries have numbers
    labels: list[str | Path] = [] if own else ["--labels", folder / "pairs.jsonl"]
    return refusal("compare", file, "--baseline", "random", *labels)


def files_in(path: Path) -> list[Path]:
    """Return a file, or the files of a folder."""
    return [path] if path.is_file() else sorted(path.glob("[!_.]*.*"))


NOT_RANKINGS, NOT_ROWS = "candidates: no column has it", "must end in .jsonl"
NO_SCORES, NO_IDS = "holds queries with candidates, and no scores", "has no `query_id`"
NOT_LABELS, A_FOLDER = "correct: is missing", "Is a directory"
NO_PICK = "has no `score` and no `probability` to pick by"
OF_A_MODEL = "is training data that a model chose"
#: By file, the outcome of each command: it reads the file, or its refusal holds this text.
READ_AS_RANKINGS = (READS,) * 6
AS_PREDICTION = (NOT_RANKINGS, NOT_RANKINGS, READS, NO_LABELS, NO_VERIFIER, READS)
AS_LABELS = (NOT_RANKINGS, NOT_RANKINGS, *(LABELS_HERE,) * 3, NO_IDS, READS)
AS_TRAINING_DATA = (NOT_RANKINGS, NOT_RANKINGS, *(TRAINING_HERE,) * 3, NO_IDS, OF_A_MODEL)
MATRIX = {
    "in.jsonl": (READS, READS, *(NO_SCORES,) * 3, NO_IDS, READS),
    "answers.jsonl": (*READ_AS_RANKINGS, READS),
    "batch_jsonl": (*READ_AS_RANKINGS, A_FOLDER),
    "batch_parquet": (*READ_AS_RANKINGS, A_FOLDER),
    "prediction.jsonl": (*AS_PREDICTION, NOT_LABELS),
    "prediction.parquet": (*AS_PREDICTION, NOT_LABELS),
    "prediction.csv": (*AS_PREDICTION, NOT_LABELS),
    "prediction.npz": (NOT_ROWS, NOT_ROWS, *AS_PREDICTION[2:], NOT_ROWS),
    "labels.jsonl": AS_LABELS,
    "labels.csv": AS_LABELS,
    "export_dpo.jsonl": (READS, READS, *AS_TRAINING_DATA[2:]),
    "export_kto.jsonl": AS_TRAINING_DATA,
    "export_sft.jsonl": AS_TRAINING_DATA,
    "export_reward.jsonl": AS_TRAINING_DATA,
    "scores.npz": (NOT_ROWS, NOT_ROWS, READS, READS, READS, NO_PICK, NOT_ROWS),
}
COMMANDS: tuple[Callable[[Path, Path], str], ...] = (
    rank, batch, fit, evaluate, predict, compare, import_labels,
)  # fmt: skip
#: What the page of formats calls a file of the matrix.
TITLES = {
    "queries with candidates": "in.jsonl",
    "`assay rank`": "answers.jsonl",
    "`assay batch`": "batch_parquet",
    "`assay predict`": "prediction.jsonl",
    "`assay predict`, npz": "prediction.npz",
    "`assay labels export`": "labels.jsonl",
    "`assay export --format dpo`": "export_dpo.jsonl",
    "`assay export --format kto`, `sft`, `reward`": "export_kto.jsonl",
    "npz of scores": "scores.npz",
}


@pytest.mark.parametrize(
    ("name", "command", "message"),
    [
        pytest.param(name, command, message, id=f"{command.__name__}-{name}")
        for name, messages in MATRIX.items()
        for command, message in zip(COMMANDS, messages, strict=True)
    ],
)
def test_each_file_is_read_or_refused_with_what_it_is(
    folder: Path, name: str, command: Callable[[Path, Path], str], message: str
) -> None:
    """Never a traceback, and never read for something else."""
    shown = command(folder, folder / name)

    assert message in shown if message else shown == READS


def test_the_page_of_formats_has_this_matrix() -> None:
    """A row a file, `yes` where a command reads it."""
    lines = (ROOT / "docs" / "formats.md").read_text("utf-8").splitlines()
    tables = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    heading = next(cells for cells in tables if cells[0] == "file")
    rows = {cells[0]: cells[1:] for cells in tables if cells[0] in TITLES}

    assert heading[1:] == [
        "`rank`", "`batch`", "`fit`", "`evaluate`", "`predict`", "`compare`", "`labels import`"
    ]  # fmt: skip
    assert rows == {
        title: ["yes" if message == READS else "–" for message in MATRIX[name]]
        for title, name in TITLES.items()
    }


def test_rank_and_batch_write_the_same_table(folder: Path) -> None:
    """Their outputs give the same model, with the queries' own ids and the candidates' texts."""
    versions = {
        said("fit", folder / name, "-o", folder / "out.json", "--labels")["version"]
        for name in ("answers.jsonl", "batch_jsonl", "batch_parquet")
    }
    said("predict", folder / "model.json", folder / "batch_parquet", "-o", folder / "out.jsonl")
    first = json.loads((folder / "out.jsonl").read_text().splitlines()[0])

    assert len(versions) == 1
    assert (first["query_id"], first["candidate"], first["index"]) == ("sum-0", 0, 0)
    assert first["text"].startswith("0 + 17 = ")


@pytest.mark.parametrize("name", ["answers.jsonl", "batch_jsonl"])
def test_rankings_are_ranked_again(folder: Path, tmp_path: Path, name: str) -> None:
    """Without the results that stand in them."""
    file = folder / name
    files = [file] if file.is_file() else sorted(file.glob("[!_.]*.jsonl"))

    ranked = said("rank", *files, "-o", tmp_path / "out.jsonl", "-c", folder / "config.yaml")

    assert (ranked["ranked"], ranked["failed"]) == (24, 0)


def test_answers_are_compared(folder: Path) -> None:
    """With another output of the same queries, by the labels that they carry."""
    result = run("compare", folder / "answers.jsonl", folder / "batch_jsonl")

    assert result.exit_code == 0, result.output
