"""Strengths from comparisons, and the next comparisons.

Bradley and Terry (1952): P(i beats j) = sigmoid(s_i - s_j). Comparisons count by how sure they
were, and a normal prior keeps the strengths of candidates that won or lost all of theirs finite.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, log_expit

PRIOR_VARIANCE = 4.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two candidates by number, and the probability that the first is the better one."""

    first: int
    second: int
    p_first: float


def strengths(comparisons: Sequence[Comparison], count: int) -> npt.NDArray[np.float64]:
    """Return each candidate's strength, shape (count,), in log-odds of winning.

    They sum to about 0.
    """
    first = np.array([comparison.first for comparison in comparisons], np.intp)
    second = np.array([comparison.second for comparison in comparisons], np.intp)
    won = np.array([comparison.p_first for comparison in comparisons])

    def loss(strength: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        difference = strength[first] - strength[second]
        likelihood = won * log_expit(difference) + (1 - won) * log_expit(-difference)
        slope = expit(difference) - won
        gradient = (
            np.bincount(first, slope, count)
            - np.bincount(second, slope, count)
            + strength / PRIOR_VARIANCE
        )
        return float(strength @ strength / (2 * PRIOR_VARIANCE) - likelihood.sum()), gradient

    return np.asarray(minimize(loss, np.zeros(count), jac=True, method="L-BFGS-B").x)


def win_rates(strength: npt.NDArray[np.float64]) -> list[float]:
    """Return each candidate's expected share of wins, 0 to 1; shape (n,), n at least 2."""
    beats = expit(strength[:, None] - strength[None, :])
    return ((beats.sum(1) - 0.5) / (len(strength) - 1)).tolist()  # type: ignore[no-any-return]  # numpy's own type is Any


def all_pairs(count: int) -> list[tuple[int, int]]:
    """Return every pair once."""
    return [(first, second) for first in range(count) for second in range(first + 1, count)]


def swiss_rounds(count: int) -> int:
    """Return the number of rounds of pairs that make count · log2(count) calls at most."""
    return max(1, math.floor(math.log2(count)))


def swiss_round(
    strength: npt.NDArray[np.float64], met: set[tuple[int, int]], chance: random.Random
) -> list[tuple[int, int]]:
    """Return new pairs of candidates of like strength, each candidate at most once.

    Neighbours' comparisons inform most: a comparison with a certain outcome adds nothing.
    """
    unpaired = list(range(len(strength)))
    chance.shuffle(unpaired)
    unpaired.sort(key=lambda place: -strength[place])
    pairs = []
    while len(unpaired) > 1:
        first = unpaired.pop(0)
        place = next(
            (at for at, other in enumerate(unpaired) if _pair(first, other) not in met), None
        )
        if place is not None:
            pairs.append(_pair(first, unpaired.pop(place)))
    return pairs


def _pair(first: int, second: int) -> tuple[int, int]:
    return (first, second) if first < second else (second, first)
