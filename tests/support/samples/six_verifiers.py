"""Six verifiers with known truth: a strong judge, a middling one and its copy, a weak one with gaps,
noise, and one that is inverted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints

NAMES = ("judge-strong", "judge-mid", "judge-copy", "judge-weak", "rm-noise", "rm-inverted")
AUCS = {"judge-strong": 0.918, "judge-mid": 0.744, "judge-weak": 0.605, "rm-inverted": 0.299}
BASE_RATE, CONCENTRATION, MISSING, COPY_CORRELATION = 0.408, 4.0, 0.10, 0.98


@dataclass(frozen=True)
class SixVerifiers:
    """Scores, shape (n, 6), NaN where missing; truth (0 or 1) and query of each row."""

    scores: Floats
    truth: Ints
    query: Ints


def separation(auc: float) -> float:
    """Return the distance of right and wrong scores, in sds, of a verifier with normal scores."""
    return float(np.sqrt(2) * ndtri(auc))


def truth_of(random: np.random.Generator, queries: int, size: int) -> tuple[Ints, Ints]:
    """Return the truth and the query of each candidate; queries are easy and hard."""
    query = np.repeat(np.arange(queries), size)
    rates = random.beta(BASE_RATE * CONCENTRATION, (1 - BASE_RATE) * CONCENTRATION, queries)
    return (random.random(len(query)) < rates[query]).astype(np.int64), query


def noisy_copy(random: np.random.Generator, scores: Floats) -> Floats:
    """Return scores that correlate 0.98 with others."""
    noise = np.sqrt(1 / COPY_CORRELATION**2 - 1) * scores.std()
    return np.asarray(scores + noise * random.standard_normal(len(scores)))


def six_verifiers(seed: int, queries: int = 2000, size: int = 5) -> SixVerifiers:
    """Return a draw of the six."""
    random = np.random.default_rng(seed)
    truth, query = truth_of(random, queries, size)
    columns = {
        name: separation(auc) * truth + random.standard_normal(len(truth))
        for name, auc in AUCS.items()
    }
    columns["judge-weak"][random.random(len(truth)) < MISSING] = np.nan
    columns["judge-copy"] = noisy_copy(random, columns["judge-mid"])
    columns["rm-noise"] = random.standard_normal(len(truth))
    return SixVerifiers(np.column_stack([columns[name] for name in NAMES]), truth, query)
