"""Scores that say nothing of truth: six families of noise, at random sizes and strengths.

independent  verifiers share nothing; in half of the draws each likes some queries more
copies       one or two groups of near copies (correlation 0.8 to 1), the others independent
one_factor   one style behind all, in part the query's own, followed as far as 0.4 to 0.95, in some
             draws disliked by some; shown as it is, skewed, as ratings of 1 to 5, or as verdicts
heavy_tails  Student's t with 2 to 3 degrees of freedom, in half of the draws a shared one too
ties         2 to 5 distinct values, each at its own frequency
other_shapes one style behind all that is no bell (length, counts, ranks), followed as far as 0 to 0.7
             in units of each verifier's own error, in some draws disliked by some
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from assay.aggregation import Floats
from assay.aggregation.statistics.queries import Ints

Random = np.random.Generator


def noise(family: str, verifiers: int, queries: int, seed: int) -> tuple[Floats, Ints]:
    """Return scores, shape (n, verifiers), and each row's query, of 4 to 8 rows each.

    The same arguments give the same.
    """
    random = np.random.default_rng([FAMILIES.index(family), verifiers, queries, seed])
    query = np.repeat(np.arange(queries), int(random.integers(4, 9)))
    return _MAKERS[family](random, query, verifiers), query


def _independent(random: Random, query: Ints, verifiers: int) -> Floats:
    scores = random.standard_normal((len(query), verifiers))
    if random.random() < 0.5:
        scores += random.uniform(0, 1.5) * random.standard_normal((query[-1] + 1, verifiers))[query]
    return scores


def _copies(random: Random, query: Ints, verifiers: int) -> Floats:
    scores, first = random.standard_normal((len(query), verifiers)), 0
    for _ in range(int(random.integers(1, 3))):
        last = first + int(random.integers(2, max(3, verifiers // 2 + 1)))
        if last > verifiers:
            break
        alike = 1.0 if random.random() < 0.2 else random.uniform(0.8, 0.995)
        original = random.standard_normal((len(query), 1))
        scores[:, first:last] *= np.sqrt(1 - alike)
        scores[:, first:last] += np.sqrt(alike) * original
        first = last
    return scores


def _one_factor(random: Random, query: Ints, verifiers: int) -> Floats:
    strongest = random.choice([0.4, 0.6, 0.8, 0.95])
    loads = random.uniform(strongest / 4, strongest, verifiers)
    loads *= np.where(random.random(verifiers) < random.choice([0, 0.2]), -1, 1)
    of_query = random.choice([0, 0.3, 0.7])
    style = np.sqrt(of_query) * random.standard_normal(query[-1] + 1)[query]
    style = style + np.sqrt(1 - of_query) * random.standard_normal(len(query))
    own = random.standard_normal((len(query), verifiers))
    scores = style[:, None] * loads + np.sqrt(1 - loads**2) * own
    return np.asarray(_SHOWN[str(random.choice(list(_SHOWN)))](random, scores))


def _ratings(random: Random, scores: Floats) -> Floats:
    return np.stack(
        [np.searchsorted(np.sort(random.uniform(-2, 2, 4)), column) + 1.0 for column in scores.T],
        axis=1,
    )


_SHOWN: dict[str, Callable[[Random, Floats], Floats]] = {
    "plain": lambda random, scores: scores,
    "skewed": lambda random, scores: np.exp(scores),
    "ratings": _ratings,
    "verdicts": lambda random, scores: (scores > random.normal(0, 0.6, scores.shape[1])).astype(
        float
    ),
}


def _heavy_tails(random: Random, query: Ints, verifiers: int) -> Floats:
    freedom = random.uniform(2, 3)
    scores = random.standard_t(freedom, (len(query), verifiers))
    if random.random() < 0.5:
        scores += random.uniform(0.2, 1) * random.standard_t(freedom, (len(query), 1))
    return np.asarray(scores)


def _ties(random: Random, query: Ints, verifiers: int) -> Floats:
    levels = int(random.integers(2, 6))
    columns: list[npt.NDArray[np.int64]] = [
        random.choice(levels, len(query), p=random.dirichlet(np.ones(levels)))
        for _ in range(verifiers)
    ]
    return np.stack(columns, axis=1).astype(float)


_SHAPES: dict[str, Callable[[Random, int], Floats]] = {
    "exponential": lambda random, rows: random.exponential(size=rows),
    "log-normal": lambda random, rows: random.lognormal(0, random.uniform(0.3, 1), rows),
    "chi-squared": lambda random, rows: random.chisquare(1, rows),
    "gamma": lambda random, rows: random.gamma(3, size=rows),
    "counts": lambda random, rows: random.poisson(2, rows).astype(float),
    "uniform": lambda random, rows: random.random(rows),
    "triangular": lambda random, rows: random.triangular(0, 0.5, 1, rows),
    "beta": lambda random, rows: random.beta(2, 5, rows),
}


def _other_shapes(random: Random, query: Ints, verifiers: int) -> Floats:
    style = _SHAPES[str(random.choice(list(_SHAPES)))](random, len(query))
    style = random.choice([-1, 1]) * (style - style.mean()) / style.std()
    loads = random.random(verifiers)
    loads *= np.where(random.random(verifiers) < random.choice([0, 0.2]), -1, 1)
    return np.asarray(style[:, None] * loads + random.standard_normal((len(query), verifiers)))


_MAKERS: dict[str, Callable[[Random, Ints, int], Floats]] = {
    "independent": _independent,
    "copies": _copies,
    "one_factor": _one_factor,
    "heavy_tails": _heavy_tails,
    "ties": _ties,
    "other_shapes": _other_shapes,
}
FAMILIES = tuple(_MAKERS)
