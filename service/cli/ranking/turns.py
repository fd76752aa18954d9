"""Work on rows that is done side by side, and comes out in their order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

#: Bytes of rows that are under way at once.
MOST_BYTES_UNDER_WAY = 64 << 20


@dataclass(frozen=True, slots=True)
class Turn(Generic[Result]):
    """A row's work, and its size in bytes."""

    work: Coroutine[Any, Any, Result]
    size: int


async def take_turns(
    rows: Iterator[Item], turn: Callable[[Item], Turn[Result]], most: int, in_thread: bool
) -> AsyncIterator[Result]:
    """Yield the result of each row, in order; at most `most` rows are under way.

    `in_thread`: read rows in a thread, since the next may take long to come.
    """
    under_way: deque[tuple[asyncio.Task[Result], int]] = deque()
    reading: asyncio.Task[list[Item]] | None = None
    at_end, held = False, 0
    try:
        while not at_end or under_way:
            room = len(under_way) < most and (held < MOST_BYTES_UNDER_WAY or not under_way)
            if reading is None and room and not at_end:
                reading = asyncio.create_task(_next(rows, in_thread))
            await asyncio.wait(
                [*([reading] if reading else []), *(work for work, _ in [*under_way][:1])],
                return_when=asyncio.FIRST_COMPLETED,
            )
            if reading is not None and reading.done():
                items, reading = reading.result(), None
                at_end = not items
                for item in items:
                    begun = turn(item)
                    under_way.append((asyncio.create_task(begun.work), begun.size))
                    held += begun.size
            while under_way and under_way[0][0].done():
                work, size = under_way.popleft()
                held -= size
                yield work.result()
    finally:
        for work, _ in under_way:
            work.cancel()
        await asyncio.gather(*(work for work, _ in under_way), return_exceptions=True)


async def _next(rows: Iterator[Item], in_thread: bool) -> list[Item]:
    """Return the next row as a list; an empty one after the last."""
    end: list[Item] = []
    item = await asyncio.to_thread(next, rows, end) if in_thread else next(rows, end)
    return [] if item is end else [item]  # type: ignore[list-item]  # `end` is no item
