"""Labels: which candidates are known to be correct, and how they were chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.aggregation.matrix import Floats

#: The conditions for calibrated probabilities.
CALIBRATED_LABELS, CALIBRATED_OF_EACH, CALIBRATED_QUERIES = 25, 5, 5


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """The numbers of labels: all, correct (soft ones in part), and drawn at random.

    `random_correct`: the correct ones of those drawn at random. `clear_correct`, `clear_wrong`:
    what the labels of each side decide; one of 0.5 decides nothing, one of 0.8 counts 0.6.
    `random_decided`: those drawn at random that are not 0.5. `random_queries`: the queries that
    have one drawn at random. Each of them is None in files that lack it.
    """

    labels: int = 0
    correct: float = 0.0
    random: int = 0
    random_correct: float | None = 0.0
    clear_correct: float | None = 0.0
    clear_wrong: float | None = 0.0
    random_decided: float | None = 0.0
    random_queries: float | None = 0.0

    def __add__(self, other: LabelCounts) -> LabelCounts:
        """Return the counts of both shards' labels."""
        return LabelCounts(
            self.labels + other.labels,
            self.correct + other.correct,
            self.random + other.random,
            random_correct=_sum(self.random_correct, other.random_correct),
            clear_correct=_sum(self.clear_correct, other.clear_correct),
            clear_wrong=_sum(self.clear_wrong, other.clear_wrong),
            random_decided=_sum(self.random_decided, other.random_decided),
            random_queries=_sum(self.random_queries, other.random_queries),
        )

    @property
    def of_each(self) -> tuple[float, float]:
        """Return how many labels say correct and how many wrong, as far as they decide."""
        if self.clear_correct is None or self.clear_wrong is None:
            return self.correct, self.labels - self.correct
        return self.clear_correct, self.clear_wrong

    @property
    def base_rate(self) -> float | None:
        """Return the share of correct candidates by the labels; None without any.

        Labels of chosen candidates say nothing of the others: where enough were drawn at random to
        calibrate, those alone count.
        """
        if not self.labels:
            return None
        if self.random >= CALIBRATED_LABELS and self.random_correct is not None:
            return self.random_correct / self.random
        return self.correct / self.labels

    @property
    def calibrated(self) -> bool:
        """Return whether the labels calibrate.

        It takes 25 that were drawn at random and decide something, which are half of all, of 5
        queries, and 5 of each class.
        """
        return self.why_not is None

    @property
    def why_not(self) -> str | None:
        """Return why the probabilities are not calibrated; None if they are."""
        if not self.labels:
            return "no labels: the probabilities assume a base rate, and order the candidates"
        if self.labels < CALIBRATED_LABELS:
            return f"{self.labels} labels: it takes {CALIBRATED_LABELS}"
        if min(self.of_each) < CALIBRATED_OF_EACH:
            return self._too_few_of_a_class()
        if self.random < CALIBRATED_LABELS or 2 * self.random < self.labels:
            return (
                f"only {self.random} of {self.labels} labels were drawn at random: it takes half of"
                f" them, and {CALIBRATED_LABELS}"
            )
        if self.random_decided is not None and self.random_decided < CALIBRATED_LABELS:
            return (
                f"{self.random_decided:g} of {self.random} labels drawn at random are not 0.5,"
                f" which says nothing: it takes {CALIBRATED_LABELS}"
            )
        if self.random_queries is not None and self.random_queries < CALIBRATED_QUERIES:
            return (
                f"the labels drawn at random are of {self.random_queries:g} of the queries: it"
                f" takes {CALIBRATED_QUERIES}, because they say little of others"
            )
        return None

    def _too_few_of_a_class(self) -> str:
        correct, wrong = self.of_each
        if correct + wrong < self.labels:
            return (
                f"{self.labels} labels decide {correct:.3g} times for correct and {wrong:.3g} times"
                f" for wrong (0.5 decides nothing): it takes {CALIBRATED_OF_EACH} of each class"
            )
        return (
            f"{correct:g} of {self.labels} labels say correct: it takes {CALIBRATED_OF_EACH} of"
            " each class"
        )


def _sum(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first + second


def parse_labels(labels: npt.ArrayLike, rows: int) -> Floats:
    """Return labels as floats from 0 to 1, NaN where unknown (-1 or NaN).

    Raises `ValueError` naming the row of any other.
    """
    raw: npt.NDArray[Any] = np.asarray(labels)
    if raw.shape != (rows,):
        raise ValueError(f"labels: must be one a row, {rows} in all, not the shape {raw.shape}")
    try:
        values = np.array(raw, np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"labels: must be numbers, not {raw.dtype}") from None
    values[values == -1] = np.nan
    wrong = np.flatnonzero((values < 0) | (values > 1))
    if len(wrong):
        row = int(wrong[0])
        raise ValueError(
            f"labels: row {row} has {values[row]:g}; a label is 0, 1, between for a soft one, or -1"
            " for unknown"
        )
    return values


def count(
    labels: Floats, random: npt.NDArray[np.bool_] | None, random_queries: int | None = None
) -> LabelCounts:
    """Return the counts of parsed labels.

    Those whose choice is not known (`random` None) count as random. `random_queries`: how many
    queries have one of these; None if that is not known.
    """
    labelled = ~np.isnan(labels)
    at_random = labelled if random is None else labelled & random
    decided = 2 * labels[labelled] - 1
    return LabelCounts(
        int(labelled.sum()),
        float(labels[labelled].sum()),
        int(at_random.sum()),
        random_correct=float(labels[at_random].sum()),
        clear_correct=float(np.maximum(decided, 0).sum()),
        clear_wrong=float(np.maximum(-decided, 0).sum()),
        random_decided=float((labels[at_random] != 0.5).sum()),
        random_queries=None if random_queries is None else float(random_queries),
    )
