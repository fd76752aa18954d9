"""The command `assay compare`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.service.cli.comparison.test_file_comparison import rows
from tests.service.cli.comparison.test_flat_rows import write
from tests.support.commands.in_process import SAMPLE, as_npz, problem, run, said


def test_two_files_are_compared(tmp_path: Path) -> None:
    """As text and as JSON."""
    first = write(tmp_path / "a.jsonl", *rows(0.5, 1))
    second = write(tmp_path / "b.jsonl", *rows(4.0, 2))

    data = said("compare", first, second)
    shown = run("compare", first, second)

    assert data["better"] == "b"
    assert shown.exit_code == 0
    assert data["verdict"] in shown.output


def test_predictions_of_a_model_are_compared(tmp_path: Path) -> None:
    """`assay predict` writes them; labels name a candidate by its place."""
    data, model = as_npz(tmp_path / "s.npz"), tmp_path / "m.json"
    run("fit", data, "-o", model)
    run("predict", model, data, "-o", tmp_path / "p.jsonl")
    place = np.zeros(len(SAMPLE.labels), int)
    for row in range(1, len(place)):
        if SAMPLE.query_id[row] == SAMPLE.query_id[row - 1]:
            place[row] = place[row - 1] + 1
    labels = [
        {"query_id": str(query), "candidate": int(of), "correct": int(label), "random": True}
        for query, of, label in zip(SAMPLE.query_id, place, SAMPLE.labels, strict=True)
    ]
    path = write(tmp_path / "labels.jsonl", *labels)

    comparison = said("compare", tmp_path / "p.jsonl", "--baseline", "first", "--labels", path)

    assert comparison["labels_unmatched"] == 0
    assert comparison["b"]["accuracy"]["powered"] is not None


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    """Without a traceback."""
    first = write(tmp_path / "a.jsonl", *rows(0.5, 1, 10))
    other = write(tmp_path / "b.jsonl", {"query_id": "elsewhere", "candidate": 0, "score": 1})

    assert "name two systems" in problem("compare", first)
    assert "have no query in common" in problem("compare", first, other)
    assert "no such file" in problem("compare", first, tmp_path / "none.jsonl")
    assert "--map takes FIELD=COLUMN" in problem("compare", first, other, "--map", "score")
