"""A task's state in an answer: its model, its cascade, its drift."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.service.api.task_lookup import stored
from assay.service.domain.learned import LOSS_OF_TASK
from assay.service.domain.principal import administers, holder_name, sees_all
from assay.service.domain.reward_runs import may_see_run, shown_name
from assay.service.domain.run_alarm import RunAlarm
from assay.service.learning.label_matching import label_counts_of
from assay.service.learning.tasks.task import Task


def loss_of_task(loss: str | None, name: str) -> str | None:
    """Return the store's losses; callers who may not see all tasks get none of other tasks."""
    if (
        loss is None
        or sees_all()
        or not loss.startswith(LOSS_OF_TASK)
        or loss.startswith(f"{LOSS_OF_TASK}{name} had ")
    ):
        return loss
    return None


async def task_summary(task: Task) -> dict[str, Any]:
    """Return what a list of tasks shows of one."""
    summary: dict[str, Any] = {
        "task": task.name,
        "ensemble": task.ensemble,
        "model_version": task.served.model_version,
        "calibrated": task.served.model.calibrated,
        "learns": task.learns,
        "verifiers": [column.name for column in task.spec.columns],
    }
    summary |= drift_of(task) | _cascade(task)
    if task.task_store is not None:
        reading = await stored(task.task_store.look())
        counts = await stored(label_counts_of(task, reading))
        summary |= {"requests": reading.stored.requests, **counts}
    if task.run_store is not None:
        summary |= _over_optimised(await stored(task.run_store.alarms()))
    return summary


def _over_optimised(alarms: Mapping[str, RunAlarm]) -> dict[str, Any]:
    """Return the runs whose alarm sounds, with the verifier that each pleases; nothing without.

    A key without the scope `admin` sees its own runs.
    """
    holder, is_admin = holder_name(), administers()
    culprits = {
        shown_name(name, holder): alarm.culprit
        for name, alarm in alarms.items()
        if alarm.sounds and may_see_run(name, holder, is_admin)
    }
    return {"over_optimised_runs": culprits} if culprits else {}


def _cascade(task: Task) -> dict[str, Any]:
    """Return a task's policy, and its cascade's loss and saving on queries scored in full."""
    cascade_policy, names = task.cascade_policy, [column.name for column in task.spec.columns]
    if cascade_policy.cascade is None:
        return {"policy": cascade_policy.policy}
    counts = {
        "costs": "measured" if cascade_policy.by_measure else "stated",
        "price": cascade_policy.cascade.price,
        "tiers": cascade_policy.tiers(names),
        "wanted_loss": cascade_policy.wanted_loss,
    }
    return {
        "policy": cascade_policy.policy,
        "cascade": {**counts, **cascade_policy.estimate.summary()},
    }


def drift_of(task: Task) -> dict[str, Any]:
    """Return each verifier's distance from its state at the fit; nothing before the first look."""
    drift = task.statistics.drift
    if not drift:
        return {}
    return {
        "drift": {
            column.name: {
                "psi": verifier.psi,
                "agreement_z": verifier.agreement_z,
                "rows": verifier.rows,
                "alarm": verifier.alarm,
            }
            for column, verifier in zip(task.spec.columns, drift, strict=True)
        }
    }
