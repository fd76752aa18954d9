"""The sums of a run over processes, and its alarm."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from assay.aggregation.over_optimisation import BLOCK
from assay.service.domain.errors import StoreDownError
from assay.service.domain.reward_runs import RewardRun
from assay.service.learning.runs import run_watch as module
from assay.service.learning.runs.run_watch import FORGET_S, RunWatch
from assay.service.learning.tasks.registry import Tasks
from assay.service.store.client import Store
from assay.service.store.task_store import TaskStore
from assay.service.telemetry.metrics import Metrics
from assay.verifiers import Pair, Query
from tests.support.http.handler_requests import named_task
from tests.support.samples.simulated_runs import Story, completions, draw_ensemble

ENSEMBLE = draw_ensemble(3, 1, np.random.default_rng(0))
NAMES = ("a", "b", "c")
CULPRIT = NAMES[ENSEMBLE.culprit]
RUN = RewardRun(
    name="night", version=0, model_version="t@0", ensemble="e", scores_as="ab", began=0.0
)


def member(name: str, is_check: bool, setwise: bool = False, form: bool = False) -> Any:
    """Return the parts of a verifier that the watch reads."""
    return SimpleNamespace(name=name, is_check=is_check, setwise=setwise, speaks_of_form=form)


MEMBERS = [
    member("consensus", False, setwise=True),
    *(member(name, check) for name, check in zip(NAMES, ENSEMBLE.checks, strict=True)),
    member("length", True, form=True),
]


def answered(story: Story, progress: float, number: int = BLOCK) -> tuple[Any, list[Pair]]:
    """Return a request's result and pairs, of simulated completions."""
    rng = np.random.default_rng(int(100 * progress) + number)
    values = completions(ENSEMBLE, story, progress, rng, number)
    others = rng.normal(size=(number, 2))
    raw = np.column_stack([others[:, 0], values[:, :3], others[:, 1]])
    lengths = np.expm1(values[:, 4]).astype(int)
    pairs = [Pair(Query.of("q"), "x" * length) for length in lengths.tolist()]
    result = SimpleNamespace(
        members=MEMBERS,
        matrix=SimpleNamespace(raw=raw),
        combined=SimpleNamespace(log_odds=values[:, 3]),
    )
    return result, pairs


class Process:
    """A process with a watch, and a clock that the test moves."""

    def __init__(self, store: Store) -> None:
        self.task = named_task("t")
        self.task.run_store = self.kept = TaskStore(store, "t")
        self.metrics, self.at = Metrics(), 0.0
        tasks = Tasks(store, [self.task])
        self.watch = RunWatch(tasks, self.metrics, lambda: self.at, lambda: 7.0)

    def runs_of(self, verifier: str) -> float | None:
        """Return what the metric says of a verifier."""
        return self.metrics.registry.get_sample_value(
            "assay_over_optimised_runs", {"task": "t", "verifier": verifier}
        )

    async def answer(self, story: Story, progress: float, number: int = BLOCK) -> None:
        """Answer one request, and hand its sums over."""
        self.watch.note("t", "night", *answered(story, progress, number))
        await self.watch.look()


async def test_two_processes_add_up_and_both_hear_the_alarm(store: Store) -> None:
    """It is logged once, counted in the metric, and let go of when the run is."""
    one, other = Process(store), Process(store)
    await one.kept.pin(RUN, 0.0, 1e9)
    assert one.watch.alarm("t", "night") is None

    with capture_logs() as logs:
        for progress in (0.0, 1.0, 1.0, 1.0):
            await one.answer("hack", progress, BLOCK // 2)
            await other.answer("hack", progress, BLOCK // 2)
        await one.answer("hack", 1.0, 1)
    alarm, elsewhere = (process.watch.alarm("t", "night") for process in (one, other))
    listed = (await one.kept.runs())[0].alarm
    one.at = FORGET_S
    await one.watch.look()
    counted = one.runs_of(CULPRIT), other.runs_of(CULPRIT)
    await other.kept.end_run("night")

    assert alarm == listed
    assert alarm is not None
    assert (alarm.state, alarm.culprit, alarm.since) == ("alarm", CULPRIT, 7.0)
    assert elsewhere is not None
    assert elsewhere.sounds
    assert alarm.completions == 4 * BLOCK + 1
    assert [(entry["event"], entry["culprit"]) for entry in logs] == [
        ("run_over_optimised", CULPRIT)
    ]
    assert counted == (0, 1)
    assert await other.kept.alarms() == {}
    assert await other.kept.sums("night") == (b"", None)


async def test_an_honest_run_stays_quiet(store: Store) -> None:
    """However far all verifiers rise together."""
    process = Process(store)
    await process.kept.pin(RUN, 0.0, 1e9)
    for progress in (0.0, 0.5, 1.0, 1.0):
        await process.answer("honest, longer", progress)

    alarm = process.watch.alarm("t", "night")
    assert alarm is not None
    assert (alarm.state, alarm.culprit) == ("quiet", None)
    assert process.runs_of(CULPRIT) is None


async def test_sums_wait_for_a_store_that_is_away_and_for_others(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is lost or counted twice; a run that is not kept any more gets none."""
    process = Process(store)
    await process.kept.pin(RUN, 0.0, 1e9)
    keep_sums = TaskStore.keep_sums

    async def away(*_: Any) -> int:
        raise StoreDownError("away")

    async def beaten(*_: Any) -> int:
        return 0

    monkeypatch.setattr(TaskStore, "keep_sums", away)
    with pytest.raises(StoreDownError):
        await process.answer("still", 0.0, 5)
    monkeypatch.setattr(TaskStore, "keep_sums", beaten)
    await process.answer("still", 0.0, 6)
    unread = process.watch.alarm("t", "night")
    monkeypatch.setattr(TaskStore, "keep_sums", keep_sums)
    await process.answer("still", 0.0, 7)
    process.watch.note("t", "gone", *answered("still", 0.0, 7))
    await process.watch.look()

    assert unread is None
    alarm = process.watch.alarm("t", "night")
    assert alarm is not None
    assert alarm.completions == 18
    assert process.watch.alarm("t", "gone") is None
    assert list(await process.kept.alarms()) == ["night"]


async def test_pending_sums_are_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Completions of further runs are not counted until the store has those before."""
    monkeypatch.setattr(module, "MOST_PENDING", 1)
    process = Process(store)
    for name in ("a", "b"):
        await process.kept.pin(RewardRun(**{**vars_of(RUN), "name": name}), 0.0, 1e9)
        process.watch.note("t", name, *answered("still", 0.0, 5))
    await process.watch.look()

    assert list(await process.kept.alarms()) == ["a"]


@pytest.mark.parametrize("stored", [b"damaged", b'{"names":[],"checks":[]}\n' + b"\0" * 80])
async def test_sums_that_do_not_fit_begin_anew(store: Store, stored: bytes) -> None:
    """Damaged ones, and those of other verifiers."""
    process = Process(store)
    await process.kept.pin(RUN, 0.0, 1e9)
    await process.answer("still", 0.0, 9)
    await store.redis.hset("assay:1:run_sums:{t}", "night", stored)

    await process.answer("still", 0.0, 5)

    alarm = process.watch.alarm("t", "night")
    assert alarm is not None
    assert alarm.completions == 5


def vars_of(run: RewardRun) -> dict[str, Any]:
    """Return a run's fields."""
    return {name: getattr(run, name) for name in run.__dataclass_fields__}
