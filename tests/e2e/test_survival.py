"""Killed at any moment, under load: no label that was acknowledged is lost, no request counted
twice, no half model served.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from assay.aggregation import LabelModel
from assay.aggregation.label_model.saved.artifact import from_dict, to_dict
from assay.service.domain.observation import training_table
from assay.service.domain.score_keys import keys_of
from assay.service.store.client import Store
from assay.service.store.embedded_valkey import EmbeddedStore
from assay.service.store.task_store import TaskStore
from assay.verifiers import Pair, Query
from tests.support.servers.processes import Server, children, service, workers
from tests.support.servers.reading_kind import config, installed, traffic

RANKINGS, LABELS = 5000, 500
EVERY_S = 1.0


class Killer:
    """Kills a worker, a fit under way or the store, again and again, and starts the store again."""

    def __init__(self, supervisor: int, store: EmbeddedStore) -> None:
        self._supervisor, self._store = supervisor, store
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.killed = {"worker": 0, "fit": 0, "store": 0}

    def __enter__(self) -> Killer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        for what in itertools.cycle(["fit", "worker", "fit", "store"]):
            if self._stop.wait(EVERY_S):
                return
            if what == "store":
                self._kill_store()
            else:
                self._kill_one(what, workers if what == "worker" else fits)

    def _kill_one(self, what: str, of: Callable[[int], list[int]]) -> None:
        """Kill one of the processes as soon as one exists."""
        until = time.monotonic() + 3
        while (
            not (victims := of(self._supervisor))
            and time.monotonic() < until
            and not self._stop.is_set()
        ):
            time.sleep(0.02)  # between looks at other processes
        with contextlib.suppress(ProcessLookupError):
            if victims:
                os.kill(random.choice(victims), signal.SIGKILL)
                self.killed[what] += 1

    def _kill_store(self) -> None:
        process = self._store._process
        assert process is not None
        process.kill()
        process.wait()
        self.killed["store"] += 1
        self._store.start()


def fits(supervisor: int) -> list[int]:
    """Return the processes that fit, or stand ready to."""
    return [
        pid
        for worker in workers(supervisor)
        for pid, line in children(worker)
        if b"anyio.to_process" in line
    ]


def until_it_works(server: Server, path: str, body: Any) -> Any:
    """Post again and again, as a client would, until it is answered with 200."""
    for _ in range(600):
        with contextlib.suppress(
            OSError, HTTPException
        ):  # a worker died before its answer, or in the middle of it
            answer = server.post(path, body, timeout_s=20)
            if answer.status == 200:
                return answer.json
        time.sleep(0.05)  # as a client would wait before it tries again
    raise AssertionError(f"{path} did not work within 600 tries")


@pytest.mark.timeout(600)
@pytest.mark.slow
async def test_whatever_is_killed_nothing_acknowledged_is_lost_and_nothing_counted_twice(
    tmp_path: Path,
) -> None:
    """Four workers on one store; 5,000 rankings and 500 labels while workers, fits and the store
    die.
    """
    embedded = EmbeddedStore(tmp_path / "redis", 256)
    embedded.start()
    environment = {
        **installed(tmp_path),
        "ASSAY_WORKERS": "4",
        "ASSAY_REDIS_URL": embedded.url,
        "ASSAY_LOG_LEVEL": "warning",
    }
    acknowledged: dict[str, float] = {}
    try:
        with service(config(tmp_path), tmp_path, env=environment) as running:

            def one(job: tuple[int, tuple[str, list[str], list[float]]]) -> None:
                number, (query, candidates, truth) = job
                until_it_works(
                    running, "/v1/rank", {"query": query, "candidates": candidates, "task": "math"}
                )
                if number % 200 == 0:  # a fit under way more often than by itself
                    with contextlib.suppress(OSError, HTTPException):
                        running.post("/v1/tasks/math/fit", {}, timeout_s=20)
                if number % (RANKINGS // LABELS) == 0:
                    pair = Pair(Query.of(query), candidates[0])
                    label = {
                        "query": query,
                        "candidate": candidates[0],
                        "correct": truth[0],
                        "random": True,
                    }
                    until_it_works(running, "/v1/tasks/math/labels", {"labels": [label]})
                    acknowledged[
                        keys_of([pair], True).pairs[0].replace("{", "").replace("}", "")
                    ] = truth[0]

            with Killer(running.process.pid, embedded) as killer, ThreadPoolExecutor(8) as pool:
                list(pool.map(one, enumerate(traffic(RANKINGS))))
                more = traffic(RANKINGS, seed=1)
                while (
                    min(killer.killed.values()) < 2
                ):  # on a fast machine: go on until everything was killed twice
                    query, candidates, _ = next(more)
                    until_it_works(
                        running,
                        "/v1/rank",
                        {"query": query, "candidates": candidates, "task": "default"},
                    )
            assert min(killer.killed.values()) >= 2, killer.killed
            fitted = until_it_works(running, "/v1/tasks/math/fit", {})

        store = Store(embedded.url)
        task_store = TaskStore(store, "math")
        labels, records, state = (
            await task_store.labels(),
            await task_store.rows(),
            await task_store.state(),
        )
        artifact = await task_store.model(fitted["version"])
        await store.close()
    finally:
        embedded.stop()

    assert {key: label.correct for key, label in labels.items()} == acknowledged
    assert len(acknowledged) == LABELS
    assert len({record.name for record in records}) == len(records)
    # What the store had not yet on disk when it was killed, and what came while it was away, is
    # gone: rows, and no label.
    assert 0.3 * RANKINGS < len(records) <= RANKINGS
    assert state.newest >= fitted["version"]
    assert artifact is not None
    served = from_dict(orjson.loads(artifact))
    prints = tuple(records[0].fingerprints)
    table = training_table(records, prints)
    known = table.labels({key: label.correct for key, label in labels.items()})
    names = [f"v{place}" for place in range(4)]
    offline = LabelModel(families={name: f"f{place}" for place, name in enumerate(names)})
    offline.fit(table.scores, table.query, known, verifier_names=names, label_random=known >= 0)
    np.testing.assert_allclose(served.head_.weights, offline.head_.weights, atol=1e-9)
    assert to_dict(served)["sha256"] == to_dict(offline)["sha256"]
