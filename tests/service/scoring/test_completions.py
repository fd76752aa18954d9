"""The parts of a chat completion that the gateway reads."""

from __future__ import annotations

from typing import Any

import pytest

from assay.service.scoring.completions import content_of, tool_calls, wrong_with


def completion(**message: Any) -> dict[str, Any]:
    """Return a completion of one choice."""
    return {"choices": [{"message": {"role": "assistant", **message}, "finish_reason": "stop"}]}


@pytest.mark.parametrize(
    "message",
    [
        {"content": "x"},
        {"content": None, "tool_calls": [{"function": {}}]},
        {"content": ["a", {"type": "text", "text": "b"}, {"type": "image_url"}]},
        {"content": None, "refusal": "no"},
    ],
)
def test_nothing_is_wrong_with_a_completion(message: dict[str, Any]) -> None:
    """Its content may be a text, parts or nothing; fewer choices than wanted are no error."""
    assert wrong_with(completion(**message), 4) is None


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (None, "it has no choices"),
        ({"choices": []}, "it has no choices"),
        ({"choices": [5]}, "a choice has no message"),
        ({"choices": [{"message": {}}] * 3}, "3 choices for a request of 2"),
        (completion(content=5), "a message's content is int"),
        (completion(content=[5]), "a message's content is a list of something else"),
        (completion(tool_calls={}), "a message's tool_calls are dict"),
        (completion(refusal=5), "a message's role or refusal is no text"),
        (completion(role=None), "a message's role or refusal is no text"),
        ({"choices": [{"message": {}, "finish_reason": 1}]}, "a choice's finish_reason is no text"),
    ],
)
def test_a_problem_names_the_part(reply: Any, problem: str) -> None:
    """The first that is found, in words without the reply's own text."""
    assert wrong_with(reply, 2) == problem


def test_the_last_choice_is_checked_as_well() -> None:
    """One good choice does not excuse the next."""
    reply = {"choices": [*completion(content="x")["choices"], {"message": 7}]}

    assert wrong_with(reply, 2) == "a choice has no message"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("plain", "plain"),
        (None, ""),
        (7, ""),
        (["a", {"type": "text", "text": "b"}], "a\nb"),
        ([{"type": "image_url"}, {"no": "type"}, 5], "[image_url]\n[part]\n[part]"),
    ],
)
def test_content_is_read_part_by_part(content: Any, text: str) -> None:
    """A part that is no text stands as its type."""
    assert content_of({"content": content}) == text


def test_calls_are_json() -> None:
    """A call's function if it has one, else the whole call; nothing without calls."""
    message = {"tool_calls": [{"function": {"name": "add"}}, {"name": "sub"}, 5]}

    assert tool_calls(message) == ['{"name":"add"}', '{"name":"sub"}', "5"]
    assert tool_calls({"tool_calls": "add"}) == tool_calls({}) == []
