"""The matrix that aggregators work on, and what they have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
"""An array of float64; NaN is a missing score."""


class NotFittedError(Exception):
    """An aggregator was asked for what it has not learned yet."""


@dataclass(frozen=True, slots=True)
class Column:
    """One verifier as an aggregator sees it.

    `key` changes with the verifier's version, `name` is what people call it; `bounds` is the range its scores have by
    definition, None for none.
    """

    key: str
    family: str
    bounds: tuple[float, float] | None = None
    weight: float = 1.0
    name: str = ""


class Aggregator(Protocol):
    """Rows of raw scores in, log-odds out; `alone`: each row is a candidate by itself, not one of a query's."""

    @property
    def learned(self) -> bool:
        """Return whether anything was learned."""

    @property
    def calibrated(self) -> bool:
        """Return whether the probabilities are calibrated."""

    @property
    def ignored(self) -> tuple[str, ...]:
        """Return the columns whose scores do not count, because the model does not know them."""

    def score_samples(self, scores: Floats, alone: bool = False) -> Floats:
        """Return one log-odds a row; NaN where a row has no score that counts."""

    def contributions(self, scores: Floats, alone: bool = False) -> Floats:
        """Return each score's part of its row's log-odds, shape (rows, columns); with a constant they sum to it."""

    def deviations(self, scores: Floats, alone: bool = False) -> Floats:
        """Return the standard deviation of each row's log-odds given the labels; 0 where none were used."""

    def for_columns(self, columns: Sequence[Column]) -> Aggregator:
        """Return the same model for other columns."""
