"""The sender of a request, and the sender's rights."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from typing import TypeVar

import limits

from assay.service.domain.principal import (
    Principal,
    add_cost,
    administers_all,
    may_see,
    request_cost,
    sees_all,
    set_principal,
    visible_tasks,
)

Result = TypeVar("Result")


def as_caller(holder: Principal, ask: Callable[[], Result]) -> Result:
    """Return a function's result in a caller's request."""

    def asked() -> Result:
        set_principal(holder)
        return ask()

    return contextvars.copy_context().run(asked)


def test_a_right_that_lacks_is_named() -> None:
    """With the rights that the key has."""
    holder = Principal("k", frozenset({"rank", "label"}))

    assert holder.lacks("rank", "/v1/rank") is None
    assert holder.lacks("admin", "/metrics") == (
        "this needs a key with the scope `admin`; yours has: label, rank"
    )


def test_an_administrator_of_some_tasks_has_what_is_of_a_task() -> None:
    """Facts of all tasks together need a key of all."""
    some = Principal("k", frozenset({"admin"}), frozenset({"t"}))

    assert some.lacks("admin", "/v1/tasks/t/fit") is None
    assert "of all tasks" in (some.lacks("admin", "/metrics") or "")
    assert Principal("k", frozenset({"admin"})).lacks("admin", "/metrics") is None


def test_a_key_of_some_tasks_sees_no_other() -> None:
    """Neither one by one, nor in a list, nor facts of all together."""
    holder = Principal("k", frozenset({"admin"}), frozenset({"b", "c"}))

    assert as_caller(holder, lambda: visible_tasks(["a", "b", "c"])) == ["b", "c"]
    assert as_caller(holder, lambda: (may_see("a"), may_see("b"))) == (False, True)
    assert as_caller(holder, lambda: (sees_all(), administers_all())) == (False, False)


def test_a_key_without_tasks_sees_all_and_only_an_administrator_the_servers() -> None:
    """Without any caller, as in work of the service's own, everything is seen."""
    ranker = Principal("k", frozenset({"rank"}))

    assert as_caller(ranker, lambda: (sees_all(), administers_all())) == (True, False)
    assert as_caller(ranker, lambda: visible_tasks(["a"])) == ["a"]
    assert (sees_all(), administers_all(), may_see("a")) == (True, True, True)


async def test_costs_are_summed_over_a_requests_own_tasks() -> None:
    """Each request has its own sum; one without a limit has none."""
    counted = Principal("k", frozenset({"rank"}), cost=limits.parse("10/day"))

    async def request(holder: Principal, *costs: float) -> float:
        set_principal(holder)

        async def call(cost: float) -> None:
            add_cost(cost)

        await asyncio.gather(*map(call, costs))
        return request_cost()

    sums = await asyncio.gather(
        request(counted, 1.0, 0.5),
        request(counted, 4.0),
        request(Principal("free", frozenset({"rank"})), 7.0),
    )

    assert tuple(sums) == (1.5, 4.0, 0.0)
    assert request_cost() == 0.0


def test_a_caller_with_any_limit_is_counted() -> None:
    """Of requests or of cost."""
    limit = limits.parse("1/minute")
    scopes = frozenset({"rank"})

    assert Principal("k", scopes, requests=limit).limited
    assert Principal("k", scopes, cost=limit).limited
    assert not Principal("k", scopes).limited
