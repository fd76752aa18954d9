"""A model's reply: which usage counts, and what reading it may cost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from assay.verifiers import BadReplyError
from assay.verifiers.http.reply import (
    LONG_REPLY_BYTES,
    Many,
    ReplyModel,
    Tokens,
    excerpt,
    parse_reply,
)
from tests.support.verifiers.kinds import PAIRS, SERVED, made
from tests.support.verifiers.reply_changes import with_changed_replies


class Numbers(ReplyModel):
    """A reply of many."""

    numbers: Many[int]


def with_usage(usage: Any) -> Callable[[Any], Any]:
    """Return a function that puts a usage into a reply."""
    return lambda reply: {**reply, "usage": usage}


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": -5},
        {"prompt_tokens": 1e300, "completion_tokens": -1},
        {"prompt_tokens": "many"},
        {"prompt_tokens": [1]},
        "none",
        5,
        [],
        {"prompt_tokens": 10**30},
        {"prompt_tokens": 1.5},
        {"prompt_tokens": True},
    ],
)
@pytest.mark.parametrize("kind", SERVED)
async def test_a_cost_that_is_no_number_costs_no_score(kind: str, usage: Any) -> None:
    """Of any kind: it counts as nothing, and as misread."""
    right = await made(kind).score(PAIRS)
    verdicts = await made(kind, with_changed_replies(kind, with_usage(usage))).score(PAIRS)

    assert [each.score for each in verdicts.items] == [each.score for each in right.items]
    assert (verdicts.usage.prompt_tokens, verdicts.usage.completion_tokens) == (0, 0)
    assert verdicts.usage.misread >= 1
    assert right.usage.misread == 0


def test_a_cost_that_is_a_number_is_counted() -> None:
    """Also as a float, or with a part that is not said."""
    assert Tokens.model_validate({"prompt_tokens": 3.0, "completion_tokens": None}) == Tokens(
        prompt_tokens=3
    )
    assert Tokens.model_validate_json('{"prompt_tokens": 7, "total_tokens": -1}') == Tokens(
        prompt_tokens=7
    )
    assert Tokens.model_validate({"prompt_tokens": 10**9 + 1}).misread


async def test_a_long_reply_is_read_in_a_thread() -> None:
    """The event loop goes on meanwhile."""
    read_by: list[str] = []

    class Telling(Numbers):
        def model_post_init(self, context: Any) -> None:
            read_by.append(threading.current_thread().name)

    here = threading.current_thread().name
    short, long = b'{"numbers":[1]}', b'{"numbers":[1]' + b" " * LONG_REPLY_BYTES + b"}"
    await parse_reply("/v", short, Telling, 9)
    await parse_reply("/v", long, Telling, 9)

    assert read_by[0] == here != read_by[1]


async def test_of_very_many_wrong_items_the_first_is_told() -> None:
    """A complaint of each would take seconds."""
    with pytest.raises(BadReplyError, match=r"numbers\.0: ") as refused:
        await parse_reply("/v", b'{"numbers":[' + b'"x",' * 500_000 + b"0]}", Numbers, 600_000)

    cause = refused.value.__cause__
    assert getattr(cause, "error_count", lambda: 0)() == 1


async def test_an_error_names_the_field_and_shows_the_replys_beginning() -> None:
    """A reader finds out which server it was, without the rest of a long page."""
    with pytest.raises(BadReplyError) as refused:
        await parse_reply("/v", b'{"numbers":[1,\n' + b" " * 200 + b'"x"]}', Numbers, 9)

    text = str(refused.value)
    assert text.startswith("/v: numbers.1: ")
    assert '; got \'{"numbers":[1, ' in text
    assert text.endswith("…'")
    assert len(text) < 300


def test_an_empty_reply_is_called_so() -> None:
    """Quotes with nothing between them would say less."""
    assert excerpt(b"") == "an empty body"
    assert excerpt(b"a\nb\xff") == repr("a b\ufffd")
