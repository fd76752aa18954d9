"""Copies: verifiers that repeat each other beyond what the truth, or anything else, explains.

A pair is a copy if its rank correlation within queries is at least 0.95, as it is and given the
verifiers outside the pair. Two judges that are right nearly always agree as well. They are no
copies, and two tests keep them apart:

- Right and wrong candidates are two groups. Where a verifier's scores spread within the groups too,
  no truth correlates two verifiers beyond the share of variance that one split of the scores
  explains: 2/pi = 0.64 for scores without ties.
- Scores of few values can reach any correlation through the truth. For these the factor shared by
  all families tells how far: a copy must be left over once it is taken out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.aggregation.label_model.rank_one import MIN_FAMILIES, fit_rank_one
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints, Queries

#: The least correlation of a copy: given the rest, as it is, and beyond the truth.
GIVEN_THE_REST, AS_IT_IS, BEYOND_TRUTH = 0.95, 0.95, 0.90
#: Verifiers that correlate so with one of a pair are no part of the rest: they may be copies too.
AKIN = 0.90
#: The correlation of two binary judges that are right in more than 99 of 100 cases. Beyond it they
#: are copies, even if nothing else shows the truth.
SURELY_A_COPY = 0.965
#: Missing scores weaken a correlation of deviations from the query's mean. Pairs from here on are
#: measured again, on the candidates that both have scored.
MAYBE_A_COPY = 0.70
#: Pairs of scores within queries that it takes.
MIN_PAIRS = 40
#: Variance that the rest must leave to each of a pair.
MIN_LEFT = 0.02
REST_RIDGE = 1e-3


@dataclass(frozen=True, slots=True)
class Copy:
    """Two verifiers that repeat each other, or say each other's opposite (negative correlation).

    `given_rest`: the rank correlation within queries after the other verifiers' part is taken out;
    `correlation`: before.
    """

    first: str
    second: str
    given_rest: float
    correlation: float


def split_shares(z: Floats, queries: Queries) -> Floats:
    """Return the largest share of each column's variance that one split of its scores explains.

    As the scores are, or within queries, whichever is more. `z`: shape (n, m), NaN where missing.
    """
    deviations = z - queries.means(z)
    return np.array(
        [
            max(_split_share(z[:, place]), _split_share(deviations[:, place]))
            for place in range(z.shape[1])
        ]
    )


def find_copies(
    names: Sequence[str],
    correlations: Floats,
    pairs: Floats,
    z: Floats,
    queries: Queries,
    families: Ints,
    stated: Collection[str],
) -> list[Copy]:
    """Return the copies among verifiers of different families, not both `stated`; closest first.

    `correlations`, shape (m, m), of deviations from the queries' means, and `pairs`, the numbers
    of independent pairs of scores behind each; `z`, shape (n, m): normal scores of a sample of
    rows, NaN where missing, queries adjacent.
    """
    correlations = _measured_together(correlations, z, queries)
    alike = (np.abs(correlations) >= AKIN) & (pairs >= MIN_PAIRS)
    np.fill_diagonal(alike, False)
    chosen = [
        (first, second)
        for first, second in _places(alike & (np.abs(correlations) >= AS_IT_IS))
        if families[first] != families[second]
        and not (names[first] in stated and names[second] in stated)
    ]
    if not chosen:
        return []
    shares = split_shares(z, queries)
    highest = _truth_at_most(correlations, pairs, _joined(families, alike))
    copies = []
    for first, second in chosen:
        rest = np.flatnonzero(~(alike[first] | alike[second]))
        rest = rest[(rest != first) & (rest != second)]
        given_rest = _given(correlations, first, second, rest, pairs)
        raw = float(correlations[first, second])
        least = _at_least(raw, pairs[first, second])
        if abs(given_rest) >= GIVEN_THE_REST and (
            least >= SURELY_A_COPY
            or _beyond(abs(raw), shares[[first, second]]) >= BEYOND_TRUTH
            or _beyond(least, highest[[first, second]]) >= BEYOND_TRUTH
        ):
            copies.append(Copy(names[first], names[second], given_rest, raw))
    return sorted(copies, key=lambda copy: -abs(copy.given_rest))


def with_copies(
    names: Sequence[str], families: Sequence[str], copies: Sequence[Copy], stated: Collection[str]
) -> tuple[str, ...]:
    """Return the families with those of copies joined; a stated family stays as it is."""
    joined = dict(zip(names, families, strict=True))
    fixed = {joined[name] for name in stated}
    for copy in copies:
        first, second = joined[copy.first], joined[copy.second]
        if first in fixed and second in fixed:
            continue
        kept, given_up = (second, first) if second in fixed else (first, second)
        joined = {name: kept if joined[name] == given_up else joined[name] for name in names}
    return tuple(joined[name] for name in names)


def _split_share(values: Floats) -> float:
    values = np.sort(values[~np.isnan(values)])
    values = values - values.mean() if len(values) else values
    total = float(values @ values)
    if total == 0:
        return 1.0
    upto = np.cumsum(values)[:-1]
    counts = np.arange(1, len(values))
    between = upto**2 * len(values) / (counts * (len(values) - counts))
    apart = values[1:] > values[:-1]
    return float(between[apart].max(initial=0.0) / total)


def _given(correlations: Floats, first: int, second: int, rest: Ints, pairs: Floats) -> float:
    """Return a pair's correlation given the rest; 0 where data are too few to know it."""
    pair = np.array([first, second])
    if pairs[first, second] - len(rest) < MIN_PAIRS:
        return 0.0
    left = correlations[np.ix_(pair, pair)]
    if len(rest):
        among = correlations[np.ix_(rest, rest)] + REST_RIDGE * np.eye(len(rest))
        cross = correlations[np.ix_(pair, rest)]
        left = left - cross @ np.linalg.solve(among, cross.T)
    if min(left[0, 0], left[1, 1]) < MIN_LEFT:
        return 0.0
    return float(np.clip(left[0, 1] / np.sqrt(left[0, 0] * left[1, 1]), -1, 1))


