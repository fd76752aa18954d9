"""The time that a candidate costs a verifier's servers."""

from __future__ import annotations

import time

from assay.service.scoring.cost_meter import LEAST_CANDIDATES, Meter


def test_a_meter_charges_what_runs_at_once_once() -> None:
    """Two calls at once are one stretch of time; a failed call counts for no candidate."""
    meter = Meter()
    meter.begin()
    meter.begin()
    time.sleep(0.05)  # what the two calls take
    meter.end(LEAST_CANDIDATES - 1)
    assert meter.seconds is None
    meter.end(LEAST_CANDIDATES + 1)
    once = meter.seconds
    meter.begin()
    meter.end(0)

    assert once is not None
    assert 0.04 < once * 2 * LEAST_CANDIDATES < 5
    assert meter.candidates == 2 * LEAST_CANDIDATES
