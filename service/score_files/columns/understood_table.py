"""What was understood of a score table: which column is what, and what was left out and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from assay.service.row_files.understood import MOST_NAMES_SHOWN


@dataclass(frozen=True, slots=True)
class UnderstoodTable:
    """Columns by their meaning.

    `left_out`: why, by column; `missing`: how many scores are missing or infinite, by verifier;
    `tool`: whose file it is, where another tool, or another command, wrote it; `in_objects`:
    whether the verifiers stand in `scores`.
    """

    verifiers: tuple[str, ...]
    query_id: str = "query_id"
    candidate: str | None = None
    labels: str | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, int] = field(default_factory=dict)
    tool: str | None = None
    notes: tuple[str, ...] = ()
    in_objects: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data, for `--json` and for models."""
        fields = {"query_id": self.query_id, "candidate": self.candidate, "label": self.labels}
        return {
            "tool": self.tool,
            "verifiers": list(self.verifiers),
            "columns": {name: [column] for name, column in fields.items() if column},
            "left_out": dict(self.left_out),
            "missing": dict(self.missing),
            "notes": list(self.notes),
        }

    def sentences(self) -> Iterator[str]:
        """Yield what to print, a line each."""
        if self.tool is not None:
            yield f"read as {self.tool}"
        yield f"verifiers: {_listed(list(self.verifiers))}"
        if self.left_out:
            reasons = [f"{name} ({reason})" for name, reason in self.left_out.items()]
            yield f"left out: {_listed(reasons)}"
        fields = {"query ids": self.query_id, "candidates": self.candidate, "labels": self.labels}
        yield "; ".join(f"{name}: {column}" for name, column in fields.items() if column)
        if self.missing:
            counts = [f"{name} {count}" for name, count in self.missing.items()]
            yield f"missing scores: {_listed(counts)}"
        yield from self.notes


def _listed(names: list[str]) -> str:
    more = len(names) - MOST_NAMES_SHOWN
    return ", ".join(names[:MOST_NAMES_SHOWN]) + (f", and {more} more" if more > 0 else "")
