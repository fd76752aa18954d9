"""Works on texts without holding up the event loop: short ones at once, long ones in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import ParamSpec, TypeVar

from assay.verifiers import Pair, Query

Given = ParamSpec("Given")
Result = TypeVar("Result")
#: Characters, or bytes, that are worth a thread; so many take less than a thousandth of a second to
#: go through.
LONG_WORK = 256 << 10
_CANDIDATE = attrgetter("candidate")


async def offload(
    size: int, work: Callable[Given, Result], *args: Given.args, **more: Given.kwargs
) -> Result:
    """Return the result of a function that takes time in proportion to `size`."""
    if size <= LONG_WORK:
        return work(*args, **more)
    return await asyncio.to_thread(work, *args, **more)


def length_of(query: Query) -> int:
    """Return the characters of a conversation."""
    return sum(len(message.content) for message in query.messages)


def characters(pairs: Sequence[Pair], one_query: bool) -> int:
    """Return the characters of a request's texts, as they were sent."""
    query_characters = (
        length_of(pairs[0].query)
        if one_query and pairs
        else sum(length_of(pair.query) for pair in pairs)
    )
    return query_characters + sum(map(len, map(_CANDIDATE, pairs)))


def to_be_read(pairs: Sequence[Pair], one_query: bool) -> int:
    """Return a request's characters for a verifier: a query counts once a candidate."""
    if one_query and pairs:
        return length_of(pairs[0].query) * (len(pairs) - 1) + characters(pairs, one_query)
    return characters(pairs, one_query)
