"""Opens all parts of a service, and closes them in the reverse order; also for `assay rank`."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import structlog

from assay.aggregation.statistics.threads import one_blas_thread
from assay.service.config.model import Config
from assay.service.config.settings import ServiceSettings
from assay.service.domain.errors import StoreError
from assay.service.domain.secrets import error_line
from assay.service.learning.follower import Follower
from assay.service.runtime.background import Background, Loop
from assay.service.runtime.engine import Engine
from assay.service.runtime.loops import (
    learning_loops,
    run_loops,
    scoring_loops,
    store_loop,
    warm_up,
)
from assay.service.runtime.parts import Resources
from assay.service.runtime.wiring import wire
from assay.service.store.client import Store
from assay.service.store.embedded_valkey import EmbeddedStore
from assay.service.telemetry.metrics import Metrics
from assay.service.telemetry.tracing import Tracing
from assay.verifiers import HttpPool, Transport

log = structlog.get_logger()


@asynccontextmanager
async def open_engine(
    config: Config,
    metrics: Metrics,
    transport: Transport | None = None,
    serving: bool = False,
    start: str | None = None,
    learning: bool = True,
) -> AsyncIterator[Engine]:
    """Open the store, build the verifiers and start the background work; close all in reverse
    order.

    A service that is `serving` has the doctor examine its verifiers as well; `start` names the
    start that workers share. Without `learning` the models stay as they are at the start, and
    nothing is fitted.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(one_blas_thread())
        resources = await _open_resources(stack, config.service, metrics, transport, serving)
        engine = wire(config, resources, serving, start or secrets.token_hex(8))
        await _read_store(engine)
        if learning:
            follower = Follower(engine.learning.tasks, resources.store)
            stack.push_async_callback(follower.close)
            await run_loops(stack, resources.background, learning_loops(engine, follower))
        await run_loops(stack, resources.background, scoring_loops(engine, serving))
        stack.push_async_callback(engine.learning.writer.flush)
        stack.push_async_callback(engine.scoring.scorer.all_kept)  # called first
        warming = Loop("warm_up", partial(warm_up, engine, serving))
        await stack.enter_async_context(resources.background.beside(warming, once=True))
        yield engine


async def _open_resources(
    stack: AsyncExitStack,
    settings: ServiceSettings,
    metrics: Metrics,
    transport: Transport | None,
    serving: bool,
) -> Resources:
    background = Background(metrics)
    store = await _open_store(stack, settings, metrics, background)
    if transport is None:
        transport = HttpPool(network=settings.network)
        stack.push_async_callback(transport.close)
    tracing = Tracing(settings) if serving and settings.traces else None
    if tracing is not None:
        stack.push_async_callback(asyncio.to_thread, tracing.close)
    return Resources(
        store=store, transport=transport, metrics=metrics, background=background, tracing=tracing
    )


async def _open_store(
    stack: AsyncExitStack, settings: ServiceSettings, metrics: Metrics, background: Background
) -> Store:
    """Return a client of the configured store, or of an embedded one that this starts."""
    url = settings.redis_url
    if url is None:
        embedded = EmbeddedStore(settings.data_dir / "store", settings.cache_max_mb)
        stack.callback(embedded.stop)
        await asyncio.to_thread(embedded.start)
        url = embedded.url
        await run_loops(stack, background, [store_loop(embedded)])
    connections = 2 * (settings.max_active + settings.max_queued) + 16
    store = Store(
        url, connections=connections, failed=metrics.store_failed, damaged=metrics.found_damaged
    )
    stack.push_async_callback(store.close)
    return store


async def _read_store(engine: Engine) -> None:
    """Check the store, and serve the models that it names; start without it if it does not
    answer.
    """
    try:
        await engine.resources.store.check()
        await engine.learning.tasks.refresh()
    except StoreError as exc:
        log.warning("started_without_store", reason=exc.reason, error=error_line(exc))
