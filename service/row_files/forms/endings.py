"""The form of a file of rows, by the ending of its name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from assay.service.domain.errors import StartupError

#: `eval` is only read: a log of Inspect.
RowForm = Literal["jsonl", "json", "csv", "tsv", "parquet", "eval"]
RowPacking = Literal["", "gzip", "zstd"]


@dataclass(frozen=True, slots=True)
class Ending:
    """A form, and what packs it."""

    form: RowForm
    packing: RowPacking = ""


_PLAIN: dict[str, RowForm] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
}
_PACKINGS: dict[str, RowPacking] = {"": "", ".gz": "gzip", ".zst": "zstd"}
#: Parquet packs its columns itself.
ENDINGS = {
    **{
        plain + packed: Ending(form, packing)
        for packed, packing in _PACKINGS.items()
        for plain, form in _PLAIN.items()
    },
    ".parquet": Ending("parquet"),
}
#: The endings in words.
FORMS = f"{', '.join(_PLAIN)}, each also with .gz or .zst, or .parquet"


def named_ending(file: Path) -> Ending | None:
    """Return the form that a file's name states; None where it states none."""
    name = file.name.lower()
    longest_first = sorted(ENDINGS, key=len, reverse=True)
    return next((ENDINGS[ending] for ending in longest_first if name.endswith(ending)), None)


def ending_of(file: Path) -> Ending:
    """Return the form in which a file is written; a pipe or a device, such as /dev/stdout, gets
    JSON lines.

    Raises `StartupError`, which names the endings, for any other.
    """
    if (ending := named_ending(file)) is not None:
        return ending
    if file.exists() and not file.is_file() and not file.is_dir():
        return Ending("jsonl")
    raise StartupError(f"{file}: must end in {FORMS}")


def has_text_name(file: str | Path) -> bool:
    """Return whether a file's name is text: results name their file, and JSON takes UTF-8 alone."""
    try:
        str(file).encode()
    except UnicodeEncodeError:
        return False
    return True
