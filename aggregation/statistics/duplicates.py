"""Rows and queries that stand in the data more than once, for statistics that count them once.

A candidate that was scored twice for its query, or a query that was logged twice, is no more
evidence than once. Scores alone have to tell: equal rows are duplicates where chance would hardly
make them equal, so never rows of verdicts or ratings only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints, Queries, finite
from assay.aggregation.statistics.row_sample import Hashes, content_hashes, hash_ids, mixed

#: Rows that show how often a verifier repeats a score.
ROWS_LOOKED_AT = 4096
#: Verifiers of so few values repeat themselves, and each other: they identify no row.
COARSE_VALUES = 20
#: Columns that a first look compares.
TELLING_COLUMNS = 3
#: Bits that equal rows must share beyond those that pick a pair among all pairs compared: chance
#: makes a false duplicate in one of 2^4 such comparisons of all with all.
SPARE_BITS = 4.0


@dataclass(frozen=True, slots=True)
class Distinct:
    """The rows that count, k of n, and the row that each of the n counts as.

    `rows`: places of those that count in the caller's numbering, by query; `queries`: theirs;
    `counts_as`, shape (n,): for each of the caller's rows, a place in `rows`.
    """

    rows: Ints
    queries: Queries
    counts_as: Ints

    def means(self, values: Floats) -> Floats:
        """Return the mean of the values of all rows that count as one, without NaN, shape (k,).

        `values`: shape (n,), in the caller's order; NaN where all are NaN.
        """
        present = ~np.isnan(values)
        sums, counts = (
            np.bincount(self.counts_as, weights, minlength=len(self.rows))
            for weights in (np.where(present, values, 0.0), present)
        )
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)

    def any(self, marks: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Return whether one of the rows that count as one is marked, shape (k,)."""
        return np.bincount(self.counts_as, marks, minlength=len(self.rows)) > 0


def distinct(scores: npt.NDArray[Any], queries: Queries) -> tuple[npt.NDArray[Any], Queries]:
    """Return scores, shape (n, m), and their queries without duplicates; the same if none is there.

    Within a query equal rows count once; of queries with the same rows only that whose id has the
    smallest hash counts. The result does not depend on the rows' order.
    """
    counted = distinct_rows(scores, queries)
    return (scores, queries) if counted is None else (scores[counted.rows], counted.queries)


def distinct_rows(scores: npt.NDArray[Any], queries: Queries) -> Distinct | None:
    """Return which rows of scores, shape (n, m), count, as `distinct` has them; None if all do."""
    bits = _bits(scores)
    if not bits.any() or _all_differ(scores, bits):
        return None
    content, shared = _read(scores, queries, bits)
    sizes, codes = queries.sizes, queries.codes()
    recognised = shared >= 2 * np.log2(np.maximum(sizes, 1))[codes] + SPARE_BITS
    stand_in = _first_of_each(mixed(content ^ mixed(codes.astype(np.uint64))), recognised)
    kept = stand_in == np.arange(len(content))
    for_query = _unrepeated(content, shared, kept, queries)
    again = for_query[codes] != codes
    if kept.all() and not again.any():
        return None
    # A query's rows and those of the query that it repeats pair up in the order of their content.
    pairing = np.lexsort((content, codes, ~kept))[: int(kept.sum())]
    first = np.searchsorted(codes[pairing], np.arange(len(queries)))
    rank = np.zeros(len(content), np.int64)
    rank[pairing] = np.arange(len(pairing)) - first[codes[pairing]]
    partners = np.minimum(first[for_query[codes]] + rank[stand_in], len(pairing) - 1)
    stand_in = np.where(again, pairing[partners], stand_in)
    kept &= ~again
    counts = np.bincount(codes[kept], minlength=len(queries))
    there = counts > 0
    grouped = np.flatnonzero(kept)
    rows = grouped if queries.order is None else queries.order[grouped]
    starts = np.concatenate([[0], np.cumsum(counts[there])])
    place = np.cumsum(kept) - 1
    return Distinct(
        rows, Queries(None, starts, queries.ids[there]), queries.put_back(place[stand_in])
    )


def _bits(scores: npt.NDArray[Any]) -> Floats:
    """Return how many bits a score of each verifier tells about its row, shape (m,)."""
    step = max(1, len(scores) // ROWS_LOOKED_AT)
    bits = np.zeros(scores.shape[1])
    for place, column in enumerate(finite(scores[::step]).T):
        counts = np.unique(column[~np.isnan(column)], return_counts=True)[1]
        if len(counts) > COARSE_VALUES:
            bits[place] = -np.log2(((counts / counts.sum()) ** 2).sum())
    return bits


def _all_differ(scores: npt.NDArray[Any], bits: Floats) -> bool:
    """Return whether no two rows agree in the column that tells most, or else in a few.

    A fast way out: most data have no duplicates.
    """
    few = np.argsort(-bits, kind="stable")[:TELLING_COLUMNS]
    column = np.sort(finite(scores[:, few[0]]))
    if not np.isnan(column[-1]) and (column[1:] != column[:-1]).all():
        return True
    keys = np.sort(content_hashes(finite(scores[:, few]), hash_ids(few) | np.uint64(1)))
    return bool((keys[1:] != keys[:-1]).all())


def _read(scores: npt.NDArray[Any], queries: Queries, bits: Floats) -> tuple[Hashes, Floats]:
    """Return each grouped row's hash of its content, and the bits of its scores."""
    salts = hash_ids(np.arange(scores.shape[1])) | np.uint64(1)
    hashes, shared = [], []
    for part, _ in queries.blocks(scores):
        hashes.append(content_hashes(part, salts))
        shared.append((~np.isnan(part)).astype(float) @ bits)
    return np.concatenate(hashes), np.concatenate(shared)


def _first_of_each(keys: Hashes, recognised: npt.NDArray[np.bool_]) -> Ints:
    """Return the row that stands for each: of recognised rows with the same key, the first."""
    stand_in = np.arange(len(keys))
    places = np.flatnonzero(recognised)
    firsts, of_key = np.unique(keys[places], return_index=True, return_inverse=True)[1:]
    stand_in[places] = places[firsts[of_key]]
    return stand_in


def _unrepeated(
    content: Hashes, shared: Floats, kept: npt.NDArray[np.bool_], queries: Queries
) -> Ints:
    """Return the query that stands for each: of those with the same rows, by the smallest hash."""
    starts = queries.starts[:-1]
    rows = np.add.reduceat(np.where(kept, mixed(content), np.uint64(0)), starts)
    information = np.add.reduceat(np.where(kept, shared, 0.0), starts)
    recognised = information >= 2 * np.log2(max(len(queries), 1)) + SPARE_BITS
    if len(np.unique(rows[recognised])) == recognised.sum():
        return np.arange(len(queries))
    by_hash: Ints = np.argsort(hash_ids(queries.ids), kind="stable")
    stand_in = np.empty(len(queries), np.int64)
    stand_in[by_hash] = by_hash[_first_of_each(rows[by_hash], recognised[by_hash])]
    return stand_in
