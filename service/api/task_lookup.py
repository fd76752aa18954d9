"""The beginning of a task's handler: the task, its store and the body, or a refusal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import structlog
from fastapi import Request

from assay.service.api.errors import ApiError
from assay.service.api.front.body_limit import whole_body
from assay.service.api.front.body_parsing import Checked, validated
from assay.service.domain.errors import StoreDownError, StoreRefusedError
from assay.service.domain.principal import may_see, sees_all, visible_tasks
from assay.service.domain.secrets import error_line
from assay.service.learning.tasks.task import Task
from assay.service.ports import TaskStore
from assay.service.runtime.engine import Engine
from assay.service.store.errors import NO_WRITES

log = structlog.get_logger()


def task_of(request: Request, name: str) -> Task:
    """Return a task that the caller may see.

    Raises `ApiError` 404, which names the visible tasks.
    """
    visible: dict[str, Task] = {
        task.name: task
        for task in request.app.state.engine.learning.tasks.by_name.values()
        if may_see(task.name)
    }
    if name not in visible:
        raise ApiError(
            404,
            f"no task is called {name!r}; choose from: {', '.join(sorted(visible))}",
            param="task",
            code="unknown_task",
        )
    return visible[name]


def task_store_of(task: Task) -> TaskStore:
    """Return the store of a task that learns.

    Raises `ApiError` 409 for a task that does not.
    """
    if task.task_store is None:
        message = f"the task {task.name!r} learns nothing: it has a `model` or `learn: false`"
        raise ApiError(409, message, param="task", code="does_not_learn")
    return task.task_store


async def stored(asking: Any) -> Any:
    """Return the store's answer.

    Raises `ApiError` 503 if it gives none, or refuses.
    """
    try:
        return await asking
    except StoreDownError:
        raise ApiError(
            503,
            "the store is down: nothing can be learned or looked up",
            code="store_down",
            retry_after_s=1,
        ) from None
    except StoreRefusedError as exc:
        why = NO_WRITES.get(exc.reason, f"its answer is an error ({exc.reason})")
        log.warning("store_refused", reason=exc.reason, error=error_line(exc))
        raise ApiError(
            503, f"the store refuses this: {why}; try again", code="store_refuses", retry_after_s=1
        ) from None


async def checked_body(request: Request, model: type[Checked]) -> Checked:
    """Return the checked body; raise `ApiError` if it is wrong."""
    return await validated(await whole_body(request) or b"{}", model)


def with_texts(task: Task) -> TaskStore:
    """Return the store of a task that stores texts; raise `ApiError` 409 for another."""
    task_store = task_store_of(task)
    if not task.spec.store_text:
        raise ApiError(
            409,
            f"the task {task.name!r} stores no texts: set `store_text: true` in its configuration",
            code="no_texts",
        )
    return task_store


def find_task(engine: Engine, name: str, ensemble: str | None) -> Task:
    """Return a task with the named ensemble; raise `ApiError` 404.

    Rights are checked first, so that another tenant's name gets the same answer as an unknown one.
    """
    tasks = engine.learning.tasks.by_name
    if name not in tasks or not may_see(name):
        raise _unknown("task", name, visible_tasks(tasks))
    if ensemble is not None and ensemble not in (there := _ensembles(engine)):
        raise _unknown("ensemble", ensemble, there)
    return engine.task(name, ensemble)


def _ensembles(engine: Engine) -> Iterable[str]:
    """Return the ensembles that the caller may use: those of its tasks, and those of no task."""
    if sees_all():
        return engine.scoring.scorer.ensembles
    tasks = engine.learning.tasks.by_name
    others = {task.ensemble for task in tasks.values()}
    task_ensembles = {tasks[name].ensemble for name in visible_tasks(tasks)}
    return [
        name
        for name in engine.scoring.scorer.ensembles
        if name in task_ensembles or name not in others
    ]


def _unknown(kind: str, name: str, names: Iterable[str]) -> ApiError:
    message = f"no {kind} is called {name!r}; choose from: {', '.join(sorted(names))}"
    return ApiError(404, message, param=kind, code=f"unknown_{kind}")
