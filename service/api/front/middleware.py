"""The front of the service: request ids, keys, bodies, places. Pure ASGI, since every request
pays it.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import structlog
from fastapi import FastAPI, Request, Response
from starlette.types import Message, Receive, Scope, Send

from assay.service.api.errors import ApiError, answer_to
from assay.service.api.front import admission
from assay.service.api.front import body_limit as body
from assay.service.api.front.admission import Admission
from assay.service.api.front.auth import KeyRing, needed
from assay.service.api.front.body_limit import Bodies
from assay.service.api.front.browsers import Browsers, refuse_doubled
from assay.service.api.sse import EventStream
from assay.service.config.settings import ServiceSettings
from assay.service.domain.errors import LimitReachedError
from assay.service.domain.hosts import Hosts, address_of
from assay.service.domain.principal import EVERYTHING, Principal, ask_as, spent
from assay.service.domain.secrets import masked
from assay.service.telemetry.metrics import Metrics
from assay.verifiers import IN_BULK, printable

log = structlog.get_logger()

Handler = Callable[[Request], Awaitable[Response]]
#: Paths that say nothing of traffic or configuration (to who may not know it), and are open even
#: where keys are asked for.
OPEN_PATHS = frozenset(
    {"/", "/docs", "/docs/oauth2-redirect", "/openapi.json", "/healthz", "/readyz"}
)
#: Of those, what is probed under any name.
PROBES = frozenset({"/healthz", "/readyz"})
#: What a key may ask without being counted: what is looked at every few seconds, and costs nothing.
NOT_COUNTED = frozenset({*OPEN_PATHS, "/metrics", "/v1/models"})
REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,128}")
METRICS_PATH, READINESS_PATH = "/metrics", "/readyz"
PRIORITY_HEADER, PRIORITIES = "X-Assay-Priority", {b"interactive": False, b"bulk": True}
#: What browsers need not guess; there is no CORS header on purpose: no page of another origin reads
#: an answer.
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)
SHOWN = 200  # characters of a path in the log


class Gate:
    """Wraps the application; `scoring` are the handlers whose requests take a place among the
    bounded number scored at once.

    Those are called from here, past the framework, whose layers cost as much CPU as an answer from
    the cache does. They are routes of the application all the same, for its documents. `shapes`:
    how a path tells failures, where not as we do.
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
        self._keys = KeyRing((key.get_secret_value() for key in settings.api_keys), settings.keys)
        self._bodies = Bodies(settings.max_body_bytes)
        self._admission = Admission(settings, metrics)
        self._browsers = Browsers(Hosts(settings.allowed_hosts, settings.host))
        self._admin_browsers = Browsers(Hosts(settings.allowed_hosts, settings.admin_host))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, partial(self._start, send))
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        request_id = (
            given if given and REQUEST_ID.fullmatch(given) else os.urandom(16).hex().encode()
        )
        scope["assay.request_id"] = request_id.decode()
        path = _path(scope)
        engine = getattr(
            self.app.state, "engine", None
        )  # there is none where the lifespan was not run
        if engine is None or engine.tracing is None or path not in self._scoring:
            await self._serve(scope, headers, request_id, receive, send)
            return
        with engine.tracing.request(scope["method"], path, headers, request_id.decode()) as span:
            span.set_attribute(
                "http.response.status_code",
                await self._serve(scope, headers, request_id, receive, send),
            )

    async def _start(self, send: Send, message: Message) -> None:
        """Send what became of a start: where it was refused, the reason in place of a traceback."""
        refused = getattr(self.app.state, "refused", None)
        if message["type"] == "lifespan.startup.failed" and refused is not None:
            message = {**message, "message": printable(masked(str(refused)))}
        await send(message)

    async def _serve(
        self,
        scope: Scope,
        headers: dict[bytes, bytes],
        request_id: bytes,
        receive: Receive,
        send: Send,
    ) -> int:
        """Serve one request; return the status that was sent."""
        started, sent = time.perf_counter(), 0

        async def reply(message: Message) -> None:
            nonlocal sent
            if message["type"] == "http.response.start":
                sent = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    *SECURITY_HEADERS,
                    (b"x-request-id", request_id),
                ]
            await send(message)

        try:
            await self._admit(scope, headers, receive, reply)
        except ApiError as exc:
            await self._told(scope, exc)(scope, receive, reply)
        except Exception:
            # The last frame of a request: what gets here is a bug, and is answered and logged as
            # one.
            log.exception(
                "request_failed", path=scope["path"][:SHOWN], request_id=request_id.decode()
            )
            if sent:
                raise
            error = ApiError(500, "an error of the service; its log says which", code="internal")
            await self._told(scope, error)(scope, receive, reply)
        path = _path(scope)
        self._metrics.answered(
            path if path in self._scoring else "other", sent, time.perf_counter() - started
        )
        return sent

    def _told(self, scope: Scope, exc: ApiError) -> Response:
        """Return a failure as the path's clients read it."""
        shape = self._shapes.get(_path(scope))
        return exc.response() if shape is None else shape(exc)

    async def _admit(
        self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, send: Send
    ) -> None:
        path = _path(scope)
        if len(headers) != len(scope["headers"]):
            refuse_doubled(scope["headers"])
        self._bodies.check(headers)
        holder = self._holder(scope, path, headers)
        scores = path in self._scoring and scope["method"] == "POST"
        if scores:
            IN_BULK.set(_in_bulk(headers, holder))
        if holder.limited if scores else holder.requests is not None and path not in NOT_COUNTED:
            await self._admit_key(holder, scores=scores)
        if scope["method"] != "POST" or path in OPEN_PATHS:
            if path == READINESS_PATH:
                scope["assay.informed"] = self._informed(scope, headers)
            await self.app(scope, receive, send)
            return
        if scores:
            self._admission.refuse_when_full()
        with self._bodies.open() as asked:
            await asked.read(receive)
            scope[body.IN_SCOPE] = asked.data
            if scores:
                await self._score(scope, path, holder, asked.again(receive), send)
            else:
                await self.app(scope, asked.again(receive), send)

    async def _score(
        self, scope: Scope, path: str, holder: Principal, receive: Receive, send: Send
    ) -> None:
        """Score as soon as there is a place, and give it back before the answer is read."""
        place = scope[admission.IN_SCOPE] = await self._admission.place(receive)
        try:
            scope["app"] = self.app
            response = await self._scoring[path](Request(scope, receive))
            if not isinstance(response, EventStream):
                place.leave()
            await response(scope, receive, send)
        finally:
            place.leave()
            if holder.cost is not None:
                await self.app.state.engine.allowance.charge(holder, spent())

    def _holder(self, scope: Scope, path: str, headers: dict[bytes, bytes]) -> Principal:
        """Return who asks, and note it; raise `ApiError` where nobody known does, or one who may
        not, or not here.
        """
        scores = path in self._scoring
        if self._settings.admin_port is not None:
            apart = path == METRICS_PATH or (
                path not in OPEN_PATHS and needed(scope["method"], path, scores) == "admin"
            )
            if self._on_admin_port(scope):
                if (
                    path == METRICS_PATH
                ):  # whoever reaches that port may read it, as Prometheus does
                    self._check_browser(scope, headers)
                    return EVERYTHING
            elif apart:
                raise ApiError(404, "Not Found", code="http_error")
        if not self._keys:
            if path not in PROBES:
                self._check_browser(scope, headers, public=path in OPEN_PATHS)
            return EVERYTHING
        if path in OPEN_PATHS:
            return EVERYTHING
        holder = self._keys.holder(headers.get(b"authorization", b""))
        if holder is None:
            raise ApiError(
                401,
                "no key, or one that is not known: send `Authorization: Bearer KEY`",
                code="invalid_api_key",
            )
        if (lacks := holder.lacks(needed(scope["method"], path, scores), path)) is not None:
            raise ApiError(403, lacks, code="insufficient_scope")
        ask_as(holder)
        return holder

    def _check_browser(
        self, scope: Scope, headers: dict[bytes, bytes], public: bool = False
    ) -> None:
        """Raise `ApiError` for what a page of another origin may have sent, where no key says
        who asks.
        """
        browsers = self._admin_browsers if self._on_admin_port(scope) else self._browsers
        browsers.check(scope["method"], headers, public=public)

    def _informed(self, scope: Scope, headers: dict[bytes, bytes]) -> bool:
        """Return whether who asks may know the verifiers' names, their servers' addresses, and what
        fails there.

        An administrator of all tasks may; without keys, who asks from this machine, and from no
        page of another origin.
        """
        if self._settings.admin_port is not None and not self._on_admin_port(scope):
            return False
        if self._keys:
            holder = self._keys.holder(headers.get(b"authorization", b""))
            return holder is not None and holder.lacks("admin", READINESS_PATH) is None
        address = address_of((scope.get("client") or ("",))[0])
        try:
            self._check_browser(scope, headers)
        except ApiError:
            return False
        return address is not None and address.is_loopback

    def _on_admin_port(self, scope: Scope) -> bool:
        server = scope.get("server")
        return server is not None and server[1] == self._settings.admin_port

    async def _admit_key(self, holder: Principal, scores: bool) -> None:
        try:
            await self.app.state.engine.allowance.admit(holder, scores)
        except LimitReachedError as exc:
            self._metrics.limited_by(holder.name)
            raise answer_to(exc) from None


def _in_bulk(headers: dict[bytes, bytes], holder: Principal) -> bool:
    """Return whether a request may wait; raise `ApiError` for a priority that is none. A key of
    bulk work stays one.
    """
    given = headers.get(b"x-assay-priority", b"interactive")
    if given not in PRIORITIES:
        shown = given[:80].decode("latin-1")
        raise ApiError(
            422,
            f"{PRIORITY_HEADER}: must be interactive or bulk (got {shown!r})",
            param=PRIORITY_HEADER,
            code="invalid_priority",
        )
    return holder.bulk or PRIORITIES[given]


def _path(scope: Scope) -> str:
    """Return a request's path below the prefix that a proxy adds."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))
