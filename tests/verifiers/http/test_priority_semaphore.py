"""Places for calls: interactive before bulk."""

from __future__ import annotations

import asyncio

from assay.verifiers import IN_BULK, PrioritySemaphore
from tests.support.waiting import turns


async def come_in(room: PrioritySemaphore, name: str, seen: list[str], bulk: bool = False) -> None:
    """Take a place, note it, and leave."""
    IN_BULK.set(bulk)
    async with room:
        seen.append(name)


async def test_interactive_goes_before_bulk_and_each_in_order() -> None:
    """An admitted request stays."""
    room, seen = PrioritySemaphore(1), list[str]()
    await room.__aenter__()
    names = [("bulk 1", True), ("first", False), ("bulk 2", True), ("second", False)]
    waiting = [asyncio.create_task(come_in(room, name, seen, bulk)) for name, bulk in names]
    await turns()

    assert (room.waiting, room.full, seen) == (4, True, [])
    room.leave()
    await asyncio.gather(*waiting)
    assert seen == ["first", "second", "bulk 1", "bulk 2"]
    assert (room.taken, room.waiting) == (0, 0)


async def test_who_gives_up_waiting_takes_no_place() -> None:
    """Also at the very moment of being let in."""
    room, seen = PrioritySemaphore(1), list[str]()
    await room.__aenter__()
    early, late, stays = (
        asyncio.create_task(come_in(room, name, seen)) for name in ("early", "late", "stays")
    )
    await turns()
    early.cancel()
    await turns()
    assert room.waiting == 2

    room.leave()  # lets `late` in, which is cancelled before it has run
    late.cancel()
    await asyncio.gather(early, late, stays, return_exceptions=True)

    assert seen == ["stays"]
    assert (room.taken, room.waiting) == (0, 0)