def _measured_together(correlations: Floats, z: Floats, queries: Queries) -> Floats:
    """Return the correlations, those of pairs with missing scores on their common rows."""
    missing: npt.NDArray[np.bool_] = np.asarray(np.isnan(z).any(axis=0))
    maybe = (np.abs(correlations) >= MAYBE_A_COPY) & (missing[:, None] | missing[None, :])
    np.fill_diagonal(maybe, False)
    together = correlations.copy()
    for first, second in _places(maybe):
        pair = z[:, [first, second]]
        pair = np.where(np.isnan(pair).any(axis=1, keepdims=True), np.nan, pair)
        deviations = np.nan_to_num(pair - queries.means(pair))
        squares = deviations.T @ deviations
        if min(squares[0, 0], squares[1, 1]) > 0:
            value = squares[0, 1] / np.sqrt(squares[0, 0] * squares[1, 1])
            together[first, second] = together[second, first] = value
    return together


def _at_least(correlation: float, pairs: float) -> float:
    """Return the size that a correlation has at least, by two errors of a count of differences."""
    apart = max(0.0, 1 - abs(correlation))
    return 1 - apart - 2 * float(np.sqrt(2 * apart / pairs)) - 8 / pairs


def _beyond(correlation: float, shares: Floats) -> float:
    """Return the correlation that is left if the truth explains these shares of the variances.

    0 where the truth may explain all of it.
    """
    by_truth = float(np.sqrt(shares.prod()))
    if by_truth >= AS_IT_IS:
        return 0.0
    left = float(np.sqrt((1 - np.minimum(shares, 1.0)).prod()))
    return (correlation - by_truth) / max(left, MIN_LEFT)


def _truth_at_most(correlations: Floats, pairs: Floats, families: Ints) -> Floats:
    """Return the share of each variance that the shared factor explains at most, by two errors.

    1 where fewer than two others follow the factor clearly: noise alone makes one as well.
    """
    whole = np.ones(len(families))
    if len(np.unique(families)) < MIN_FAMILIES:
        return whole
    d, _ = fit_rank_one(correlations, pairs, families)
    off = families[:, None] != families[None, :]
    sampling = 1 / np.maximum(pairs, 1)
    misfit = float(np.median(np.abs(correlations - np.outer(d, d))[off]))
    surely = np.maximum(d**2 - 5 * np.sqrt(sampling), 0.0) * off
    errors = np.sqrt((surely * (sampling + misfit**2)).sum(axis=1)) / np.maximum(
        surely.sum(axis=1), 1e-9
    )
    clear = (surely > 0).sum(axis=1) >= 2
    return np.where(clear, np.minimum(np.abs(d) + 2 * errors, whole) ** 2, whole)


def _joined(families: Ints, alike: npt.NDArray[np.bool_]) -> Ints:
    """Return families as numbers, those of all pairs that are alike joined."""
    joined = families.copy()
    for first, second in _places(alike):
        joined[joined == joined[second]] = joined[first]
    return joined


def _places(alike: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield the marked pairs of a symmetric matrix, each once."""
    yield from zip(*np.nonzero(np.triu(alike)), strict=True)
