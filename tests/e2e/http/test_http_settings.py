"""The API of a running service by its settings: keys, a prefix, a bound, workers."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from tests.support.http.rankings import BAD, GOOD, QUERY, rank
from tests.support.servers.processes import service, standin, write_config
from tests.support.waiting import wait_until


def test_keys_are_asked_for_where_there_are_any(tmp_path: Path) -> None:
    """Health and the documents stay open; a key is never echoed."""
    with service(None, tmp_path, env={"ASSAY_API_KEYS": "first,second"}) as guarded:
        body = {"query": QUERY, "candidates": [GOOD]}
        answers = {
            key: guarded.post("/v1/rank", body, headers={"Authorization": key} if key else {})
            for key in ("", "Bearer wrong-key", "Basic first", "Bearer first", "bearer second")
        }

        assert {key: answer.status for key, answer in answers.items()} == {
            "": 401,
            "Bearer wrong-key": 401,
            "Basic first": 401,
            "Bearer first": 200,
            "bearer second": 200,
        }
        assert guarded.get("/healthz").status == 200
        assert guarded.get("/metrics").status == 401
        assert b"wrong-key" not in answers["Bearer wrong-key"].raw
    assert "wrong-key" not in (tmp_path / "service.log").read_text()


def test_a_prefix_is_stripped(tmp_path: Path) -> None:
    """Behind a proxy that keeps it, scoring and the open paths are the same."""
    with service(
        None, tmp_path, env={"ASSAY_ROOT_PATH": "/assay", "ASSAY_API_KEYS": "k"}
    ) as prefixed:
        body = {"query": QUERY, "candidates": [GOOD]}

        assert prefixed.get("/healthz").status == 200
        assert prefixed.post("/v1/rank", body).status == 401
        assert prefixed.post("/v1/rank", body, headers={"Authorization": "Bearer k"}).status == 200


def test_a_full_queue_refuses_at_once(tmp_path: Path) -> None:
    """429 with Retry-After for the excess; those that were let in are answered."""
    with standin("rerank", latency_ms=700) as slow:
        verifier = {"name": "r", "kind": "cross_encoder", "model": "rerank", "endpoint": slow.url}
        config = write_config(
            tmp_path / "e.yaml",
            {"verifiers": [verifier], "service": {"max_active": 2, "max_queued": 1}},
        )
        with service(config, tmp_path) as assay:
            answers: list[Any] = []
            threads = [
                threading.Thread(
                    target=lambda place=place: answers.append(
                        assay.post("/v1/rank", {"query": "q", "candidates": [f"c{place}"]})
                    )
                )
                for place in range(8)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

            assert sorted(answer.status for answer in answers) == [200] * 3 + [429] * 5
            assert {
                answer.headers["retry-after"] for answer in answers if answer.status == 429
            } == {"1"}
            assert assay.get("/healthz").status == 200


def test_several_workers_share_one_store(tmp_path: Path) -> None:
    """Scores of one worker serve the others; metrics cover all of them."""
    with service(None, tmp_path, env={"ASSAY_WORKERS": "2"}) as assay:
        # Written behind the answer; and on a busy machine the first comparison may take too long to
        # be remembered.
        wait_until(lambda: rank(assay, [GOOD, BAD])["usage"]["cache_hits"] == 10)
        hits = [rank(assay, [GOOD, BAD])["usage"]["cache_hits"] for _ in range(12)]

        assert hits == [10] * 12
        total = sum(
            float(line.split()[-1])
            for line in assay.get("/metrics").raw.decode().splitlines()
            if line.startswith('assay_requests_total{path="/v1/rank"')
        )
        assert total >= 13
