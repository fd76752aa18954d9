"""The servers behind one verifier: balanced, hedged, tried again."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import orjson

from assay.verifiers.contract.errors import (
    BadReplyError,
    UnreachableError,
    VerifierTimeoutError,
)
from assay.verifiers.contract.settings import ServedSettings
from assay.verifiers.contract.verifier import note_sent
from assay.verifiers.http.aimd_limit import AimdLimit
from assay.verifiers.http.connection_pool import Transport
from assay.verifiers.http.failure import MAX_INFO_BYTES, failure, without_key
from assay.verifiers.http.hedging import LatencyEstimate, hedged
from assay.verifiers.http.reply import (
    FEW_VALUES,
    MOST_VALUES,
    VALUES_A_BYTE,
    Reply,
    excerpt,
    parse_reply,
)
from assay.verifiers.http.retries import with_retries
from assay.verifiers.http.vllm_load import Queue, queue_of

COOL_DOWN_S = 2.0
#: Calls that one server gets at once, at most: beyond what vLLM works on at once, the rest would
#: wait there instead of here.
MOST_A_SERVER = 1024
TOO_BUSY = (429, 503)


class Endpoint:
    """One server: its address, its places, its calls, and since when it is best avoided."""

    __slots__ = ("avoid_until", "outstanding", "pace", "url")

    def __init__(self, url: str) -> None:
        self.url = url
        self.pace = AimdLimit(MOST_A_SERVER)
        self.outstanding = 0
        self.avoid_until = 0.0


class Upstream:
    """Calls the least busy of a verifier's servers, and tries again after some failures.

    It tries again, with jitter, after transport errors, 429 and 5xx only. A call whose
    connection broke after it was sent is sent once more at most: it may have broken the server.
    With several servers, a call that takes longer than 95 % of the recent ones also goes to an
    idle server.
    """

    def __init__(self, settings: ServedSettings, transport: Transport) -> None:
        self.settings = settings
        self.endpoints = [Endpoint(url) for url in settings.urls]
        self._transport = transport
        self._usual: dict[str, LatencyEstimate] = {}  # by path

    @property
    def _api_key(self) -> str | None:
        return os.environ.get(self.settings.api_key_env) if self.settings.api_key_env else None

    async def ask(
        self, path: str, body: dict[str, Any], reply: type[Reply], values: int | None = None
    ) -> Reply:
        """Post a body and return the checked reply.

        Raises `VerifierError`, also where it has more `values` than can be needed.
        """
        request_bytes = orjson.dumps(body)
        most = (
            min(FEW_VALUES + VALUES_A_BYTE * len(request_bytes), MOST_VALUES)
            if values is None
            else FEW_VALUES + values
        )
        return await self._parsed(path, await self.post(path, request_bytes), reply, most)

    async def post(self, path: str, body: bytes) -> bytes:
        """Post a body and return the reply's bytes; raise `VerifierError`."""
        return await with_retries(partial(self._once, path, body), self.settings.retries)

    async def get(self, path: str, reply: type[Reply], endpoint: Endpoint) -> Reply:
        """Fetch a path from one server, once; raise `VerifierError`."""
        url = endpoint.url + path
        status, raw = await self._transport.get(url, self._api_key)
        if status != 200:
            raise failure(url, status, without_key(raw, self._api_key))
        if len(raw) > MAX_INFO_BYTES:
            shown = excerpt(without_key(raw, self._api_key))
            raise BadReplyError(f"{url}: not the expected JSON, but {len(raw)} bytes; got {shown}")
        return await self._parsed(url, raw, reply, FEW_VALUES)

    async def _parsed(self, path: str, raw: bytes, reply: type[Reply], most: int) -> Reply:
        try:
            return await parse_reply(path, raw, reply, most)
        except BadReplyError as exc:
            raise BadReplyError(
                without_key(str(exc).encode(), self._api_key).decode()
            ) from exc.__cause__

    async def queue(self, endpoint: Endpoint) -> Queue | None:
        """Return how many requests wait in a server; None where it does not say.

        Raises `VerifierError`.
        """
        status, raw = await self._transport.get(endpoint.url + "/metrics", self._api_key)
        return queue_of(raw) if status == 200 and len(raw) <= MAX_INFO_BYTES else None

    async def _once(self, path: str, body: bytes) -> bytes:
        endpoint = self._least_busy()
        if len(self.endpoints) == 1:
            return await self._ask(endpoint, path, body)
        usual = self._usual.setdefault(path, LatencyEstimate())
        started = time.monotonic()
        if usual.p95_s is None:
            raw = await self._ask(endpoint, path, body)
        else:
            raw = await hedged(
                lambda: self._ask(endpoint, path, body),
                usual.p95_s,
                lambda: self._other(endpoint, path, body),
            )
        usual.took(time.monotonic() - started)
        return raw

    def _other(
        self, besides: Endpoint, path: str, body: bytes
    ) -> Callable[[], Awaitable[bytes]] | None:
        """Return a call of an idle server; None without one."""
        now = time.monotonic()
        for endpoint in self.endpoints:
            if (
                endpoint is not besides
                and endpoint.outstanding == 0
                and endpoint.avoid_until <= now
            ):
                return lambda: self._ask(endpoint, path, body)
        return None

    async def _ask(self, endpoint: Endpoint, path: str, body: bytes) -> bytes:
        endpoint.outstanding += 1
        try:
            async with endpoint.pace:
                return await self._send(endpoint, path, body)
        finally:
            endpoint.outstanding -= 1

    async def _send(self, endpoint: Endpoint, path: str, body: bytes) -> bytes:
        started = time.monotonic()
        try:
            note_sent()
            status, raw = await self._transport.post(endpoint.url + path, body, self._api_key)
        except (UnreachableError, VerifierTimeoutError):
            endpoint.avoid_until = time.monotonic() + COOL_DOWN_S
            raise
        except asyncio.CancelledError:
            # Timed out rather than let go of: a server that hangs should not be the next one asked.
            if time.monotonic() - started > 0.9 * self.settings.timeout_s:
                endpoint.avoid_until = time.monotonic() + COOL_DOWN_S
            raise
        if status == 200:
            endpoint.pace.went_well()
            return raw
        if status in TOO_BUSY:
            endpoint.pace.overloaded()
        if status >= 500:
            endpoint.avoid_until = time.monotonic() + COOL_DOWN_S
        raise failure(endpoint.url + path, status, without_key(raw, self._api_key))

    def _least_busy(self) -> Endpoint:
        if len(self.endpoints) == 1:
            return self.endpoints[0]
        now = time.monotonic()
        healthy = [endpoint for endpoint in self.endpoints if endpoint.avoid_until <= now]
        candidates = healthy or self.endpoints
        fewest = min(endpoint.outstanding for endpoint in candidates)
        idle = [endpoint for endpoint in candidates if endpoint.outstanding == fewest]
        return random.choice(idle)  # noqa: S311 - spreading load is no secret
