"""Labels, as the clients ask for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from assay_client import AssayError, AsyncClient, Client
from assay_client.label_calls import AsyncLabelCalls, LabelCalls

from tests.client.asked import BAD, GOOD, QUERY
from tests.support.servers.processes import Server

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


def test_labels_are_listed_and_withdrawn(client: Client) -> None:
    """Of one annotator, then of all; the history keeps them."""
    key = client.rank(QUERY, [GOOD, BAD], task="math", reference="12").best.key
    labels = [{"key": key, "correct": 1, "who": "ann"}, {"key": key, "correct": 0, "who": "bob"}]

    taken = client.label("math", labels)
    both = {label["key"]: label for label in client.labels("math", limit=1)}[key]
    ann = client.withdraw("math", [{"key": key, "who": "ann"}])
    unknown = {"query": QUERY, "candidate": "never ranked"}
    rest = client.withdraw("math", [{"key": key}, unknown])
    past = {label["key"]: label for label in client.labels("math", history=True)}[key]

    assert (taken["new"], taken["matched"]) == (2, 2)
    assert (both["correct"], both["conflict"], len(both["by"])) == (0.5, True, 2)
    assert (ann["withdrawn"], rest["withdrawn"], rest["unknown"]) == (1, 1, 1)
    assert past["correct"] is None
    assert sorted(event["correct"] is None for event in past["history"]) == [False] * 2 + [True] * 2


async def test_the_asynchronous_client_lists_and_withdraws_labels(running: Server) -> None:
    """As the blocking one does."""
    key = f"{'a' * 32}:{'b' * 32}"
    async with AsyncClient(running.url) as client:
        taken = await client.label("math", [{"key": key, "correct": 1}])
        keys = [label["key"] async for label in client.labels("math", limit=2)]
        withdrawn = await client.withdraw("math", [{"key": key, "who": ""}])

    assert (taken["matched"], taken["unmatched"]) == (0, 1)
    assert key in keys
    assert withdrawn["withdrawn"] == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"query": "nobody asked", "candidate": "x"},
        {"query": QUERY + " "},
        {"candidate": GOOD + "\n"},
        {"reference": "7"},
        {"query": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": QUERY}]},
    ],
)
def test_a_label_of_what_nobody_ranked_is_not_matched(
    client: Client, changes: dict[str, Any]
) -> None:
    """And the answer says so of each, and in words."""
    client.rank(QUERY, [GOOD, BAD], task="math")
    label = {"query": QUERY, "candidate": GOOD, "correct": 1}

    answer = client.label("math", [label, {**label, **changes, "who": "ann"}])

    assert (answer["matched"], answer["unmatched"]) == (1, 1)
    assert [result["matched"] for result in answer["results"]] == [True, False]
    assert any(text.startswith("unmatched:") for text in answer["warnings"])


@pytest.mark.parametrize(
    ("sent", "mean", "counted"),
    [
        ([(1, None), (0, None)], 0.5, "contradictions"),
        ([(0, "ann"), (1, "ann")], 0.5, "contradictions"),
        ([(1, "ann"), (0, "bob"), (0, "cy")], 1 / 3, "conflicts"),
    ],
)
def test_labels_that_differ_are_combined_and_counted(
    client: Client, sent: list[tuple[int, str | None]], mean: float, counted: str
) -> None:
    """The last one does not win in silence; a label that turns another is no new one."""
    query = f"{QUERY} {len(sent)} {sent[0]}"
    key = client.rank(query, [GOOD, BAD], task="math").best.key
    labels = [
        {"key": key, "correct": correct, **({"who": who} if who else {})} for correct, who in sent
    ]

    answer = client.label("math", labels)
    kept = next(label for label in client.labels("math") if label["key"] == key)
    turned = client.label("math", [{**labels[0], "correct": 0.25}])

    assert answer[counted] >= 1
    assert kept["correct"] == pytest.approx(mean)
    assert (turned["new"], turned["changed"]) == (0, 1)


def test_labels_may_hold_values_of_numpy() -> None:
    """As a column of pandas has them."""
    calls = Calls({}, {})
    calls.label("t", [{"key": np.str_("k"), "correct": np.bool_(True), "random": np.bool_(False)}])
    calls.label(
        "t", [{"query": "q", "candidate": "a", "correct": np.float32(0.5), "at": np.int64(7)}]
    )
    assert [json.loads(json.dumps(body))["labels"] for _, body in calls.asked] == [
        [{"key": "k", "correct": True, "random": False}],
        [{"query": "q", "candidate": "a", "correct": 0.5, "at": 7}],
    ]
