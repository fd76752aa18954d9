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
    """The numbers of labels: all, correct (soft ones in part), and drawn at random."""

    labels: int = 0
    correct: float = 0.0
    random: int = 0

    def __add__(self, other: LabelCounts) -> LabelCounts:
        """Return the counts of both shards' labels."""
        return LabelCounts(
            self.labels + other.labels, self.correct + other.correct, self.random + other.random
        )

    @property
    def calibrated(self) -> bool:
        """Return whether the labels calibrate: at least 25, 5 of each class, half random."""
        fewest = min(self.correct, self.labels - self.correct)
        return (
            self.labels >= CALIBRATED_LABELS
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
        return f"only {self.random} of {self.labels} labels were drawn at random: it takes half"


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
    return LabelCounts(int(labelled.sum()), float(labels[labelled].sum()), int(at_random.sum()))
