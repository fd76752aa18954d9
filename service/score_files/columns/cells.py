"""Cells of a column as numbers: marks of a missing value, numbers written as text, other text."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

#: Texts that people and programs write for a missing number, in lower case.
MISSING_MARKS = frozenset(
    ("", "-", "--", "–", "—", ".", "?", "na", "n/a", "#n/a", "<na>", "nan", "nil", "null", "none")
)
NUMBER_KINDS_OF_JSON = frozenset((int, float, bool, type(None)))
FLAG_TEXTS = {"true": 1.0, "false": 0.0}
LONGEST_NUMBER_TEXT = 64


@dataclass(frozen=True, slots=True)
class Cells:
    """A column's cells as numbers, NaN where there is none.

    `numbers`: how many are numbers; `written`: how many are numbers written as text; `marks`: how
    many are texts for a missing value; `others`: how many are anything else, `first` the first of
    these, with its row. Infinity is a number; a whole number beyond all floats is none.
    """

    values: npt.NDArray[np.float64]
    numbers: int
    written: int = 0
    marks: int = 0
    others: int = 0
    first: tuple[int, Any] | None = None

    @property
    def missing(self) -> int:
        """Return how many cells have no finite number."""
        return int((~np.isfinite(self.values)).sum())

    @classmethod
    def of(cls, column: Sequence[Any] | npt.NDArray[Any]) -> Cells:
        """Read a column."""
        if isinstance(column, np.ndarray) and column.dtype.kind in "fiub":
            values = column.astype(np.float64)
            return cls(values, int((~np.isnan(values)).sum()))
        listed = column.tolist() if isinstance(column, np.ndarray) else column
        kinds = set(map(type, listed))
        if kinds <= NUMBER_KINDS_OF_JSON:
            try:
                values = np.array(listed, np.float64)
            except OverflowError:  # a whole number beyond all floats
                return cls._mixed(listed)
            return cls(values, int((~np.isnan(values)).sum()))
        return cls._mixed(listed)

    @classmethod
    def _mixed(cls, column: Sequence[Any]) -> Cells:
        values = np.full(len(column), np.nan)
        numbers = written = marks = others = 0
        first = None
        for row, value in enumerate(column):
            if isinstance(value, (int, float)) and not is_beyond_floats(value):
                values[row] = value
                numbers += value == value
            elif isinstance(value, str) and is_missing(value):
                marks += 1
            elif isinstance(value, str) and (number := number_of_text(value)) is not None:
                values[row] = number
                written += 1
            elif value is not None:
                others += 1
                first = first or (row, value)
        return cls(values, numbers, written=written, marks=marks, others=others, first=first)


def is_beyond_floats(value: Any) -> bool:
    """Return whether a value is a whole number that no float can hold."""
    return isinstance(value, int) and abs(value) > sys.float_info.max


def no_score(value: Any) -> str:
    """Return why a value is no score, with the value."""
    if is_beyond_floats(value):
        return f"{str(value)[:20]!r}… is a number beyond 1e308, too large for a score"
    return f"{str(value)[:40]!r} is no number"


def is_missing(text: str) -> bool:
    """Return whether a text stands for a missing value."""
    return len(text) <= LONGEST_NUMBER_TEXT and text.strip().lower() in MISSING_MARKS


def number_of_text(text: str) -> float | None:
    """Return the number, or the truth value, that a text is; None for any other text."""
    if len(text) > LONGEST_NUMBER_TEXT or "_" in text:
        return None
    try:
        number = float(text)
    except ValueError:
        return FLAG_TEXTS.get(text.strip().lower())
    return None if math.isnan(number) else number
