"""Whether something answers, by its last real calls."""

from __future__ import annotations

import pytest

from assay.service.concurrency.failing_calls import IN_A_ROW, RECENT_S, FailingCalls
from tests.support.waiting import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time by which failures age."""
    clock = Clock()
    monkeypatch.setattr("assay.service.concurrency.failing_calls.time", clock)
    return clock


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("count", [IN_A_ROW, 7, 1000])
def test_failures_in_a_row_are_a_problem_with_the_last_ones_reason(count: int) -> None:
    """Until a call is answered; fewer are a hiccup."""
    calls = FailingCalls()
    problems = [calls.problem()]
    for place in range(count):
        calls.failed(f"away {place}")
        problems.append(calls.problem())
    calls.answered()
    after = calls.problem()
    calls.failed("once more")

    assert problems[:IN_A_ROW] == [None] * IN_A_ROW
    assert problems[-1] == f"away {count - 1} (its last {count} calls failed)"
    assert after is calls.problem() is None


def test_whether_the_last_call_failed_since_a_moment(clock: Clock) -> None:
    """One failure is enough; one before the moment, or before an answer, is none."""
    calls = FailingCalls()
    never = calls.failed_since(0.0)
    calls.failed("away")
    at = clock.now
    since = [calls.failed_since(moment) for moment in (at - 5, at - 0.1, at, at + 1)]
    calls.answered()

    assert not never
    assert since == [True, True, False, False]
    assert not calls.failed_since(0.0)


@pytest.mark.parametrize("count", [IN_A_ROW, 5])
def test_old_failures_say_nothing_of_now(clock: Clock, count: int) -> None:
    """What is left out for them gets no call that could be answered; another failure counts on."""
    calls = FailingCalls()
    for _ in range(count):
        calls.failed("away")
    clock.now += RECENT_S
    recent = calls.problem()
    clock.now += 1
    old = calls.problem()
    calls.failed("still away")

    assert recent is not None
    assert old is None
    assert calls.problem() == f"still away (its last {count + 1} calls failed)"
