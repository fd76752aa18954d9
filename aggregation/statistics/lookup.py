"""`numpy.interp` for millions of values over the same knots, with a table of intervals."""

from __future__ import annotations

import numpy as np

from assay.aggregation.matrix import Floats

CELLS = 4096
#: With more values than this outside their cell's first interval, the table is no help; with so few
#: knots, neither.
MOST_BESIDE = 0.3
FEW_KNOTS = 16


class Lookup:
    """Interpolates linearly between knots, constant outside, NaN for NaN, as `numpy.interp` does.

    The last bits agree as well. The knots' range is cut into equal cells; each cell knows the
    interval of its lower edge. A value in a cell that holds a knot may lie further up: a search
    finds those few. `knots` must increase, and there must be two at least.
    """

    def __init__(self, knots: Floats, heights: Floats) -> None:
        self._knots, self._heights = knots, heights
        with np.errstate(all="ignore"):  # knots may lie as close as numbers can
            self._scale = CELLS / (knots[-1] - knots[0])
            self._slopes = np.diff(heights) / np.diff(knots)
        self._plain = len(knots) <= FEW_KNOTS or not (
            np.isfinite(self._scale) and np.isfinite(self._slopes).all()
        )
        if not self._plain:
            edges = (
                knots[0] + (np.arange(CELLS) - 1e-6) / self._scale
            )  # a little low: rounding must not pass an edge
            self._first = np.clip(
                np.searchsorted(knots, edges, side="right") - 1, 0, len(knots) - 2
            )
            self._next = knots[1:].copy()

    def __call__(self, values: Floats) -> Floats:
        """Return the heights at values, shape (n,)."""
        values = np.ascontiguousarray(values)
        if self._plain:
            return np.interp(values, self._knots, self._heights)
        inside = np.fmin(
            np.fmax(values, self._knots[0]), self._knots[-1]
        )  # NaN becomes the first knot, and NaN again below
        cells = ((inside - self._knots[0]) * self._scale).astype(np.intp)
        intervals = self._first.take(cells, mode="clip")
        beside = np.flatnonzero(inside >= self._next.take(intervals, mode="clip"))
        if len(beside) > MOST_BESIDE * len(values):
            return np.interp(values, self._knots, self._heights)
        places = np.searchsorted(self._knots, inside[beside], side="right") - 1
        intervals[beside] = np.minimum(places, len(self._knots) - 2)
        inside -= self._knots.take(intervals, mode="clip")
        inside *= self._slopes.take(intervals, mode="clip")
        inside += self._heights.take(intervals, mode="clip")
        inside[np.isnan(values)] = np.nan
        return np.asarray(inside)
