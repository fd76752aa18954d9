"""The form of a file of rows, by the ending of its name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from assay.service.domain.errors import StartupError

RowForm = Literal["jsonl", "csv", "parquet"]


@dataclass(frozen=True, slots=True)
class Ending:
    """A form, and whether gzip packs it."""

    form: RowForm
    packed: bool = False


#: Parquet packs its columns itself.
ENDINGS = {
    ".jsonl": Ending("jsonl"),
    ".csv": Ending("csv"),
    ".parquet": Ending("parquet"),
    ".jsonl.gz": Ending("jsonl", packed=True),
    ".csv.gz": Ending("csv", packed=True),
}


def ending_of(file: Path) -> Ending:
    """Return the form of a file; a pipe or a device, such as /dev/stdout, has JSON lines.

    Raises `StartupError`, which names the endings, for any other.
    """
    name = file.name.lower()
    longest_first = sorted(ENDINGS, key=len, reverse=True)
    ending = next((ENDINGS[ending] for ending in longest_first if name.endswith(ending)), None)
    if ending is not None:
        return ending
    if file.exists() and not file.is_file() and not file.is_dir():
        return Ending("jsonl")
    raise StartupError(f"{file}: must end in {', '.join(ENDINGS)}")


def ending_read(file: Path) -> Ending:
    """Return the form of a file that is read: a file whose name has no ending has JSON lines.

    Raises `StartupError`, which names the endings, for another one.
    """
    return Ending("jsonl") if file.is_file() and not file.suffix else ending_of(file)
