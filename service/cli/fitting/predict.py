"""`assay predict`: a label model's probabilities of the rows of score files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from assay.aggregation import LabelModel
from assay.aggregation.label_model.saved.artifact import ArtifactError, load_model
from assay.aggregation.label_model.summaries.unlike_scores import unlike_scores
from assay.aggregation.statistics.queries import TOO_LARGE, too_large
from assay.service.cli.console import Console
from assay.service.cli.fitting.stated import FitError
from assay.service.cli.fitting.understood_output import print_understood
from assay.service.cli.outputs import check_output
from assay.service.row_files.column_map import ColumnMap
from assay.service.score_files.columns.file_columns import TableReading
from assay.service.score_files.score_table import ScoreTable
from assay.service.score_files.shards import files_of, read_tables
from assay.service.score_files.tables import write_table


def predict_files(
    model_path: Path,
    paths: Sequence[Path],
    out: Path,
    as_json: bool,
    column_map: ColumnMap | None = None,
) -> None:
    """Write probability, score (log-odds) and query_id, row for row.

    NaN where a row has no score that counts, and for all probabilities of a model that is neither
    calibrated on labels nor fitted with a stated base rate: its scores only order. Columns that say
    which candidate a row is of come along.
    """
    files = [file for path in paths for file in files_of(path)]
    check_output(out, model_path, *files)
    try:
        model = load_model(model_path)
        reading = TableReading(
            column_map=column_map or ColumnMap(), expected=tuple(model.names_), only_expected=True
        )
        table = read_tables(files, False, reading)
        reader = model.for_verifiers(table.names)
        score = reader.score_samples(table.scores, table.query_id)
    except (ArtifactError, ValueError) as exc:
        where = files[0] if len(files) == 1 else "the files"
        raise FitError(str(exc) if isinstance(exc, ArtifactError) else f"{where}: {exc}") from exc
    rated = model.calibrated_ or model.base_rate is not None
    probability = expit(score) if rated else np.full(len(score), np.nan)
    columns = {
        "query_id": table.own_ids,
        **{name: values for name, values in table.carried.items() if name != "answer"},
        "probability": probability,
        "score": score,
    }
    try:
        as_text = write_table(out, columns)
    except OSError as exc:
        raise FitError(f"{out}: cannot be written: {exc.strerror}") from exc
    summary = {
        "rows": len(score),
        "without_score": int(np.isnan(score).sum()),
        "calibrated": model.calibrated_,
        "missing_verifiers": sorted(set(model.names_) - set(table.names)),
        "too_large": int(too_large(table.scores).sum()),
        "unlike_the_fit": [asdict(verifier) for verifier in unlike_scores(reader, table.scores)],
        "written_as_text": as_text,
        "out": str(out),
        "understood": table.understood.as_dict(),
    }
    print_understood(table.understood)
    if as_json:
        print(json.dumps(summary))  # noqa: T201 - this is the command's output
        return
    _print(model, table, summary, rated)


def _print(model: LabelModel, table: ScoreTable, summary: dict[str, Any], rated: bool) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"{summary['rows']} rows, {summary['without_score']} of them without a score:"
        f" {summary['out']}"
    )
    if missing := summary["missing_verifiers"]:
        console.print(f"not in the file, so counted as missing: {', '.join(missing)}")
    if beyond := summary["too_large"]:
        console.print(f"counted as missing: {beyond} scores {TOO_LARGE}")
    for verifier in unlike_scores(model.for_verifiers(table.names), table.scores):
        console.print(f"{verifier.sentence}: another unit or model?")
    if as_text := summary["written_as_text"]:
        console.print(f"written as text, since this form has one type a column: {as_text[0]}")
    if not model.calibrated_:
        console.print(f"not calibrated: {model.counts_.why_not}")
    if not rated:
        console.print("no probabilities: the scores only order; label, or fit with --base-rate")
