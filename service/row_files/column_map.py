"""`--map FIELD=COLUMN,…`: which column of a file holds which field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from assay.service.domain.errors import StartupError

FORM = "--map takes FIELD=COLUMN, several with commas, such as query=prompt,candidates=responses"


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Columns by the field that they hold; dots lead into objects, such as `doc.question`."""

    columns: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str | None) -> ColumnMap:
        """Return the map that an option states; raise `StartupError` for another text."""
        columns: dict[str, str] = {}
        for part in (text or "").split(",") if text else ():
            name, equals, column = (piece.strip() for piece in part.partition("="))
            if not (name and equals and column):
                raise StartupError(f"{FORM} (got {part[:40]!r})")
            if name in columns:
                raise StartupError(
                    f"--map: {name!r} has two columns: {columns[name]!r}, {column!r}"
                )
            columns[name] = column
        return cls(columns)

    def read(self, row: Mapping[str, Any], name: str) -> Any:
        """Return a row's value of a mapped field; None where the row has none."""
        return value_at(row, self.columns[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)


def value_at(row: Mapping[str, Any], column: str) -> Any:
    """Return the value of a column, or of a path of keys and places with dots; None without one.

    A column, or a key on the way, whose own name has the dots wins: `scores.gpt-4.1`.
    """
    return _followed(row, column.split("."))


def _followed(value: Any, keys: list[str]) -> Any:
    """Return what the keys lead to; of a list, a key that is no place gives a value an item."""
    if not keys or value is None:
        return value
    key, *further = keys
    if isinstance(value, Mapping):
        sizes = (size for size in range(len(keys), 0, -1) if ".".join(keys[:size]) in value)
        size = next(sizes, 1)
        return _followed(value.get(".".join(keys[:size])), keys[size:])
    if not isinstance(value, list):
        return None
    if key.isdecimal():
        return _followed(value[int(key)], further) if int(key[:6]) < len(value) else None
    return [_followed(item, further if key == "*" else keys) for item in value]
