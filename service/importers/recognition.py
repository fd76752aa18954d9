"""Which other tool wrote a file, by the keys of its first row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal, Protocol

from assay.service.row_files.reading import NumberedRow

#: A row is a query with its candidates, a candidate with its scores, or a label.
RowShape = Literal["rankings", "scores", "labels"]


class Importer(Protocol):
    """Reads one tool's files."""

    name: str  # of `assay import NAME`
    title: str  # such as "lm-evaluation-harness samples"
    shapes: tuple[RowShape, ...]  # that its files can give; the first is what `assay import` writes

    def recognises(self, row: Mapping[str, Any]) -> bool:
        """Return whether a file with this first row is of this tool."""
        ...

    def rows(self, rows: Iterable[NumberedRow], shape: RowShape) -> Iterator[NumberedRow]:
        """Yield rows in a shape, each with the first of its lines in the file."""
        ...


IMPORTERS: tuple[Importer, ...] = ()


@dataclass(frozen=True, slots=True)
class Converted:
    """A file's rows in the wanted shape, and which tool's they were (None: rows of our own)."""

    rows: Iterator[NumberedRow]
    title: str | None = None


def converted(rows: Iterable[NumberedRow], shape: RowShape) -> Converted:
    """Return rows in the wanted shape where another tool wrote them, and as they are otherwise."""
    remaining = iter(rows)
    first = next(remaining, None)
    if first is None:
        return Converted(iter(()))
    every = chain([first], remaining)
    for importer in IMPORTERS:
        if shape in importer.shapes and importer.recognises(first[1]):
            return Converted(importer.rows(every, shape), importer.title)
    return Converted(every)
