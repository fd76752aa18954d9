"""Frozen per-verifier maps from raw scores to comparable ones (`label_models`, step 1).

range map   u_v(x) = clip((x - a) / (b - a), 0, 1) - mean u
            a, b: 2.5 % and 97.5 % quantiles, each moved out by `whisker` (b - a), not past the
            minimum and the maximum
normal map  z_v(x) = (Phi^-1(r_v(x)) - mean) / sd
            r_v: mid-rank share, ties share one rank
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.lookup import Lookup
from assay.aggregation.statistics.queries import TOO_LARGE, Ints

TRIM = 0.025
MIN_SCORES = 10
#: Why a verifier has no map that has scores enough.
ONE_VALUE = "only one value"
MAX_KNOTS = 512
MANY_ROWS = 8192


@dataclass(frozen=True, slots=True)
class ScoreMaps:
    """The maps of m verifiers, learned once and used unchanged ever after.

    `low`, `span`, `centre`: shape (m,), the range map. `knots[v]` holds verifier v's raw scores and
    `heights[v]` their z. All is NaN, and the knots are empty, for a verifier that taught nothing.
    """

    low: Floats
    span: Floats
    centre: Floats
    knots: tuple[Floats, ...]
    heights: tuple[Floats, ...]

    @classmethod
    def fit(cls, scores: Floats, whisker: float = 0.0) -> ScoreMaps:
        """Learn the maps from rows of raw scores, shape (n, m), NaN where missing.

        A verifier with fewer than 10 scores, or with one value only, has no maps.
        """
        columns = [_fit_column(scores[:, place], whisker) for place in range(scores.shape[1])]
        low, span, centre = np.array([column[:3] for column in columns], float).reshape(-1, 3).T
        return cls(
            low,
            span,
            centre,
            tuple(column[3] for column in columns),
            tuple(column[4] for column in columns),
        )

    @property
    def usable(self) -> npt.NDArray[np.bool_]:
        """Return which verifiers have maps."""
        return ~np.isnan(self.low)

    def dropped(
        self, names: Sequence[str], scores: Floats, too_large: Mapping[str, int]
    ) -> dict[str, str]:
        """Return why verifiers have no maps; `scores`: the rows that the maps were learned from.

        `too_large`: the number of scores that count as missing for their size.
        """
        counts = (~np.isnan(scores)).sum(axis=0)
        return {
            name: (
                (f"{too_large[name]} scores {TOO_LARGE}, " if name in too_large else "")
                + f"{counts[place]} {'others' if name in too_large else 'scores'}: it takes"
                f" {MIN_SCORES}"
                if counts[place] < MIN_SCORES
                else ONE_VALUE
            )
            for place, name in enumerate(names)
            if not self.usable[place]
        }

    @property
    def value_counts(self) -> Ints:
        """Return how many values each verifier's map knows, 512 at most, shape (m,)."""
        return np.array([len(knots) for knots in self.knots], np.int64)

    def units(self, scores: Floats) -> Floats:
        """Return the range-mapped scores u, centred; NaN where a score is missing."""
        return np.minimum(np.maximum((scores - self.low) / self.span, 0), 1) - self.centre

    def normals(self, scores: Floats) -> Floats:
        """Return the normal scores z; NaN where a score is missing."""
        if len(scores) >= MANY_ROWS:
            return self.normals_of_many()(scores)
        z = np.full(scores.shape, np.nan)
        for place, (knots, heights) in enumerate(zip(self.knots, self.heights, strict=True)):
            if len(knots):
                z[:, place] = np.interp(scores[:, place], knots, heights)
        return z

    def normals_of_many(self) -> Callable[[Floats], Floats]:
        """Return the same function, prepared for many rows: three to four times faster."""
        lookups = [
            Lookup(knots, heights) if len(knots) else None
            for knots, heights in zip(self.knots, self.heights, strict=True)
        ]

        def normals(scores: Floats) -> Floats:
            z = np.full(scores.shape, np.nan)
            for place, lookup in enumerate(lookups):
                if lookup is not None:
                    z[:, place] = lookup(scores[:, place])
            return z

        return normals

    def select(self, places: Ints) -> ScoreMaps:
        """Return the maps of some verifiers; a place of -1 gives one without maps."""
        empty = np.zeros(0)

        def of(values: Floats) -> Floats:
            return (
                np.where(places >= 0, values[places], np.nan)
                if len(values)
                else np.full(len(places), np.nan)
            )

        return ScoreMaps(
            of(self.low),
            of(self.span),
            of(self.centre),
            tuple(self.knots[place] if place >= 0 else empty for place in places),
            tuple(self.heights[place] if place >= 0 else empty for place in places),
        )


def _fit_column(scores: Floats, whisker: float) -> tuple[float, float, float, Floats, Floats]:
    values = np.sort(scores[~np.isnan(scores)])
    if len(values) < MIN_SCORES or values[0] == values[-1]:
        return np.nan, np.nan, np.nan, np.zeros(0), np.zeros(0)
    low, high = np.quantile(values, [TRIM, 1 - TRIM])
    if low == high:
        low, high = values[0], values[-1]
    reach = whisker * (high - low)
    low, high = max(low - reach, values[0]), min(high + reach, values[-1])
    units = np.clip((values - low) / (high - low), 0, 1)
    return float(low), float(high - low), float(units.mean()), *_normal_knots(values)


def _normal_knots(ordered: Floats) -> tuple[Floats, Floats]:
    """Return at most 512 values and their normal scores, evenly spaced in z."""
    values, counts = np.unique(ordered, return_counts=True)
    last = np.cumsum(counts)
    heights = ndtri((last - (counts - 1) / 2 - 0.5) / len(ordered))
    mean = float(heights @ counts / len(ordered))
    sd = float(np.sqrt((heights - mean) ** 2 @ counts / len(ordered)))
    heights = (heights - mean) / sd
    if len(values) > MAX_KNOTS:
        even = np.linspace(heights[0], heights[-1], MAX_KNOTS)
        places = np.unique(np.clip(np.searchsorted(heights, even), 0, len(heights) - 1))
        values, heights = values[places], heights[places]
    return values, heights
