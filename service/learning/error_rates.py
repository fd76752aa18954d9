"""How often an ensemble's decisions are wrong, by labels that its model has not seen."""

from __future__ import annotations

import numpy as np

from assay.aggregation import Floats

#: Right and wrong labelled candidates, of each, below which a rate is not worth stating.
LEAST_OF_EACH = 10


def error_rates(held: Floats | None, correct: Floats, random: Floats) -> dict[str, float] | None:
    """Return the rates of decisions at even odds; None without enough labels.

    `held`: each row's log-odds by a model without its label, NaN where unknown; `correct`: labels
    in [0, 1], -1 without one; `random`: whether a label's candidate was drawn at random, since
    chosen ones are right and wrong in other places than the rest. Shape (rows,) each.

    `false_positive`: P(taken for right | wrong); `false_negative`: P(taken for wrong | right).
    A label between 0 and 1 counts as its share of each.
    """
    if held is None:
        return None
    rows = np.flatnonzero((correct >= 0) & np.asarray(random, bool) & np.isfinite(held))
    right, taken = correct[rows], held[rows] >= 0
    wrong = 1 - right
    if right.sum() < LEAST_OF_EACH or wrong.sum() < LEAST_OF_EACH:
        return None
    return {
        "false_positive": float(wrong[taken].sum() / wrong.sum()),
        "false_negative": float(right[~taken].sum() / right.sum()),
        "right": float(right.sum()),
        "wrong": float(wrong.sum()),
    }
