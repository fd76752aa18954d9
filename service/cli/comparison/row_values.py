"""Values of a row's fields, checked: an error names the file, the row, the field and the value."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from assay.service.domain.errors import StartupError
from assay.service.row_files.opening import STANDARD_INPUT

FLAG_WORDS = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}
#: Texts that stand for a missing number.
MISSING_WORDS = frozenset({"", "nan", "null", "none", "n/a", "na"})


class ComparisonError(StartupError):
    """Two systems cannot be compared; the message says why."""


def refuse_missing(path: Path) -> None:
    """Raise `ComparisonError` for a file that does not exist or cannot be reached, and why."""
    if path == STANDARD_INPUT:
        return
    try:
        path.stat()
    except FileNotFoundError:
        raise ComparisonError(f"{path}: no such file or folder") from None
    except (OSError, ValueError) as exc:
        raise ComparisonError(f"{path}: {getattr(exc, 'strerror', None) or exc}") from None


def number_value(place: str, field: str, value: Any) -> float:
    """Return a finite number, NaN for a missing one; raise `ComparisonError` for anything else."""
    if value is None or (isinstance(value, str) and value.strip().lower() in MISSING_WORDS):
        return math.nan
    try:
        if not isinstance(value, (int, float, str)):
            raise ValueError
        number = float(value)
    except (ValueError, OverflowError):
        raise _wrong(place, field, value, "must be a number, or null for none") from None
    if math.isinf(number):
        raise _wrong(place, field, value, "must be a finite number, or null for none")
    return number


def share_value(place: str, field: str, value: Any) -> float:
    """Return a number from 0 to 1, NaN for a missing one."""
    number = number_value(place, field, value)
    if number < 0 or number > 1:
        raise _wrong(place, field, value, "must be from 0 to 1, or null for none")
    return number


def label_value(place: str, field: str, value: Any) -> float:
    """Return a label from 0 to 1, NaN for none; true and false are 1 and 0."""
    if isinstance(value, str) and value.strip().lower() in FLAG_WORDS:
        return float(FLAG_WORDS[value.strip().lower()])
    try:
        return share_value(place, field, value)
    except ComparisonError as exc:
        if number_value(place, field, value) != -1:
            raise
        raise ComparisonError(
            f"{exc}: -1 is none for some tools and wrong for others; write null for none, 0 for"
            " wrong"
        ) from None


def flag_value(place: str, field: str, value: Any) -> bool | None:
    """Return true or false, None where it is not stated."""
    word = str(value).strip().lower()
    if value is None or word in MISSING_WORDS:
        return None
    if word not in FLAG_WORDS:
        raise _wrong(place, field, value, "must be true or false")
    return FLAG_WORDS[word]


def name_value(place: str, field: str, value: Any) -> str | None:
    """Return a name as text: a whole number without a fraction; None where there is none."""
    if value is None or value == "" or value != value:
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (str, int, float)):
        return str(value)
    raise _wrong(place, field, value, "must be a text or a number")


def text_value(place: str, field: str, value: Any) -> str | None:
    """Return a text; None where there is none."""
    if value is None or isinstance(value, str):
        return value
    raise _wrong(place, field, value, "must be a text")


def _wrong(place: str, field: str, value: Any, rule: str) -> ComparisonError:
    return ComparisonError(f"{place}: {field}: {rule} (got {str(value)[:40]!r})")
