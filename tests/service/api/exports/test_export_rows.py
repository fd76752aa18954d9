"""The handler of exports, with a store that has pages."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from assay.service.api.errors import ApiError
from assay.service.api.exports.export_requests import ExportIn
from assay.service.api.exports.export_rows import export
from assay.service.domain.errors import StoreDownError
from assay.service.domain.observation import Observation
from assay.service.learning.tasks.served_version import ServedVersion
from tests.support.exports import Chances, key_of, members, ranked
from tests.support.http.handler_requests import engine_of, request_to
from tests.support.samples.replicas import bare_task

RECORDS = [ranked(query, {"a": 0.9, "b": 0.1}) for query in ("q", "r", "s")]


class Pages:
    """A store whose first page holds damaged entries alone; `fails`: at which reading it is down."""

    def __init__(self, fails: int | None = None) -> None:
        self.readings, self.fails = 0, fails

    async def labels(self) -> dict[str, Any]:
        """Return a label against the model."""
        return {key_of("q", "a"): SimpleNamespace(correct=0.0)}

    async def pages(self, texts: bool = False) -> AsyncIterator[list[Observation]]:
        """Yield the requests, with their texts."""
        self.readings += 1
        if self.readings == self.fails:
            raise StoreDownError("down")
        for page in ([], RECORDS[:1], RECORDS[1:]):
            yield page


async def answer_of(store: Pages, **asked: Any) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Return the headers and the rows of an export."""
    task, model = bare_task(), Chances()
    spec = replace(task.spec, store_text=True, columns=model.columns)
    served = ServedVersion(task=task.name, model=model, version=3)  # type: ignore[arg-type]  # a fake
    task.spec, task.serving.version, task.task_store = spec, served, store  # type: ignore[assignment]  # a fake
    scorer = SimpleNamespace(ensembles={task.ensemble: members()})
    answer = await export(
        request_to(engine_of(task, scorer=scorer)),
        task.name,
        ExportIn(**{"format": "dpo", **asked}),
    )
    lines = b"".join([bytes(chunk) async for chunk in answer.body_iterator])  # type: ignore[arg-type]  # bytes
    return dict(answer.headers), [json.loads(line) for line in lines.splitlines()]


async def test_rows_come_from_all_pages() -> None:
    """An empty page is not the last one; a label decides its pair."""
    headers, rows = await answer_of(Pages())

    assert [(row["prompt"], row["chosen"]) for row in rows] == [("r", "a"), ("s", "a")]
    assert (headers["x-assay-rows"], headers["x-assay-left-out"]) == ("2", "probably_wrong=1")


async def test_options_reach_the_rows() -> None:
    """With a low bound and the switch, the other answer is chosen; never the one labelled wrong."""
    _, rows = await answer_of(Pages(), probably_wrong=True, min_p=0.0, min_gap=0.1)

    assert {row["prompt"]: row["chosen"] for row in rows} == {"q": "b", "r": "a", "s": "a"}


async def test_a_store_that_is_down_is_an_answer() -> None:
    """Before the first row."""
    with pytest.raises(ApiError) as refused:
        await answer_of(Pages(fails=1))

    assert (refused.value.status, refused.value.code) == (503, "store_down")
