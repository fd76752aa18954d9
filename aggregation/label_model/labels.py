"""Labels: which candidates are known to be correct, and how they were chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.aggregation.matrix import Floats

#: The conditions for calibrated probabilities.
CALIBRATED_LABELS, CALIBRATED_OF_EACH = 25, 5


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """The numbers of labels: all, correct (soft ones in part), and drawn at random.

    `random_correct`: the correct ones of those drawn at random; None in files that lack it.
    """

    labels: int = 0
    correct: float = 0.0
    random: int = 0
    random_correct: float | None = 0.0

    def __add__(self, other: LabelCounts) -> LabelCounts:
        """Return the counts of both shards' labels."""
        random_correct = (
            None
            if self.random_correct is None or other.random_correct is None
            else self.random_correct + other.random_correct
        )
        return LabelCounts(
            self.labels + other.labels,
            self.correct + other.correct,
            self.random + other.random,
            random_correct,
        )

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

        It takes 25 that were drawn at random, which are half of all, and 5 of each class.
        """
        fewest = min(self.correct, self.labels - self.correct)
        return (
            self.random >= CALIBRATED_LABELS
            and fewest >= CALIBRATED_OF_EACH
            and 2 * self.random >= self.labels
        )

    @property
    def why_not(self) -> str | None:
        """Return why the probabilities are not calibrated; None if they are."""
        if self.calibrated:
            return None
        if not self.labels:
            return "no labels: the probabilities assume a base rate, and order the candidates"
        if self.labels < CALIBRATED_LABELS:
            return f"{self.labels} labels: it takes {CALIBRATED_LABELS}"
        if min(self.correct, self.labels - self.correct) < CALIBRATED_OF_EACH:
            return (
                f"{self.correct:g} of {self.labels} labels say correct: it takes"
                f" {CALIBRATED_OF_EACH} of each class"
            )
        return (
            f"only {self.random} of {self.labels} labels were drawn at random: it takes half of"
            f" them, and {CALIBRATED_LABELS}"
        )


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


def count(labels: Floats, random: npt.NDArray[np.bool_] | None) -> LabelCounts:
    """Return the counts of parsed labels.

    Those whose choice is not known (`random` None) count as random.
    """
    labelled = ~np.isnan(labels)
    at_random = labelled if random is None else labelled & random
    return LabelCounts(
        int(labelled.sum()),
        float(labels[labelled].sum()),
        int(at_random.sum()),
        float(labels[at_random].sum()),
    )
