"""The run of a request, and what its answer says of it."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from assay.service.api.errors import ApiError
from assay.service.api.front.middleware.response_headers import ANSWER_HEADERS_IN_SCOPE
from assay.service.api.runs.entered_run import enter_run, settle_run
from assay.service.config.model import RewardDefaults, TaskSettings
from assay.service.domain.errors import StoreDownError
from assay.service.domain.run_alarm import RunAlarm
from assay.service.learning.runs.pins import RunPins
from assay.service.store.client import Store
from assay.service.store.task_store import TaskStore
from tests.support.http.handler_requests import asking_for, engine_of, named_task, request_to


class AwayStore:
    """A store that does not answer."""

    async def generation(self) -> bytes:
        """Raise."""
        raise StoreDownError("away")


class Watch:
    """A watch that has seen one alarm."""

    def __init__(self, alarm: RunAlarm | None) -> None:
        self._alarm = alarm
        self.noted: list[tuple[str, str]] = []

    def note(self, task: str, run: str, *_: Any) -> None:
        """Note a request."""
        self.noted.append((task, run))

    def alarm(self, *_: str) -> RunAlarm | None:
        """Return the alarm."""
        return self._alarm


def asked(
    store: Any,
    rewards: RewardDefaults | None = None,
    alarm: RunAlarm | None = None,
    **headers: str,
) -> Any:
    """Return a request with headers `x-assay-…` to a task with runs."""
    task = named_task("t")
    runs: Any = store if isinstance(store, AwayStore) else TaskStore(store, "t")
    task.run_store = runs
    engine = engine_of(task)
    engine.learning.run_pins = RunPins(store)
    engine.learning.run_watch = Watch(alarm)
    engine.config.tasks["t"] = TaskSettings(rewards=rewards or RewardDefaults())
    pairs = [(f"x-assay-{name}".encode(), value.encode()) for name, value in headers.items()]
    return request_to(engine, scope={"headers": pairs})


async def entered(request: Any, is_reward_route: bool = True) -> Any:
    """Return the run of a request."""
    task = request.app.state.engine.learning.tasks.by_name["t"]
    return await enter_run(request, task, is_reward_route=is_reward_route)


async def test_reward_routes_are_frozen_and_teach_nothing_by_default(store: Store) -> None:
    """Other routes are and do neither, unless they name a run; the configuration may say else."""
    open_routes = RewardDefaults(frozen=False, learn=True, kind="rank", partial="refuse")

    unnamed, named = await entered(asked(store)), await entered(asked(store, run="night"), False)
    plain, loose = await entered(asked(store), False), await entered(asked(store, open_routes))

    assert unnamed.run.name.startswith("~@")
    assert (unnamed.learn, unnamed.partial, unnamed.reward) == (False, "mark", None)
    assert (named.run.name, named.learn) == ("night", False)
    assert (plain.run, plain.learn, plain.partial) == (None, True, "mark")
    assert (loose.run, loose.learn, loose.partial, loose.reward) == (None, True, "refuse", "rank")
    assert (await entered(asked(store, run="night", learn="true"))).learn is True


@pytest.mark.parametrize("headers", [{}, {"run": "night"}, {"reward": "rank"}])
async def test_without_a_store_a_frozen_reward_has_to_wait(headers: dict[str, Any]) -> None:
    """Another version could have answered the run's first calls, also that of calls without a name;
    a task whose rewards are not frozen goes on.
    """
    with pytest.raises(ApiError, match="the store does not answer") as caught:
        await entered(asked(AwayStore(), **headers))
    assert (caught.value.status, caught.value.code) == (503, "store_down")

    loose = await entered(asked(AwayStore(), RewardDefaults(frozen=False)))
    assert loose.run is None


@pytest.mark.parametrize(("first", "other"), [("probability", "log_odds"), ("rank", "denoised")])
async def test_the_kind_of_reward_stays_the_same_in_a_run(
    store: Store, first: str, other: str
) -> None:
    """A call that states none gets the run's, and one that states another is refused."""
    began = await entered(asked(store, run="night", reward=first))
    silent = await entered(asked(store, RewardDefaults(kind="rank"), run="night"))
    ranking = await entered(asked(store, run="night"), is_reward_route=False)
    with pytest.raises(ApiError, match=f"began with {first} rewards") as refused:
        await entered(asked(store, run="night", reward=other))
    another = await entered(asked(store, run="day", reward=other))

    assert (began.reward, silent.reward, another.reward) == (first, first, other)
    assert ranking.reward is None
    assert (refused.value.status, refused.value.code) == (409, "run_conflict")


