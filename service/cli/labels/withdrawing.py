"""`assay labels withdraw`: labels of a candidate, or of a file, taken back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from pydantic import ValidationError

from assay.service.api.errors import invalid
from assay.service.api.label_requests import WithdrawalIn
from assay.service.cli.labels.importing import LABELS_A_REQUEST, print_understood_labels
from assay.service.cli.labels.label_columns import LABEL_FIELDS, rows_of_labels
from assay.service.cli.labels.label_rows import row_body
from assay.service.cli.remote import Api, asks_assay
from assay.service.domain.errors import StartupError
from assay.service.domain.labels import annotator_name
from assay.service.row_files.column_map import ColumnMap
from assay.service.row_files.reading import opened_rows
from assay.service.row_files.understood import Understood

NAMES_A_CANDIDATE = ("key", "query", "messages", "reference", "tests", "candidate", "who")


@asks_assay
def withdraw_labels(
    url: str, task: str, key: str | None, file: Path | None, who: str | None, columns: ColumnMap
) -> None:
    """Withdraw the labels of a candidate, or of each row of a file of labels.

    `who`: only of this annotator (empty: the unnamed one); rows of others are passed over. None: of
    all annotators of KEY, or of a row's own; a row without one, as an export has it, is of the
    unnamed annotator. Exits with 1 where there was none to withdraw.
    """
    if (key is None) == (file is None):
        raise StartupError("name either the KEY of a candidate or a file with --file")
    if file is None:
        entries = [{"key": key} if who is None else {"key": key, "who": who}]
    else:
        rows = list(_of_file(file, who or "", columns))
        only = None if who is None else annotator_name(who)
        entries = [row for row in rows if who is None or annotator_name(row["who"]) == only]
        if passed_over := len(rows) - len(entries):
            typer.echo(f"{passed_over} of {len(rows)} rows are of other annotators", err=True)
    api, withdrawn, unknown = Api(url), 0, 0
    for place in range(0, len(entries), LABELS_A_REQUEST):
        part = entries[place : place + LABELS_A_REQUEST]
        reply = api.call(f"/v1/tasks/{task}/labels/withdraw", {"labels": part})
        withdrawn, unknown = withdrawn + reply["withdrawn"], unknown + reply["unknown"]
    typer.echo(f"{withdrawn} labels withdrawn")
    if unknown:
        typer.echo(f"{unknown} of {len(entries)} had no label to withdraw", err=True)
    if not withdrawn:
        raise typer.Exit(1)


def _of_file(file: Path, unnamed: str, columns: ColumnMap) -> Iterator[dict[str, Any]]:
    """Yield the candidates and annotators of a file in the form of `import`, all checked.

    `unnamed`: the annotator of rows that name none.
    """
    with opened_rows(file) as opened:
        understood = Understood()
        for line, row in rows_of_labels(file, opened, columns, understood):
            if not columns.columns and understood.left_out:
                column = next(iter(understood.left_out))
                raise StartupError(
                    f"{file}:{line}: a label has no field {column[:40]!r}; there are"
                    f" {', '.join(LABEL_FIELDS)}: take the column out, or state the others by --map"
                )
            body = row_body(file, line, row, opened.form.of_texts)
            entry = {name: body[name] for name in NAMES_A_CANDIDATE if name in body}
            try:
                WithdrawalIn.model_validate(entry)
            except ValidationError as exc:
                raise StartupError(f"{file}:{line}: {invalid(exc)}") from None
            yield {"who": unnamed} | entry
    print_understood_labels(understood)
