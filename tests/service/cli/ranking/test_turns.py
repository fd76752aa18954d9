"""Work that is done side by side, and comes out in order."""

from __future__ import annotations

import asyncio

import pytest

from assay.service.cli.ranking import turns as module
from assay.service.cli.ranking.turns import Turn, take_turns


@pytest.mark.parametrize("in_thread", [False, True])
async def test_results_come_in_the_order_of_the_rows(in_thread: bool) -> None:
    """However late each is done, and never too many at once."""
    under_way: set[int] = set()
    most = 0

    async def work(number: int) -> int:
        nonlocal most
        under_way.add(number)
        most = max(most, len(under_way))
        for _ in range(number % 3):
            await asyncio.sleep(0)
        under_way.remove(number)
        return number

    turns = take_turns(iter(range(20)), lambda n: Turn(work(n), 1), most=4, in_thread=in_thread)

    assert [number async for number in turns] == list(range(20))
    assert most <= 4


async def test_rows_under_way_are_bounded_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is larger by itself is under way alone."""
    monkeypatch.setattr(module, "MOST_BYTES_UNDER_WAY", 100)
    started: list[int] = []
    gate = asyncio.Event()

    async def work(number: int) -> int:
        started.append(number)
        await gate.wait()
        return number

    turns = take_turns(iter(range(4)), lambda n: Turn(work(n), 500), most=9, in_thread=False)
    first = asyncio.ensure_future(anext(turns))
    for _ in range(20):
        await asyncio.sleep(0)

    assert started == [0]
    gate.set()
    assert [await first] + [number async for number in turns] == [0, 1, 2, 3]


async def test_a_failure_ends_the_rows_and_what_is_under_way() -> None:
    """It is raised where the row's turn is."""

    async def work(number: int) -> int:
        if number == 2:
            raise ValueError("no")
        return number

    turns = take_turns(iter(range(9)), lambda n: Turn(work(n), 1), most=9, in_thread=False)

    assert [await anext(turns), await anext(turns)] == [0, 1]
    with pytest.raises(ValueError, match="no"):
        await anext(turns)
