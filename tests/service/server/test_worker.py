"""Several worker processes, and the metrics of a dead worker."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import threading
import time
from pathlib import Path

from tests.support.servers.processes import Server, service, workers, write_config


def gauge(running: Server, name: str) -> float:
    """Return a gauge, summed over its labels; -1 without an answer."""
    with contextlib.suppress(OSError):
        found = re.findall(
            rf"^{name}(?:{{[^}}]*}})? (\S+)$",
            running.get("/metrics", timeout_s=5).raw.decode(),
            re.MULTILINE,
        )
        return sum(map(float, found))
    return -1.0


def wait_for_gauge(running: Server, name: str, wanted: float) -> float:
    """Return a gauge once it has the wanted value, or after half a minute."""
    until = time.monotonic() + 30
    while (found := gauge(running, name)) != wanted and time.monotonic() < until:
        time.sleep(0.1)  # between looks at other processes
    return found


def rank_for_ever(running: Server) -> None:
    """Rank with a verifier that never answers, until the worker is killed."""
    with contextlib.suppress(OSError):
        running.post("/v1/rank", {"query": "q", "candidates": ["a", "b"]}, timeout_s=60)


def test_the_gauges_of_a_worker_that_was_killed_go_with_it(tmp_path: Path) -> None:
    """Its running requests do not stay in the gauge, by which the chart scales."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        verifiers = [
            {"name": "v", "kind": "http", "endpoint": endpoint, "model": "m", "timeout_s": 600}
        ]
        config = write_config(tmp_path / "e.yaml", {"verifiers": verifiers})
        environment = {"ASSAY_WORKERS": "2", "ASSAY_MAX_ACTIVE": "1"}
        with service(config, tmp_path, env=environment) as running:
            asking = [threading.Thread(target=rank_for_ever, args=(running,)) for _ in range(6)]
            for thread in asking:
                thread.start()
            wait_for_gauge(running, "assay_active_requests", 2.0)
            before = gauge(running, "assay_active_requests") + gauge(
                running, "assay_queued_requests"
            )
            for pid in workers(running.process.pid):
                os.kill(pid, signal.SIGKILL)
            for thread in asking:
                thread.join()
            after = [
                wait_for_gauge(running, f"assay_{what}_requests", 0.0)
                for what in ("active", "queued")
            ]

    assert before == 6.0
    assert after == [0.0, 0.0]


def test_a_drift_alarm_is_of_the_workers_that_live() -> None:
    """No worker would ever clear a dead worker's alarm."""
    from assay.service.telemetry.metrics import Metrics

    metrics = Metrics()

    assert {each._multiprocess_mode for each in (metrics.drift, metrics.drift_alarm)} == {"livemax"}
