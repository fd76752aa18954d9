"""The beginning of a task's handler."""

from __future__ import annotations

from typing import Any

import pytest
import structlog

from assay.service.api.errors import ApiError
from assay.service.api.task_lookup import (
    checked_body,
    find_task,
    stored,
    task_of,
    task_store_of,
    with_texts,
)
from assay.service.api.versions import PromoteIn
from assay.service.domain.errors import StoreDownError, StoreRefusedError
from tests.support.http.handler_requests import asking_for, engine_of, named_task, request_to

STORE: Any = object()


def test_an_unknown_task_is_refused_with_the_known_ones() -> None:
    """In the order of their names."""
    request = request_to(engine_of(named_task("b"), named_task("a")))

    assert task_of(request, "a").name == "a"
    with pytest.raises(ApiError, match="choose from: a, b") as caught:
        task_of(request, "c")
    assert (caught.value.status, caught.value.code) == (404, "unknown_task")


def test_anothers_task_does_not_exist() -> None:
    """Neither for itself nor in a list."""
    request = request_to(engine_of(named_task("math"), named_task("secret")))

    with asking_for("math"), pytest.raises(ApiError) as caught:
        task_of(request, "secret")

    assert str(caught.value).endswith("choose from: math")


def test_a_task_that_learns_nothing_has_no_store() -> None:
    """And one that stores no texts has none to show."""
    with pytest.raises(ApiError) as nothing:
        task_store_of(named_task("t"))
    with pytest.raises(ApiError) as no_texts:
        with_texts(named_task("t", task_store=STORE))

    assert (nothing.value.status, nothing.value.code) == (409, "does_not_learn")
    assert (no_texts.value.status, no_texts.value.code) == (409, "no_texts")
    assert task_store_of(named_task("t", task_store=STORE)) is STORE
    assert with_texts(named_task("t", task_store=STORE, store_text=True)) is STORE


async def test_a_store_that_is_away_or_refuses_is_a_503() -> None:
    """The reason names a remedy; the log has it, too."""

    async def failing(error: Exception) -> None:
        raise error

    with pytest.raises(ApiError) as down:
        await stored(failing(StoreDownError("away")))
    with structlog.testing.capture_logs() as logged, pytest.raises(ApiError) as refused:
        await stored(failing(StoreRefusedError("x", "odd")))

    assert (down.value.status, down.value.code, down.value.retry_after_s) == (503, "store_down", 1)
    assert (refused.value.status, refused.value.code) == (503, "store_refuses")
    assert "its answer is an error (odd)" in str(refused.value)
    assert [(entry["event"], entry["reason"]) for entry in logged] == [("store_refused", "odd")]


async def test_what_the_store_answers_is_returned_and_a_bug_is_raised() -> None:
    """Only the store's own failures are the store's."""

    async def answering() -> int:
        return 7

    async def failing() -> int:
        raise KeyError("oops")

    assert await stored(answering()) == 7
    with pytest.raises(KeyError):
        await stored(failing())


async def test_no_body_is_an_empty_object() -> None:
    """Another one is checked."""
    assert (await checked_body(request_to(None), PromoteIn)).pinned is None
    assert (await checked_body(request_to(None, b'{"pinned": true}'), PromoteIn)).pinned is True
    with pytest.raises(ApiError):
        await checked_body(request_to(None, b'{"pined": true}'), PromoteIn)


def test_tasks_and_ensembles_are_found_by_name_among_the_callers_own() -> None:
    """Another tenant's name gets the answer of an unknown one."""
    math, secret = named_task("math"), named_task("secret", "theirs")
    engine = engine_of(math, secret)

    assert find_task(engine, "math", "theirs") is math
    with asking_for("math"):
        for name, ensemble, names in (("secret", None, "math"), ("math", "theirs", "e")):
            with pytest.raises(ApiError) as caught:
                find_task(engine, name, ensemble)
            assert caught.value.status == 404
            assert str(caught.value).endswith(f"choose from: {names}")
