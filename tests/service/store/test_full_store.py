"""A store that is full."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from assay.service.domain.errors import StoreRefusedError
from assay.service.domain.labels import Label, LabelEvent
from assay.service.domain.observation import record_of
from assay.service.domain.score_keys import keys_of
from assay.service.learning.tasks.packing import TaskObservation
from assay.service.learning.write_behind import Writer
from assay.service.store.client import Store
from assay.service.store.embedded_valkey import EmbeddedStore
from assay.service.store.score_cache import ScoreCache
from assay.service.store.task_store import TaskStore
from assay.service.telemetry.metrics import Metrics
from assay.verifiers import Pair, Query
from tests.support.samples.replicas import give_labels, learn, replica


async def test_a_full_store_drops_scores_and_nothing_that_was_learned(tmp_path: Path) -> None:
    """Three times its memory in scores: labels, requests and the model stay, and more can be
    learned.
    """
    embedded = EmbeddedStore(tmp_path / "store", 16)
    embedded.start()
    store = Store(embedded.url)
    tasks, task = replica(store)
    await learn(tasks, task)
    assert task.task_store is not None
    await give_labels(task.task_store, {f"{place}": Label(1.0) for place in range(500)})
    requests, labels = await task.task_store.sizes()

    for part in range(50):
        await store.set_many(
            {f"assay:1:score:{part}:{place}": b"x" * 1000 for place in range(1000)}, 3600
        )
    scores = len(await store.redis.keys("assay:1:score:*"))
    after = await task.task_store.sizes()
    new, durable = await give_labels(task.task_store, {"new": Label(0.0)})
    model = await task.task_store.model(1)
    await store.close()
    embedded.stop()

    assert 0 < scores < 20_000
    assert after == (requests, labels)
    assert (new, durable) == (1, True)
    assert model is not None


async def test_requests_make_room_for_scores_and_labels_in_a_full_store(tmp_path: Path) -> None:
    """Large requests fill it: the oldest go, and it takes scores and labels again."""
    embedded = EmbeddedStore(tmp_path / "store", 24)
    embedded.start()
    store = Store(embedded.url)
    tasks, task = replica(store)
    metrics = Metrics()
    writer = Writer(ScoreCache(store, 3600), tasks, metrics)
    rng = np.random.default_rng(0)
    for query in range(250):  # a hundred kilobytes each
        pairs = [Pair(Query.of(f"{query}"), f"{place}") for place in range(2000)]
        writer.put_rows(
            [
                TaskObservation(
                    task,
                    record_of(
                        keys_of(pairs, True), tuple(range(6)), rng.normal(size=(2000, 6)), "t@0"
                    ),
                )
            ]
        )
        await writer.write_one()
    writer.put_scores({"{a}:b": b"x" * 320})
    await writer.write_one()
    new, durable = await give_labels(TaskStore(store, "t"), {"a:b": Label(1.0)})
    stored = await store.redis.exists("assay:1:score:{a}:b")
    kept, _ = await TaskStore(store, "t").sizes()
    await store.close()
    embedded.stop()

    assert (new, durable, stored) == (1, True, 1)
    assert 0 < kept < 250


@pytest.mark.parametrize("who", ["bot0", None])
async def test_a_full_store_takes_withdrawals_and_has_room_for_labels_again(
    tmp_path: Path, who: str | None
) -> None:
    """Labels with long comments fill it: one annotator's go, or all of the candidates'.

    The history shows what was withdrawn, without the comments. Other labels stay.
    """
    embedded = EmbeddedStore(tmp_path / "store", 16)
    embedded.start()
    store = Store(embedded.url)
    task_store = TaskStore(store, "t")
    await give_labels(task_store, {"honest": Label(1.0, True, "ann", 1.0, "by hand")})
    keys, reason = await labelled_until_refused(task_store, ("bot0", "bot1"))
    counts, durable = await task_store.withdraw([(key, who) for key in keys], 3.0)
    new, _ = await give_labels(task_store, {"honest": Label(0.0, True, "eve", 4.0)})
    labels, past = await task_store.label_records(), await task_store.label_past()
    again, _ = await task_store.withdraw([(keys[0], who)], 5.0)
    await store.close()
    embedded.stop()

    left = {label.who for label in labels[keys[0]].by} if keys[0] in labels else set()
    assert reason == "full"
    assert (set(counts), durable, new, again) == ({1 if who else 2}, True, 1, [0])
    assert left == ({"bot1"} if who else set())
    assert past[keys[0]][:2] == [
        LabelEvent("bot0", 0.0, None, 2.0),
        LabelEvent("bot0", None, None, 3.0),
    ]
    assert [label.who for label in labels["honest"].by] == ["ann", "eve"]


async def labelled_until_refused(
    task_store: TaskStore, annotators: Sequence[str]
) -> tuple[list[str], str]:
    """Label more and more candidates; return those that were kept, and why no more is."""
    keys = list[str]()
    for part in range(1000):
        some = [f"{part}:{place}" for place in range(50)]
        try:
            await task_store.label(
                (key, Label(0.0, None, who, 2.0, "x" * 2000)) for key in some for who in annotators
            )
        except StoreRefusedError as exc:
            return keys, exc.reason
        keys += some
    return keys, "never refused"
