"""The handlers of labels."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from fastapi import Request

from assay.service.api import labels as handlers
from assay.service.api.errors import ApiError
from assay.service.api.label_requests import LabelIn
from assay.service.domain.labels import (
    Label,
    LabelEvent,
    LabelRecord,
    LabelWrites,
    TooManyAnnotatorsError,
    merge,
    withdraw,
)
from assay.service.domain.observation import KeptCandidates, Observation
from assay.service.domain.score_keys import candidate_of_key, query_of_key
from assay.service.learning.fit_scheduler import FitFailedError
from tests.support.http.handler_requests import engine_of, named_task, request_to

KEYS = [f"{place:032x}:{place:032x}" for place in range(40)]


@dataclass
class LabelStore:
    """Keeps labels by key, and knows the candidates of one request."""

    kept: dict[str, LabelRecord] = field(default_factory=dict)
    ranked: list[str] = field(default_factory=lambda: KEYS[:2])
    exported: int = 0

    async def label(self, labels: Iterable[tuple[str, Label]]) -> LabelWrites:
        """Keep labels; say what became of each, and that they are on disk."""
        outcomes = []
        for key, label in labels:
            try:
                merged = merge(self.kept.get(key), label)
            except TooManyAnnotatorsError as exc:
                exc.key = key
                raise
            self.kept[key] = merged.record
            outcomes.append(merged.outcome)
        conflicts = frozenset(key for key, record in self.kept.items() if record.conflict)
        return LabelWrites(tuple(outcomes), True, conflicts)

    async def try_labels(self, labels: Iterable[tuple[str, Label]]) -> LabelWrites:
        """Say what would become of labels."""
        return await LabelStore(dict(self.kept)).label(labels)

    async def withdraw(
        self, withdrawals: Sequence[tuple[str, str | None]], at: float
    ) -> tuple[list[int], bool]:
        """Drop whole candidates, of whom at least one label goes."""
        counts = []
        for key, who in withdrawals:
            record = self.kept.pop(key, None)
            left, gone = (None, ()) if record is None else withdraw(record, who, at)
            if left is not None:
                self.kept[key] = left
            counts.append(len(gone))
        return counts, True

    async def label_records(self) -> dict[str, LabelRecord]:
        """Return the kept labels."""
        return self.kept

    async def label_past(self) -> dict[str, list[LabelEvent]]:
        """Return one withdrawn label."""
        return {KEYS[9]: [LabelEvent("ann", None, None, 7.0)]}

    async def note_export(self, count: int) -> None:
        """Keep a count."""
        self.exported = count

    async def oldest_place(self) -> tuple[int, int]:
        """Return the place of the request."""
        return 1, 0

    async def candidates(
        self, after: tuple[int, int] | None = None
    ) -> AsyncIterator[list[KeptCandidates]]:
        """Yield the candidates that were ranked, each with a query of its own."""
        if after is None:
            yield [
                KeptCandidates((1, place), query_of_key(key), bytes.fromhex(candidate_of_key(key)))
                for place, key in enumerate(self.ranked)
            ]

    async def labelled_of(self, queries: Collection[str]) -> list[Observation]:
        """Return nothing from beside the window."""
        return []


class NoWriter:
    """Has nothing on its way."""

    async def flush(self, timeout_s: float = 5.0) -> None:
        """Return at once."""


def request_of(label_store: LabelStore, body: Any = None) -> Request:
    """Return a request to the task t."""
    task = named_task("t", task_store=label_store, store_text=True)
    engine = engine_of(task)
    engine.learning.writer = NoWriter()
    return request_to(engine, b"" if body is None else orjson.dumps(body))


async def listed(label_store: LabelStore, **options: Any) -> Any:
    """Return a listing."""
    options = {"limit": None, "after": None, "history": False, **options}
    return orjson.loads((await handlers.labels(request_of(label_store), "t", **options)).body)


@pytest.mark.parametrize("count", [2, 40])
async def test_labels_are_kept_and_counted(count: int) -> None:
    """Few of them, and many that are read beside the event loop; the same again are not new."""
    label_store = LabelStore(ranked=KEYS)
    body = {"labels": [{"key": key, "correct": 1} for key in KEYS[:count]]}

    first = await handlers.label(request_of(label_store, body), "t")
    again = await handlers.label(request_of(label_store, body), "t")

    counts = {name: first[name] for name in ("labels", "new", "changed", "matched", "unmatched")}
    assert counts == {
        "labels": count,
        "new": count,
        "changed": 0,
        "matched": count,
        "unmatched": 0,
    }
    assert (first["durable"], first["warnings"]) == (True, [])
    assert first["results"][1] == {"key": KEYS[1], "matched": True, "outcome": "new"}
    assert (again["new"], again["unchanged"]) == (0, count)
    assert list(label_store.kept) == KEYS[:count]


async def test_a_label_that_matches_nothing_is_kept_and_named() -> None:
    """It counts once its candidate is ranked."""
    label_store = LabelStore()
    body = {"labels": [{"key": KEYS[place], "correct": 1} for place in (0, 5)]}

    answer = await handlers.label(request_of(label_store, body), "t")
    before = await listed(label_store)
    label_store.ranked.append(KEYS[5])
    after = await listed(label_store)

    assert [result["matched"] for result in answer["results"]] == [True, False]
    assert (answer["matched"], answer["unmatched"]) == (1, 1)
    assert answer["warnings"][0].startswith("unmatched: 1 of 2 labels")
    assert (before["unmatched"], after["unmatched"]) == (1, 0)
    assert [shown["matched"] for shown in after["labels"]] == [True, True]


@pytest.mark.parametrize(
    ("who", "values", "mean", "warning"),
    [
        ((None, None), (1, 0), 0.5, "contradiction"),
        ((None, ""), (1, 0), 0.5, "contradiction"),
        (("ann", "ann "), (1, 0.5), 0.75, "contradiction"),
        (("ann", "bob"), (1, 0), 0.5, "conflict"),
        (("ann", None), (0, 0.9), 0.45, "conflict"),
        (("ann", None), (1, 1), 1, None),
    ],
)
async def test_of_two_labels_of_one_candidate_none_wins_in_silence(
    who: tuple[str | None, str | None],
    values: tuple[float, float],
    mean: float,
    warning: str | None,
) -> None:
    """Their mean counts; a warning tells annotators at odds from one who contradicts himself."""
    label_store = LabelStore()
    body = {
        "labels": [
            {"key": KEYS[0], "correct": value, "who": name}
            for value, name in zip(values, who, strict=True)
        ]
    }

    answer = await handlers.label(request_of(label_store, body), "t")

    assert (answer["labels"], answer["conflicts"]) == (2, warning == "conflict")
    assert answer["contradictions"] == (warning == "contradiction")
    codes = [text.split(":")[0] for text in answer["warnings"]]
    assert codes == ([] if warning is None else [warning])
    assert label_store.kept[KEYS[0]].correct == mean


async def test_of_two_labels_with_times_the_newer_counts() -> None:
    """Whatever their order."""
    label_store = LabelStore()
    body = {
        "labels": [
            {"key": KEYS[0], "correct": value, "at": at} for value, at in ((0, 9.0), (1, 5.0))
        ]
    }

    answer = await handlers.label(request_of(label_store, body), "t")

    assert (answer["new"], answer["older"], answer["conflicts"]) == (1, 1, 0)
    assert label_store.kept[KEYS[0]].by == (Label(0.0, at=9.0),)


async def test_a_changed_label_is_counted_as_changed() -> None:
    """And is no new one."""
    label_store = LabelStore({KEYS[0]: LabelRecord((Label(1.0, at=5.0),), 5.0)})

    answer = await handlers.label(
        request_of(label_store, {"labels": [{"key": KEYS[0], "correct": 0}]}), "t"
    )

    assert (answer["new"], answer["changed"]) == (0, 1)


async def test_a_dry_run_keeps_nothing() -> None:
    """It counts and matches all the same."""
    label_store = LabelStore()

    answer = await handlers.label(
        request_of(label_store, {"labels": [{"key": KEYS[5], "correct": 0}]}), "t", dry_run=True
    )

    assert (answer["new"], answer["unmatched"], answer["durable"]) == (1, 1, None)
    assert label_store.kept == {}


async def test_an_annotator_too_many_is_refused() -> None:
    """The message says how many a candidate may have."""
    by = tuple(Label(1.0, who=f"{number}") for number in range(100))
    label_store = LabelStore({KEYS[0]: LabelRecord(by, 0.0)})
    labels = [{"key": key, "correct": 1, "who": "one more"} for key in (KEYS[1], KEYS[0])]
    body = {"labels": labels}

    with pytest.raises(ApiError, match="100 annotators") as caught:
        await handlers.label(request_of(label_store, body), "t")

    assert (caught.value.status, caught.value.code) == (422, "too_many_annotators")
    assert caught.value.param == "labels.1"


async def test_labels_are_listed_in_the_order_of_their_keys() -> None:
    """With all that is known of each; to list them confirms no export."""
    ann, bob = Label(0.0, True, "ann", 5.0), Label(1.0, None, "bob", 6.0, "why")
    label_store = LabelStore(
        {
            KEYS[1]: LabelRecord((ann, bob), 6.0),
            KEYS[0]: LabelRecord((Label(1.0, who="ann", at=1.0),), 1.0),
        }
    )

    answer = await listed(label_store)

    assert (answer["total"], answer["conflicts"], answer["next"]) == (2, 1, None)
    assert [shown["key"] for shown in answer["labels"]] == KEYS[:2]
    assert answer["labels"][1] == {
        "key": KEYS[1],
        "matched": True,
        "correct": 0.5,
        "random": True,
        "who": None,
        "at": 6.0,
        "comment": None,
        "annotators": 2,
        "spread": 1.0,
        "conflict": True,
        "by": [
            {"who": "ann", "correct": 0.0, "random": True, "at": 5.0, "comment": None},
            {"who": "bob", "correct": 1.0, "random": None, "at": 6.0, "comment": "why"},
        ],
    }
    assert answer["labels"][0]["who"] == "ann"
    assert label_store.exported == 0


async def test_labels_are_listed_page_by_page_with_their_history() -> None:
    """A withdrawn label is listed with its history."""
    label_store = LabelStore(
        {key: LabelRecord((Label(1.0, at=1.0),), 1.0) for key in reversed(KEYS[:3])}
    )

    first = await listed(label_store, limit=2)
    second = await listed(label_store, limit=2, after=first["next"], history=True)
    plain = await listed(label_store, limit=2, after=first["next"])

    assert [shown["key"] for shown in first["labels"]] == KEYS[:2]
    assert [shown["key"] for shown in second["labels"]] == [KEYS[2], KEYS[9]]
    assert (first["next"], second["next"], plain["next"]) == (KEYS[1], None, None)
    withdrawn = second["labels"][1]
    assert (withdrawn["correct"], withdrawn["by"], withdrawn["annotators"]) == (None, [], 0)
    assert [event["correct"] for event in withdrawn["history"]] == [None]
    assert [event["correct"] for event in second["labels"][0]["history"]] == [1.0]


async def test_a_label_is_withdrawn_by_its_key() -> None:
    """Of one annotator or of all; one that is not there is an error that names it."""
    by = (Label(1.0, who="ann"), Label(0.0), Label(0.0, who="bob"))
    label_store = LabelStore({KEYS[0]: LabelRecord(by, 0.0)})

    ann = await handlers.withdraw_label(request_of(label_store), "t", KEYS[0], "ann")
    rest = await handlers.withdraw_label(request_of(label_store), "t", KEYS[0])
    with pytest.raises(ApiError, match="has no label by 'ann'") as caught:
        await handlers.withdraw_label(request_of(label_store), "t", KEYS[0], "ann")

    assert ann == {"task": "t", "key": KEYS[0], "withdrawn": 1, "durable": True}
    assert rest["withdrawn"] == 2
    assert (caught.value.status, caught.value.code) == (404, "unknown_label")


async def test_labels_are_withdrawn_together_also_by_text() -> None:
    """A text that had no label is counted, and no error."""
    named = LabelIn(query="q", candidate="c", tests=["assert f()"], correct=1)
    label_store = LabelStore({named.candidate_key(): LabelRecord((Label(1.0),), 0.0)})
    texts = {"query": "q", "candidate": "c", "tests": ["assert f()"]}
    body = {"labels": [{**texts, "who": ""}, {"key": KEYS[3]}]}

    answer = await handlers.withdraw_labels(request_of(label_store, body), "t")

    assert (answer["labels"], answer["withdrawn"], answer["unknown"]) == (2, 1, 1)
    assert answer["results"] == [
        {"key": named.candidate_key(), "withdrawn": 1},
        {"key": KEYS[3], "withdrawn": 0},
    ]
    assert label_store.kept == {}


async def test_an_export_is_confirmed_with_its_count() -> None:
    """The client kept so many."""
    label_store = LabelStore()

    answer = await handlers.exported(request_of(label_store, {"labels": 12}), "t")

    assert (answer, label_store.exported) == ({"task": "t", "exported": 12}, 12)


async def test_candidates_to_label_are_drawn_or_the_draw_has_failed() -> None:
    """A draw that ends early can be tried again."""

    async def draw(_: object, count: int) -> tuple[int, list[str]]:
        if count > 10:
            raise FitFailedError("killed")
        return 5, ["a"]

    request = request_of(LabelStore())
    request.app.state.engine.learning.fit_scheduler = SimpleNamespace(draw=draw)

    assert await handlers.to_label(request, "t", 1) == {
        "task": "t",
        "left": 5,
        "candidates": ["a"],
    }
    with pytest.raises(ApiError, match="killed") as caught:
        await handlers.to_label(request, "t", 11)
    assert (caught.value.status, caught.value.code) == (503, "draw_failed")
