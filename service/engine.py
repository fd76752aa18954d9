"""Everything that a running service holds, opened and closed together; also without HTTP, for `assay rank`."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog

import aggregation
from aggregation.families import quality_weights
from aggregation.threads import one_blas_thread
from verifiers import HttpPool, Transport, VerifierError, build, fingerprint
from verifiers.consensus import Consensus, ConsensusSettings

from .access import spend
from .allowance import Allowance
from .breaker import Breaker
from .cache import Column, ScoreCache
from .checkup import Checkup
from .config import Config
from .economy import Economy
from .embedded import EmbeddedStore
from .fitter import Fitter
from .guard import Guarded
from .job import Member
from .keepsake import Keepsake
from .memory import Memory
from .metrics import Metrics
from .models import load_models
from .pressure import Pressure
from .scoring import Scorer
from .settings import ServiceSettings
from .store import Store, StoreDownError
from .tasks import Task, Tasks
from .tracing import Traced, Tracing
from .upstreams import Upstream
from .watching import Watch
from .workload import Workload
from .writer import Writer

log = structlog.get_logger()

READINESS_TTL_S = 2.0
CHECK_TIMEOUT_S = 3.0
CANCEL_AGAIN_S = 0.5


@dataclass(slots=True)
class Engine:
    """The parts of a service, wired."""

    config: Config
    settings: ServiceSettings
    scorer: Scorer
    store: Store
    tasks: Tasks
    writer: Writer
    metrics: Metrics
    checkup: Checkup
    fitter: Fitter
    watch: Watch
    upstreams: dict[str, Upstream]
    answers: Consensus
    allowance: Allowance
    pressure: Pressure
    tracing: Tracing | None = None
    ready_at: float = -1e9
    ready: tuple[bool, dict[str, Any]] = (False, {})

    def task(self, name: str, ensemble: str | None) -> Task:
        """Return a task, seen through an ensemble where one is named; raise `KeyError` where there is none of the name."""
        task = self.tasks.by_name[name]
        if ensemble is None or ensemble == task.ensemble:
            return task
        return self.tasks.through(task, ensemble, columns_of(self.scorer.ensembles[ensemble]))

    async def readiness(self) -> tuple[bool, dict[str, Any]]:
        """Return whether a verifier of the default ensemble answers, and what each verifier and the store say."""
        if time.monotonic() - self.ready_at > READINESS_TTL_S:
            members = self.scorer.members()
            problems = await asyncio.gather(*(_problem(member) for member in members.values()))
            said = {name: problem or "ok" for name, problem in zip(members, problems, strict=True)}
            default = next(iter(self.scorer.ensembles.values()))
            ready = any(said[member.name] == "ok" for member in default)
            try:
                await self.store.call(self.store.redis.ping)
            except StoreDownError:
                log.debug("store_not_ready")
            store = "down" if self.store.down else "ok"
            doctor = await self.checkup.said()
            self.ready = ready, {"status": "ready" if ready else "not ready", "verifiers": said, "store": store, "doctor": doctor}
            self.ready_at = time.monotonic()
        return self.ready

    async def groups(self, query: str, texts: list[str]) -> list[int | None]:
        """Return the number of each text's answer, the same for the same answer; None where none can be read."""
        groups, _ = await self.answers.groups(query, texts)
        return groups

    def metrics_text(self) -> bytes:
        """Return the metrics, with what is only known when asked for."""
        self.metrics.store_up.set(0 if self.store.down else 1)
        for name, limit, taken in self.pressure.places():
            self.metrics.paced(name, limit, taken)
        for member in self.scorer.members().values():
            if (seconds := member.guarded.meter.seconds) is not None:
                self.metrics.measured(member.name, seconds)
        return self.metrics.text()


@asynccontextmanager
async def open_engine(
    config: Config,
    metrics: Metrics,
    transport: Transport | None = None,
    serving: bool = False,
    start: str | None = None,
    learning: bool = True,
) -> AsyncIterator[Engine]:
    """Open the store, build the verifiers and start the background work; close it all in the reverse order.

    A service that is `serving` has the doctor look at its verifiers as well; `start` names the start that workers share.
    Without `learning` the models stay what they are when it is opened, and nothing is fitted.
    """
    settings = config.service
    async with AsyncExitStack() as stack:
        stack.enter_context(one_blas_thread())
        url = settings.redis_url
        if url is None:
            embedded = EmbeddedStore(settings.data_dir / "store", settings.cache_max_mb)
            stack.callback(embedded.stop)
            await asyncio.to_thread(embedded.start)
            url = embedded.url
            await stack.enter_async_context(_background(embedded.keep_running()))
        store = Store(url, connections=2 * (settings.max_active + settings.max_queued) + 16)
        stack.push_async_callback(store.close)
        if transport is None:
            transport = HttpPool()
            stack.push_async_callback(transport.close)
        tracing = Tracing(settings) if serving and settings.traces else None
        if tracing is not None:
            stack.push_async_callback(asyncio.to_thread, tracing.close)
        # Bulk work has its own bounds, and nobody to whom a refusal would say something.
        workload = Workload(settings.max_active_tokens if serving else None)
        engine = _wire(config, metrics, store, transport, start, tracing, workload, serving)
        try:
            await store.check()
            await engine.tasks.refresh()
        except StoreDownError as exc:
            log.warning("started_without_store", error=str(exc))
        for work in (engine.tasks.keep_fresh, engine.fitter.run, engine.watch.run) if learning else ():
            await stack.enter_async_context(_background(work()))
        await stack.enter_async_context(_background(engine.pressure.run()))
        await stack.enter_async_context(_background(engine.writer.run()))
        stack.push_async_callback(engine.writer.flush)
        await stack.enter_async_context(_background(_warm_up(engine, serving)))
        yield engine


