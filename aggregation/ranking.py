"""From log-odds to an order of candidates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .base import Floats


def order(log_odds: Floats, tie_keys: Sequence[int]) -> list[int]:
    """Return the candidates' places, best first; those without log-odds come last.

    Equal log-odds are ordered by `tie_keys`, which follow from query and text and not from the place in the request.
    """
    keys = np.where(np.isnan(log_odds), np.inf, -log_odds)
    return sorted(range(len(keys)), key=lambda place: (keys[place], tie_keys[place], place))
