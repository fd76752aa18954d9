"""What runs in the background of a service."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AsyncExitStack
from functools import partial

import structlog

from assay.service.domain.secrets import error_line
from assay.service.learning.drift_monitor import DRIFT_LOOK_S
from assay.service.learning.fit_scheduler import FIT_LOOK_S
from assay.service.learning.follower import FOLLOW_S, Follower
from assay.service.learning.runs.run_watch import LOOK_S as WATCH_S
from assay.service.runtime.background import Background, Loop
from assay.service.runtime.backpressure import EVERY_S as PRESSURE_S
from assay.service.runtime.engine import Engine
from assay.service.store.embedded_valkey import STORE_LOOK_S, EmbeddedStore
from assay.service.telemetry.loop_stall import StallWatch
from assay.verifiers import VerifierError

log = structlog.get_logger()


async def run_loops(stack: AsyncExitStack, background: Background, loops: Iterable[Loop]) -> None:
    """Run loops until the stack is closed."""
    for loop in loops:
        await stack.enter_async_context(background.beside(loop))


def store_loop(embedded: EmbeddedStore) -> Loop:
    """Return the loop that keeps the embedded store running."""
    return Loop("embedded_store", embedded.look, STORE_LOOK_S, longest_pause_s=5.0)


def learning_loops(engine: Engine, follower: Follower) -> list[Loop]:
    """Return the loops of learning: a fitter and a drift monitor for each task."""
    learning = engine.learning
    tasks = [task for task in learning.tasks.by_name.values() if task.learns]
    return [
        # Replicas serve the same within two seconds of a store's return.
        Loop("follower", follower.follow, longest_pause_s=FOLLOW_S),
        *(
            Loop("fitter", partial(learning.fit_scheduler.look, task), FIT_LOOK_S, of=task.name)
            for task in tasks
        ),
        *(
            Loop("drift", partial(learning.drift_monitor.look, task), DRIFT_LOOK_S, of=task.name)
            for task in tasks
        ),
    ]


def scoring_loops(engine: Engine, serving: bool) -> list[Loop]:
    """Return the loops beside scoring; a service that is `serving` watches its event loop, too."""
    loops = [
        Loop("pressure", engine.scoring.backpressure.look, PRESSURE_S),
        Loop("writer", engine.learning.writer.write_one),
    ]
    if serving:
        loops.append(Loop("run watch", engine.learning.run_watch.look, WATCH_S))
        loops.append(Loop("stall watch", StallWatch(engine.resources.metrics).tick))
    return loops


async def warm_up(engine: Engine, serving: bool) -> None:
    """Load slow parts, report missing ones at once, then start the doctor; nothing waits for it."""
    for member in engine.scoring.scorer.members().values():
        try:
            await member.guarded.verifier.check()
            await member.guarded.verifier.warm_up()
        except VerifierError as exc:
            log.warning("verifier_not_ready", verifier=member.name, reason=error_line(exc))
    if serving:
        await engine.doctor.run()
