"""A row of another tool's file, with checked access to its fields."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from assay.service.domain.errors import StartupError


class ToolRowError(StartupError):
    """A field of another tool's file is not in its published form."""


@dataclass(frozen=True, slots=True)
class ToolRow:
    """A row, or an object within it: where it stands, and its values.

    `source` names the file among several of one import, such as by its model.
    """

    values: Mapping[str, Any]
    line: int
    file: str = ""
    source: str = ""
    path: str = ""

    def refusal(self, field: str, problem: str, value: Any = None) -> ToolRowError:
        """Return an error that names the file, the line, the field and the value."""
        place = f"{self.file}:{self.line}" if self.file else f"line {self.line}"
        shown = "" if value is None else f" (got {str(value)[:60]!r})"
        return ToolRowError(f"{place}: {self.path}{field}: {problem}{shown}")

    def has(self, field: str) -> bool:
        """Return whether a field has a value."""
        return self.values.get(field) is not None

    def text(self, field: str) -> str:
        """Return a field's text."""
        value = self.values.get(field)
        if not isinstance(value, str):
            raise self.refusal(field, "must be a text", _shown(value))
        return value

    def text_or_none(self, field: str) -> str | None:
        """Return a field's text; None where it has no value."""
        return self.text(field) if self.has(field) else None

    def identity(self, field: str) -> str:
        """Return a text or a whole number as a name."""
        value = self.values.get(field)
        if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
            raise self.refusal(field, "must be a text or a whole number", _shown(value))
        return str(value)

    def items(self, field: str) -> Sequence[Any]:
        """Return a field's list."""
        value = self.values.get(field)
        if not isinstance(value, (list, tuple)):
            raise self.refusal(field, "must be a list", _shown(value))
        return value

    def texts(self, field: str) -> list[str]:
        """Return a field's list of texts."""
        items = self.items(field)
        for place, item in enumerate(items):
            if not isinstance(item, str):
                raise self.refusal(f"{field}.{place}", "must be a text", _shown(item))
        return list(items)

    def number(self, field: str) -> float | None:
        """Return a field's number; None where it has none, or NaN."""
        return self.as_number(field, self.values.get(field))

    def as_number(self, field: str, value: Any) -> float | None:
        """Return a value of this row as a number; None for null and NaN. A flag is 1 or 0."""
        if value is None:
            return None
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                raise self.refusal(field, "must be a number", value) from None
        if not isinstance(value, (bool, int, float)):
            raise self.refusal(field, "must be a number", _shown(value))
        try:
            number = float(value)
        except OverflowError:
            raise self.refusal(field, "is too large a number", str(value)[:20]) from None
        return number if math.isfinite(number) else None

    def below(self, field: str) -> ToolRow:
        """Return the object in a field."""
        return self._nested(field, self.values.get(field))

    def objects(self, field: str) -> Iterator[ToolRow]:
        """Yield the objects of a field's list."""
        for place, item in enumerate(self.items(field)):
            yield self._nested(f"{field}.{place}", item)

    def _nested(self, field: str, value: Any) -> ToolRow:
        if not isinstance(value, Mapping):
            raise self.refusal(field, "must be an object", _shown(value))
        return replace(self, values=value, path=f"{self.path}{field}.")


def _shown(value: Any) -> Any:
    return "null" if value is None else value
