"""Signs that labels are of chosen candidates, such as a system's picks, and not of random ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binom, norm

from assay.aggregation.comparison.label_chances import UNLIKELY, Flags
from assay.aggregation.evaluation.draw_check import draw_errors
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints, Queries

#: Standard errors that chance exceeds in one of a thousand cases.
ERRORS_BY_CHANCE = float(norm.isf(UNLIKELY / 2))


@dataclass(frozen=True, slots=True)
class LabelledPicks:
    """In how many queries a system's pick is labelled, of those labelled in part; `expected`: by
    chance.
    """

    queries: int = 0
    labelled: int = 0
    expected: float = 0.0

    @property
    def unlikely(self) -> bool:
        """Return whether chance labels as many, or as few, in fewer than one of a thousand cases.

        By Hoeffding (1956), the binomial tails at the mean chance are no less than the exact ones.
        """
        if not self.queries:
            return False
        chance, more = self.expected / self.queries, self.labelled > self.expected
        tail = (
            binom.sf(self.labelled - 1, self.queries, chance)
            if more
            else binom.cdf(self.labelled, self.queries, chance)
        )
        return abs(self.labelled - self.expected) >= 1 and bool(tail < UNLIKELY / 2)


@dataclass(frozen=True, slots=True)
class DrawSigns:
    """Signs that labels of one system's candidates were not drawn at random within queries.

    `picks`: of each system. `predictions` and `places`: by how many standard errors labelled
    candidates are predicted higher, and stand earlier, than others of their query.
    """

    picks: tuple[LabelledPicks, LabelledPicks] = (LabelledPicks(), LabelledPicks())
    predictions: float = 0.0
    places: float = 0.0

    @property
    def chosen(self) -> bool:
        """Return whether labels depend on what the systems pick or predict."""
        return any(of.unlikely for of in self.picks) or abs(self.predictions) > ERRORS_BY_CHANCE

    @property
    def by_place(self) -> bool:
        """Return whether labels depend on the candidates' order."""
        return abs(self.places) > ERRORS_BY_CHANCE


def draw_signs(
    labelled: Flags,
    pool: Flags,
    codes: Ints,
    chosen: tuple[Flags, Flags],
    predictions: Floats,
) -> DrawSigns:
    """Return the signs among a system's candidates (`pool`); `codes`: rows' queries, from 0.

    `chosen`: what counts of each system.
    """
    size = int(codes.max()) + 1 if len(codes) else 0
    labels_of = np.bincount(codes[pool & labelled], minlength=size)
    partly = (labels_of > 0) & (labels_of < np.bincount(codes[pool], minlength=size))
    rows = np.flatnonzero(pool & partly[codes])
    if not len(rows):
        return DrawSigns()
    order = rows[np.argsort(codes[rows], kind="stable")]
    queries, labels = Queries.of(codes[order]), labelled[order]
    first, second = (_picks(of[order], labels, queries) for of in chosen)
    values, has_label = predictions[order], labels.astype(float)
    places = -np.arange(len(order), dtype=float)
    return DrawSigns(
        picks=(first, second),
        predictions=draw_errors(values, has_label, queries),
        places=draw_errors(places, has_label, queries),
    )


def _picks(picks: Flags, labelled: Flags, queries: Queries) -> LabelledPicks:
    """Return how often a pick, or one of several that tie, is labelled."""
    of_picks, labels = queries.sums(picks.astype(float)), queries.sums(labelled.astype(float))
    hits = queries.sums((picks & labelled).astype(float)) > 0
    chance = 1 - _none_drawn(queries.sizes.astype(float), of_picks, labels)
    counts = (chance > 0) & (chance < 1)
    return LabelledPicks(int(counts.sum()), int(hits[counts].sum()), float(chance[counts].sum()))


def _none_drawn(sizes: Floats, picks: Floats, labels: Floats) -> Floats:
    """Return the chance that none of the picks is among so many candidates drawn of all."""
    chance = np.ones(len(sizes))
    for number in range(int(picks.max())):
        without = np.clip((sizes - labels - number) / (sizes - number).clip(min=1), 0, 1)
        chance = np.where(number < picks, chance * without, chance)
    return chance
