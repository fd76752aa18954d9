"""The matrix that aggregators work on, and their common base."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
"""An array of float64; NaN is a missing score."""


class NotFittedError(Exception):
    """An aggregator was used before it was fitted."""


@dataclass(frozen=True, slots=True)
class Column:
    """One verifier for an aggregator.

    `key` changes with the verifier's version, `name` is its name for people; `bounds` is the
    range of its scores by definition, None for none. `only_lowers`: a high score says nothing, as
    one of form, which nearly every candidate has.
    """

    key: str
    family: str
    bounds: tuple[float, float] | None = None
    weight: float = 1.0
    name: str = ""
    only_lowers: bool = False


@dataclass(frozen=True, slots=True)
class Combined:
    """An aggregator's result for a request's rows: log-odds, and more on request.

    The log-odds are NaN where no score of a row counts. `contributions()`: each score's part of
    its row's log-odds, shape (rows, columns); with a constant of the request they sum to it.
    `posterior_draws(places)`: log-odds of some rows by parameters drawn from their posterior given
    the labels, shape (places, draws), one draw's parameters the same for all rows; None without
    labels. `averaged`: the rows that no verifier of the model scored, so that their log-odds are a
    robust average of the others' scores; None for none. `counted`: the scores that say something,
    shape (rows, columns); None for all that are present.
    """

    log_odds: Floats
    contributions: Callable[[], Floats]
    posterior_draws: Callable[[Sequence[int]], Floats | None]
    averaged: npt.NDArray[np.bool_] | None = None
    counted: npt.NDArray[np.bool_] | None = None


class Aggregator(Protocol):
    """Rows of raw scores in, log-odds out."""

    @property
    def learned(self) -> bool:
        """Return whether anything was learned."""

    @property
    def calibrated(self) -> bool:
        """Return whether the probabilities are calibrated."""

    @property
    def base_rate_stated(self) -> bool:
        """Return whether the operator stated the share of correct candidates."""

    @property
    def ignored(self) -> tuple[str, ...]:
        """Return the columns whose scores do not count, because the model does not know them."""

    def combine(self, scores: Floats, alone: bool) -> Combined:
        """Combine a request's raw scores, shape (rows, columns).

        `alone`: each row is a candidate by itself.
        """

    def for_columns(self, columns: Sequence[Column]) -> Aggregator:
        """Return the same model for other columns."""
