"""The task of a compatible request: by `model`, as its body or its URL names it."""

from __future__ import annotations

from fastapi import Request

from assay.service.api.errors import ApiError, shortened
from assay.service.api.front.query_parameters import query_items
from assay.service.api.runs.run_options import OPTION_NAMES
from assay.service.api.task_lookup import find_task
from assay.service.domain.principal import may_see, visible_tasks
from assay.service.learning.tasks.task import Task
from assay.service.runtime.engine import Engine

MODEL_PREFIX = "assay"
#: Characters of a name that a body may state.
MOST_NAME = 512
#: What the query of every reward route may have. `as` is free: some clients want a URL that ends in
#: a word of theirs.
REWARD_PARAMETERS = (*OPTION_NAMES, "task", "model", "as")


def task_of_model(engine: Engine, model: str | None) -> Task:
    """Return the task of a model's name: none or `assay` the default, `assay/TASK`, or an alias.

    The default of a key that may use one task alone is that task. Raises a 404 for any other name.
    A name of another tenant's task gets the same answer as an unknown one.
    """
    aliases = engine.config.model_aliases
    head, _, rest = (model or MODEL_PREFIX).partition("/")
    task = aliases.get(
        model or "", (rest or _default_task(engine)) if head == MODEL_PREFIX else None
    )
    if task is None or task not in engine.learning.tasks.by_name or not may_see(task):
        choices = f"choose from: {', '.join(model_names(engine))}"
        message = (
            f"this key has no default task: name one by `model`, in body or URL; {choices}"
            if model is None
            else f"no model is called {model!r}; {choices}; add others under `model_aliases`"
        )
        raise ApiError(404, message, param="model", code="model_not_found")
    return find_task(engine, task, None)


def _default_task(engine: Engine) -> str:
    """Return the task of requests that name none."""
    visible = visible_tasks(engine.learning.tasks.by_name)
    if "default" in visible or len(visible) != 1:
        return "default"
    return visible[0]


def requested_task(
    request: Request, engine: Engine, model: str | None, named: str | None = None
) -> Task:
    """Return the task that a request names: by `model` or `task` (`named`) in its body or its URL.

    Raises `ApiError` 404 for an unknown name, and 422 where two names are of two tasks.
    """
    tasks = []
    for name, value in query_items(request):
        if name == "task":
            tasks.append(find_task(engine, shortened(value, MOST_NAME), None))
        elif name == "model":
            tasks.append(task_of_model(engine, shortened(value, MOST_NAME)))
    if named is not None:
        tasks.append(find_task(engine, named, None))
    if model is not None or not tasks:
        tasks.append(task_of_model(engine, model))
    if other := next((task.name for task in tasks if task.name != tasks[0].name), None):
        message = (
            f"task: {_place(request)} says {tasks[0].name!r}, and the request also says {other!r}"
        )
        raise ApiError(422, message, param="task", code="unknown_value")
    return tasks[0]


def _place(request: Request) -> str:
    """Return where a request names its task first."""
    in_url = any(name in ("task", "model") for name, _ in query_items(request))
    return "the URL" if in_url else "the body"


def model_names(engine: Engine) -> list[str]:
    """Return the names that `model` may have."""
    tasks = [
        f"{MODEL_PREFIX}/{name}" for name in sorted(visible_tasks(engine.learning.tasks.by_name))
    ]
    aliases = engine.config.model_aliases
    default = [MODEL_PREFIX] if may_see(_default_task(engine)) else []
    return [*default, *tasks, *sorted(alias for alias, task in aliases.items() if may_see(task))]
