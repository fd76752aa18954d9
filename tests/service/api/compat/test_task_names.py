"""The task of a compatible request, by its body, its URL or its key."""

from __future__ import annotations

from typing import Any

import pytest

from assay.service.api.compat.task_names import (
    model_names,
    requested_task,
    task_of_model,
)
from assay.service.api.errors import ApiError
from tests.support.http.handler_requests import asking_for, engine_of, named_task, request_to

ENGINE = engine_of(
    named_task("default"), named_task("math"), named_task("code"), aliases={"RM": "math"}
)


def asked(query: str) -> Any:
    """Return a request with a query string."""
    return request_to(ENGINE, scope={"query_string": query.encode()})


@pytest.mark.parametrize(
    ("query", "model", "task"),
    [
        ("", None, "default"),
        ("", "assay/code", "code"),
        ("task=math", None, "math"),
        ("model=assay/math", None, "math"),
        ("model=RM", None, "math"),
        ("task=math&run=a", "RM", "math"),
        ("task=code&task=code", "assay/code", "code"),
    ],
)
def test_the_url_names_a_task_where_a_trainer_can_set_nothing_else(
    query: str, model: str | None, task: str
) -> None:
    """By `task` or `model`; the body may say the same."""
    assert requested_task(asked(query), ENGINE, model).name == task


@pytest.mark.parametrize(
    ("query", "model", "status", "message"),
    [
        ("task=nope", None, 404, "no task is called 'nope'; choose from: code, default, math"),
        ("model=gpt", None, 404, "no model is called 'gpt'"),
        ("task=math", "assay/code", 422, "the URL says 'math', and the request also says 'code'"),
        ("task=math&task=code", None, 422, "also says 'code'"),
        ("task=math&model=assay", None, 422, "also says 'default'"),
        ("task=" + "n" * 9999, None, 404, "n…'"),
    ],
)
def test_a_url_that_names_no_task_or_two_is_refused(
    query: str, model: str | None, status: int, message: str
) -> None:
    """Never answered by the default one."""
    with pytest.raises(ApiError, match=message) as caught:
        requested_task(asked(query), ENGINE, model)

    assert caught.value.status == status
    assert len(str(caught.value)) < 1000


def test_a_key_of_one_task_need_not_name_it() -> None:
    """A key of several names one; a key that may use the default has that."""
    with asking_for("math"):
        only = [task_of_model(ENGINE, model).name for model in (None, "assay", "RM")]
        names = model_names(ENGINE)
        with pytest.raises(ApiError, match="choose from: assay, assay/math, RM"):
            task_of_model(ENGINE, "assay/default")
    with (
        asking_for("math", "code"),
        pytest.raises(ApiError, match="name one by `model`") as several,
    ):
        task_of_model(ENGINE, None)
    with asking_for("math", "default"):
        default = task_of_model(ENGINE, None).name

    assert only == ["math", "math", "math"]
    assert names == ["assay", "assay/math", "RM"]
    assert (several.value.status, default) == (404, "default")


@pytest.mark.parametrize(
    ("query", "model", "named", "task"),
    [
        ("", None, "math", "math"),
        ("", "RM", "math", "math"),
        ("task=code", None, "code", "code"),
        ("run=a", "assay/code", "code", "code"),
    ],
)
def test_the_body_names_a_task_by_its_name_as_well(
    query: str, model: str | None, named: str, task: str
) -> None:
    """Beside `model` and the URL."""
    assert requested_task(asked(query), ENGINE, model, named).name == task


@pytest.mark.parametrize(
    ("query", "model", "named", "message"),
    [
        ("", "assay/code", "math", "the body says 'math', and the request also says 'code'"),
        ("task=code", None, "math", "the URL says 'code', and the request also says 'math'"),
        ("", None, "nope", "no task is called 'nope'"),
    ],
)
def test_a_body_that_names_two_tasks_or_none_is_refused(
    query: str, model: str | None, named: str, message: str
) -> None:
    """With the place that named the first one."""
    with pytest.raises(ApiError, match=message):
        requested_task(asked(query), ENGINE, model, named)
