"""Ids that a program lost before the file was written: gaps, digits, and rows of sums."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

#: What pandas, SQL and others write for a missing id.
MISSING_IDS = frozenset(
    ("nan", "NaN", "NAN", "null", "NULL", "Null", "None", "<NA>", "NaT", "#N/A")
)
#: Beyond it, neighbouring whole numbers are one float.
EXACT_WHOLE = 2.0**53
#: A number as spreadsheets show long ones: 1.57713E+18. Short hashes such as 1e10 are no such text.
EXPONENT_FORM = re.compile(r"[+-]?\d{1,3}(?:[.,]\d{1,40}[eE]\+?\d{1,3}|[eE]\+\d{1,3})")
LONGEST_ROUNDED = 64
#: Words in the last row of a spreadsheet, below its columns.
SUM_WORDS = frozenset(
    (
        "total",
        "totals",
        "grand total",
        "subtotal",
        "sum",
        "average",
        "avg",
        "mean",
        "median",
        "count",
    )
)
LAST_ROWS = 3
#: A query with so many candidates, and so many times the median's, is worth a word.
MANY_CANDIDATES, TIMES_THE_MEDIAN, FEWEST_IDS = 20, 10, 5


def id_doubts(
    own: Sequence[Any] | npt.NDArray[Any],
    keys: npt.NDArray[Any],
    place: Callable[[int], str],
) -> list[str]:
    """Return notes on ids that may not be those of the queries, each with the first row."""
    notes = [_lost_digits(own, keys, place)]
    if not isinstance(own, np.ndarray):
        notes.append(_sums(own, place))
    notes.append(_many_candidates(keys, place))
    return [note for note in notes if note]


def _lost_digits(
    own: Sequence[Any] | npt.NDArray[Any],
    keys: npt.NDArray[Any],
    place: Callable[[int], str],
) -> str:
    if isinstance(own, np.ndarray):
        if own.dtype.kind != "f":
            return ""
        rows = np.flatnonzero(np.abs(own) >= EXACT_WHOLE).tolist()
    else:
        lost = {value for value in set(own) if _has_lost_digits(value)}
        rows = [row for row, value in enumerate(own) if value in lost] if lost else []
    if not rows:
        return ""
    queries = len(np.unique(keys[rows]))
    ids = "query id is" if len(rows) == 1 else "query ids are"
    return (
        f"warning: {len(rows)} {ids} rounded numbers, such as {str(own[rows[0]])[:40]!r}"
        f" ({place(rows[0])}): digits may be lost, and different queries be one; they count as"
        f" {'one query' if queries == 1 else f'{queries} queries'}: write the ids as text"
    )


def _has_lost_digits(value: Any) -> bool:
    if type(value) is float:
        return abs(value) >= EXACT_WHOLE
    return (
        type(value) is str
        and len(value) <= LONGEST_ROUNDED
        and EXPONENT_FORM.fullmatch(value.strip()) is not None
    )


def _sums(own: Sequence[Any], place: Callable[[int], str]) -> str:
    """Return a note where one of the last rows seems to be a sum of the others."""
    for row in range(max(1, len(own) - LAST_ROWS), len(own)):
        value = own[row]
        word = value[:40].strip(" :").lower() if isinstance(value, str) else ""
        if word in SUM_WORDS and own.count(value) == 1:
            return (
                f"warning: query id {value[:40]!r} ({place(row)}): the row seems to sum up the"
                " others, and counts as a query: leave it out of the file if it does"
            )
    return ""


def _many_candidates(keys: npt.NDArray[Any], place: Callable[[int], str]) -> str:
    """Return a note on a query with far more candidates than others: perhaps a placeholder."""
    if len(keys) < MANY_CANDIDATES:
        return ""
    counts = Counter(keys.tolist())
    [(key, most)] = counts.most_common(1)
    usual = median(counts.values())
    if len(counts) < FEWEST_IDS or most < max(MANY_CANDIDATES, TIMES_THE_MEDIAN * usual):
        return ""
    first = int(np.flatnonzero(keys == key)[0])
    return (
        f"warning: query {str(key)[:40]!r} (first in {place(first)}) has {most} candidates, and"
        f" others have {usual:g} (median): is that id a placeholder?"
    )
