"""What an importer is: a reader of one tool's files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from assay.service.domain.errors import StartupError
from assay.service.importers.tool_rows import ToolRow
from assay.service.row_files.column_map import ColumnMap
from assay.service.row_files.reading import NumberedRow

#: A row is a query with its candidates, a candidate with its scores, or a label.
RowShape = Literal["rankings", "scores", "labels"]


@dataclass(frozen=True, slots=True)
class Wish:
    """The shape that is wanted, the user's own columns, and what the importer reports.

    `scale`: the worst and the best rating. `file`: the first one, for messages. `skipped` counts
    rows that give nothing, by reason, and `unlabelled` those that give no label; `understood` says
    which of the tool's fields became which of ours. All are whole once the rows are read.
    """

    shape: RowShape
    columns: ColumnMap = field(default_factory=ColumnMap)
    scale: tuple[float, float] | None = None
    file: str = ""
    skipped: Counter[str] = field(default_factory=Counter)
    unlabelled: Counter[str] = field(default_factory=Counter)
    understood: dict[str, str] = field(default_factory=dict)

    def nothing(self, what: str) -> StartupError:
        """Return the error of a file that gives nothing, with the reasons."""
        reasons = ", ".join(f"{count} {why}" for why, count in self.skipped.items())
        return StartupError(f"{self.file or 'the file'}: gives no {what}: {reasons or 'no rows'}")


class Importer(Protocol):
    """Reads one tool's files."""

    @property
    def name(self) -> str:
        """Return the tool's name in `assay import NAME`."""
        ...

    @property
    def title(self) -> str:
        """Return what its files are, such as "lm-evaluation-harness samples"."""
        ...

    @property
    def shapes(self) -> tuple[RowShape, ...]:
        """Return the shapes that its files give; `assay import` writes the first."""
        ...

    @property
    def mapped(self) -> tuple[str, ...]:
        """Return the fields whose column `--map` may name."""
        ...

    def recognises(self, row: Mapping[str, Any]) -> bool:
        """Return whether a file with this first row is of this tool."""
        ...

    def rows(self, rows: Iterable[ToolRow], wish: Wish) -> Iterator[NumberedRow]:
        """Yield rows in the wanted shape, each with the first of its lines in the files."""
        ...
