"""From log-odds to an order of candidates."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from assay.aggregation.label_model.fitted import FittedModel
from assay.aggregation.matrix import Floats


def order(log_odds: Floats, tie_keys: Callable[[], Sequence[int]]) -> list[int]:
    """Return the candidates' places, best first; those without log-odds come last.

    Equal log-odds are ordered by `tie_keys`, which follow from query and text and not from the
    place in the request.
    """
    keys = np.where(np.isnan(log_odds), np.inf, -log_odds)
    places = np.argsort(keys, kind="stable")
    ordered = keys[places]
    if (ordered[1:] != ordered[:-1]).all():
        return [int(place) for place in places]
    ties, plain = tie_keys(), keys.tolist()
    return sorted(range(len(plain)), key=lambda place: (plain[place], ties[place], place))


def rank(model: FittedModel, scores: npt.ArrayLike) -> list[int]:
    """Return the places of one query's candidates, best first, in a fitted model's order.

    `scores`: raw, shape (n, m), a row a candidate and a column a verifier in the order of
    `model.names_`, NaN (or None) where missing. Candidates without any score come last; equal ones
    keep their order. Raises `NotFittedError` for a model that has learned nothing, `ValueError` for
    other columns than it knows (`model.for_verifiers(names)` reads others) and for wrong arguments.
    """
    if not isinstance(model, FittedModel):
        raise ValueError(
            f"model: must be a LabelModel, not {type(model).__name__}; call rank(model, scores)"
        )
    count = np.asarray(scores).shape[:1]
    log_odds = model.score_samples(scores, np.zeros(count))
    return order(log_odds, lambda: range(len(log_odds)))
