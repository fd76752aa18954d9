"""A row of a file that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from assay.service.domain.errors import StartupError

SHOWN_CHARACTERS = 40
#: Characters of a row that cannot be read, kept so that somebody can mend it.
KEPT_CHARACTERS = 1 << 16


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why a row cannot be read, and its text."""

    reason: str
    text: str = ""

    def error(self, file: Path | str, number: int) -> StartupError:
        """Return the error that stops the reading of a whole file."""
        return StartupError(f"{file}:{number}: {self.reason}{self.shown()}")

    def shown(self) -> str:
        """Return the beginning of the row's text in a message."""
        text = self.text.rstrip()
        return f" (got {text[:SHOWN_CHARACTERS]!r})" if text else ""


def row_problem(reason: str, content: bytes = b"") -> RowProblem:
    """Return the problem of a row with this content."""
    return RowProblem(reason, content[:KEPT_CHARACTERS].decode(errors="backslashreplace"))
