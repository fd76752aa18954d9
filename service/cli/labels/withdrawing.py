"""`assay labels withdraw`: labels of a candidate, or of a file, taken back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from pydantic import ValidationError

from assay.service.api.errors import invalid
from assay.service.api.label_requests import WithdrawalIn
from assay.service.cli.labels.importing import LABELS_A_REQUEST
from assay.service.cli.remote import Api, asks_assay
from assay.service.cli.row_files.reading import numbered_rows
from assay.service.domain.errors import StartupError

NAMES_A_CANDIDATE = ("key", "query", "messages", "reference", "tests", "candidate", "who")


@asks_assay
def withdraw_labels(
    url: str, task: str, key: str | None, file: Path | None, who: str | None
) -> None:
    """Withdraw the labels of a candidate, or of each row of a file of labels.

    `who`: of this annotator (empty: the unnamed one). None: of all annotators of KEY. A row's own
    `who` comes first; a row without one, as an export has it, is of the unnamed annotator.
    Exits with 1 where there was none to withdraw.
    """
    if (key is None) == (file is None):
        raise StartupError("name either the KEY of a candidate or a file with --file")
    if file is None:
        entries = [{"key": key} if who is None else {"key": key, "who": who}]
    else:
        entries = [{"who": who or ""} | entry for entry in _of_file(file)]
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


def _of_file(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the candidates and annotators of a file in the form of `import`, all checked."""
    for line, row in numbered_rows(file):
        entry = {name: row[name] for name in NAMES_A_CANDIDATE if row.get(name) is not None}
        try:
            WithdrawalIn.model_validate(entry)
        except ValidationError as exc:
            raise StartupError(f"{file}:{line}: {invalid(exc)}") from None
        yield entry
