"""What was understood of a file: its form, whose it is, and which column holds which field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

#: NameGroups in a line of print, and names that are kept at all: rows may have any.
MOST_NAMES_SHOWN, MOST_NAMES_KEPT = 30, 1000


@dataclass(slots=True)
class Understood:
    """What was understood of a file so far.

    `columns`: which column holds which field (several, where rows differ); `carried`: columns that
    are only carried over; `left_out`: why a column is not read, by column.
    """

    form: str = ""
    tool: str | None = None
    columns: dict[str, dict[str, None]] = field(default_factory=dict)
    carried: dict[str, None] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)

    def take(self, name: str, column: str) -> None:
        """Note that a column holds a field."""
        columns = self.columns.setdefault(name, {})
        if len(columns) < MOST_NAMES_KEPT:
            columns[column] = None

    def leave_out(self, column: str, reason: str) -> None:
        """Note why a column is not read."""
        if len(self.left_out) < MOST_NAMES_KEPT:
            self.left_out.setdefault(column, reason)

    def carry(self, column: str) -> None:
        """Note that a column is carried over."""
        if len(self.carried) < MOST_NAMES_KEPT:
            self.carried[column] = None

    def note(self, text: str) -> None:
        """Note something else."""
        if len(self.notes) < MOST_NAMES_KEPT:
            self.notes[text] = None

    def lines(self) -> Iterator[str]:
        """Yield what to print."""
        yield "read as " + ", ".join(filter(None, (self.tool, self.form)))
        if self.columns:
            pairs = [f"{name}: {' or '.join(of)}" for name, of in self.columns.items()]
            yield _names(pairs, "; ")
        if self.carried:
            yield f"carried over: {_names(list(self.carried))}"
        if self.left_out:
            reasons = [f"{name} ({reason})" for name, reason in self.left_out.items()]
            yield f"left out: {_names(reasons)}"
        yield from self.notes

    def data(self) -> dict[str, Any]:
        """Return it as plain data, for `--json` and for files."""
        return {
            "form": self.form,
            "tool": self.tool,
            "columns": {name: list(of) for name, of in self.columns.items()},
            "carried": list(self.carried),
            "left_out": dict(self.left_out),
            "notes": list(self.notes),
        }


def _names(names: list[str], between: str = ", ") -> str:
    more = len(names) - MOST_NAMES_SHOWN
    shown = between.join(name[:200] for name in names[:MOST_NAMES_SHOWN])
    return shown + (f"{between}and {more} more" if more > 0 else "")
