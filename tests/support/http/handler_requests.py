"""Requests to handlers without a server: a few parts of an engine, and a caller."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from fastapi import Request
from starlette.types import Message

from assay.service.api.front.body_limit import BODY_IN_SCOPE
from assay.service.config.model import TaskSettings
from assay.service.config.settings import ServiceSettings
from assay.service.domain.principal import _PRINCIPAL, SCOPES, Principal, Scope
from assay.service.learning.tasks.spec import TaskSpec
from assay.service.learning.tasks.task import Task


def named_task(
    name: str, ensemble: str = "e", task_store: Any = None, store_text: bool = False
) -> Task:
    """Return a task without verifiers."""
    spec = TaskSpec(name=name, ensemble=ensemble, columns=(), store_text=store_text)
    return Task(spec, task_store)


def engine_of(
    *tasks: Task, scorer: Any = None, aliases: Mapping[str, str] | None = None, **settings: Any
) -> Any:
    """Return the parts of an engine that handlers look tasks up in."""
    by_name = {task.name: task for task in tasks}
    ensembles = {task.spec.ensemble: () for task in tasks}
    return SimpleNamespace(
        config=SimpleNamespace(
            uncalibrated_of=lambda task: None,
            service=ServiceSettings(**settings),
            model_aliases=dict(aliases or {}),
            tasks={task.name: TaskSettings() for task in tasks},
        ),
        learning=SimpleNamespace(tasks=SimpleNamespace(by_name=by_name)),
        scoring=SimpleNamespace(scorer=scorer or SimpleNamespace(ensembles=ensembles)),
        task=lambda name, _: by_name[name],
        through=lambda task, _: task,
    )


def request_to(engine: Any, body: bytes = b"", scope: Mapping[str, Any] | None = None) -> Request:
    """Return a request whose client stays, with its whole body."""

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError  # nobody sets that event

    return Request(
        {
            "type": "http",
            "method": "POST",
            "path": "/",
            "headers": [],
            "query_string": b"",
            "app": SimpleNamespace(state=SimpleNamespace(engine=engine)),
            "assay.request_id": "r1",
            BODY_IN_SCOPE: body,
            **(scope or {}),
        },
        receive,
    )


@contextmanager
def asking_for(
    *tasks: str,
    name: str = "tenant",
    scopes: Iterable[Scope] = SCOPES,
    teaches: bool = True,
) -> Iterator[None]:
    """Ask with a key of some tasks."""
    token = _PRINCIPAL.set(Principal(name, frozenset(scopes), frozenset(tasks), teaches=teaches))
    try:
        yield
    finally:
        _PRINCIPAL.reset(token)
