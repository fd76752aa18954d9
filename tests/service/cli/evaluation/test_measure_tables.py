"""An evaluation on a terminal."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from assay.aggregation.evaluation.evaluate import Evaluation, evaluate
from assay.service.cli.console import Console
from assay.service.cli.evaluation.measure_tables import print_evaluation
from tests.support.samples.ensembles import small

NAMES = ("score[gpt]", "score[claude]", "a[/b]", "d" * 60, "e", "f")


def printed(evaluation: Evaluation) -> list[str]:
    """Return the lines on a terminal of 80 columns."""
    out = io.StringIO()
    console = Console(file=out, width=80, highlight=False)
    print_evaluation(console, Path("f.jsonl"), evaluation, ["a finding"], ["a remark"])
    return out.getvalue().splitlines()


def measured(labels: np.ndarray) -> Evaluation:
    """Return an evaluation of a small ensemble with names that look like markup."""
    sample = small(queries=40)
    return evaluate(
        sample.scores,
        sample.query_id,
        labels,
        NAMES,
        budgets=(25,),
        draws=1,
        answers=np.tile([0, 0, 1, 2, 3, 4], 40),
    )


def test_everything_fits_80_columns_and_names_are_as_they_are() -> None:
    """Each verifier has its AUC and selection with intervals, and its coverage."""
    evaluation = measured(small(queries=40).labels)
    lines = printed(evaluation)
    text = "\n".join(lines)

    assert max(map(len, lines)) <= 80
    for name in (*NAMES[:3], *NAMES[4:]):
        verifier = next(item for item in evaluation.verifiers if item.name == name)
        row = next(
            line
            for line in lines
            if line.startswith(name + " ") and f"{verifier.coverage:.0%}" in line
        )
        assert f"{verifier.auc:.3f} ±" in row
        assert f"{verifier.auc_within:.3f} ±" in row
        assert f"{verifier.selection:.3f} ±" in row
    assert "ddd" in text
    for title in ("− first sample", "− random candidate", "− majority answer", "within queries"):
        assert title in text
    assert "a finding" in text
    assert "a remark" in text


def test_what_is_not_known_is_empty_and_has_its_reason() -> None:
    """One label of a query: no area within queries, no oracle."""
    sample = small(queries=40)
    lines = printed(measured(np.where(np.arange(240) % 6 == 2, sample.labels, -1)))
    text = " ".join(" ".join(lines).split())

    assert "nan" not in text
    assert "40 labels of 240 candidates of 40 queries" in text
    assert "oracle: not measured: 0 of 40 queries have all candidates labelled" in text
