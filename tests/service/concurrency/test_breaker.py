"""A breaker that blocks calls after failures in a row."""

from __future__ import annotations

import pytest

from assay.service.concurrency.breaker import Breaker
from tests.support.waiting import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time by which breakers go."""
    clock = Clock()
    monkeypatch.setattr("assay.service.concurrency.breaker.time", clock)
    return clock


def test_only_one_call_probes_an_open_breaker(clock: Clock) -> None:
    """The others fail at once; a cancelled probe is neither a success nor a failure."""
    breaker = Breaker(1, 60)
    breaker.failed()
    assert not breaker.allow()

    clock.now += 61

    assert [breaker.allow(), breaker.allow(), breaker.allow()] == [True, False, False]
    clock.now += 61
    assert breaker.allow()


def test_a_success_in_between_begins_the_count_anew() -> None:
    """Only failures in a row open it; one success closes it."""
    breaker = Breaker(2, 60)
    breaker.failed()
    breaker.succeeded()
    breaker.failed()
    closed = breaker.is_open, breaker.allow()
    breaker.failed()
    opened = breaker.is_open, breaker.allow()
    breaker.succeeded()

    assert closed == (False, True)
    assert opened == (True, False)
    assert (breaker.is_open, breaker.allow()) == (False, True)


def test_a_probe_that_fails_keeps_it_open_for_as_long_again(clock: Clock) -> None:
    """The wait begins with the failure, not with the probe."""
    breaker = Breaker(1, 60)
    breaker.failed()
    clock.now += 61
    probe = breaker.allow()
    breaker.failed()

    assert probe
    assert breaker.is_open
    assert not breaker.allow()
    clock.now += 61
    assert breaker.allow()
