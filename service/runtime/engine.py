"""All parts of a running service, opened and closed together; also for `assay rank`."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from assay import aggregation
from assay.aggregation.label_model.families import quality_weights
from assay.aggregation.statistics.threads import one_blas_thread
from assay.service.concurrency.breaker import Breaker
from assay.service.concurrency.token_admission import TokenAdmission
from assay.service.config.model import Config
from assay.service.config.settings import ServiceSettings
from assay.service.domain.errors import StoreDownError, StoreError, StoreRefusedError
from assay.service.domain.matrix import CachedColumn
from assay.service.domain.principal import spend
from assay.service.domain.secrets import error_line
from assay.service.learning.configured_models import load_models
from assay.service.learning.drift_monitor import DRIFT_LOOK_S, DriftMonitor
from assay.service.learning.fit_scheduler import FIT_LOOK_S, FitScheduler
from assay.service.learning.follower import FOLLOW_S, Follower
from assay.service.learning.model_backup import ModelBackup
from assay.service.learning.tasks.registry import Tasks
from assay.service.learning.tasks.spec import TaskSpec
from assay.service.learning.tasks.task import Task
from assay.service.learning.write_behind import Writer
from assay.service.runtime.background import Background, Loop
from assay.service.runtime.backpressure import EVERY_S as PRESSURE_S
from assay.service.runtime.backpressure import Backpressure
from assay.service.runtime.startup_doctor import StartupDoctor
from assay.service.scoring.cascade_policy import CascadePolicy
from assay.service.scoring.generator import Generator
from assay.service.scoring.guard import Guarded
from assay.service.scoring.request import EnsembleMember
from assay.service.scoring.scorer import Scorer
from assay.service.scoring.traced import Traced
from assay.service.store.client import Store
from assay.service.store.counters import RateLimiter
from assay.service.store.embedded_valkey import STORE_LOOK_S, EmbeddedStore
from assay.service.store.score_cache import ScoreCache
from assay.service.store.task_store import TaskStore
from assay.service.telemetry.loop_stall import StallWatch
from assay.service.telemetry.metrics import Metrics
from assay.service.telemetry.tracing import Tracing
from assay.verifiers import HttpPool, Transport, VerifierError, build, fingerprint
from assay.verifiers.checks.consensus import Consensus, ConsensusSettings

log = structlog.get_logger()

READINESS_TTL_S = 2.0
CHECK_TIMEOUT_S = 3.0


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
    checkup: StartupDoctor
    fitter: FitScheduler
    watch: DriftMonitor
    upstreams: dict[str, Generator]
    answers: Consensus
    allowance: RateLimiter
    pressure: Backpressure
    background: Background
    tracing: Tracing | None = None
    ready_at: float = -1e9
    ready: tuple[bool, dict[str, Any]] = (False, {})

    def task(self, name: str, ensemble: str | None) -> Task:
        """Return a task with the named ensemble.

        Raises `KeyError` for an unknown name.
        """
        task = self.tasks.by_name[name]
        if ensemble is None or ensemble == task.ensemble:
            return task
        return task.with_ensemble(ensemble, columns_of(self.scorer.ensembles[ensemble]))

    async def readiness(self) -> tuple[bool, dict[str, Any]]:
        """Return whether a verifier of the default ensemble answers, and each one's and the
        store's state.
        """
        if time.monotonic() - self.ready_at > READINESS_TTL_S:
            members = self.scorer.members()
            problems = await asyncio.gather(*(_problem(member) for member in members.values()))
            said = {name: problem or "ok" for name, problem in zip(members, problems, strict=True)}
            default = next(iter(self.scorer.ensembles.values()))
            ready = any(said[member.name] == "ok" for member in default)
            store, reason, loss = await self._store_says()
            self.ready = (
                ready,
                {
                    "status": "ready" if ready else "not ready",
                    "verifiers": said,
                    "store": store,
                    "store_reason": reason,
                    "store_loss": loss,
                    "doctor": await self.checkup.said(),
                    "background": dict(self.background.failing),
                },
            )
            self.ready_at = time.monotonic()
        return self.ready

    async def _store_says(self) -> tuple[str, str | None, str | None]:
        """Return `ok`, `down` or `refuses`, the reason, and the losses.

        Rankings go on without the store, so it makes no replica unready.
        """
        try:
            loss = await self.store.loss()
            await self.store.probe()
        except StoreDownError as exc:
            return "down", exc.reason, None
        except StoreRefusedError as exc:
            return "refuses", exc.reason, loss
        return "ok", None, loss

    async def groups(self, query: str, texts: list[str]) -> list[int | None]:
        """Return each text's answer as a number, equal for equal answers; None without one."""
        groups, _ = await self.answers.groups(query, texts)
        return groups

    def metrics_text(self) -> bytes:
        """Return the metrics, with those that are measured only on request."""
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
    """Open the store, build the verifiers and start the background work; close all in reverse.

    A service that is `serving` has the doctor examine its verifiers as well; `start` names the
    start that workers share. Without `learning` the models stay as they are at the start, and
    nothing is fitted.
    """
    settings = config.service
    background = Background(metrics)
    async with AsyncExitStack() as stack:
        stack.enter_context(one_blas_thread())
        url = settings.redis_url
        if url is None:
            embedded = EmbeddedStore(settings.data_dir / "store", settings.cache_max_mb)
            stack.callback(embedded.stop)
            await asyncio.to_thread(embedded.start)
            url = embedded.url
            loop = Loop("embedded_store", embedded.look, STORE_LOOK_S, longest_pause_s=5.0)
            await stack.enter_async_context(background.beside(loop))
        connections = 2 * (settings.max_active + settings.max_queued) + 16
        store = Store(
            url, connections=connections, failed=metrics.store_failed, damaged=metrics.found_damaged
        )
        stack.push_async_callback(store.close)
        if transport is None:
            transport = HttpPool(network=settings.network)
            stack.push_async_callback(transport.close)
        tracing = Tracing(settings) if serving and settings.traces else None
        if tracing is not None:
            stack.push_async_callback(asyncio.to_thread, tracing.close)
        # Bulk work has its own bounds, and no client that could react to a refusal.
        workload = TokenAdmission(settings.max_active_tokens if serving else None)
        engine = _wire(
            config, metrics, store, transport, start, tracing, workload, background, serving
        )
        try:
            await store.check()
            await engine.tasks.refresh()
        except StoreError as exc:
            log.warning("started_without_store", reason=exc.reason, error=error_line(exc))
        if learning:
            follower = Follower(engine.tasks, store)
            stack.push_async_callback(follower.close)
            await _run(stack, background, _learning(engine, follower))
        await _run(
            stack,
            background,
            [
                Loop("pressure", engine.pressure.look, PRESSURE_S),
                Loop("writer", engine.writer.write_one),
            ],
        )
        if serving:
            await _run(stack, background, [Loop("stall watch", StallWatch(metrics).tick)])
        stack.push_async_callback(engine.writer.flush)
        stack.push_async_callback(engine.scorer.all_kept)  # called first
        warming = Loop("warm_up", partial(_warm_up, engine, serving))
        await stack.enter_async_context(background.beside(warming, once=True))
        yield engine


