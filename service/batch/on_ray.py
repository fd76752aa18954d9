"""Bulk jobs on Ray Data: workers take runs of parts, read, rank and write them.

Only counts pass through the cluster.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from assay.service.batch.files import BatchError, Files
from assay.service.batch.plan import DONE, BatchPlan, Done, Part, chunks, freeze
from assay.service.batch.ranking import Effort, Ranker
from assay.service.config.model import Config
from assay.service.runtime.lifespan import open_engine
from assay.service.telemetry.logs import configure_logging
from assay.service.telemetry.metrics import Metrics

LOCAL_RAY = "local"
#: Ray sends no figures home.
QUIET = {"RAY_USAGE_STATS_ENABLED": "0"}
NO_RAY = (
    "--ray needs Ray Data: pip install 'ray[data]' (the extra `ray` has it), on every node of the"
    " cluster"
)


def rank_on_ray(
    config: Config,
    plan: BatchPlan,
    todo: Sequence[Part],
    effort: Effort,
    address: str,
    workers: int | None,
) -> Iterator[Done]:
    """Yield parts as they are written anywhere in the cluster.

    Raises `BatchError` if a worker cannot go on.
    """
    ray = connect_to_ray(address)
    if address != LOCAL_RAY and not str(config.service.redis_url).startswith(("redis", "rediss")):
        raise BatchError(
            "on a cluster the workers share a store: set redis_url (ASSAY_REDIS_URL) to a server"
            " that all nodes reach"
        )
    runs = chunks(todo, workers := workers or max(1, int(ray.cluster_resources().get("CPU", 1))))
    data = ray.data.from_items(
        [{"parts": [part.number for part in run]} for run in runs], override_num_blocks=len(runs)
    )
    ranked = data.map_batches(
        Worker,
        fn_constructor_kwargs={"config": config, "plan": plan, "effort": effort},
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(
            size=min(workers, len(runs)), max_tasks_in_flight_per_actor=2
        ),
        num_cpus=1,
    )
    try:
        for row in ranked.iter_rows():
            yield Done(**{name: int(value) for name, value in row.items()})
    except ray.exceptions.RayError as exc:
        raise BatchError(_message_of(exc)) from None
    finally:
        ray.shutdown()


def connect_to_ray(address: str) -> Any:
    """Return Ray, connected to a cluster, or to one that it starts here; raise `BatchError`."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.data
    except ImportError:
        raise BatchError(NO_RAY) from None
    here: dict[str, Any] = {"include_dashboard": False} if address == LOCAL_RAY else {}
    try:
        ray.init(address, logging_level=logging.ERROR, **here)
    except (ConnectionError, ValueError, RuntimeError) as exc:
        raise BatchError(f"--ray {address}: {exc}") from None
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    for name in ("ray.data", "ray.data._internal"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return ray


class Worker:
    """Ranks runs of parts in an actor.

    The engine lives in a thread of its own for as long as the actor does.
    """

    def __init__(self, config: Config, plan: BatchPlan, effort: Effort) -> None:
        configure_logging(config.service)
        self._plan, self._parts = plan, plan.parts()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._engine = open_engine(config, Metrics(), learning=False)
        self._ranker = self._wait(self._open(effort))

    def __call__(self, batch: dict[str, Any]) -> Iterator[dict[str, list[int]]]:
        """Yield the counts of each part that is not done; a run that began elsewhere goes on."""
        there = set(Files(self._plan.out).names(DONE))
        parts = [self._parts[number] for run in batch["parts"] for number in run]
        done = self._ranker.rank([part for part in parts if part.name not in there])
        while (counts := self._wait(anext(done, None))) is not None:
            yield {name: [value] for name, value in asdict(counts).items()}

    async def _open(self, effort: Effort) -> Ranker:
        engine = await self._engine.__aenter__()
        freeze(engine, self._plan.models)
        return Ranker(engine, self._plan, effort)

    def _wait(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(_awaited(work), self._loop).result()


async def _awaited(work: Any) -> Any:
    return await work


def _message_of(exc: Exception) -> str:
    """Return a worker's message without the stack of the remote call."""
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, BatchError):
            return str(cause)
        cause = getattr(cause, "cause", None) or cause.__cause__
    return f"a worker failed: {exc}"
