"""Interpolation by a table."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.aggregation.statistics.lookup import Lookup

NAN = np.nan


@settings(max_examples=60, deadline=None)
@given(
    knots=st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60, unique=True),
    values=st.lists(
        st.one_of(st.floats(-2e6, 2e6), st.just(NAN), st.sampled_from([np.inf, -np.inf])),
        max_size=50,
    ),
)
def test_the_table_interpolates_as_numpy_does(knots: list[float], values: list[float]) -> None:
    """Also at the knots, outside them, and for NaN."""
    known, heights = np.sort(knots), np.sort(np.random.default_rng(0).normal(size=len(knots)))
    at = np.concatenate([values, known, (known[1:] + known[:-1]) / 2])

    assert Lookup(known, heights)(at) == pytest.approx(
        np.interp(at, known, heights), rel=1e-12, abs=1e-12, nan_ok=True
    )
