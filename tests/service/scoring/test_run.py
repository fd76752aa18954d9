"""All that changes while one request is scored."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np

from assay.service.concurrency.deduplication import SingleFlight
from assay.service.scoring.cascade_run import CascadeRun
from assay.service.scoring.plan import next_calls
from assay.service.scoring.run import LATE, ScoringRun
from assay.verifiers import Status, Verdict
from tests.support.samples.cascades import cascade
from tests.support.scorers import Books, fake, run_of
from tests.support.waiting import turns


def begun(books: Books, count: int = 2) -> ScoringRun:
    """Return a request whose calls are under way."""
    run = run_of(books, books.job(count))
    flight = SingleFlight()
    for call in next_calls(run, run.began):
        run.subscriptions += flight.join(call)
    return run


async def test_replies_are_entered_and_the_others_are_waited_for() -> None:
    """Each call by itself, with its cost."""
    gate = asyncio.Event()
    run = begun(Books([fake("quick", 0.25, cost=2.0), fake("slow", 0.75, gate=gate)]))
    await turns()
    quick, slow = (subscription.call.task for subscription in run.subscriptions)

    run.enter_replies({quick})

    assert run.awaited == {1}
    assert run.finished_columns() == [0]
    assert run.matrix.raw[:, 0].tolist() == [0.25, 0.25]
    assert np.isnan(run.matrix.raw[:, 1]).all()
    assert (run.cost, [verifier for verifier, _, _ in run.billed]) == (4.0, ["quick"])
    gate.set()
    await slow
    run.enter_replies({slow})
    assert (run.awaited, run.finished_columns()) == (set(), [0, 1])


async def test_a_deadline_is_a_time_out_of_what_is_waited_for() -> None:
    """Earlier scores stay."""
    run = begun(Books([fake("quick"), fake("slow", gate=asyncio.Event())]))
    await turns()
    run.enter_replies({run.subscriptions[0].call.task})

    run.enter_late()

    assert run.matrix.status.tolist() == [[Status.OK, Status.TIMEOUT]] * 2
    assert run.matrix.reasons[0, 1] == LATE.reason


async def test_a_call_that_ends_with_the_loop_is_late() -> None:
    """It has no reply, and costs nothing."""
    run = begun(Books([fake("v", cost=3.0, gate=asyncio.Event())]))
    task = run.subscriptions[0].call.task
    await turns()
    task.cancel()
    await asyncio.wait({task})

    run.enter_replies({task})

    assert run.matrix.status.tolist() == [[Status.TIMEOUT]] * 2
    assert (run.subscriptions, run.billed, run.cost) == ([], [], 0.0)


def test_only_unknown_pairs_are_wanted() -> None:
    """Without a cascade, all of them."""
    books = Books([fake("v")])
    run = run_of(books, books.job(3))
    run.enter(0, [1], Verdict(0.5))

    assert run.wanted_rows(0) == [0, 2]


def test_a_cascade_wants_those_it_kept() -> None:
    """All of a query's if a verifier compares them; none if no candidate is kept."""
    books = Books([fake("pointwise"), fake("setwise", setwise=True)])
    run = run_of(books, books.job(3))
    run.cascade = CascadeRun(cascade(), 3, None, lambda raw: raw[:, 0])
    run.cascade.survivors = np.array([True, False, True])

    assert run.wanted_rows(0) == [0, 2]
    assert run.wanted_rows(0, np.array([False, True, False])) == [1]
    assert run.wanted_rows(1) == [0, 1, 2]
    assert run.wanted_rows(1, np.zeros(3, bool)) == []


def test_the_columns_of_later_tiers_are_open_until_the_cascade_ends() -> None:
    """The cascade may still call them."""
    books = Books([fake(f"v{place}") for place in range(6)])
    run = run_of(books, books.job(3))
    run.cascade = CascadeRun(cascade(), 3, None, lambda raw: raw[:, 0])
    later = run.cascade.later

    assert later
    assert run.finished_columns() == [column for column in range(6) if column not in later]
    run.cascade.done = True
    assert run.finished_columns() == list(range(6))


def test_the_deadline_counts_from_the_start() -> None:
    """By the clock that calls are waited for with."""
    books = Books([fake("v")])
    run = run_of(books, replace(books.job(), deadline_s=7.0))

    assert run.deadline - run.began == 7.0
