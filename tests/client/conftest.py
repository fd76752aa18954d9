"""Each test has an environment, a process run and loop clients of its own; some a service."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from assay_client import Client, lone

from tests.client.asked import QUICK
from tests.support.servers.processes import Server, service, write_config


@pytest.fixture(scope="module", autouse=True)
def _no_connection_outlives_a_module() -> Iterator[None]:
    """Reward functions keep clients for as long as their process lives.

    Their sockets warn when they are collected. CPython 3.11 fails if that happens while it parses
    (`AST constructor recursion depth mismatch`), so they are collected here.
    """
    yield
    lone._CLIENTS.clear()
    gc.collect()


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ASSAY_TASK", "ASSAY_RUN", "ASSAY_MISSING", "ASSAY_REWARD"):
        monkeypatch.delenv(name, raising=False)
    lone.process_run.cache_clear()
    lone._CLIENTS.clear()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service whose verifiers are at home in arithmetic."""
    folder = tmp_path_factory.mktemp("client")
    verifiers = [
        {"name": "arithmetic", "kind": "arithmetic"},
        {"name": "reference", "kind": "math_answer"},
    ]
    with service(
        write_config(folder / "e.yaml", {"verifiers": verifiers, "tasks": {"math": {}}}), folder
    ) as server:
        yield server


@pytest.fixture
def client(running: Server) -> Iterator[Client]:
    """A blocking client."""
    with Client(running.url, retrying=QUICK) as found:
        yield found
