"""A task's state, by caller."""

from __future__ import annotations

import pytest

from assay.service.api.task_summary import _over_optimised, loss_of_task
from assay.service.domain.principal import _PRINCIPAL, Principal
from assay.service.domain.run_alarm import RunAlarm
from tests.support.http.handler_requests import asking_for


@pytest.mark.parametrize(
    ("tasks", "seen"), [(None, [True] * 3), (frozenset({"math"}), [True, True, False])]
)
def test_what_the_store_lost_of_another_task_is_not_for_a_key_of_some(
    tasks: frozenset[str] | None, seen: list[bool]
) -> None:
    """The key does see losses of all tasks together."""
    losses = [
        "the store's file was cut off",
        "the task math had 40 labels",
        "the task maths had 40 labels",
    ]
    token = _PRINCIPAL.set(Principal("k", frozenset(), tasks))
    try:
        shown = [loss_of_task(loss, "math") for loss in losses]
    finally:
        _PRINCIPAL.reset(token)

    assert shown == [loss if there else None for loss, there in zip(losses, seen, strict=True)]


def test_alarms_of_another_keys_runs_are_not_for_a_key_that_administers_nothing() -> None:
    """It reads its own by the names that it stated."""
    alarms = {
        name: RunAlarm(state="alarm", culprit="judge")
        for name in ("night~first", "night~second", "~second@ab", "old")
    }
    alarms["quiet~second"] = RunAlarm()

    with asking_for("t", name="second", scopes=["rank"]):
        own = _over_optimised(alarms)
    with asking_for("t", name="third", scopes=["rank"]):
        none = _over_optimised(alarms)
    with asking_for("t", name="owner"):
        everybodys = _over_optimised(alarms)

    assert own == {"over_optimised_runs": {"night": "judge", "~second@ab": "judge"}}
    assert none == {}
    assert set(everybodys["over_optimised_runs"]) == {
        "night~first",
        "night~second",
        "~second@ab",
        "old",
    }
