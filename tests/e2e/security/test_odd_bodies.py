"""Every field of every body in every wrong type: a refusal that names the field, and never a
failure of ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from assay.service.api.compat.routes import COMPAT_ROUTES
from assay.service.api.examples import RANK_EXAMPLE
from tests.support.http.refusals import refusal_of
from tests.support.servers.processes import Server, service, standin, write_config
from tests.support.servers.secured import TASK

ODD: list[Any] = [
    None,
    True,
    5,
    -1,
    0.5,
    10**30,
    "",
    "x",
    [],
    [5],
    [None],
    [[]],
    {},
    {"a": 5},
    {"content": 5},
    [{"type": 5}],
    "\x00",
]
#: More of each body than the documents show.
FULL: dict[str, Any] = {
    "/v1/rank": {
        **RANK_EXAMPLE, "reference": "7", "tests": ["assert f(1) == 2"], "task": "default", "ensemble": "all", "top_n": 1,
        "deadline_ms": 5000, "budget": {"cost": 1, "tokens": 100, "calls": 3}, "confidence": 0.9, "policy": "auto", "stream": False,
    },
    "/v1/score_pairs": {
        "pairs": [{"messages": [{"role": "user", "content": "q"}], "candidate": "c", "reference": "r", "tests": ["t"]}],
        "explain": True, "budget": {"cost": 1},
    },
    "/v2/rerank": {"query": "q", "texts": ["a", "b"], "raw_scores": True, "return_text": True, "model": "assay"},
    "/score": {"text_1": ["a"], "text_2": ["b"], "model": "assay"},
    "/classify": {"messages": [{"role": "user", "content": [{"type": "text", "text": "q"}]}, {"role": "assistant", "content": "a"}]},
    "/v1/embeddings": {"input": ["a"], "encoding_format": "float"},
    "/rm": {"prompt": [{"role": "user", "content": "q"}], "response": "a", "label": "5"},
    "/v1/chat/completions": {
        "messages": [{"role": "user", "content": [{"type": "text", "text": "q"}]}], "n": 1, "stream": False,
        "stream_options": {"include_usage": True}, "temperature": 1, "seed": 1,
        "assay": {"candidates": 2, "at_most": 2, "confidence": 0.9, "round": 1, "budget": {"tokens": 100, "seconds": 5},
                  "select": "best", "task": "default", "reference": "7", "explain": True},
    },
    "/verify": {
        "responses_create_params": {"input": [{"role": "user", "content": [{"type": "input_text", "text": "q"}]}, {"type": "reasoning"}]},
        "response": {"output": [
            {"type": "reasoning", "content": None},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]},
        ]},
        "expected_answer": "5", "more": [1],
    },
    f"{TASK}/labels": {"labels": [
        {"query": "q", "candidate": "c", "correct": True, "random": True, "who": "ann", "reference": "r"},
        {"messages": [{"role": "user", "content": "q"}], "candidate": "c", "correct": 0.5},
        {"key": "0" * 32 + ":" + "1" * 32, "correct": 1},
    ]},
    f"{TASK}/models/1/promote": {"pinned": True},
    f"{TASK}/fit": {}, f"{TASK}/evaluate": {}, f"{TASK}/rollback": {},
}  # fmt: skip
BODIES = {path: route.example for path, route in COMPAT_ROUTES.items()} | FULL


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service that has an opinion of everything, and an upstream."""
    folder = tmp_path_factory.mktemp("odd")
    with standin("judge") as upstream:
        config = {
            "verifiers": [{"name": "any", "kind": "regex", "must": ["^"]}],
            "ensembles": {"all": ["any"]},
            "upstreams": [{"name": "llm", "endpoint": upstream.url, "model": "judge"}],
        }
        with service(write_config(folder / "e.yaml", config), folder) as server:
            yield server
    assert "request_failed" not in (folder / "service.log").read_text()


def varied(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield a body with each of its parts in each odd form, and without it; with the place of
    that part.
    """
    yield from ((place, odd) for odd in ODD)
    if isinstance(value, dict):
        for name, part in value.items():
            yield f"{place}.{name}", {key: each for key, each in value.items() if key != name}
            yield from (
                (where, {**value, name: odd}) for where, odd in varied(part, f"{place}.{name}")
            )
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from (
                (where, [*value[:number], odd, *value[number + 1 :]])
                for where, odd in varied(part, f"{place}.{number}")
            )


@pytest.mark.parametrize("path", BODIES)
def test_a_value_of_any_type_is_taken_or_refused_by_its_name(running: Server, path: str) -> None:
    """No 500, and each 4xx names its field."""
    for place, body in varied(BODIES[path]):
        answer = running.post(path, json.dumps(body).encode())
        shown = f"{path} {place}: {json.dumps(body)[:300]} -> {answer.status} {answer.raw[:300]!r}"
        assert answer.status < 500 or answer.json["error"]["code"] in (
            "no_verifier",
            "upstream_bad_reply",
        ), shown
        if answer.status in (400, 422) and place and b"upstream_refused" not in answer.raw:
            name = place.split(".")[1]
            param, message = refusal_of(answer)
            assert name in f"{param} {message}" or param in (
                "documents",
                "input",
                "queries",
                "key",
                "candidates",
                "labels",
            ), shown


def test_two_ways_of_saying_the_same_are_refused(running: Server) -> None:
    """None is left aside unsaid."""
    key = "0" * 32 + ":" + "1" * 32
    for more in (
        {"query": ""},
        {"query": "q"},
        {"candidate": ""},
        {"reference": ""},
        {"messages": [{"role": "user", "content": ""}]},
    ):
        label = running.post(f"{TASK}/labels", {"labels": [{"key": key, "correct": True, **more}]})
        assert (label.status, label.json["error"]["param"]) == (422, "labels.0.key"), more
    pairs = running.post(
        "/score", {"queries": "q", "documents": ["a"], "text_1": "q", "text_2": ["b"]}
    )
    items = running.post("/score", {"queries": "q", "documents": ["a"], "items": ["b"]})
    words = running.post("/classify", {"input": "q", "use_activation": True, "activation": False})

    assert [answer.status for answer in (pairs, items, words)] == [400] * 3
