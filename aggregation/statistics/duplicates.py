"""Rows and queries that stand in the data more than once, for statistics that count them once.

A candidate that was scored twice for its query, or a query that was logged twice, is no more
evidence than once. Scores alone have to tell: equal rows are duplicates where chance would hardly
make them equal, so never rows of verdicts or ratings only.
"""

from __future__ import annotations

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


def distinct(scores: npt.NDArray[Any], queries: Queries) -> tuple[npt.NDArray[Any], Queries]:
    """Return scores, shape (n, m), and their queries without duplicates; the same if none is there.

    Within a query equal rows count once; of queries with the same rows only that whose id has the
    smallest hash counts. The result does not depend on the rows' order.
    """
    bits = _bits(scores)
    if not bits.any() or _all_differ(scores, bits):
        return scores, queries
    content, shared = _read(scores, queries, bits)
    sizes, codes = queries.sizes, queries.codes()
    recognised = shared >= 2 * np.log2(np.maximum(sizes, 1))[codes] + SPARE_BITS
    kept = _first_of_each(mixed(content ^ mixed(codes.astype(np.uint64))), recognised)
    kept &= _unrepeated(content, shared, kept, queries)[codes]
    if kept.all():
        return scores, queries
    rows = np.flatnonzero(kept) if queries.order is None else queries.order[kept]
    counts = np.bincount(codes[kept], minlength=len(queries))
    there = counts > 0
    starts = np.concatenate([[0], np.cumsum(counts[there])])
    return scores[rows], Queries(None, starts, queries.ids[there])


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


def _first_of_each(keys: Hashes, recognised: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return which rows to keep: of recognised rows with the same key, one."""
    kept = np.ones(len(keys), bool)
    places = np.flatnonzero(recognised)
    firsts = np.unique(keys[places], return_index=True)[1]
    if len(firsts) < len(places):
        kept[places] = False
        kept[places[firsts]] = True
    return kept


def _unrepeated(
    content: Hashes, shared: Floats, kept: npt.NDArray[np.bool_], queries: Queries
) -> npt.NDArray[np.bool_]:
    """Return which queries to keep: of those with the same rows, that with the smallest hash."""
    starts = queries.starts[:-1]
    rows = np.add.reduceat(np.where(kept, mixed(content), np.uint64(0)), starts)
    information = np.add.reduceat(np.where(kept, shared, 0.0), starts)
    recognised = information >= 2 * np.log2(max(len(queries), 1)) + SPARE_BITS
    if len(np.unique(rows[recognised])) == recognised.sum():
        return np.ones(len(queries), bool)
    by_hash: Ints = np.argsort(hash_ids(queries.ids), kind="stable")
    unrepeated = np.empty(len(queries), bool)
    unrepeated[by_hash] = _first_of_each(rows[by_hash], recognised[by_hash])
    return unrepeated
