"""How a request states its run, from its body, its headers or its query."""

from __future__ import annotations

from typing import Any

import pytest

from assay.service.api.compat.task_names import REWARD_PARAMETERS
from assay.service.api.errors import ApiError
from assay.service.api.front.query_parameters import check_parameters
from assay.service.api.requests import ScorePairsRequest
from assay.service.api.runs.run_options import (
    RunOptions,
    run_options,
    version_number,
)
from tests.support.http.handler_requests import engine_of, named_task, request_to

PAIRS = {"pairs": [{"query": "q", "candidate": "c"}]}


def stated(fields: Any = None, query: str = "", **headers: str) -> RunOptions:
    """Return the options of a request with a query string and headers `x-assay-…`."""
    scope = {
        "query_string": query.encode(),
        "headers": [
            (f"x-assay-{name}".encode(), value.encode()) for name, value in headers.items()
        ],
    }
    request = request_to(engine_of(named_task("t")), scope=scope)
    payload = None if fields is None else ScorePairsRequest.model_validate({**PAIRS, **fields})
    return run_options(request, payload)


def test_each_place_states_the_same() -> None:
    """A field, a header and a parameter; nothing is stated by default."""
    wanted = RunOptions(
        run="night", version="t@3", learn=False, reward="denoised", partial="refuse"
    )
    words = {"run": "night", "version": "t@3", "reward": "denoised", "partial": "refuse"}

    assert stated() == stated({}) == RunOptions()
    assert stated({**words, "learn": False}) == wanted
    assert stated(**words, learn="false") == wanted
    assert stated(query="&".join(f"{k}={v}" for k, v in words.items()) + "&learn=0") == wanted
    assert stated({"run": "night"}, query="run=night", run="night") == RunOptions(run="night")
    for place in ({"query": "uncalibrated=null"}, {"uncalibrated": "null"}):
        assert stated(**place) == RunOptions(uncalibrated="null")
    assert stated({"uncalibrated": "number"}) == RunOptions(uncalibrated="number")


@pytest.mark.parametrize(
    ("fields", "query", "headers", "options"),
    [
        ({"learn": True}, "", {"learn": "TRUE"}, RunOptions(learn=True)),
        ({"learn": True}, "learn=true", {"learn": "1"}, RunOptions(learn=True)),
        (None, "learn=0&learn=false", {}, RunOptions(learn=False)),
        ({"version": "3"}, "", {"version": "t@3"}, RunOptions(version="t@3")),
        ({"version": 3}, "", {}, RunOptions(version="3")),
        ({"version": None, "run": None}, "", {}, RunOptions()),
        ({"version": 3}, "version=t@3", {"version": "3"}, RunOptions(version="t@3")),
        (None, "version=t@3&version=3", {"version": "03"}, RunOptions(version="t@3")),
        (None, "run=a&run=a", {}, RunOptions(run="a")),
    ],
)
def test_one_meaning_in_two_spellings_is_no_contradiction(
    fields: Any, query: str, headers: dict[str, str], options: RunOptions
) -> None:
    """Also where a value stands twice."""
    assert stated(fields, query, **headers) == options


@pytest.mark.parametrize(
    ("headers", "query", "message"),
    [
        ({"run": "a b"}, "", "run: must be"),
        ({"run": "~unnamed"}, "", "run: must be"),
        ({"run": ""}, "", "run: must be"),
        ({"run": "x" * 129}, "", "run: must be"),
        ({"learn": "maybe"}, "", "learn: must be true or false"),
        ({"reward": "loud"}, "", "probability, log_odds, rank, denoised"),
        ({"partial": "drop"}, "", "mark, refuse"),
        ({"run": "a"}, "run=b", "also says"),
        ({}, "run=a1&run=a2", "also says 'a1'"),
        ({}, "learn=1&learn=false", "also says '1'"),
        ({"learn": "yes"}, "learn=maybe", "also says"),
        ({"version": "t@3"}, "version=4", "also says"),
        ({"version": "u@3"}, "version=t@3", "also says"),
        ({"uncalibrated": "bogus"}, "", "uncalibrated: must be one of: null, number"),
        ({}, "uncalibrated=", "uncalibrated: must be one of"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name(
    headers: dict[str, str], query: str, message: str
) -> None:
    """Never ignored: a run of a misread name would be another run."""
    with pytest.raises(ApiError, match=message) as caught:
        stated(query=query, **headers)

    assert caught.value.status == 422


def test_a_version_is_named_by_its_number_or_its_whole_name() -> None:
    """Another task's name, or a name without a number, is a mistake."""
    task = named_task("t")

    assert [version_number(task, name) for name in (None, "t@3", "3", "t@0")] == [None, 3, 3, 0]
    for wrong in ("u@3", "t@", "t@x", "@3", "t@3@3", "", "\u0663", "t@\u0663", "\uff13", "3\n"):
        with pytest.raises(ApiError, match="version: must be"):
            version_number(task, wrong)


@pytest.mark.parametrize("name", ["rnu", "partail", "Task", "x" * 3000])
def test_a_misspelt_parameter_is_refused(name: str) -> None:
    """It would be another run, or another task, in silence."""
    misspelt = request_to(None, scope={"query_string": f"run=a&{name}=b".encode()})
    allowed = request_to(None, scope={"query_string": b"run=a&task=b&as=pooling"})

    with pytest.raises(ApiError, match="is no parameter of this route: it has run, v") as caught:
        check_parameters(misspelt, REWARD_PARAMETERS)

    assert (caught.value.status, caught.value.code) == (422, "unknown_parameter")
    assert len(str(caught.value)) < 500
    check_parameters(allowed, REWARD_PARAMETERS)


@pytest.mark.parametrize("name", ["rnu", "task", "model-version", "x" * 3000])
def test_a_header_of_ours_that_no_request_has_is_refused(name: str) -> None:
    """As a parameter is; the priority is read before, and headers of others are theirs."""
    with pytest.raises(ApiError, match="is no header of this route: it has x-assay-run") as caught:
        stated(**{name: "b", "run": "a"})

    assert (caught.value.status, caught.value.code) == (422, "unknown_header")
    assert len(str(caught.value)) < 500
    assert stated(priority="bulk", run="a") == RunOptions(run="a")
    foreign = {"headers": [(b"x-request-id", b"7"), (b"x-assayer", b"me")]}
    assert run_options(request_to(None, scope=foreign)) == RunOptions()
