"""The handlers of labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from fastapi import Request

from assay.service.api import labels as handlers
from assay.service.api.errors import ApiError
from assay.service.domain.stored_values import Label
from assay.service.learning.fit_scheduler import FitFailedError
from tests.support.http.handler_requests import engine_of, named_task, request_to

KEYS = [f"{place:032x}:{place:032x}" for place in range(40)]


@dataclass
class LabelStore:
    """Keeps labels by key."""

    kept: dict[str, Label] = field(default_factory=dict)
    exported: int = 0

    async def label(self, labels: Mapping[str, Label]) -> tuple[int, bool]:
        """Keep labels; say how many are new, and that they are on disk."""
        new = len(labels.keys() - self.kept.keys())
        self.kept |= labels
        return new, True

    async def labels(self) -> dict[str, Label]:
        """Return the kept labels."""
        return self.kept

    async def note_export(self, count: int) -> None:
        """Keep a count."""
        self.exported = count


def request_of(label_store: LabelStore, body: Any = None) -> Request:
    """Return a request to the task t."""
    task = named_task("t", task_store=label_store, store_text=True)
    return request_to(engine_of(task), b"" if body is None else orjson.dumps(body))


@pytest.mark.parametrize("count", [2, 40])
async def test_labels_are_kept_and_counted(count: int) -> None:
    """Few of them, and many that are read beside the event loop; the same again are not new."""
    label_store = LabelStore()
    body = {"labels": [{"key": key, "correct": 1} for key in KEYS[:count]]}

    first = await handlers.label(request_of(label_store, body), "t")
    again = await handlers.label(request_of(label_store, body), "t")

    assert first == {"task": "t", "labels": count, "new": count, "durable": True}
    assert again["new"] == 0
    assert list(label_store.kept) == KEYS[:count]


async def test_of_two_labels_of_one_candidate_the_last_counts() -> None:
    """They are one label."""
    label_store = LabelStore()
    body = {"labels": [{"key": KEYS[0], "correct": value} for value in (1, 0)]}

    answer = await handlers.label(request_of(label_store, body), "t")

    assert answer["labels"] == 1
    assert label_store.kept[KEYS[0]].correct == 0


async def test_labels_are_listed_in_the_order_of_their_keys() -> None:
    """With all that is known of each; to list them confirms no export."""
    label_store = LabelStore({KEYS[1]: Label(0.0, True, "ann", 5.0), KEYS[0]: Label(1.0)})

    answer = orjson.loads((await handlers.labels(request_of(label_store), "t")).body)

    assert [shown["key"] for shown in answer["labels"]] == KEYS[:2]
    assert answer["labels"][1] == {
        "key": KEYS[1],
        "correct": 0.0,
        "random": True,
        "who": "ann",
        "at": 5.0,
    }
    assert label_store.exported == 0


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
