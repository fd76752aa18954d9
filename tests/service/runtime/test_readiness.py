"""What `/readyz` reports, and how often it looks."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from assay.service.config.model import Config
from assay.service.domain.errors import StoreDownError, StoreRefusedError
from assay.service.runtime import readiness as module
from assay.service.runtime.lifespan import open_engine
from assay.service.scoring.guard import fit_to_tell
from assay.service.telemetry.metrics import Metrics
from tests.support.waiting import Clock

LENGTHS: dict[str, Any] = {
    "verifiers": [{"name": "short", "kind": "length"}, {"name": "shorter", "kind": "length"}]
}


def config_in(folder: Path, **changes: Any) -> Config:
    """Return a configuration of two checks, its data in a folder."""
    service = {"data_dir": str(folder / "data"), "doctor": "off"}
    return Config.model_validate({**LENGTHS, "service": service, **changes})


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
    assert later == first
    assert first == (
        True,
        {
            "status": "ready",
            "verifiers": {"short": "ok", "shorter": "ok"},
            "store": "ok",
            "store_reason": None,
            "store_loss": None,
            "doctor": None,
            "background": {},
        },
    )


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (StoreDownError("away", "unreachable"), ("down", "unreachable")),
        (StoreRefusedError("READONLY", "read_only"), ("refuses", "read_only")),
    ],
)
async def test_a_store_that_fails_makes_no_service_unready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, state: tuple[str, str]
) -> None:
    """Rankings go on without it."""

    async def fail() -> None:
        raise error

    async with open_engine(config_in(tmp_path), Metrics()) as engine:
        monkeypatch.setattr(engine.resources.store, "probe", fail)
        ready, body = await engine.readiness.report()

    assert ready
    assert (body["store"], body["store_reason"]) == state


async def test_a_service_none_of_whose_verifiers_answers_is_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says why of each; one that takes too long counts as one that does not answer."""
    monkeypatch.setattr(module, "CHECK_TIMEOUT_S", 0.0)
    async with open_engine(config_in(tmp_path), Metrics()) as engine:

        async def hang() -> None:
            await asyncio.sleep(60)  # longer than a check may take

        for member in engine.scoring.scorer.members().values():
            monkeypatch.setattr(member.guarded.verifier, "check", hang, raising=False)
        ready, body = await engine.readiness.report()

    assert not ready
    assert body["status"] == "not ready"
    assert body["verifiers"] == {"short": "timeout", "shorter": "timeout"}


async def test_a_service_is_ready_where_one_verifier_of_the_default_ensemble_answers(
    tmp_path: Path,
) -> None:
    """The report has the reason of the other."""
    served = {"kind": "judge", "model": "m", "endpoint": "http://127.0.0.1:9"}
    away = {"name": "away", **served}
    alone = config_in(tmp_path, verifiers=[away])
    beside = config_in(
        tmp_path,
        verifiers=[away, {"name": "short", "kind": "length"}],
    )

    reports = []
    for config in (alone, beside):
        async with open_engine(config, Metrics()) as engine:
            reports.append(await engine.readiness.report())

    assert [ready for ready, _ in reports] == [False, True]
    assert reports[1][1]["verifiers"]["away"].startswith("unreachable: ")


@pytest.mark.parametrize("failing", [["short"], ["shorter"], ["short", "shorter"]])
async def test_a_verifier_whose_last_calls_failed_is_not_ok(
    tmp_path: Path, failing: list[str]
) -> None:
    """Though its check passes, and at once; where it answers again, it is."""
    async with open_engine(config_in(tmp_path), Metrics()) as engine:
        members = engine.scoring.scorer.members()
        before = await engine.readiness.report()
        for name in failing:
            for _ in range(2):
                members[name].guarded.failing.failed("timeout: \x1b[2Jno answer")
        ready, body = await engine.readiness.report()
        for name in failing:
            members[name].guarded.failing.answered()
        after = await engine.readiness.report()

    problem = "timeout: \x1b[2Jno answer (its last 2 calls failed)"
    assert body["verifiers"] == {
        name: fit_to_tell(problem) if name in failing else "ok" for name in ("short", "shorter")
    }
    assert not any("\x1b" in state for state in body["verifiers"].values())
    assert (ready, body["status"]) == (
        (True, "ready") if len(failing) == 1 else (False, "not ready")
    )
    assert after is before


async def test_a_call_that_fails_makes_another_check_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Soon, and not at once: many calls may fail, and anybody may ask."""
    clock = Clock()
    for name in ("assay.service.runtime.readiness", "assay.service.concurrency.failing_calls"):
        monkeypatch.setattr(f"{name}.time", clock)
    async with open_engine(config_in(tmp_path), Metrics()) as engine:
        failing = engine.scoring.scorer.members()["short"].guarded.failing
        reports = [await engine.readiness.report()]
        clock.now += module.SOON_S * 0.9
        failing.failed("unreachable: refused")
        reports.append(await engine.readiness.report())
        clock.now += module.SOON_S * 0.2
        reports.append(await engine.readiness.report())
        clock.now += module.SOON_S * 1.1  # the failure is of before that check
        reports.append(await engine.readiness.report())

    assert [report is reports[0] for report in reports] == [True, True, False, False]
    assert reports[3] is reports[2]


async def test_the_checks_own_reason_goes_before_that_of_the_calls(tmp_path: Path) -> None:
    """It is the newer one."""
    away = {"name": "away", "kind": "judge", "model": "m", "endpoint": "http://127.0.0.1:9"}
    async with open_engine(config_in(tmp_path, verifiers=[away]), Metrics()) as engine:
        [member] = engine.scoring.scorer.members().values()
        for _ in range(2):
            member.guarded.failing.failed("timeout: no answer")
        _, body = await engine.readiness.report()

    assert body["verifiers"]["away"].startswith("unreachable: ")
