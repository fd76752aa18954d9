"""`assay fit`: a label model from files of scores."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from assay.aggregation import NotFittedError
from assay.aggregation.label_model.saved.artifact import ArtifactError, save, version_of
from assay.aggregation.label_model.summaries.fit_summary import fit_report
from assay.service.cli.console import Console
from assay.service.cli.fitting.stated import FitError, Stated
from assay.service.cli.fitting.understood_output import print_notes, print_understood
from assay.service.cli.outputs import check_output
from assay.service.row_files.column_map import ColumnMap
from assay.service.score_files.columns.file_columns import TableReading
from assay.service.score_files.shards import Shards, files_of


def fit_files(
    paths: Sequence[Path],
    out: Path,
    labels: bool,
    stated: Stated,
    as_json: bool,
    ray: str | None = None,
    column_map: ColumnMap | None = None,
) -> None:
    """Fit a model on the rows of all files together, write it to `out`, and print the report."""
    if out.is_dir():  # known before the work of a fit
        raise FitError(f"{out}: cannot be written: it is a folder; name a file in it")
    paths = [file for path in paths for file in files_of(path)]
    check_output(out, *paths, stated.families_file, stated.quality_file, *stated.borrow)
    reading = TableReading(labels, column_map or ColumnMap())
    shards = Shards(paths, labels, reading)
    understood = shards.first.understood
    print_understood(understood)
    console = Console(stderr=True)
    try:
        with console.status(f"fitting {len(paths)} file{'s'[: len(paths) > 1]}", spinner="dots"):
            unfitted = stated.model(shards.first)
            if ray is None:
                model = unfitted.fit_shards(shards, shards.first.names)
            else:
                from assay.service.cli.fitting.fit_on_ray import fit_on_ray

                with redirect_stdout(sys.stderr):  # Ray prints its workers' logs
                    model = fit_on_ray(ray, unfitted, paths, reading, shards.first.names)
            notes = tuple(shards.notes)
            understood = replace(understood, notes=(*understood.notes, *notes))
            save(model, out, understood.as_dict())
    except ArtifactError as exc:
        raise FitError(str(exc)) from exc
    except (ValueError, NotFittedError) as exc:
        raise FitError(f"{paths[0] if len(paths) == 1 else 'the files'}: {exc}") from exc
    except OSError as exc:
        raise FitError(f"{out}: cannot be written: {exc.strerror}") from exc
    print_notes(notes)
    summary = {
        "model": str(out),
        "version": version_of(model),
        **fit_report(model),
        "understood": understood.as_dict(),
    }
    if as_json:
        print(json.dumps(summary))  # noqa: T201 - this is the command's output
    else:
        _print_report(Console(highlight=False), summary)


def _print_report(console: Console, summary: dict[str, Any]) -> None:
    trust, labels, rate = summary["trust"], summary["labels"], summary["base_rate"]
    console.print(
        Text.assemble(
            (str(summary["model"]), "bold"),
            f", version {summary['version']}: {summary['rows']:,} rows of {summary['queries']:,}"
            f" queries, {len(summary['verifiers'])} verifiers in {summary['families']} families",
        )
    )
    console.print(
        f"labels: {labels['labels']} ({labels['correct']:g} correct, {labels['random']} random);"
        f" {'calibrated' if summary['calibrated'] else 'not calibrated'}; base rate"
        f" {rate['value']:.3f} ({rate['from']})"
    )
    console.print(
        f"trust in the label-free fit: {trust['value']:.2f} = explains {trust['explains']:.2f} x"
        f" plausible {trust['plausible']:.2f} x enough data {trust['enough']:.2f} x determined"
        f" {trust['determined']:.2f} x two classes {trust['two_classes']:.2f}"
        f"{'' if trust['identified'] else ', not identified'}"
        f"; the order follows that fit by {trust['fitted_share']:.0%}"
    )
    if borrowed := sum(prior["share"] for prior in summary["priors"] if prior["loan"] > 0):
        console.print(
            f"borrowed weights: {borrowed:.0%} of the evidence is for starting from the other"
            " models'"
        )
    if (check := summary["check"]) is not None:
        console.print(
            f"cross-validated: Brier {check['brier_head']:.3f} learned, {check['brier_scaled']:.3f}"
            f" label-free scaled, log loss {check['log_loss_difference']:+.3f} ±"
            f" {check['error']:.3f}"
        )
    table = Table("verifier", "family", box=None, pad_edge=False)
    for title in ("coverage", "agreement", "weight"):
        table.add_column(title, justify="right")
    for verifier in sorted(summary["verifiers"], key=lambda verifier: -abs(verifier["weight"])):
        left_out = verifier["dropped"] is not None
        numbers = (
            ("", "")
            if left_out
            else (f"{verifier['agreement']:+.2f}", f"{verifier['weight']:+.3f}")
        )
        table.add_row(verifier["name"], verifier["family"], f"{verifier['coverage']:.0%}", *numbers)
    console.print(table)
    console.print(
        "agreement: correlation with the factor that all families share; weight: log-odds a"
        " standard deviation of the verifier",
        style="dim",
    )
    for warning in summary["warnings"]:
        console.print(Text.assemble(("! ", "yellow"), str(warning)))
