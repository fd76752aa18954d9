"""Servers that candidates are drawn from."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson

from assay.service.config.generator_settings import UpstreamSettings
from assay.service.scoring.generator import Drawn, Generator
from tests.support.verifiers.fakes import FakeTransport


async def drawn_from(status: int, reply: Any, count: int = 2, **settings: Any) -> Drawn:
    """Draw from a server that says one thing."""
    transport = FakeTransport({"/v1/chat/completions": (status, reply)})
    named = UpstreamSettings.model_validate(
        {"name": "u", "endpoint": "http://a", "model": "m", **settings}
    )
    return await Generator(named, transport).draw({"messages": []}, count, 0)


class Drip:
    """A server that answers some calls at once, fails one, and never answers the others."""

    def __init__(self, good: int, failure: tuple[int, bytes]) -> None:
        self.good, self.failure = good, failure
        self.begun = self.cancelled = 0

    async def post(self, url: str, body: bytes, api_key: str | None = None) -> tuple[int, bytes]:
        """Answer in turn."""
        self.begun += 1
        turn = self.begun
        if turn <= self.good:
            return 200, orjson.dumps(
                {"choices": [{"message": {"content": "x"}}], "usage": {"completion_tokens": 10}}
            )
        if turn == self.good + 1:
            await asyncio.sleep(0.01)  # the others are under way
            return self.failure
        try:
            await asyncio.sleep(30)  # until it is cancelled
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return 500, b""

    async def get(self, url: str, api_key: str | None = None) -> tuple[int, bytes]:
        """Answer nothing."""
        return 404, b""

    async def close(self) -> None:
        """Nothing to close."""


BUSY = (429, b'{"error": {"message": "slow down"}}')


def apart(transport: Drip) -> Generator:
    """Return an upstream that draws one by one."""
    settings = {"name": "u", "endpoint": "http://a", "model": "m", "draws": "apart"}
    return Generator(UpstreamSettings.model_validate(settings), transport)
