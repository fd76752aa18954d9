"""Labels, as the clients ask for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from assay_client import AssayError
from assay_client.label_calls import AsyncLabelCalls, LabelCalls

PAGES = [{"labels": [{"key": "a"}, {"key": "b"}], "next": "b"}, {"labels": [{"key": "c"}]}]


class Calls(LabelCalls):
    """A client that keeps what it is asked, and answers in order."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked = list(answers), []  # type: tuple[list[Any], list[Any]]

    def post(self, path: str, body: Any) -> Any:
        """Return the next answer."""
        self.asked.append((path, body))
        return self.answers.pop(0)

    def get(self, path: str, parameters: Mapping[str, Any]) -> Any:
        """Return the next answer."""
        return self.post(path, parameters)


class AsyncCalls(AsyncLabelCalls):
    """The same, asynchronous."""

    def __init__(self, *answers: Any) -> None:
        self.calls = Calls(*answers)

    async def post(self, path: str, body: Any) -> Any:
        """Return the next answer."""
        return self.calls.post(path, body)

    async def get(self, path: str, parameters: Mapping[str, Any]) -> Any:
        """Return the next answer."""
        return self.calls.post(path, parameters)


async def test_a_listing_goes_on_after_each_page() -> None:
    """From the last key of the page before; with the history if it is wanted."""
    calls, later = Calls(*PAGES), AsyncCalls(*PAGES)

    keys = [label["key"] for label in calls.labels("t", limit=2)]
    same = [label["key"] async for label in later.labels("t", limit=2, history=True)]

    assert keys == same == ["a", "b", "c"]
    assert calls.asked == [
        ("/v1/tasks/t/labels", {"limit": 2}),
        ("/v1/tasks/t/labels", {"limit": 2, "after": "b"}),
    ]
    assert [asked["history"] for _, asked in later.calls.asked] == [True, True]


async def test_a_label_names_its_candidate_by_key_or_by_texts() -> None:
    """A conversation goes as messages."""
    turns = [{"role": "user", "content": "q"}]
    labels = [{"key": "k", "correct": True}, {"query": turns, "candidate": "a", "correct": 0.5}]
    calls, later = Calls({"new": 2}, {"withdrawn": 2}), AsyncCalls({"new": 2}, {"withdrawn": 2})

    answers = [calls.label("t", labels), calls.withdraw("t", labels)]
    same = [await later.label("t", labels), await later.withdraw("t", labels)]

    assert answers == same == [{"new": 2}, {"withdrawn": 2}]
    assert calls.asked == later.calls.asked
    assert [path for path, _ in calls.asked] == [
        "/v1/tasks/t/labels",
        "/v1/tasks/t/labels/withdraw",
    ]
    assert calls.asked[0][1]["labels"][1] == {"messages": turns, "candidate": "a", "correct": 0.5}


def test_an_answer_that_is_no_object_is_an_error() -> None:
    """As of a proxy in between."""
    with pytest.raises(AssayError):
        Calls([]).label("t", [{"key": "k", "correct": 1}])
