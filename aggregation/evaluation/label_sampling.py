"""Candidates to label: random ones, a few of a query (`cascade`, section D)."""

from __future__ import annotations

import numpy as np

from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints, Queries

PER_QUERY = 4
MOST_TRIES = 1000


def draw_labels(queries: Queries, labels: Floats, count: int, random: np.random.Generator) -> Ints:
    """Return `count` rows of random queries, 4 random rows of each, with labels of both classes.

    `queries` are adjacent, `labels` of shape (n,); rows without a label (NaN) are not drawn. Draws
    again until both classes occur; raises `ValueError` if a class is too rare.
    """
    labelled = ~np.isnan(labels)
    for _ in range(MOST_TRIES):
        rows: list[int] = []
        for query in random.permutation(len(queries)):
            low, high = queries.starts[query : query + 2]
            candidates = low + np.flatnonzero(labelled[low:high])
            size = min(PER_QUERY, len(candidates), count - len(rows))
            rows.extend(random.permutation(candidates)[:size])
            if len(rows) == count:
                break
        chosen = np.array(rows, np.int64)
        if 0 < labels[chosen].sum() < len(chosen):
            return chosen
    raise ValueError(
        f"labels: in {MOST_TRIES} draws of {count} all were of one class; {np.nansum(labels):g}"
        f" of {labelled.sum()} are correct"
    )
