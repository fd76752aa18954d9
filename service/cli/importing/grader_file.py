"""`assay import openai-grader`: a grader's JSON as a configuration."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import typer

from assay.aggregation.whole_file import save_file
from assay.service.cli.outputs import check_output
from assay.service.domain.errors import StartupError
from assay.service.importers.graders.ensemble_text import ensemble_of
from assay.service.row_files.column_map import ColumnMap
from assay.verifiers import printable

GRADER = "openai-grader"
PLACES_OF_ITEMS = ("query", "reference", "candidate")


def import_grader(files: Sequence[Path], out: Path, columns: str | None, as_json: bool) -> None:
    """Write the ensemble that a grader describes, and print what does not carry over."""
    if len(files) != 1:
        raise StartupError(f"{GRADER}: takes one file (got {len(files)})")
    check_output(out, *files)
    if out.suffix not in (".yaml", ".yml"):
        raise StartupError(f"{out}: a configuration must end in .yaml")
    mapped = ColumnMap.parse(columns)
    if unknown := [name for name in mapped if name not in PLACES_OF_ITEMS]:
        raise StartupError(
            f"--map: {GRADER} takes {', '.join(PLACES_OF_ITEMS)} (got {unknown[0][:40]!r})"
        )
    ensemble = ensemble_of(files[0], mapped.columns)
    save_file(out, ensemble.text.encode())
    if as_json:
        typer.echo(
            json.dumps({"out": str(out), "verifiers": ensemble.kinds, "remarks": ensemble.remarks})
        )
        return
    for name, remarks in ensemble.remarks.items():
        for remark in remarks:
            typer.echo(printable(f"{name}: {remark}"), err=True)
    typer.echo(f"{len(ensemble.kinds)} verifiers written to {out}; next: assay config check {out}")
