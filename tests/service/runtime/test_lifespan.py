"""Opening a service, and closing it again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from assay.service.learning.follower import Follower
from assay.service.learning.write_behind import Writer
from assay.service.runtime import lifespan
from assay.service.runtime.background import Background, Loop
from assay.service.runtime.lifespan import open_engine
from assay.service.scoring.scorer import Scorer
from assay.service.store.client import Store
from assay.service.store.embedded_valkey import EmbeddedStore
from assay.service.telemetry.metrics import Metrics
from assay.verifiers import HttpPool
from tests.service.runtime.test_engine import config_in
from tests.support.servers.processes import free_port

#: What a service without learning opens, in order; all but the last are there before the parts.
OPENED = ["embedded store", "embedded_store", "store", "pool", "pressure", "writer", "warm_up"]


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note what is opened, and with a minus what is closed; the embedded store does not run."""
    noted: list[str] = []
    beside = Background.beside

    @asynccontextmanager
    async def noting(self: Background, loop: Loop, once: bool = False) -> AsyncIterator[None]:
        noted.append(loop.title)
        try:
            async with beside(self, loop, once):
                yield
        finally:
            noted.append(f"-{loop.title}")

    def note_opened(cls: type, method: str, name: str) -> None:
        original = getattr(cls, method)

        def opened(self: Any, *args: Any, **options: Any) -> Any:
            noted.append(name)
            return original(self, *args, **options)

        monkeypatch.setattr(cls, method, opened)

    def note_closed(cls: type, method: str, name: str) -> None:
        original = getattr(cls, method)

        async def closed(self: Any) -> None:
            noted.append(f"-{name}")
            await original(self)

        monkeypatch.setattr(cls, method, closed)

    monkeypatch.setattr(Background, "beside", noting)
    monkeypatch.setattr(EmbeddedStore, "start", lambda _: noted.append("embedded store"))
    monkeypatch.setattr(EmbeddedStore, "stop", lambda _: noted.append("-embedded store"))
    note_opened(Store, "__init__", "store")
    note_opened(HttpPool, "__init__", "pool")
    note_closed(Store, "close", "store")
    note_closed(HttpPool, "close", "pool")
    note_closed(Follower, "close", "listening")
    note_closed(Writer, "flush", "all is written")
    note_closed(Scorer, "all_kept", "all is recorded")
    return noted


def closed_of(opened: list[str]) -> list[str]:
    """Return the events of closing, in the reverse order of opening."""
    return [f"-{name}" for name in reversed(opened)]


async def test_what_is_opened_is_closed_in_the_reverse_order(
    tmp_path: Path, events: list[str]
) -> None:
    """What is recorded and not yet written is written while the store is still open."""
    async with open_engine(config_in(tmp_path), Metrics(), learning=False):
        opened = list(events)

    assert opened == OPENED
    closed = closed_of(OPENED)
    assert events[len(opened) :] == [closed[0], "-all is recorded", "-all is written", *closed[1:]]


async def test_the_follower_is_closed_after_its_loop(tmp_path: Path, events: list[str]) -> None:
    """And before the store, from which it reads."""
    async with open_engine(config_in(tmp_path), Metrics()):
        pass

    ends = ["-follower", "-listening", "-pool", "-store"]
    # The follower closes what it listens with after each failure, too.
    assert [event for event in events if event in ends][-4:] == ends


async def test_a_start_that_fails_half_way_closes_what_it_opened(
    tmp_path: Path, events: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing else; the caller sees the error."""

    def fail(*_: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr(lifespan, "wire", fail)

    with pytest.raises(OSError, match="no room"):
        async with open_engine(config_in(tmp_path), Metrics()):
            raise AssertionError("it is not open")

    assert events == [*OPENED[:4], *closed_of(OPENED[:4])]


async def test_a_loop_that_does_not_start_costs_no_other_its_end(
    tmp_path: Path, events: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loops before it end, and then what they stand on."""
    beside = Background.beside

    def refusing(
        self: Background, loop: Loop, once: bool = False
    ) -> AbstractAsyncContextManager[None]:
        if loop.name == "writer":
            raise RuntimeError("no writer")
        return beside(self, loop, once)

    monkeypatch.setattr(Background, "beside", refusing)

    with pytest.raises(RuntimeError, match="no writer"):
        async with open_engine(config_in(tmp_path), Metrics(), learning=False):
            raise AssertionError("it is not open")

    assert events == [*OPENED[:5], *closed_of(OPENED[:5])]


async def test_an_embedded_store_that_does_not_start_is_stopped(
    tmp_path: Path, events: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server may run all the same, and its guardian."""

    def fail(_: EmbeddedStore) -> None:
        raise OSError("no such program")

    monkeypatch.setattr(EmbeddedStore, "start", fail)

    with pytest.raises(OSError, match="no such program"):
        async with open_engine(config_in(tmp_path), Metrics()):
            raise AssertionError("it is not open")

    assert events == ["-embedded store"]


async def test_an_error_within_closes_all_as_well(tmp_path: Path, events: list[str]) -> None:
    """A command that fails leaves nothing behind."""
    with pytest.raises(ValueError, match="ours"):
        async with open_engine(config_in(tmp_path), Metrics(), learning=False):
            raise ValueError("ours")

    assert [event for event in events if event in closed_of(OPENED)] == closed_of(OPENED)


async def test_a_closed_service_leaves_nothing_running(tmp_path: Path) -> None:
    """No task of the event loop, and no embedded store."""
    before = asyncio.all_tasks()

    async with open_engine(config_in(tmp_path), Metrics()) as engine:
        assert asyncio.all_tasks() > before
        assert not engine.resources.store.down

    assert asyncio.all_tasks() == before
    assert not list((tmp_path / "data").rglob("*.sock"))


async def test_a_service_starts_without_its_store(tmp_path: Path) -> None:
    """The log has it, and so have readiness and the metrics; it can rank all the same."""
    away = {"redis_url": f"redis://127.0.0.1:{free_port()}"}

    with capture_logs() as lines:
        async with open_engine(config_in(tmp_path, service=away), Metrics()) as engine:
            ready, report = await engine.readiness.report()
            metrics = engine.metrics_text()

    assert "started_without_store" in [line["event"] for line in lines]
    assert (ready, report["store"]) == (True, "down")
    assert b"assay_store_up 0.0" in metrics


async def test_without_learning_nothing_is_fitted(tmp_path: Path, events: list[str]) -> None:
    """Neither a fitter nor a follower runs, so that a bulk job's models stay as they are."""
    async with open_engine(config_in(tmp_path), Metrics(), learning=False):
        bulk = set(events)
    events.clear()
    async with open_engine(config_in(tmp_path), Metrics(), serving=True):
        serving = set(events)

    learning = {"follower", "fitter (default)", "drift (default)"}
    assert serving - bulk == {*learning, "run watch", "stall watch"}
