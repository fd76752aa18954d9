"""Which command reads which of the files that the product writes, and what the others say.

The page of formats prints this matrix.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from assay.service.cli.labels.label_rows import checked_rows
from assay.service.domain.errors import StartupError
from assay.service.learning.exports.options import EXPORT_COLUMNS
from assay.service.row_files.reading import numbered_rows
from tests.support.commands.in_process import SAMPLE, as_npz, run, said
from tests.support.servers.processes import write_config

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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one file of each kind that the product writes."""
    path = tmp_path_factory.mktemp("files")
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
    for shape, columns in EXPORT_COLUMNS.items():
        row = dict.fromkeys(columns, 0.5) | {"prompt": "a question"}
        row |= {name: "a text" for name in ("chosen", "rejected", "completion") if name in columns}
        (path / f"export_{shape}.jsonl").write_text(json.dumps(row) + "\n")
    as_npz(path / "scores.npz", labels=SAMPLE.labels)
    said("fit", path / "scores.npz", "-o", path / "model_of_npz.json", "--labels")
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
        checked_rows(file, numbered_rows(file), False, None)
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


#: By file: what `fit`, `evaluate`, `predict` and `labels import` say; nothing: they read it.
MATRIX = {
    "answers.jsonl": (READS, READS, READS, "a label has no field"),
    "batch_jsonl": (READS, READS, READS, None),
    "batch_parquet": (READS, READS, READS, None),
    "prediction.jsonl": (READS, NO_LABELS, NO_VERIFIER, "a label has no field"),
    "prediction.parquet": (READS, NO_LABELS, NO_VERIFIER, "a label has no field"),
    "prediction.csv": (READS, NO_LABELS, NO_VERIFIER, "a label has no field"),
    "prediction.npz": (READS, NO_LABELS, NO_VERIFIER, None),
    "labels.jsonl": (LABELS_HERE, LABELS_HERE, LABELS_HERE, READS),
    **{
        f"export_{shape}.jsonl": (*(TRAINING_HERE,) * 3, "a label has no field")
        for shape in EXPORT_COLUMNS
    },
    "scores.npz": (READS, READS, READS, None),
}
COMMANDS: tuple[Callable[[Path, Path], str], ...] = (fit, evaluate, predict, import_labels)


@pytest.mark.parametrize(
    ("name", "command", "message"),
    [
        pytest.param(name, command, message, id=f"{command.__name__}-{name}")
        for name, messages in MATRIX.items()
        for command, message in zip(COMMANDS, messages, strict=True)
        if message is not None
    ],
)
def test_each_file_is_read_or_refused_with_what_it_is(
    folder: Path, name: str, command: Callable[[Path, Path], str], message: str
) -> None:
    """Never a traceback, and never read for something else."""
    shown = command(folder, folder / name)

    assert message in shown if message else shown == READS


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
