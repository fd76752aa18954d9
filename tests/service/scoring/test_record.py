"""The records of a request after its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from assay import aggregation
from assay.service.concurrency.token_admission import TokenAdmission
from assay.service.domain.matrix import CachedColumn
from assay.service.scoring.request import EnsembleMember, ScoringRequest
from assay.service.scoring.scorer import Scorer
from assay.service.telemetry.metrics import Metrics
from assay.verifiers import Pair
from tests.support.samples.replicas import bare_task
from tests.support.scorers import Q, guarded
from tests.support.verifiers.fakes import FakeVerifier


class Kept:
    """A writer that keeps its rows, and a cache that packs every request."""

    def __init__(self) -> None:
        self.scores: list[object] = []
        self.rows: list[object] = []

    async def read(self, *_: object) -> dict[str, bytes]:
        """Know nothing."""
        return {}

    def pack(self, *_: object) -> list[str]:
        """Pack a request."""
        return ["packed"]

    def put_scores(self, values: object) -> None:
        """Keep scores."""
        self.scores.append(values)

    def put_rows(self, rows: object) -> None:
        """Keep rows."""
        self.rows.append(rows)


def scorer_of(cache: Any, tasks: Any, writer: Any, metrics: Metrics) -> Scorer:
    """Return a scorer with one verifier."""
    members = [EnsembleMember(guarded(FakeVerifier("v")), CachedColumn(1, False), False)]
    return Scorer({"e": members}, cache, tasks, writer, metrics, TokenAdmission(None))


@pytest.mark.parametrize("broken", ["metrics.called", "metrics.scored", "cache.pack", "tasks.pack"])
async def test_what_one_step_of_the_bookkeeping_does_not_take_loses_nothing_of_the_others(
    broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step is independent, counted and logged by name; the client has its answer already."""
    kept, metrics, cache, tasks = Kept(), Metrics(), Kept(), Kept()

    def fail(*_: object) -> None:
        raise ValueError("a number that it does not take")

    owner, name = broken.split(".")
    monkeypatch.setattr({"metrics": metrics, "cache": cache, "tasks": tasks}[owner], name, fail)
    columns = (aggregation.Column("v", "v", None, 1.0, "v"),)
    scorer = scorer_of(cache, tasks, kept, metrics)

    with capture_logs() as logs:
        outcome = await scorer.score(
            ScoringRequest(bare_task(columns), [Pair(Q, "a"), Pair(Q, "b")], True, 30.0)
        )
        await asyncio.sleep(0)

    assert outcome.matrix.raw.tolist() == [[0.5], [0.5]]
    assert (len(kept.scores), len(kept.rows)) == {"cache.pack": (0, 1), "tasks.pack": (1, 0)}.get(
        broken, (1, 1)
    )
    [line] = [each for each in logs if each["event"] == "bookkeeping_failed"]
    step = {"metrics": "count", "cache": "remember", "tasks": "note"}[owner]
    assert (line["step"], line["error"]) == (step, "ValueError")
    assert f'assay_bookkeeping_failures_total{{step="{step}"}} 1.0' in metrics.text().decode()


async def test_what_many_pairs_bring_is_with_the_writer_before_the_service_ends() -> None:
    """However many requests were answered a moment before."""
    kept, metrics, cache, tasks = Kept(), Metrics(), Kept(), Kept()
    cast(Any, cache).packing = lambda *_: iter([{"a": b"1"}])
    cast(Any, tasks).packing = lambda *_: iter(range(600))
    scorer = scorer_of(cache, tasks, kept, metrics)
    task = bare_task([aggregation.Column("v", "v", None, 1.0, "v")])

    await asyncio.gather(
        *(
            scorer.score(
                ScoringRequest(task, [Pair(Q, f"{n} {place}") for place in range(600)], True, 30.0)
            )
            for n in range(5)
        )
    )
    await scorer.all_kept()

    assert sorted(len(rows) for rows in cast(Any, kept.rows)) == sorted([256, 256, 88] * 5)
    assert kept.scores == [{"a": b"1"}] * 5


async def test_what_many_pairs_bring_is_kept_in_parts_of_which_one_may_fail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Others have their turn between the parts; a failure in a later one is counted like one in
    the first.
    """
    kept, metrics, cache, tasks = Kept(), Metrics(), Kept(), Kept()

    def packing(*_: object) -> Iterator[object]:
        yield {"a": b"1"}
        raise ValueError("a number that it does not take")

    monkeypatch.setattr(cache, "packing", packing, raising=False)
    monkeypatch.setattr(tasks, "packing", lambda *_: iter(range(600)), raising=False)
    scorer = scorer_of(cache, tasks, kept, metrics)
    columns = (aggregation.Column("v", "v", None, 1.0, "v"),)

    await scorer.score(
        ScoringRequest(
            bare_task(columns), [Pair(Q, str(place)) for place in range(600)], True, 30.0
        )
    )
    seen = []
    for _ in range(12):
        await asyncio.sleep(0)
        seen.append((len(kept.scores), [len(rows) for rows in cast(Any, kept.rows)]))

    assert seen[:2] == [(0, []), (1, [])]
    assert seen[-1] == (1, [256, 256, 88])
    assert len({str(each) for each in seen}) == 5  # a part a turn
    assert 'assay_bookkeeping_failures_total{step="remember"} 1.0' in metrics.text().decode()
