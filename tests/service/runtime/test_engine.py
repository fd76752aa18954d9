"""A running service: its parts, opened and closed."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from assay.service.config.model import Config
from assay.service.runtime import readiness as module
from assay.service.runtime.background import Background, Loop
from assay.service.runtime.lifespan import open_engine
from assay.service.telemetry.metrics import Metrics
from tests.support.servers.processes import free_port


def config_in(folder: Path, **changes: Any) -> Config:
    """Return a configuration of two checks in two ensembles, its data in a folder."""
    names = ("short", "shorter")
    content = {
        "verifiers": [{"name": name, "kind": "length"} for name in names],
        "ensembles": {"both": list(names), "one": ["shorter"]},
        "tasks": {"default": {"ensemble": "both"}, "given": {"learn": False}},
        **changes,
    }
    service = {"data_dir": str(folder / "data"), "doctor": "off", **content.pop("service", {})}
    return Config.model_validate({**content, "service": service})


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


async def test_a_task_is_seen_through_its_ensemble_or_another(tmp_path: Path) -> None:
    """Its own is the task itself; another is a view that learns nothing."""
    async with open_engine(config_in(tmp_path), Metrics()) as engine:
        task, view = engine.task("default", None), engine.task("default", "one")
        own = engine.task("default", "both")
        with pytest.raises(KeyError):
            engine.task("nosuch", None)

    assert own is task
    assert [column.name for column in task.spec.columns] == ["short", "shorter"]
    assert [column.name for column in view.spec.columns] == ["shorter"]
    assert (task.learns, view.learns) == (True, False)


async def test_a_report_is_kept_for_a_while_and_then_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many ask."""
    async with open_engine(config_in(tmp_path), Metrics()) as engine:
        first = await engine.readiness.report()
        again = await engine.readiness.report()
        monkeypatch.setattr(module, "TTL_S", 0.0)
        later = await engine.readiness.report()

    assert again is first
    assert later is not first
    assert first[1]["verifiers"] == {"short": "ok", "shorter": "ok"}
    assert (first[1]["store"], first[1]["doctor"], first[1]["background"]) == ("ok", None, {})


async def test_a_service_is_ready_where_one_verifier_of_the_default_ensemble_answers(
    tmp_path: Path,
) -> None:
    """The report has the reason of the other."""
    served = {"kind": "judge", "model": "m", "endpoint": "http://127.0.0.1:9"}
    away = {"name": "away", **served}
    alone = config_in(tmp_path, verifiers=[away], ensembles={"both": ["away"]})
    beside = config_in(
        tmp_path,
        verifiers=[away, {"name": "short", "kind": "length"}],
        ensembles={"both": ["away", "short"]},
    )

    reports = []
    for config in (alone, beside):
        async with open_engine(config, Metrics()) as engine:
            reports.append(await engine.readiness.report())

    assert [ready for ready, _ in reports] == [False, True]
    assert reports[1][1]["verifiers"]["away"].startswith("unreachable: ")


@pytest.fixture
def titles(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note the titles of the loops that are begun."""
    begun: list[str] = []
    beside = Background.beside

    def noting(
        self: Background, loop: Loop, once: bool = False
    ) -> AbstractAsyncContextManager[None]:
        begun.append(loop.title)
        return beside(self, loop, once)

    monkeypatch.setattr(Background, "beside", noting)
    return begun


async def test_without_learning_nothing_is_fitted(tmp_path: Path, titles: list[str]) -> None:
    """Neither a fitter nor a follower runs, so that a bulk job's models stay as they are."""
    async with open_engine(config_in(tmp_path), Metrics(), learning=False):
        assert titles == ["embedded_store", "pressure", "writer", "warm_up"]


async def test_each_task_that_learns_has_its_own_loops(tmp_path: Path, titles: list[str]) -> None:
    """One that fails costs no other; a server watches its event loop as well."""
    async with open_engine(config_in(tmp_path), Metrics(), serving=True):
        assert titles[1:4] == ["follower", "fitter (default)", "drift (default)"]
        assert "stall watch" in titles
        assert not any("given" in title for title in titles)


async def test_a_task_has_its_configurations_settings(tmp_path: Path) -> None:
    """All tasks together take at most half of an embedded store's memory."""
    settings = {"ensemble": "both", "keep": 7, "keep_mb": 1000, "sample": 0.5, "store_text": True}
    config = config_in(
        tmp_path, tasks={"default": settings, "other": {}}, service={"cache_max_mb": 64}
    )

    async with open_engine(config, Metrics()) as engine:
        spec = engine.learning.tasks.by_name["default"].spec

    assert (spec.keep, spec.sample, spec.store_text) == (7, 0.5, True)
    assert spec.keep_bytes == 64 * 2**20 // 2 // 2
    assert spec.ensemble == "both"
