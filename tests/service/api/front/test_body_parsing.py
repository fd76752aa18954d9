"""Bodies are counted before they are parsed, and refused with few words."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest

from assay.service.api.compat.routes import COMPAT_ROUTES
from assay.service.api.errors import ApiError
from assay.service.api.front import body_parsing as parsing
from assay.service.api.front.body_parsing import MOST_BODY_VALUES, validated
from assay.service.api.label_requests import LabelsIn
from assay.service.api.requests import RankRequest, ScorePairsRequest
from assay.service.config.settings import ServiceSettings

SETTINGS = ServiceSettings()
FORMS: dict[str, Any] = {
    "/v1/rank": RankRequest,
    "/v1/score_pairs": ScorePairsRequest,
    "labels": LabelsIn,
    **{path: route.form for path, route in COMPAT_ROUTES.items()},
}
MANY = MOST_BODY_VALUES // 2 - 100


async def refusal(body: bytes, form: Any) -> ApiError:
    """Return how a body is refused."""
    with pytest.raises(ApiError) as refused:
        await validated(body, form, SETTINGS)
    return refused.value


@pytest.mark.parametrize("item", [b"1", b"{}", b"[]", b'""', b'{"a":1}', b"null"])
async def test_a_body_of_very_many_values_is_refused_before_it_is_parsed(item: bytes) -> None:
    """Of any type: memory stays a small multiple of the body."""
    body = b'{"query":"q","candidates":[' + b",".join([item] * 4_000_000) + b"]}"
    tracemalloc.start()
    error = await refusal(body, RankRequest)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (error.status, error.code) == (413, "too_many_values")
    assert peak < 40 << 20


async def test_a_long_text_full_of_commas_is_one_value() -> None:
    """Only commas outside of strings count."""
    text = 'a, "b", {[' * 300_000
    asked = await validated(
        json.dumps({"query": text, "candidates": ["a"]}).encode(), RankRequest, SETTINGS
    )

    assert asked.query == text


LISTS = [
    ("/v1/rank", {"query": "q"}, "candidates"), ("/v1/score_pairs", {}, "pairs"), ("labels", {}, "labels"),
    ("/rerank", {"query": "q"}, "documents"), ("/v2/rerank", {"query": "q"}, "texts"), ("/score", {"queries": "q"}, "documents"),
    ("/v1/score", {"text_1": "q"}, "text_2"), ("/score", {"data_2": "q"}, "data_1"), ("/score", {"queries": "q"}, "items"),
    ("/classify", {}, "input"), ("/classify", {}, "messages"), ("/v1/embeddings", {}, "input"), ("/get_reward", {}, "query"),
    ("/get_reward", {"query": ["q"]}, "prompts"), ("/get_reward", {"query": ["q"]}, "labels"), ("/rm", {"response": "r"}, "prompt"),
    ("/v1/chat/completions", {}, "messages"), ("/v1/rank", {"candidates": ["a"]}, "messages"),
    ("/v1/rank", {"query": "q", "candidates": ["a"]}, "tests"),
]  # fmt: skip


@pytest.mark.parametrize("item", [1, "", {}], ids=["numbers", "texts", "objects"])
@pytest.mark.parametrize(
    ("path", "rest", "name"), LISTS, ids=[f"{path} {name}" for path, _, name in LISTS]
)
async def test_a_list_is_counted_before_its_items_are_looked_at(
    path: str, rest: Any, name: str, item: Any
) -> None:
    """So a long list makes one error, not an error for each item."""
    body = json.dumps({**rest, name: [item] * MANY}).encode()
    tracemalloc.start()
    error = await refusal(body, FORMS[path])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert error.status == 422
    assert error.param is not None
    assert error.param.split(".")[0] == name
    assert len(error.body()) < 2000
    assert peak < 24 << 20


@pytest.mark.parametrize("path", FORMS)
async def test_an_object_of_very_many_unknown_fields_is_refused_in_few_words(path: str) -> None:
    """At the top, and inside."""
    wide = {f"field {number}": 1 for number in range(MANY)}
    bodies: list[tuple[str, Any]] = [("body", wide)]
    if path == "/v1/rank":
        bodies += [
            ("candidates.0", {"query": "q", "candidates": [wide]}),
            ("budget", {"query": "q", "candidates": ["a"], "budget": wide}),
        ]
    for where, content in bodies:
        error = await refusal(json.dumps(content).encode(), FORMS[path])
        assert error.status in (400, 422)
        assert len(error.body()) < 2000
        if error.code == "too_many_fields":
            assert error.param == where
            assert str(MANY) in str(error)


@pytest.mark.parametrize(
    "value",
    [
        "x" * 1_000_000,
        [1] * 50_000,
        {"k": {"k": [1] * 50_000}},
        {"k" * 1_000_000: 1},
        int("9" * 4000),
    ],
    ids=["text", "list", "nested", "key", "number"],
)
@pytest.mark.parametrize(
    "field", ["task", "confidence", "candidates", "messages", "budget", "f" * 100_000]
)
async def test_what_is_wrong_is_shown_in_a_few_characters(field: str, value: Any) -> None:
    """Values and names of fields alike."""
    error = await refusal(
        json.dumps({"query": "q", "candidates": ["a"], field: value}).encode(), RankRequest
    )

    assert error.status in (413, 422)
    assert error.param is None or len(error.param) <= 201
    assert len(error.body()) < 6000


@pytest.mark.parametrize(
    "number",
    [
        b"9" * 5000,
        b"9" * 1_000_000,
        b"1e400",
        b"-1e400",
        b"1e-400",
        b"0." + b"1" * 1_000_000,
        b"NaN",
        b"-Infinity",
    ],
)
@pytest.mark.parametrize("path", FORMS)
async def test_any_number_is_taken_or_refused(path: str, number: bytes) -> None:
    """In number fields and in free fields."""
    fields = [*FORMS[path].model_fields, "unknown"]
    for field in fields:
        body = b'{"query": "q", "candidates": ["a"], "%b": %b}' % (field.encode(), number)
        try:
            await validated(body, FORMS[path], SETTINGS)
        except ApiError as exc:
            assert exc.status in (400, 413, 422)  # noqa: PT017 - either is right


async def test_a_long_body_is_checked_as_a_short_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same request comes out of it, and it is refused for the same reason and field."""
    bodies = [
        b'{"query": "q", "candidates": ["\\u00e9", {"text": "b", "id": "x"}], "explain": true}', b'{"query": "q", "candidates": ["a", 1]}',
        b'{"query": "q", "candidates": ["a", "b"], "no": {"such": 1}}', b'{"candidates": "a"}', b"[]", b"7", b'"text"', b"null",
        b'{"query": "q", "candidates": ["a", "b"], "top_n": "many"}', b'{"query": "q", "candidates": ["a", "b"], "budget_ms": 1e400}',
        b'{"query": "q", "candidates"', b'{"query": "q", "candidates": ["a]}', b'{"query": "\\ud800", "candidates": ["a", "b"]}', b"",
    ]  # fmt: skip
    for body in bodies:
        at_once = await answered(body)
        with monkeypatch.context() as patch:
            patch.setattr(parsing, "LONG_BODY", -1)
            in_steps = await answered(body)
        assert in_steps == at_once


async def answered(body: bytes) -> RankRequest | tuple[int, str | None, str | None]:
    """Return a body as a request, or how it is refused."""
    try:
        return await validated(body, RankRequest)
    except ApiError as exc:
        return exc.status, exc.code, exc.param
