"""Whether a client is still connected; a client that has left wants no work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.types import Receive

from assay.service.api.errors import ApiError

Result = TypeVar("Result")
GONE = "the client closed its connection"


def gone() -> ApiError:
    """Return the response that is counted when the client has gone."""
    return ApiError(499, GONE, code="client_closed_request")


async def until_gone(receive: Receive) -> None:
    """Return when a client whose body was read has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def while_there(receive: Receive, asking: Awaitable[Result]) -> Result:
    """Return the awaited result; cancel it and raise `ApiError` if the client leaves first."""
    work, departure = asyncio.ensure_future(asking), asyncio.ensure_future(until_gone(receive))
    try:
        await asyncio.wait({work, departure}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise gone()
        return await work
    finally:
        for waiting in (work, departure):
            waiting.cancel()
