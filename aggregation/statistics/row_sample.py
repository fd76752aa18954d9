"""A sample of training rows that does not depend on their order, and merges across shards."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints, Queries, finite, ranges

Hashes = npt.NDArray[np.uint64]

MAX_ROWS = 20_000
#: A query gives this many rows before any gives more, so that a few large queries do not make up
#: the sample.
LAYER = 64


@dataclass(frozen=True, slots=True)
class RowSample:
    """At most 20,000 rows: whole queries, or 64 rows of each, with the smallest hashes.

    `scores` has shape (rows, m); `query` is each row's query, hashed; rows of a query are
    adjacent. The order of the hashes: `layer` (0 for a query's first 64 rows by hash, 1 for its
    next), then `query`, then `row`, the hash of the row's query and content.
    """

    scores: Floats
    query: Hashes
    layer: Ints
    row: Hashes

    @classmethod
    def of(cls, scores: npt.NDArray[Any], queries: Queries, names: Sequence[str]) -> RowSample:
        """Sample a matrix's rows. Two calls whose samples are merged must not share a query."""
        hashes = mixed(hash_ids(queries.ids))
        by_hash = np.argsort(hashes)
        # Once the first layers of the first queries fill the sample, no later query has a row in
        # it.
        filled = np.cumsum(np.minimum(queries.sizes[by_hash], LAYER))
        some = np.sort(by_hash[: int(np.searchsorted(filled, MAX_ROWS)) + 1])
        picked = queries.pick(some)
        values = finite(scores[queries.rows_of(some)])
        query = np.repeat(hashes[some], picked.sizes)
        row = mixed(content_hashes(values, hash_ids(np.asarray(names, str)) | np.uint64(1)) ^ query)
        layer = _places_within(row, picked) // LAYER
        chosen = _smallest(layer, query, row)
        return cls(values[chosen], query[chosen], layer[chosen], row[chosen])

    def merge(self, other: RowSample) -> RowSample:
        """Return the sample of both shards' rows together."""
        layer = np.concatenate([self.layer, other.layer])
        query, row = (
            np.concatenate([self.query, other.query]),
            np.concatenate([self.row, other.row]),
        )
        chosen = _smallest(layer, query, row)
        return RowSample(
            np.concatenate([self.scores, other.scores])[chosen],
            query[chosen],
            layer[chosen],
            row[chosen],
        )

    @property
    def queries(self) -> Queries:
        """Return the sampled rows' queries."""
        return Queries.of(self.query)


def hash_ids(ids: npt.NDArray[Any]) -> Hashes:
    """Return a stable 64-bit hash of each id; equal integers of any width hash alike."""
    if ids.dtype.kind in "iub":
        return mixed(ids.astype(np.int64).view(np.uint64))
    digests = b"".join(
        hashlib.blake2b(str(value).encode(), digest_size=8).digest() for value in ids.tolist()
    )
    return np.frombuffer(digests, np.uint64)


def content_hashes(scores: Floats, salts: Hashes) -> Hashes:
    """Return a hash of each row's scores that does not depend on the columns' order."""
    bits = np.where(np.isnan(scores), np.nan, scores + 0.0).view(
        np.uint64
    )  # one bit pattern for NaN, and for 0
    total = np.zeros(len(scores), np.uint64)
    for place, salt in enumerate(salts):  # a column at a time: the matrix may be large
        total += (bits[:, place] ^ (bits[:, place] >> np.uint64(29))) * salt
    return total


def mixed(values: Hashes) -> Hashes:
    """Return 64-bit values well mixed (the finaliser of splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(values ^ (values >> np.uint64(31)))


def _places_within(row: Hashes, queries: Queries) -> Ints:
    """Return each row's place among its query's, by hash."""
    places = np.empty(len(row), np.int64)
    places[np.lexsort((row, queries.codes()))] = ranges(np.zeros_like(queries.sizes), queries.sizes)
    return places


def _smallest(layer: Ints, query: Hashes, row: Hashes) -> Ints:
    """Return the places of the rows in the sample, queries side by side."""
    places = np.lexsort((row, query, layer))
    if len(places) > MAX_ROWS:
        beyond, places = places[MAX_ROWS], places[:MAX_ROWS]
        # A query that the end cuts through is left out: what is left of it would be no sample of
        # it.
        places = places[(layer[places] != layer[beyond]) | (query[places] != query[beyond])]
    return places[np.lexsort((row[places], query[places]))]
