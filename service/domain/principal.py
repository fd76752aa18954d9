"""The sender of a request, its rights, and the cost of the request."""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

import limits

Scope = Literal["rank", "label", "admin"]
SCOPES: tuple[Scope, ...] = ("rank", "label", "admin")


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of a request, with its rights."""

    name: str
    scopes: frozenset[str]
    tasks: frozenset[str] | None = None
    requests: limits.RateLimitItem | None = None
    cost: limits.RateLimitItem | None = None
    bulk: bool = False
    teaches: bool = True  # whether tasks may learn from its requests

    @property
    def limited(self) -> bool:
        """Return whether the caller's requests count."""
        return self.requests is not None or self.cost is not None

    def lacks(self, scope: Scope, path: str) -> str | None:
        """Return the right that a request lacks; None if it lacks none.

        Resources of no single task need a key of all tasks.
        """
        if scope not in self.scopes:
            return (
                f"this needs a key with the scope `{scope}`; yours has:"
                f" {', '.join(sorted(self.scopes))}"
            )
        if scope == "admin" and self.tasks is not None and not path.startswith("/v1/tasks/"):
            return "this is of all tasks: it needs a key that is not for some of them only"
        return None


ANONYMOUS = Principal("", frozenset(SCOPES))


_PRINCIPAL: ContextVar[Principal] = ContextVar("asking", default=ANONYMOUS)


#: The cost of the request's calls: a list, since they may run in tasks of their own.
_COSTS: ContextVar[list[float] | None] = ContextVar("spent", default=None)


def set_principal(holder: Principal) -> None:
    """Set the caller for the rest of the request."""
    _PRINCIPAL.set(holder)
    if holder.cost is not None:
        _COSTS.set([])


def add_cost(cost: float) -> None:
    """Note a request's cost, if it counts."""
    if (spent := _COSTS.get()) is not None:
        spent.append(cost)


def request_cost() -> float:
    """Return the request's cost so far."""
    return sum(_COSTS.get() or ())


def may_see(task: str) -> bool:
    """Return whether the caller may see a task."""
    tasks = _PRINCIPAL.get().tasks
    return tasks is None or task in tasks


def may_teach() -> bool:
    """Return whether tasks may learn from the caller's requests."""
    return _PRINCIPAL.get().teaches


def holder_name() -> str:
    """Return the name of the caller's key; empty without keys."""
    return _PRINCIPAL.get().name


def sees_all() -> bool:
    """Return whether the caller may see all tasks, and so the facts of all of them together."""
    return _PRINCIPAL.get().tasks is None


def administers_all() -> bool:
    """Return whether the caller may see the service's servers and their messages."""
    holder = _PRINCIPAL.get()
    return holder.tasks is None and "admin" in holder.scopes


def administers() -> bool:
    """Return whether the caller administers the tasks that it may see."""
    return "admin" in _PRINCIPAL.get().scopes


def visible_tasks(tasks: Iterable[str]) -> list[str]:
    """Return the tasks that the caller may see."""
    return [task for task in tasks if may_see(task)]
