"""What verifiers with a served model share: the upstream, isolating a bad input, and the check at start."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from .base import Message, Pair, Query, Status, Usage, Verdict, Verdicts
from .errors import BadReplyError, RefusedError, VerifierError, VerifierTimeoutError
from .hostile import neutralise, shorten
from .settings import ServedSettings
from .transport import Transport
from .upstream import ReplyModel, Tokens, Upstream

Ask = Callable[[Sequence[Pair]], Awaitable[Verdicts]]


class _Model(ReplyModel):
    id: str


class _Models(ReplyModel):
    data: list[_Model]


class ServedVerifier:
    """A verifier that asks a server. A subclass says what it asks, and how the reply reads."""

    setwise = False
    bounds: tuple[float, float] | None = (0.0, 1.0)
    markers: tuple[str, ...] = ()

    def __init__(self, settings: ServedSettings, transport: Transport) -> None:
        self.upstream = Upstream(settings, transport)

    @property
    def settings(self) -> ServedSettings:
        """Return the verifier's part of the configuration."""
        return self.upstream.settings

    async def score(self, pairs: Sequence[Pair]) -> Verdicts:
        """Return one verdict a pair, in order."""
        return await isolating(self._ask, pairs)

    async def _ask(self, pairs: Sequence[Pair]) -> Verdicts:
        raise NotImplementedError

    async def check(self) -> None:
        """Return when one of the servers serves the model; raise `VerifierError` saying why none does."""
        problems = [problem for problem in await self.problems() if problem]
        if len(problems) == len(self.upstream.endpoints):
            raise problems[0]

    async def problems(self) -> list[VerifierError | None]:
        """Return what is wrong with each server, in order; None where nothing is."""
        return await asyncio.gather(*(self._problem(place) for place in range(len(self.upstream.endpoints))))

    async def _problem(self, place: int) -> VerifierError | None:
        endpoint = self.upstream.endpoints[place]
        try:
            async with asyncio.timeout(min(5.0, self.settings.timeout_s)):
                served = [model.id for model in (await self.upstream.get("/v1/models", _Models, endpoint)).data]
        except TimeoutError:
            return VerifierTimeoutError(f"{endpoint.url} does not answer GET /v1/models")
        except VerifierError as exc:
            return exc
        if self.settings.model in served:
            return None
        return RefusedError(f"{endpoint.url} does not serve {self.settings.model!r}; it serves: {', '.join(served)}", 404)

    async def warm_up(self) -> None:
        """Leave it to the first call: a service that starts on a full cache asks its servers nothing."""

    def _text(self, candidate: str) -> str:
        """Return a candidate as the model may see it: shortened where asked for, markers made harmless."""
        if self.settings.max_chars is not None:
            candidate = shorten(candidate, self.settings.max_chars)[0]
        return neutralise(candidate, *self.markers)

    def _texts(self, pairs: Sequence[Pair]) -> list[str]:
        """Return the candidates as the model may see them; most have nothing in them that could be a marker."""
        if self.settings.max_chars is None and not self.markers:
            texts = [pair.candidate for pair in pairs]
            return [neutralise(text) if "<" in text or "[" in text else text for text in texts]
        return [self._text(pair.candidate) for pair in pairs]

    def _messages(self, query: Query) -> list[Message]:
        return [Message(message.role, neutralise(message.content, *self.markers)) for message in query.messages]

    async def note_shortened(self, pairs: Sequence[Pair], verdicts: Verdicts) -> Verdicts:
        """Write into each verdict of a shortened candidate how many tokens were left out."""
        if self.settings.max_chars is None:
            return verdicts
        for pair, verdict in zip(pairs, verdicts.items, strict=True):
            left_out = shorten(pair.candidate, self.settings.max_chars)[1]
            if left_out and verdict.status is Status.OK:
                verdict.truncated_tokens = max(1, len(left_out) // 4)
        return verdicts


async def isolating(ask: Ask, pairs: Sequence[Pair]) -> Verdicts:
    """Ask about all pairs at once; where the server refuses the lot, halve it until the bad ones stand alone.

    One over-long text in a list makes vLLM refuse the whole list, so k bad ones of n cost about k log2 n more calls.
    """
    try:
        return await ask(pairs)
    except RefusedError as exc:
        if len(pairs) == 1:
            return Verdicts([exc.verdict()], Usage(calls=1))
        if exc.status_code not in (400, 413, 422):  # 401, 404 …: no part of the list would fare better
            raise
    middle = len(pairs) // 2
    left, right = await asyncio.gather(isolating(ask, pairs[:middle]), isolating(ask, pairs[middle:]))
    left.usage.add(right.usage)
    return Verdicts(left.items + right.items, left.usage)


def numbers(values: Sequence[float], what: str = "score") -> list[Verdict]:
    """Return the verdicts of a model's numbers; what is not a finite number is no score."""
    if all(map(math.isfinite, values)):
        return [Verdict(value) for value in values]
    return [number(value, what) for value in values]


def number(value: float, what: str = "score") -> Verdict:
    """Return the verdict of a model's number; what is not a finite number is no score."""
    if math.isfinite(value):
        return Verdict(value)
    return Verdict(None, Status.ERROR, f"bad_reply: the {what} is {value}")


def in_order(rows: Sequence[Any], count: int) -> Sequence[Any]:
    """Return a reply's rows by their index; raise `BadReplyError` unless there is exactly one for each input."""
    if len(rows) != count:
        raise BadReplyError(f"{len(rows)} rows for {count} inputs")
    if [row.index for row in rows] == list(range(count)):
        return rows
    ordered = sorted(rows, key=lambda row: row.index)
    if [row.index for row in ordered] != list(range(count)):
        raise BadReplyError(f"the rows' indices are not 0 to {count - 1}")
    return ordered


def usage_of(tokens: Tokens | None, calls: int = 1) -> Usage:
    """Return the usage that a reply states."""
    if tokens is None:
        return Usage(calls)
    return Usage(calls, tokens.prompt_tokens, tokens.completion_tokens or 0)
