"""The front of the service: request ids, keys, bounded bodies, bounded queues. Pure ASGI, since every request pays it."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping

import structlog
from fastapi import FastAPI, Request, Response
from starlette.types import Message, Receive, Scope, Send

from .access import Keys, ask_as, needed
from .errors import ApiError
from .metrics import Metrics
from .settings import ServiceSettings

log = structlog.get_logger()

Handler = Callable[[Request], Awaitable[Response]]
#: Paths that say nothing of traffic or configuration, and are open even where keys are asked for.
OPEN_PATHS = frozenset({"/", "/docs", "/docs/oauth2-redirect", "/openapi.json", "/healthz", "/readyz"})
REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,128}")
TOO_LARGE = "the body has more than the {} bytes that a request may have"


class _TooLargeError(Exception):
    pass


class Gate:
    """Wraps the application; `scoring` are the handlers whose requests take a place among the bounded number scored at once.

    Those are called from here, past the framework, whose layers cost as much CPU as an answer from the cache does. They
    are routes of the application all the same, for its documents. `shapes`: how a path tells failures, where not as we do.
    """

    def __init__(
        self,
        app: FastAPI,
        settings: ServiceSettings,
        metrics: Metrics,
        scoring: Mapping[str, Handler],
        shapes: Mapping[str, Callable[[ApiError], Response]] | None = None,
    ) -> None:
        self.app = app
        self._settings = settings
        self._metrics = metrics
        self._scoring = scoring
        self._shapes = shapes or {}
        self._keys = Keys((key.get_secret_value() for key in settings.api_keys), settings.keys)
        self._places = asyncio.Semaphore(settings.max_active)
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        request_id = given if given and REQUEST_ID.fullmatch(given) else os.urandom(16).hex().encode()
        scope["assay.request_id"] = request_id.decode()
        sent = 0

        async def reply(message: Message) -> None:
            nonlocal sent
            if message["type"] == "http.response.start":
                sent = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id)]
            await send(message)

        try:
            await self._admit(scope, headers, receive, reply)
        except ApiError as exc:
            await self._told(scope, exc)(scope, receive, reply)
        except _TooLargeError:
            if not sent:
                limit = self._settings.max_body_bytes
                error = ApiError(413, TOO_LARGE.format(limit), param="body", code="body_too_large")
                await self._told(scope, error)(scope, receive, reply)
        except Exception:
            # The last frame of a request: what gets here is a bug, and is answered and logged as one.
            log.exception("request_failed", path=scope["path"], request_id=request_id.decode())
            if sent:
                raise
            error = ApiError(500, "an error of the service; its log says which", code="internal")
            await self._told(scope, error)(scope, receive, reply)
        path = _path(scope)
        self._metrics.answered(path if path in self._scoring else "other", sent, time.perf_counter() - started)

    def _told(self, scope: Scope, exc: ApiError) -> Response:
        """Return a failure as the path's clients read it."""
        shape = self._shapes.get(_path(scope))
        return exc.response() if shape is None else shape(exc)

    async def _admit(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, send: Send) -> None:
        path = _path(scope)
        if self._keys and path not in OPEN_PATHS:
            self._check_key(headers.get(b"authorization", b""), scope["method"], path)
        bounded = self._bounded(headers, receive)
        if path not in self._scoring or scope["method"] != "POST":
            await self.app(scope, bounded, send)
            return
        await self._take_place()
        self._metrics.active.inc()
        try:
            scope["app"] = self.app
            response = await self._scoring[path](Request(scope, bounded))
            await response(scope, bounded, send)
        finally:
            self._metrics.active.dec()
            self._places.release()

    async def _take_place(self) -> None:
        """Wait for a place in a bounded queue; when it is full, refuse at once."""
        if not self._places.locked():
            await self._places.acquire()
            return
        if self._waiting >= self._settings.max_queued:
            self._metrics.refused.inc()
            raise ApiError(429, "the queue is full: try again shortly", code="queue_full", retry_after_s=1)
        self._waiting += 1
        self._metrics.queued.inc()
        try:
            async with asyncio.timeout(self._settings.deadline_ms / 1e3):
                await self._places.acquire()
        except TimeoutError:
            raise ApiError(429, "no place within the deadline: try again", code="queue_timeout", retry_after_s=1) from None
        finally:
            self._waiting -= 1
            self._metrics.queued.dec()

    def _check_key(self, authorization: bytes, method: str, path: str) -> None:
        """Note who asks; raise `ApiError` where nobody known does, or one who may not."""
        holder = self._keys.holder(authorization)
        if holder is None:
            raise ApiError(401, "no key, or one that is not known: send `Authorization: Bearer KEY`", code="invalid_api_key")
        if (lacks := holder.lacks(needed(method, path, path in self._scoring), path)) is not None:
            raise ApiError(403, lacks, code="insufficient_scope")
        ask_as(holder)

    def _bounded(self, headers: dict[bytes, bytes], receive: Receive) -> Receive:
        limit, seen = self._settings.max_body_bytes, 0
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > limit:
            raise _TooLargeError
        if length.isdigit():  # the server holds the client to it
            return receive

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise _TooLargeError
            return message

        return counted


def _path(scope: Scope) -> str:
    """Return a request's path below the prefix that a proxy adds."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))
