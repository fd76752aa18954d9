"""A store and a model file that an earlier version (commit c7e78df) wrote: today's reads and serves
them.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from assay.service.store.embedded_valkey import EmbeddedStore
from tests.support.jsonl import read_jsonl
from tests.support.servers.processes import ROOT, Server, assay, service, write_config

DATA = ROOT / "tests" / "data" / "before_rooms"


def recorded(name: str) -> Any:
    """Return the content of a JSON file."""
    return json.loads((DATA / name).read_text())


async def restore(url: str) -> None:
    """Put every recorded key into a store, with the time to live it had."""
    client = Redis.from_url(url)
    for row in read_jsonl(DATA / "store.jsonl"):
        key, value = base64.b64decode(row["key"]), base64.b64decode(row["dump"])
        await client.restore(key, max(row["ttl"], 0), value, replace=True)
    await client.aclose()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Today's service on the store of before."""
    folder = tmp_path_factory.mktemp("before")
    store = EmbeddedStore(folder / "data" / "store", 64)
    store.start()
    asyncio.run(restore(store.url))
    store.stop()
    with service(write_config(folder / "e.yaml", recorded("config.json")), folder) as server:
        yield server


def test_the_model_and_the_labels_of_before_are_served(running: Server) -> None:
    """The task's state equals that of the earlier version."""
    before, now = recorded("answers.json")["task"], running.get("/v1/tasks/math").json

    assert now["model_version"] == before["model_version"] == "math@2"
    assert (now["labels"], now["requests"]) == (before["labels"], before["requests"])
    assert now["report"]["fingerprints"] == before["report"]["fingerprints"]


def test_scores_of_before_are_cached_and_probabilities_equal(running: Server) -> None:
    """No verifier gets a new call, and each candidate has the same probability."""
    answers = recorded("answers.json")
    for request, before in zip(answers["requests"], answers["answers"], strict=True):
        now = running.post("/v1/rank", request).json

        assert now["usage"]["calls"] == 0
        assert now["usage"]["cache_hits"] == before["usage"]["cache_hits"] > 0
        assert [result["key"] for result in now["results"]] == [
            result["key"] for result in before["results"]
        ]
        assert [result["probability"] for result in now["results"]] == pytest.approx(
            [result["probability"] for result in before["results"]], abs=1e-9
        )


def test_a_model_file_of_before_predicts_the_same(tmp_path: Path) -> None:
    """To nine decimal places, row for row."""
    out = tmp_path / "out.jsonl"
    command = assay("predict", DATA / "model.json", DATA / "scores.jsonl", "-o", out, cwd=tmp_path)
    assert command.returncode == 0, command.stderr

    before, now = read_jsonl(DATA / "predictions.jsonl"), read_jsonl(out)
    assert [row["query_id"] for row in now] == [row["query_id"] for row in before]
    assert [row["probability"] for row in now] == pytest.approx(
        [row["probability"] for row in before], abs=1e-9
    )
