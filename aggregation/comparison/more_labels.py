"""How many labels would decide a comparison, estimated from the present variance."""

from __future__ import annotations

import math

from assay.aggregation.comparison.prediction_powered import PoweredEstimate

#: Standard errors from 0 at which a 95 % interval leaves out 0 with a chance of 80 %.
DECIDED = 1.96 + 0.84


def labels_worth(powered: PoweredEstimate, classical: PoweredEstimate, labels: int) -> float:
    """Return how many labels would be as good without predictions; at least those there are.

    NaN where labels alone leave no variance.
    """
    if not powered.variance > 0:
        return float("nan")
    return labels * max(1.0, classical.variance / powered.variance)


def labels_to_decide(difference: PoweredEstimate, labels: int) -> float:
    """Return how many labels more would decide, if the true difference is the estimated one.

    Infinite where no number does: the queries themselves are too few.
    """
    needed = (difference.value / DECIDED) ** 2
    rest = max(0.0, difference.variance - difference.labelling)
    if needed <= rest or not labels:
        return math.inf
    return max(0.0, labels * (difference.labelling / (needed - rest) - 1))


def narrowest(difference: PoweredEstimate, labels: int, unlabelled: int) -> float:
    """Return half the interval, about, if all candidates that are left had labels."""
    rest = max(0.0, difference.variance - difference.labelling)
    return 1.96 * math.sqrt(rest + difference.labelling * labels / max(1, labels + unlabelled))
