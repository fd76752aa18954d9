"""Verifiers and a transport with a test's own answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from assay.verifiers import Finding, Pair, Verdict, Verdicts, VerifierSettings

Says = float | Exception | Callable[[Pair], float | None]


@dataclass
class FakeVerifier:
    """Returns a number, raises an error, or calls a function; counts its calls."""

    name: str
    says: Says = 0.5
    setwise: bool = False
    bounds: tuple[float, float] | None = (0.0, 1.0)
    options: dict[str, Any] = field(default_factory=dict)
    gate: asyncio.Event | None = None
    asked: list[list[str]] = field(default_factory=list)
    cancelled: int = 0

    @property
    def settings(self) -> VerifierSettings:
        """Return settings with the test's options."""
        return VerifierSettings(name=self.name, kind="fake", **self.options)

    async def score(self, pairs: Sequence[Pair]) -> Verdicts:
        """Return the test's answer."""
        self.asked.append([pair.candidate for pair in pairs])
        try:
            if self.gate is not None:
                await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if isinstance(self.says, Exception):
            raise self.says
        if callable(self.says):
            return Verdicts([Verdict(self.says(pair)) for pair in pairs])
        return Verdicts([Verdict(self.says) for _ in pairs])

    async def check(self) -> None:
        """Be ready."""

    async def examine(self) -> list[Finding]:
        """Find nothing."""
        return []

    async def warm_up(self) -> None:
        """Be warm."""


@dataclass
class FakeTransport:
    """Answers each path from a function or a fixed reply; keeps the requests."""

    replies: dict[str, Any]
    sent: list[tuple[str, Any]] = field(default_factory=list)

    async def post(self, url: str, body: bytes, api_key: str | None = None) -> tuple[int, bytes]:
        """Answer a body."""
        path = "/" + url.split("/", 3)[3]
        asked = orjson.loads(body)
        self.sent.append((path, asked))
        reply = self.replies.get(path, (404, {"detail": "Not Found"}))
        reply = reply(asked) if callable(reply) else reply
        if isinstance(reply, Exception):
            raise reply
        status, content = reply
        return status, content if isinstance(content, bytes) else orjson.dumps(content)

    async def get(self, url: str, api_key: str | None = None) -> tuple[int, bytes]:
        """Answer as to an empty body."""
        return await self.post(url, b"{}")

    async def close(self) -> None:
        """Nothing to close."""

    def paths(self) -> list[str]:
        """Return the paths asked, in order."""
        return [path for path, _ in self.sent]
