"""Servers and an ensemble for bulk jobs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.servers.processes import Server, standin, write_config


@pytest.fixture(autouse=True)
def each_log_as_before(log_as_before: None) -> None:
    """Restore the log's streams after each test: all run commands in this process."""


@pytest.fixture(scope="module")
def upstreams() -> Iterator[list[Server]]:
    """Two stand-ins."""
    with standin("reward", latency_ms=5) as reward, standin("rerank", latency_ms=5) as rerank:
        yield [reward, rerank]


@pytest.fixture
def config(upstreams: list[Server], tmp_path: Path) -> Path:
    """An ensemble of a reward model, a reranker and a vote."""
    reward, rerank = upstreams
    verifiers = [
        {"name": "reward", "kind": "reward_model", "model": "reward", "endpoint": reward.url},
        {"name": "rerank", "kind": "cross_encoder", "model": "rerank", "endpoint": rerank.url},
        {"name": "vote", "kind": "consensus"},
    ]
    return write_config(tmp_path / "config.yaml", {"verifiers": verifiers, "tasks": {"t": {}}})