def columns_of(members: Sequence[Member]) -> list[aggregation.Column]:
    """Return an ensemble's verifiers as the aggregator sees them; what is learned goes by fingerprint."""
    factors = quality_weights([member.guarded.settings.quality for member in members])
    return [
        aggregation.Column(
            f"{member.column.fingerprint:016x}",
            member.guarded.settings.family_or_default,
            member.guarded.verifier.bounds,
            member.guarded.settings.weight * factor,
            member.name,
        )
        for member, factor in zip(members, factors.tolist(), strict=True)
    ]


def measured(members: Sequence[Member]) -> list[float] | None:
    """Return the seconds that a candidate takes each verifier; None while one is not known."""
    seconds = [member.guarded.meter.seconds for member in members]
    known = [each for each in seconds if each is not None]
    return known if len(known) == len(seconds) else None


def _wire(
    config: Config,
    metrics: Metrics,
    store: Store,
    transport: Transport,
    start: str | None,
    tracing: Tracing | None,
    workload: Workload,
    serving: bool,
) -> Engine:
    settings = config.service
    by_name: dict[str, Member] = {}
    for each in config.verifiers:
        verifier = build(each, transport)
        breaker = Breaker(settings.breaker_failures, settings.breaker_reset_s)
        guarded = Guarded(verifier, breaker) if tracing is None else Traced(verifier, breaker, tracing)
        column = Column(int.from_bytes(fingerprint(each), "little"), verifier.setwise)
        by_name[each.name] = Member(guarded, column, verifier.setwise)
    ensembles = {name: [by_name[member] for member in members] for name, members in config.ensembles.items()}
    cache = ScoreCache(store, settings.cache_ttl_s)
    given = load_models(config)
    by_task = [_task(config, name, ensembles, given.get(name), store) for name in config.tasks]
    tasks = Tasks(store, by_task, Keepsake(settings.data_dir / "served"), metrics)
    writer = Writer(cache, tasks, metrics)
    checkup = Checkup(
        [member.guarded.verifier for member in by_name.values()], store, settings.doctor, start or secrets.token_hex(8)
    )
    return Engine(
        config,
        settings,
        # What is ranked in bulk is learned from, and has to be the same each time: it is asked in full.
        Scorer(
            ensembles,
            cache,
            tasks,
            writer,
            metrics,
            workload,
            cascades=serving,
            apart=any(key.tasks is not None for key in settings.keys),
            charge=spend,
        ),
        store,
        tasks,
        writer,
        metrics,
        checkup,
        Fitter(tasks),
        Watch(tasks, metrics),
        {each.name: Upstream(each, transport) for each in config.upstreams},
        Consensus(ConsensusSettings(name="answers")),
        Allowance(store),
        Pressure(member.guarded.verifier for member in by_name.values()),
        tracing,
    )


def _task(
    config: Config, name: str, ensembles: dict[str, list[Member]], given: aggregation.LabelModel | None, store: Store
) -> Task:
    ensemble, settings = config.ensemble_of(name), config.tasks[name]
    columns = tuple(columns_of(ensembles[ensemble]))
    quality = {each.name: each.quality for each in config.members(ensemble) if each.quality is not None}
    task = Task(name, ensemble, columns, settings.base_rate, dict(quality), memory=Memory(store, name) if settings.learn else None)
    task.keep, task.sample, task.store_text = settings.keep, settings.sample, settings.store_text
    task.versions = settings.versions
    task.costs = tuple(each.cost for each in config.members(ensemble))
    task.economy = Economy(settings.policy, settings.price, settings.loss, config.tiers_of(name), task.costs, settings.early)
    if settings.costs == "measured":
        task.economy.measured = lambda: measured(ensembles[ensemble])
    if given is not None:
        task.use(aggregation.ServedModel(given, columns))
    return task


async def _warm_up(engine: Engine, serving: bool) -> None:
    """Load what is slow to load, say at once what is missing, then let the doctor look; nothing waits for it."""
    for member in engine.scorer.members().values():
        try:
            await member.guarded.verifier.check()
            await member.guarded.verifier.warm_up()
        except VerifierError as exc:
            log.warning("verifier_not_ready", verifier=member.name, reason=f"{exc.reason}: {exc}")
    if serving:
        await engine.checkup.run()


async def _problem(member: Member) -> str | None:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            await member.guarded.verifier.check()
    except TimeoutError:
        return "timeout"
    except VerifierError as exc:
        return f"{exc.reason}: {exc}"
    return None


@asynccontextmanager
async def _background(work: Any) -> AsyncIterator[None]:
    """Run work beside the block, and cancel it at its end."""
    task = asyncio.create_task(work)
    task.add_done_callback(_report)
    try:
        yield
    finally:
        while not task.done():  # before Python 3.12 a cancellation is lost where what was waited for comes at the same moment
            task.cancel()
            await asyncio.wait({task}, timeout=CANCEL_AGAIN_S)


def _report(task: asyncio.Task[Any]) -> None:
    """Say at once when background work has died: the service goes on without it."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("background_task_failed", error=repr(error))
