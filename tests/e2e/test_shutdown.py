"""SIGTERM under load: the service answers accepted requests, keeps labels, refuses new requests."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest

from tests.support.servers.processes import Answer, Server, call, service, standin, write_config
from tests.support.waiting import wait_until

LATENCY_MS, AT_ONCE = 1500.0, 24


def ask(running: Server, number: int) -> Answer | Exception:
    """Rank two candidates of a query of its own."""
    body = {
        "query": f"query {number}",
        "candidates": [f"yes {number}", f"no {number}"],
        "task": "t",
    }
    try:
        return running.post("/v1/rank", body)
    except (URLError, ConnectionError) as exc:
        return exc


@pytest.mark.parametrize("workers", [1, 2])
def test_nothing_that_was_accepted_is_lost(tmp_path: Path, workers: int) -> None:
    """Running requests get answers; rows and labels survive a restart."""
    with standin("judge", LATENCY_MS) as upstream:
        judge = {"name": "judge", "kind": "judge", "model": "judge", "endpoint": upstream.url}
        settings = {"workers": workers, "doctor": "off"}
        config = write_config(
            tmp_path / "e.yaml", {"verifiers": [judge], "tasks": {"t": {}}, "service": settings}
        )
        with service(config, tmp_path) as running, ThreadPoolExecutor(AT_ONCE) as pool:
            asked = [pool.submit(ask, running, number) for number in range(AT_ONCE)]
            wait_until(lambda: call(upstream.url + "/standin").json["active"] == AT_ONCE)
            labels = [
                {"query": f"labelled {number}", "candidate": "x", "correct": True}
                for number in range(20)
            ]
            acknowledged = running.post("/v1/tasks/t/labels", {"labels": labels})
            began = time.monotonic()
            running.process.send_signal(signal.SIGTERM)
            answers = [each.result() for each in asked]
            code = running.process.wait(30)
            took = time.monotonic() - began
        with service(config, tmp_path) as running:
            kept, labelled = (
                running.get("/v1/tasks/t").json["requests"],
                running.get("/v1/tasks/t/labels").json,
            )

    assert [
        answer.status if isinstance(answer, Answer) else repr(answer) for answer in answers
    ] == [200] * AT_ONCE
    assert (acknowledged.status, acknowledged.json["durable"]) == (200, True)
    assert code in (0, -signal.SIGTERM)  # as it was asked to
    assert took < 15  # not the whole grace time: it ends when the last is answered
    assert kept == AT_ONCE
    assert len(labelled["labels"]) == 20


def test_what_comes_after_is_refused_and_the_grace_time_ends_it(tmp_path: Path) -> None:
    """A verifier that never answers does not keep it up."""
    with standin("judge") as upstream:
        call(upstream.url + "/standin", {"fault": "hang"})
        judge = {"name": "judge", "kind": "judge", "model": "judge", "endpoint": upstream.url}
        settings = {"grace_s": 1, "doctor": "off"}
        config = write_config(
            tmp_path / "e.yaml", {"verifiers": [judge], "tasks": {"t": {}}, "service": settings}
        )
        with service(config, tmp_path) as running:
            found: list[Any] = []
            waiting = threading.Thread(target=lambda: found.append(ask(running, 1)))
            waiting.start()
            wait_until(lambda: call(upstream.url + "/standin").json["active"] == 1)
            os.kill(running.process.pid, signal.SIGTERM)
            code = running.process.wait(30)
            late = ask(running, 2)
            waiting.join()
        call(upstream.url + "/standin", {"fault": ""})

    assert code in (0, -signal.SIGTERM)  # as it was asked to
    assert isinstance(late, Exception)
    assert found
    assert not isinstance(found[0], Answer) or found[0].status >= 500