def _learning(engine: Engine, follower: Follower) -> list[Loop]:
    """Return the loops of learning: a fitter and a drift watch for each task."""
    tasks = [task for task in engine.tasks.by_name.values() if task.learns]
    return [
        # Replicas serve the same within two seconds of a store's return.
        Loop("follower", follower.follow, longest_pause_s=FOLLOW_S),
        *(
            Loop("fitter", partial(engine.fitter.look, task), FIT_LOOK_S, of=task.name)
            for task in tasks
        ),
        *(
            Loop("drift", partial(engine.watch.look, task), DRIFT_LOOK_S, of=task.name)
            for task in tasks
        ),
    ]


async def _run(stack: AsyncExitStack, background: Background, loops: Iterable[Loop]) -> None:
    """Run loops until the stack is closed."""
    for loop in loops:
        await stack.enter_async_context(background.beside(loop))


def columns_of(members: Sequence[EnsembleMember]) -> list[aggregation.Column]:
    """Return an ensemble's verifiers for the aggregator, which knows them by fingerprint."""
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


def measured(members: Sequence[EnsembleMember]) -> list[float] | None:
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
    workload: TokenAdmission,
    background: Background,
    serving: bool,
) -> Engine:
    settings = config.service
    by_name: dict[str, EnsembleMember] = {}
    for each in config.verifiers:
        verifier = build(each, transport)
        breaker = Breaker(settings.breaker_failures, settings.breaker_reset_s)
        guarded = (
            Guarded(verifier, breaker) if tracing is None else Traced(verifier, breaker, tracing)
        )
        column = CachedColumn(int.from_bytes(fingerprint(each), "little"), verifier.setwise)
        by_name[each.name] = EnsembleMember(guarded, column, verifier.setwise)
    ensembles = {
        name: [by_name[member] for member in members] for name, members in config.ensembles.items()
    }
    cache = ScoreCache(store, settings.cache_ttl_s)
    given = load_models(config)
    by_task = [_task(config, name, ensembles, given.get(name), store) for name in config.tasks]
    tasks = Tasks(store, by_task, ModelBackup(settings.data_dir / "served"), metrics)
    writer = Writer(cache, tasks, metrics)
    checkup = StartupDoctor(
        [member.guarded.verifier for member in by_name.values()],
        store,
        settings.doctor,
        start or secrets.token_hex(8),
    )
    return Engine(
        config=config,
        settings=settings,
        # Tasks learn from bulk jobs, whose scores must be the same in each run, so they are scored
        # in full.
        scorer=Scorer(
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
        store=store,
        tasks=tasks,
        writer=writer,
        metrics=metrics,
        checkup=checkup,
        fitter=FitScheduler(tasks),
        watch=DriftMonitor(metrics),
        upstreams={each.name: Generator(each, transport) for each in config.upstreams},
        answers=Consensus(ConsensusSettings(name="answers")),
        allowance=RateLimiter(store),
        pressure=Backpressure(member.guarded.verifier for member in by_name.values()),
        background=background,
        tracing=tracing,
    )


def _task(
    config: Config,
    name: str,
    ensembles: dict[str, list[EnsembleMember]],
    given: aggregation.LabelModel | None,
    store: Store,
) -> Task:
    ensemble, settings = config.ensemble_of(name), config.tasks[name]
    columns = tuple(columns_of(ensembles[ensemble]))
    quality = {
        each.name: each.quality for each in config.members(ensemble) if each.quality is not None
    }
    spec = TaskSpec(
        name=name,
        ensemble=ensemble,
        columns=columns,
        base_rate=settings.base_rate,
        quality=dict(quality),
        costs=tuple(each.cost for each in config.members(ensemble)),
        keep=settings.keep,
        keep_bytes=_bytes_kept(config, settings.keep_mb),
        versions=settings.versions,
        sample=settings.sample,
        store_text=settings.store_text,
    )
    cascade_policy = CascadePolicy(
        policy=settings.policy,
        price=settings.price,
        wanted_loss=settings.loss,
        groups=config.tiers_of(name),
        costs=spec.costs,
        early=settings.early,
    )
    if settings.costs == "measured":
        cascade_policy.measured = lambda: measured(ensembles[ensemble])
    task = Task(spec, TaskStore(store, name) if settings.learn else None, cascade_policy)
    if given is not None:
        task.serve_model(aggregation.ServedModel(given, columns))
    return task


def _bytes_kept(config: Config, keep_mb: int) -> int:
    """Return the bytes for a task's requests.

    All tasks together take at most half of an embedded store's memory.
    """
    settings = config.service
    own = EmbeddedStore(settings.data_dir / "store", settings.cache_max_mb)
    if settings.redis_url not in (None, own.url):
        return keep_mb << 20
    return min(keep_mb << 20, (settings.cache_max_mb << 20) // (2 * len(config.tasks)))


async def _warm_up(engine: Engine, serving: bool) -> None:
    """Load slow parts, report missing ones at once, then start the doctor; nothing waits for it."""
    for member in engine.scorer.members().values():
        try:
            await member.guarded.verifier.check()
            await member.guarded.verifier.warm_up()
        except VerifierError as exc:
            log.warning("verifier_not_ready", verifier=member.name, reason=error_line(exc))
    if serving:
        await engine.checkup.run()


async def _problem(member: EnsembleMember) -> str | None:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            await member.guarded.verifier.check()
    except TimeoutError:
        return "timeout"
    except VerifierError as exc:
        return f"{exc.reason}: {exc}"
    return None
