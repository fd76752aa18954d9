"""Options that a route does not have: refused on every route of tasks, never left unread."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from assay.service.api.errors import ApiError, install_error_handlers
from assay.service.api.front.query_parameters import (
    check_repeated,
    parameter_names,
)
from assay.service.api.tasks import task_router
from tests.support.http.handler_requests import engine_of, named_task, request_to

KEY = f"{1:032x}:{2:032x}"
FILLED = {"{name}": "other", "{key}": KEY, "{version}": "1", "{run}": "night"}


def application() -> FastAPI:
    """Return the routes of tasks over a task `t`; `other`, which they ask for, is not there."""
    app = FastAPI()
    app.include_router(task_router)
    install_error_handlers(app)
    app.state.engine = engine_of(named_task("t"))
    return app


def filled(path: str) -> str:
    """Return a route's path with values."""
    for place, value in FILLED.items():
        path = path.replace(place, value)
    return path


def routes() -> list[tuple[str, str]]:
    """Return the methods and paths of tasks."""
    paths = application().openapi()["paths"]
    return [(method.upper(), filled(path)) for path, methods in paths.items() for method in methods]


async def answer_to_call(method: str, url: str, **content: Any) -> tuple[int, dict[str, Any]]:
    """Return the status and the error of a call."""
    transport = httpx.ASGITransport(application())
    async with httpx.AsyncClient(transport=transport, base_url="http://a") as client:
        answer = await client.request(method, url, **content)
    return answer.status_code, answer.json().get("error", {})


def test_all_routes_of_tasks_are_looked_at() -> None:
    """Those of labels, runs, versions, reports and exports."""
    listed = set(routes())

    for method, end in [
        ("DELETE", f"labels/{KEY}"),
        ("POST", "labels"),
        ("DELETE", "runs/night"),
        ("POST", "fit"),
        ("POST", "models/1/promote"),
        ("GET", "report"),
        ("GET", "export"),
        ("GET", "to-label"),
    ]:
        assert (method, f"/v1/tasks/other/{end}") in listed


@pytest.mark.parametrize("query", ["dryrun=true", "WHO=ann", "version=1&x=2", "serve=", "%00=1"])
async def test_an_unknown_parameter_is_refused_on_each_route(query: str) -> None:
    """With its name; nothing is looked up before."""
    for method, path in routes():
        if path.endswith("models/1/shadow") and query.startswith("version"):
            continue
        status, error = await answer_to_call(method, f"{path}?{query}")

        assert (status, error["code"]) == (422, "unknown_parameter"), (method, path)
        assert "is no parameter of this route: it has" in error["message"]


@pytest.mark.parametrize(
    ("method", "end"),
    [
        ("POST", "labels?dry_run=true&dry_run=false"),
        ("DELETE", f"labels/{KEY}?who=ann&who="),
        ("GET", "labels?history=true&history=0"),
        ("GET", "export?format=dpo&format=kto"),
        ("GET", "export?format=kto&min_p=0.9&min_p=0.1"),
        ("GET", "to-label?n=5&n=50"),
    ],
)
async def test_a_parameter_with_two_values_is_refused(method: str, end: str) -> None:
    """Neither the first nor the last is what the caller means."""
    status, error = await answer_to_call(method, f"/v1/tasks/other/{end}")

    assert (status, error["code"]) == (422, "unknown_value")
    assert "also says" in error["message"]


@pytest.mark.parametrize(
    ("method", "end"),
    [
        ("POST", "labels?dry_run=true"),
        ("DELETE", f"labels/{KEY}?who=ann&who=ann"),
        ("GET", "labels?history=true&limit=5"),
        ("GET", "export?format=dpo&min_p=0.9&uncalibrated=true"),
        ("GET", "to-label?n=5"),
    ],
)
async def test_a_routes_own_parameters_reach_it(method: str, end: str) -> None:
    """The handler answers that there is no such task."""
    status, error = await answer_to_call(method, f"/v1/tasks/other/{end}")

    assert (status, error["code"]) == (404, "unknown_task")


@pytest.mark.parametrize(
    ("options", "param"), [("format=kto&min_gap=1", "min_gap"), ("format=dpo&min_p=0.2", "min_p")]
)
async def test_an_option_without_effect_is_named(options: str, param: str) -> None:
    """Of a form's options that do not go together, the error names one."""
    status, error = await answer_to_call("GET", f"/v1/tasks/other/export?{options}")

    assert (status, error["code"], error["param"]) == (422, "no_effect", param)
    assert error["message"].startswith(f"{param}: ")


@pytest.mark.parametrize("end", ["fit", "evaluate", "rollback"])
@pytest.mark.parametrize("body", [{"base_rate": 0.1}, {"version": 1}, {"dry_run": True}])
async def test_fields_of_a_route_without_a_body_are_refused(end: str, body: dict[str, Any]) -> None:
    """They would do nothing; an empty object and no body are the same."""
    path = f"/v1/tasks/other/{end}"
    status, error = await answer_to_call("POST", path, json=body)
    empty = [await answer_to_call("POST", path, content=content) for content in (b"", b"{}")]

    assert (status, error["code"], error["param"]) == (422, "extra_forbidden", next(iter(body)))
    assert [(code, answer["code"]) for code, answer in empty] == [(404, "unknown_task")] * 2


@pytest.mark.parametrize(("end", "has"), [(f"labels/{KEY}", "who"), ("runs/night", "none")])
async def test_a_delete_with_a_body_is_refused(end: str, has: str) -> None:
    """Its annotator would not be read, and everybody's labels would go."""
    path = f"/v1/tasks/other/{end}"
    status, error = await answer_to_call("DELETE", path, json={"who": "ann"})
    plain = await answer_to_call("DELETE", path)

    assert (status, error["code"]) == (422, "unknown_parameter")
    assert error["message"].endswith(f"this route has {has}")
    assert (plain[0], plain[1]["code"]) == (404, "unknown_task")


def test_the_names_of_a_form_are_its_fields() -> None:
    """An export's options are a form; labels have parameters of their own."""
    app = FastAPI()

    @app.get("/plain")
    async def plain(n: int = 1, who: str = "") -> None:
        """Take two."""

    [route] = [route for route in app.routes if isinstance(route, APIRoute)]

    assert parameter_names(route) == ["n", "who"]


@pytest.mark.parametrize("query", ["answer=last&answer=first", "missing=null&missing=refuse"])
def test_a_reward_routes_own_parameters_have_one_value(query: str) -> None:
    """A free one, such as `as`, may stand twice."""
    with pytest.raises(ApiError, match="also says") as caught:
        check_repeated(
            request_to(None, scope={"query_string": query.encode()}), ("answer", "missing")
        )
    check_repeated(request_to(None, scope={"query_string": b"as=a&as=b"}), ("answer",))

    assert caught.value.status == 422
