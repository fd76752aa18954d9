"""The file formats of bulk jobs: their input rows and output files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.service.api.requests import RankRequest
from assay.service.batch.files import BatchError, Files
from assay.service.row_files.column_map import ColumnMap

#: Columns that make a request.
REQUEST = frozenset(RankRequest.model_fields)
#: Those that hold texts: the output has them too, like all columns that are no request's.
TEXT_COLUMNS = frozenset({"query", "messages", "candidates", "reference", "tests"})
#: Columns of the output.
RESULT = (
    "file",
    "row",
    "key",
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
#: Bytes of the rows of a part, beside its number of rows: a part is in memory as a whole.
PART_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class SourceFile:
    """An input file as it was when the job began.

    `firsts`: the first row of each part. `digest`: of the content, or the object store's own mark
    of it. `offsets`: for lines, at which byte each part begins. `form`: how it is read.
    `understood`: which columns hold what.
    """

    path: str
    rows: int
    size: int
    firsts: tuple[int, ...]
    digest: str
    offsets: tuple[int, ...] = ()
    form: str = "jsonl"
    understood: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return the file's name without its folder."""
        return self.path.rsplit("/", 1)[-1]

    def span(self, part: int) -> tuple[int, int]:
        """Return the first row of a part, and the row after its last."""
        after = self.firsts[part + 1] if part + 1 < len(self.firsts) else self.rows
        return self.firsts[part], after


class Cuts:
    """Cuts rows into parts, each of a bounded number of rows and bytes."""

    def __init__(self, part_rows: int) -> None:
        self.firsts: list[int] = []
        self.rows = 0
        self._part_rows, self._bytes = part_rows, 0

    def add(self, size: int) -> bool:
        """Count a row of so many bytes; return whether a part begins with it."""
        begins = (
            not self.firsts
            or self.rows - self.firsts[-1] == self._part_rows
            or self._bytes + size > PART_BYTES
        )
        if begins:
            self.firsts.append(self.rows)
            self._bytes = 0
        self._bytes += size
        self.rows += 1
        return begins


@dataclass(frozen=True, slots=True)
class Row:
    """An input row: the body of a request, or the reason why it is none.

    `came`: the row as the file has it. `origin`: file and row of a row that was set aside
    and mended.
    """

    number: int
    body: dict[str, Any] | None
    problem: str | None = None
    came: Any = None
    origin: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """The rows of a part, and the columns that are carried over, in the format's own form."""

    rows: Sequence[Row]
    carried: Any


class RowFormat(ABC):
    """How rows lie in a file; `texts`: whether the output has the texts of its rows."""

    suffix: str

    def __init__(self, texts: bool = True, columns: ColumnMap | None = None) -> None:
        self.dropped = REQUEST - TEXT_COLUMNS if texts else REQUEST
        self.columns = columns or ColumnMap()

    @abstractmethod
    def scan(self, files: Files, path: str, part_rows: int) -> SourceFile:
        """Count a file's rows, and cut them into parts.

        Raises `BatchError` for one that cannot be read, or whose columns clash with the
        output's.
        """

    @abstractmethod
    def blocks(self, files: Files, source: SourceFile, first: int, parts: int) -> Iterator[Block]:
        """Yield adjacent parts' rows, from the part with the number `first` on."""

    @abstractmethod
    def encode(
        self, block: Block, results: Sequence[dict[str, Any]], verifiers: Sequence[str]
    ) -> bytes:
        """Return an output file: the results, and the carried columns beside them, row for row."""

    def as_it_came(self, block: Block, place: int) -> Any:
        """Return a row as the input has it, so that somebody can mend it."""
        return block.rows[place].came


def clash(path: str, names: Sequence[str]) -> None:
    """Raise `BatchError` if a column that would be carried over is called as a result is."""
    if taken := sorted(set(names) & set(RESULT)):
        raise BatchError(f"{path}: the column {taken[0]!r} is also one of the output's; rename it")
