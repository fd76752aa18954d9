"""Columns of numbers that are no scores by their content: counters, times, copies of the labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

#: Fewer rows, labels, queries: a column of scores may look like a counter, or like labels, by
#: chance.
LEAST_ROWS_SEEN, LEAST_LABELS, LEAST_QUERIES_SEEN = 20, 10, 5
#: Seconds since 1970: from 1998 to 2049. Also as milli-, micro- and nanoseconds.
TIMES_SINCE_1970 = (0.9e9, 2.5e9)
#: A column that agrees with so many labels is one of them, or made of them.
COPY_AGREEMENT = 0.9
LEAST_OF_EACH_CLASS = 0.8


def not_scores(values: npt.NDArray[np.float64], starts: npt.NDArray[np.int64] | None) -> str | None:
    """Return what a column looks like that is no score; None for one that may be a verifier's.

    `starts`: where each query's rows begin, None where they do not stand together.
    """
    present = values[~np.isnan(values)]
    if len(present) < 2:
        return None
    if _times(present):
        return "times"
    if len(values) < LEAST_ROWS_SEEN or len(present) < len(values):
        return None
    steps = np.diff(values)
    whole = bool((values == np.floor(values)).all())
    if whole and (steps > 0).all():
        return "numbers of the rows"
    if starts is None or len(starts) < LEAST_QUERIES_SEEN:
        return None
    if (steps > 0).all():
        return "a clock: each row's value is above the one before"
    if whole and _counts_candidates(values, starts):
        return "numbers of the candidates: each query has the same in order"
    if whole and _names_queries(values, starts):
        return "numbers of the queries: each query has its own"
    return None


def _times(present: npt.NDArray[np.float64]) -> bool:
    low, high = TIMES_SINCE_1970
    smallest, largest = float(present.min()), float(present.max())
    return any(
        low * unit <= smallest and largest <= high * unit for unit in (1.0, 1e3, 1e6, 1e9)
    ) or _days(present)


def _days(present: npt.NDArray[np.float64]) -> bool:
    """Return whether numbers are days, such as 20240131."""
    if present.min() < 19_500_101 or present.max() > 20_991_231:
        return False
    month, day = present // 100 % 100, present % 100
    whole = present == np.floor(present)
    return bool((whole & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)).all())


def query_starts(keys: npt.NDArray[Any]) -> npt.NDArray[np.int64] | None:
    """Return where each query's rows begin; None unless the rows of each stand together."""
    starts = np.concatenate([[0], np.flatnonzero(keys[1:] != keys[:-1]) + 1])
    return starts if len(starts) == len(set(keys[starts].tolist())) else None


def _counts_candidates(values: npt.NDArray[np.float64], starts: npt.NDArray[np.int64]) -> bool:
    sizes = np.diff(np.append(starts, len(values)))
    places = np.arange(len(values)) - np.repeat(starts, sizes)
    return bool(sizes.max() >= 3 and (values - places == values[0]).all())


def _names_queries(values: npt.NDArray[np.float64], starts: npt.NDArray[np.int64]) -> bool:
    sizes = np.diff(np.append(starts, len(values)))
    first = values[starts]
    return bool(
        sizes.max() >= 2
        and (values == np.repeat(first, sizes)).all()
        and len(np.unique(first)) == len(first)
    )


def copies_labels(values: npt.NDArray[np.float64], labels: npt.NDArray[np.float64]) -> float | None:
    """Return the share of labels that a column of two values repeats, or turns around.

    1.0 for one that is all labels in another scale, soft ones as well. None where it is neither,
    and where there are too few labels to know.
    """
    if _is_scaled(values, labels):
        return 1.0
    counted = ~np.isnan(values) & ~np.isnan(labels) & ((labels == 0) | (labels == 1))
    column, truth = values[counted], labels[counted] == 1
    if len(column) < LEAST_LABELS or truth.all() or not truth.any():
        return None
    low, high = column.min(), column.max()
    if low == high or not ((column == low) | (column == high)).all():
        return None
    alike = (column == high) == truth
    for agreeing in (alike, ~alike):
        each_class = min(agreeing[truth].mean(), agreeing[~truth].mean())
        if agreeing.mean() >= COPY_AGREEMENT and each_class >= LEAST_OF_EACH_CLASS:
            return float(agreeing.mean())
    return None


def _is_scaled(values: npt.NDArray[np.float64], labels: npt.NDArray[np.float64]) -> bool:
    """Return whether a column is the labels times a number, plus another."""
    counted = np.isfinite(values) & (labels >= 0) & (labels <= 1)
    column, truth = values[counted], labels[counted]
    if len(column) < LEAST_LABELS or column.std() == 0 or truth.std() == 0:
        return False
    slope, start = np.polyfit(truth, column, 1)
    return bool(np.abs(start + slope * truth - column).max() <= 1e-9 * np.abs(column).max())
