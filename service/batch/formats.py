"""The file formats of bulk jobs: their input rows and output files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from assay.service.api.requests import RankRequest
from assay.service.batch.files import BatchError, Files

#: Columns that make a request; all others are carried over to the output.
REQUEST = frozenset(RankRequest.model_fields)
#: Columns of the output.
RESULT = (
    "file",
    "row",
    "task",
    "model_version",
    "calibrated",
    "partial",
    "best",
    "ranking",
    "probability",
    "score",
    "p_best",
    "p_any_correct",
    "raw",
    "reasons",
    "error",
)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """An input file: how many rows it has, and for lines, at which byte each part begins."""

    path: str
    rows: int
    size: int
    offsets: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Return the file's name without its folder."""
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class Row:
    """An input row: the body of a request, or the reason why it is none."""

    number: int
    body: dict[str, Any] | None
    problem: str | None = None
    text: str | None = None  # the text that stood there instead


@dataclass(frozen=True, slots=True)
class Block:
    """The rows of a part, and the columns that are carried over, in the format's own form."""

    rows: Sequence[Row]
    carried: Any


class RowFormat(ABC):
    """How rows lie in a file."""

    suffix: str

    @abstractmethod
    def scan(self, files: Files, path: str, part_rows: int) -> SourceFile:
        """Count a file's rows.

        Raises `BatchError` for one that cannot be read, or whose columns clash with the
        output's.
        """

    @abstractmethod
    def blocks(
        self, files: Files, source: SourceFile, part_rows: int, first: int, parts: int
    ) -> Iterator[Block]:
        """Yield adjacent parts' rows, from the part with the number `first` on."""

    @abstractmethod
    def encode(
        self, block: Block, results: Sequence[dict[str, Any]], verifiers: Sequence[str]
    ) -> bytes:
        """Return an output file: the results, and the carried columns beside them, row for row."""


def clash(path: str, names: Sequence[str]) -> None:
    """Raise `BatchError` if a column that would be carried over is called as a result is."""
    if taken := sorted(set(names) & set(RESULT)):
        raise BatchError(f"{path}: the column {taken[0]!r} is also one of the output's; rename it")
