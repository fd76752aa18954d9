"""The matrix that aggregators work on, and what they have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
"""An array of float64; NaN is a missing score."""


class NotFittedError(Exception):
    """An aggregator was asked for what it has not learned yet."""


@dataclass(frozen=True, slots=True)
class Column:
    """One verifier as an aggregator sees it.

    `key` changes with the verifier's version; `bounds` is the range its scores have by definition, None for none.
    """

    key: str
    family: str
    bounds: tuple[float, float] | None = None
    weight: float = 1.0


class Aggregator(Protocol):
    """Rows of raw scores in, log-odds and probabilities out."""

    def fit(self, scores: Floats) -> Self:
        """Learn from rows of raw scores, shape (rows, columns), NaN where missing."""

    def score_samples(self, scores: Floats) -> Floats:
        """Return one log-odds a row; NaN where a row has no score that counts."""

    def predict_proba(self, scores: Floats) -> Floats:
        """Return one probability a row; NaN where a row has no score that counts."""

    def contributions(self, scores: Floats) -> Floats:
        """Return each score's part of its row's log-odds, shape (rows, columns); with `intercept` they sum to it."""