async def test_a_run_that_began_without_a_kind_has_each_routes_own_number(store: Store) -> None:
    """Neither a later request nor the configuration changes it; calls without a run may choose."""
    plain = await entered(asked(store, run="night"))
    later = await entered(asked(store, RewardDefaults(kind="log_odds"), run="night"))
    with pytest.raises(ApiError, match="each route's own number"):
        await entered(asked(store, run="night", reward="rank"))
    unnamed = [await entered(asked(store, reward=kind)) for kind in ("rank", "log_odds")]
    configured = await entered(asked(store, RewardDefaults(kind="log_odds")))

    assert (plain.reward, later.reward) == (None, None)
    assert [run.reward for run in unnamed] == ["rank", "log_odds"]
    assert unnamed[0].run == unnamed[1].run != configured.run


async def test_a_name_is_the_keys_own(store: Store) -> None:
    """Two keys' runs of one name have a version each, and answers name them as they were stated."""
    with asking_for("t", name="first"):
        mine = await entered(asked(store, run="night", reward="rank"))
    with asking_for("t", name="second"):
        request = asked(store, run="night", reward="log_odds")
        theirs = await entered(request)
        matrix = SimpleNamespace(partial=False, reasons={})
        scoring_result: Any = SimpleNamespace(version="t@0", matrix=matrix, warnings=[], rewards=[])
        theirs = replace(theirs, reward=None)
        settle_run(request, theirs, scoring_result, [])

    assert (mine.run.name, theirs.run.name) == ("night~first", "night~second")
    assert dict(request.scope[ANSWER_HEADERS_IN_SCOPE])[b"x-assay-run"] == b"night"


async def test_an_answer_names_its_run_and_a_partial_one_is_marked_or_refused(store: Store) -> None:
    """In headers, whatever form the answer has."""
    request, matrix = asked(store, run="night"), SimpleNamespace(partial=False, reasons={})
    result: Any = SimpleNamespace(version="t@0", matrix=matrix, warnings=[])
    run = await entered(request)

    settle_run(request, run, result, [])
    whole = dict(request.scope.pop(ANSWER_HEADERS_IN_SCOPE))
    matrix.partial, matrix.reasons = True, {(0, 0): "timeout: slow"}
    settle_run(request, run, result, [])
    refusing = asked(store, run="night", partial="refuse")
    with pytest.raises(ApiError, match="timeout: slow") as refused:
        settle_run(refusing, await entered(refusing), result, [])

    assert whole == {b"x-assay-run": b"night", b"x-assay-model-version": b"t@0"}
    assert dict(request.scope[ANSWER_HEADERS_IN_SCOPE])[b"x-assay-partial"] == b"true"
    assert (refused.value.status, refused.value.code) == (503, "partial_score")


@pytest.mark.parametrize("state", ["suspected", "alarm"])
async def test_an_answer_warns_of_a_run_that_pleases_one_verifier(store: Store, state: Any) -> None:
    """In its warnings and in a header, once the alarm sounds; its completions are counted."""
    alarm = RunAlarm(state=state, culprit="judge", figures={"verifier": 1.26, "others": -0.1})
    request = asked(store, alarm=alarm, run="night")
    matrix = SimpleNamespace(partial=False, reasons={})
    result: Any = SimpleNamespace(version="t@0", matrix=matrix, warnings=[])

    settle_run(request, await entered(request), result, [])

    header = dict(request.scope[ANSWER_HEADERS_IN_SCOPE]).get(b"x-assay-over-optimised")
    assert request.app.state.engine.learning.run_watch.noted == [("t", "night")]
    assert header == (b"judge" if alarm.sounds else None)
    assert [warning.partition(":")[0] for warning in result.warnings] == (
        ["over_optimisation"] if alarm.sounds else []
    )
    if alarm.sounds:
        assert "judge rose by 1.3 standard deviations and the others by -0.1" in result.warnings[0]


@pytest.mark.parametrize("is_reward_route", [False, True])
async def test_a_key_that_teaches_nothing_is_learned_from_nowhere(
    store: Store, is_reward_route: bool
) -> None:
    """Whatever the task's settings; a request that asks for it is refused."""
    teaching = RewardDefaults(learn=True)
    stated: list[dict[str, Any]] = [{}, {"run": "night"}, {"learn": "false"}]
    with asking_for("t", teaches=False):
        learns = [
            (await entered(asked(store, teaching, **headers), is_reward_route)).learn
            for headers in stated
        ]
        with pytest.raises(ApiError, match="no task learns from requests of this key") as caught:
            await entered(asked(store, learn="true"), is_reward_route)
    with asking_for("t"):
        another = await entered(asked(store, teaching), is_reward_route)

    assert learns == [False] * 3
    assert (caught.value.status, caught.value.code) == (403, "may_not_teach")
    assert another.learn
