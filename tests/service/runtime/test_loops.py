"""What runs in the background of a service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from assay.service.learning.follower import FOLLOW_S, Follower
from assay.service.runtime.loops import learning_loops, scoring_loops, store_loop, warm_up
from assay.service.store.embedded_valkey import EmbeddedStore
from tests.service.runtime.test_wiring import wired

TASKS: dict[str, Any] = {"default": {"ensemble": "both"}, "given": {"learn": False}}


def test_each_task_that_learns_has_its_own_loops(tmp_path: Path) -> None:
    """One that fails costs no other; a task that does not learn has none."""
    engine = wired(tmp_path, tasks=TASKS)
    follower = Follower(engine.learning.tasks, engine.resources.store)

    loops = learning_loops(engine, follower)

    assert [loop.title for loop in loops] == ["follower", "fitter (default)", "drift (default)"]
    assert loops[0].longest_pause_s == FOLLOW_S


def test_only_a_server_watches_its_event_loop(tmp_path: Path) -> None:
    """Nobody waits for a bulk job's answers."""
    engine = wired(tmp_path)

    serving, bulk = ([loop.name for loop in scoring_loops(engine, each)] for each in (True, False))

    assert bulk == ["pressure", "writer"]
    assert serving == [*bulk, "run watch", "stall watch"]


def test_an_embedded_store_is_looked_at_soon_after_a_failure(tmp_path: Path) -> None:
    """It is what everything else waits for."""
    loop = store_loop(EmbeddedStore(tmp_path, 64))

    assert loop.longest_pause_s == 5.0
    assert loop.every_s > 0


async def test_a_verifier_that_is_not_ready_is_named_and_holds_up_nobody(tmp_path: Path) -> None:
    """At the start, before a request finds out."""
    served = {"kind": "judge", "model": "m", "endpoint": "http://127.0.0.1:9"}
    verifiers = [{"name": "away", **served}, {"name": "short", "kind": "length"}]
    engine = wired(tmp_path, verifiers=verifiers, ensembles={"both": ["away", "short"]})

    with capture_logs() as lines:
        await warm_up(engine, serving=True)

    assert [line["verifier"] for line in lines if line["event"] == "verifier_not_ready"] == ["away"]
