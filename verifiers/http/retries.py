"""Another try of a call that failed for a while."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from assay.verifiers.contract.errors import (
    LostError,
    OverloadedError,
    UnreachableError,
    UpstreamFailedError,
)

WORTH_ANOTHER_TRY = (UnreachableError, UpstreamFailedError, OverloadedError)
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 5.0


async def with_retries(call: Callable[[], Awaitable[bytes]], retries: int) -> bytes:
    """Return a call's reply: of its first try, or of up to `retries` further ones.

    Waits at random, up to 0.1 s at first and longer each time. A reply that was lost on the way
    is worth one more try in all. Raises the last try's `VerifierError`.
    """
    lost = False
    try:
        return await call()
    except WORTH_ANOTHER_TRY as exc:
        # The common case, an answer at the first try, does not pay for the retrying machinery.
        lost = isinstance(exc, LostError)
        if not retries or (isinstance(exc, LostError) and exc.again):
            raise

    def worth_another_try(exc: BaseException) -> bool:
        nonlocal lost
        lost_before, lost = lost, lost or isinstance(exc, LostError)
        return isinstance(exc, WORTH_ANOTHER_TRY) and not (
            isinstance(exc, LostError) and (lost_before or exc.again)
        )

    await asyncio.sleep(random.uniform(0, FIRST_WAIT_S))  # noqa: S311 - jitter
    tries = AsyncRetrying(
        stop=stop_after_attempt(retries),
        wait=wait_random_exponential(multiplier=2 * FIRST_WAIT_S, max=LONGEST_WAIT_S),
        retry=retry_if_exception(worth_another_try),
        reraise=True,
    )
    return await tries(call)
