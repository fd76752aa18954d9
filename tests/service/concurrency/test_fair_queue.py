"""Turns of the event loop for pieces of long work."""

from __future__ import annotations

import asyncio
from functools import partial

from assay.service.concurrency.fair_queue import PAIRS_A_PIECE, FairQueue
from tests.support.waiting import turns as pass_turns


async def test_a_small_request_does_not_wait_for_its_turn() -> None:
    """With any large ones waiting; a larger one comes behind them."""
    fair_queue = FairQueue()
    done: list[int] = []
    for piece in range(3):
        fair_queue.soon(partial(done.append, piece))

    await fair_queue.yield_to_others(PAIRS_A_PIECE)
    before = list(done)
    await fair_queue.yield_to_others(PAIRS_A_PIECE + 1)

    assert before == []
    assert done == [0, 1, 2]


async def test_one_piece_is_done_a_turn_of_the_loop_in_order() -> None:
    """Others have the loop in between."""
    fair_queue = FairQueue()
    done: list[int] = []
    for piece in range(3):
        fair_queue.soon(partial(done.append, piece))
    counts = []
    for _ in range(5):
        await asyncio.sleep(0)
        counts.append(len(done))

    assert counts == [1, 2, 3, 3, 3]
    assert done == [0, 1, 2]


async def test_all_done_returns_when_nothing_waits() -> None:
    """Pieces that come meanwhile included."""
    fair_queue, done = FairQueue(), []
    await fair_queue.all_done()
    fair_queue.soon(lambda: fair_queue.soon(lambda: done.append("late")))

    await fair_queue.all_done()

    assert done == ["late"]


async def test_a_piece_that_fails_holds_up_nobody() -> None:
    """The loop hears of it, and the next one has its turn."""
    fair_queue, done, heard = FairQueue(), [], []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: heard.append(type(context["exception"])))

    def fail() -> None:
        raise KeyError("piece")

    fair_queue.soon(fail)
    fair_queue.soon(lambda: done.append(1))
    await pass_turns()

    assert heard == [KeyError]
    assert done == [1]
