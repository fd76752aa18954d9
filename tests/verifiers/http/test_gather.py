"""Calls that are made side by side."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from assay.verifiers import BadReplyError, Pair, Query, VerifierError
from assay.verifiers.http.gather import gather_or_cancel
from tests.support.verifiers.fakes import FakeTransport
from tests.support.verifiers.kinds import made, standin


async def test_what_fails_first_ends_the_rest() -> None:
    """If all of several calls are needed, the first error cancels the others before it is raised."""
    ended: list[str] = []

    async def long(name: str) -> str:
        try:
            await asyncio.sleep(30)
        finally:
            ended.append(name)
        return name

    async def fails() -> str:
        await asyncio.sleep(0)
        raise BadReplyError("no")

    with pytest.raises(BadReplyError):
        await gather_or_cancel(long("a"), fails(), long("b"))
    call = asyncio.create_task(gather_or_cancel(long("c"), long("d")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    assert sorted(ended) == ["a", "b", "c", "d"]
    assert await gather_or_cancel() == []


async def test_a_refused_conversation_leaves_no_call_running() -> None:
    """A call a candidate: one is refused for good, and the others are not paid for."""
    cancelled = 0

    class Slow(FakeTransport):
        async def post(
            self, url: str, body: bytes, api_key: str | None = None
        ) -> tuple[int, bytes]:
            nonlocal cancelled
            if "/v1/chat/completions" not in url:
                return await super().post(url, body, api_key)
            if b"bad one" in body:
                return 401, orjson.dumps({"error": "no"})
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                cancelled += 1
                raise
            return 500, b""

    pairs = [
        Pair(Query.of("What is 3 + 4?"), text) for text in ("first one", "bad one", "third one")
    ]
    with pytest.raises(VerifierError):
        await asyncio.wait_for(made("judge_cot", Slow(standin("judge").replies)).score(pairs), 20)

    assert cancelled == 2
