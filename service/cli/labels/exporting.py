"""`assay labels export`: all labels of a task, a row for each annotator's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer

from assay.aggregation.whole_file import save_file
from assay.service.cli.remote import Api, asks_assay
from assay.service.domain.errors import StartupError
from assay.service.row_files.forms.endings import ending_of
from assay.service.row_files.writing import ColumnKind, encoded
from assay.verifiers import printable

LABEL_COLUMNS: dict[str, ColumnKind] = {
    "key": "text",
    "correct": "number",
    "random": "flag",
    "who": "text",
    "at": "number",
    "comment": "text",
    "matched": "flag",
}


@asks_assay
def export_labels(url: str, task: str, file: Path) -> None:
    """Write all labels in the form of `import`, with time and author."""
    ending = ending_of(file)
    api = Api(url)
    labels = api.call(f"/v1/tasks/{task}/labels")["labels"]
    rows = list(_by_annotator(labels))
    save_file(file, encoded(rows, LABEL_COLUMNS, ending))
    typer.echo(printable(f"{len(rows)} labels written to {file}"))
    try:
        api.call(f"/v1/tasks/{task}/labels/exported", {"labels": len(labels)})
    # the file is whole: a store that can only be read, as in a failover, must not fail the command
    except StartupError as exc:
        typer.echo(f"the service did not note the export: {printable(str(exc))}", err=True)


def _by_annotator(labels: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield each annotator's label of each candidate."""
    for label in labels:
        for own in label.get("by") or [label]:
            row = {**own, "key": label["key"], "matched": label.get("matched")}
            yield {name: row[name] for name in LABEL_COLUMNS if row.get(name) is not None}
