"""Signs that labelled candidates were not drawn at random."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Queries

#: Standard errors beyond which chance is no explanation (1 in 16,000).
MOST_ERRORS = 4.0


def draw_errors(values: Floats, weights: Floats, queries: Queries) -> float:
    """Return by how many standard errors labelled candidates rank above others of their query.

    `values`, shape (rows,): what they are ranked by; `weights`: above 0 where labelled. Candidates
    that were drawn at random have the mean rank of their query in the mean; 0 without partly
    labelled queries.
    """
    total = variance = 0.0
    values = np.where(np.isnan(values), -np.inf, values)
    for low, high in zip(queries.starts[:-1], queries.starts[1:], strict=True):
        labelled = weights[low:high] > 0
        count, size = int(labelled.sum()), int(high - low)
        if 0 < count < size:
            ranks = rankdata(values[low:high])
            total += float(ranks[labelled].sum() - count * ranks.mean())
            variance += count * (1 - count / size) * float(ranks.var(ddof=1))
    return total / variance**0.5 if variance > 0 else 0.0


def draw_warnings(scores: Floats, weights: Floats, queries: Queries) -> list[str]:
    """Return a sentence for each sign that labels are of chosen candidates.

    `scores`: by a model that has seen none of the labels.
    """
    places = -np.concatenate([np.arange(size) for size in queries.sizes]).astype(float)
    signs = {
        "score higher than the others": draw_errors(scores, weights, queries),
        "stand before the others": draw_errors(places, weights, queries),
    }
    opposite = {
        "score higher than the others": "score lower than the others",
        "stand before the others": "stand after the others",
    }
    return [
        f"labelled candidates {sign if errors > 0 else opposite[sign]} of their queries, by"
        f" {abs(errors):.0f} standard errors: they were hardly drawn at random, and what was"
        " measured holds for such candidates only"
        for sign, errors in signs.items()
        if abs(errors) > MOST_ERRORS
    ]
