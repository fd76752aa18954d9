"""Labels of a task in the store."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from assay.service.domain.labels import (
    MOST_ANNOTATORS,
    Label,
    LabelEvent,
    LabelRecord,
    TooManyAnnotatorsError,
)
from assay.service.store.client import Store
from assay.service.store.embedded_valkey import EmbeddedStore
from assay.service.store.task_store import TaskStore
from tests.support.samples.replicas import give_labels, key


async def test_labels_are_on_disk_before_they_are_acknowledged(
    store: Store, tmp_path: Path
) -> None:
    """Killed right after, the store has them; the same label twice is one."""
    task_store = TaskStore(store, "t")

    new, durable = await give_labels(
        task_store, {key(1, 0): Label(1.0, True, "ann"), key(1, 1): Label(0.0)}
    )
    again, _ = await give_labels(task_store, {key(1, 0): Label(1.0, True, "ann", 9.0)})
    info: Any = await store.redis.info("server")
    os.kill(int(info["process_id"]), signal.SIGKILL)
    await store.redis.connection_pool.disconnect()
    server = EmbeddedStore(tmp_path / "store", 64)
    await asyncio.to_thread(server.start)
    labels = await task_store.labels()
    await store.close()
    server.stop()

    assert (new, durable, again) == (2, True, 0)
    assert labels[key(1, 0)] == Label(1.0, True, "ann")
    assert sorted(labels) == sorted((key(1, 0), key(1, 1)))


async def test_the_same_label_again_changes_nothing_and_what_is_not_stated_stays(
    store: Store,
) -> None:
    """Neither its time, its author nor `random`; another annotator's label counts beside it."""
    task_store = TaskStore(store, "t")
    await give_labels(
        task_store,
        {"a": Label(0.1, True, 'ann "x"}', 1700000000.123456), "b": Label(1.0, at=5.0)},
    )
    first = await task_store.labels()
    again, _ = await give_labels(
        task_store, {"a": Label(0.1, None, 'ann "x"}', 1800000000.5), "b": Label(1.0, at=6.0)}
    )
    same, counted = await task_store.labels(), (await task_store.progress())[1].total_labels
    await give_labels(
        task_store, {"a": Label(0.3, False, "bob", 4.0), "b": Label(0.0, who="bob", at=7.0)}
    )

    assert (
        first
        == same
        == {"a": Label(0.1, True, 'ann "x"}', 1700000000.123456), "b": Label(1.0, None, None, 5.0)}
    )
    assert (again, counted) == (0, 2)
    assert await task_store.labels() == {
        "a": Label(0.2, True, None, 1700000000.123456),
        "b": Label(0.5, None, None, 7.0),
    }
    assert (await task_store.progress())[1].total_labels == 4


async def test_replaced_and_withdrawn_labels_stay_in_the_past(store: Store) -> None:
    """A withdrawn label counts no more, and is no loss of the store; it can be given again."""
    task_store = TaskStore(store, "t")
    await give_labels(task_store, {"a": Label(1.0, True, "ann", 1.0), "b": Label(1.0, who="ann")})
    await give_labels(task_store, {"a": Label(0.0, None, "ann", 2.0)})
    await give_labels(task_store, {"a": Label(1.0, None, "bob", 3.0)})

    counts, durable = await task_store.withdraw([("a", "ann"), ("b", None), ("none", None)], 4.0)
    sizes = (await task_store.progress())[1]

    assert (counts, durable) == ([1, 1, 0], True)
    assert await task_store.label_records() == {
        "a": LabelRecord((Label(1.0, None, "bob", 3.0),), 4.0)
    }
    assert await task_store.label_keys() == ["a"]
    assert (await task_store.label_past())["a"] == [
        LabelEvent("ann", 1.0, True, 1.0),
        LabelEvent("ann", 0.0, True, 2.0),
        LabelEvent("ann", None, None, 4.0),
    ]
    assert (sizes.labels, sizes.withdrawn, sizes.total_labels) == (1, 1, 6)
    assert (await give_labels(task_store, {"b": Label(0.0, who="ann", at=5.0)}))[0] == 1


async def test_labels_are_tried_without_being_kept(store: Store) -> None:
    """With the same outcomes as if they were; also of two labels of one candidate."""
    task_store = TaskStore(store, "t")
    await give_labels(task_store, {"a": Label(1.0, at=1.0)})
    labels = [("a", Label(1.0, at=2.0)), ("b", Label(1.0)), ("a", Label(0.0, at=3.0))]

    tried = await task_store.try_labels(labels)
    kept = await task_store.labels()
    written = await task_store.label(labels)

    assert tried.outcomes == written.outcomes == ("unchanged", "new", "changed")
    assert kept == {"a": Label(1.0, at=1.0)}


async def test_an_older_label_of_another_value_changes_nothing_and_says_so(store: Store) -> None:
    """It makes no fit due, and the history has it; one that agrees is unchanged."""
    task_store = TaskStore(store, "t")
    await give_labels(task_store, {"a": Label(1.0, at=9.0), "b": Label(0.0, at=9.0)})

    writes = await task_store.label([("a", Label(0.0, at=3.0)), ("b", Label(0.0, at=3.0))])

    _, sizes = await task_store.progress()
    assert (writes.outcomes, sizes.total_labels) == (("older", "unchanged"), 2)
    assert {key: label.correct for key, label in (await task_store.labels()).items()} == {
        "a": 1.0,
        "b": 0.0,
    }
    assert [event.correct for event in (await task_store.label_past())["a"]] == [0.0]


async def test_annotators_at_the_same_moment_lose_no_label(store: Store) -> None:
    """Each reads, adds and writes; who was slower does it again."""
    task_store = TaskStore(store, "t")

    await asyncio.gather(
        *(task_store.label([("a", Label(number / 20, who=f"{number}"))]) for number in range(20))
    )

    record = (await task_store.label_records())["a"]
    assert sorted(label.correct for label in record.by) == [number / 20 for number in range(20)]


async def test_a_damaged_label_is_written_anew(store: Store) -> None:
    """By the next one of the same candidate."""
    task_store = TaskStore(store, "t")
    await store.redis.hset(
        "assay:1:labels:{t}", mapping={"a": "no JSON", "b": "[1]", "c": '{"correct": 1}'}
    )

    new, _ = await give_labels(task_store, {name: Label(1.0, at=2.0) for name in "abc"})

    assert new == 0
    assert await task_store.labels() == {
        "a": Label(1.0, at=2.0),
        "b": Label(1.0, at=2.0),
        "c": Label(1.0, at=0.0),
    }


async def test_many_labels_at_once_are_all_kept_and_counted(store: Store) -> None:
    """In parts, with a wait for the last; the disk has them all."""
    task_store = TaskStore(store, "t")
    labels = {f"{number}": Label(float(number % 2), True, at=5.0) for number in range(1203)}

    first, durable = await give_labels(task_store, labels)
    again, _ = await give_labels(task_store, {**labels, "new": Label(1.0)})

    assert (first, durable, again) == (1203, True, 1)
    assert len(await task_store.labels()) == 1204
    assert (await task_store.progress())[1].total_labels == 1204


async def test_labels_wait_for_the_disk_also_beside_other_traffic(tcp_store: Store) -> None:
    """A server's wait covers one connection: another connection's wait proves nothing."""
    task_store = TaskStore(tcp_store, "t")
    await tcp_store.redis.config_set(
        "appendfsync", "no"
    )  # nothing reaches the disk for up to half a minute

    quiet = asyncio.Event()

    async def noise() -> None:
        while not quiet.is_set():
            await tcp_store.fetch(["x"])

    busy = [asyncio.create_task(noise()) for _ in range(8)]
    _, durable = await asyncio.wait_for(give_labels(task_store, {"k": Label(1.0)}), 20)
    quiet.set()
    await asyncio.gather(*busy)
    await tcp_store.redis.config_set("appendfsync", "everysec")
    _, after = await give_labels(task_store, {"k": Label(0.0)})

    assert durable is False
    assert after is True


@pytest.mark.parametrize("before", [0, 40])
async def test_labels_of_which_one_is_refused_are_all_refused(store: Store, before: int) -> None:
    """Also where it stands in another part of them than the first; the error names the candidate."""
    task_store = TaskStore(store, "t")
    some = [("full", Label(1.0, who=f"{number}")) for number in range(before)]
    await task_store.label(some)
    body = [(f"k{number}", Label(1.0)) for number in range(500)] + [
        ("full", Label(1.0, who=f"{number}")) for number in range(before, MOST_ANNOTATORS + 1)
    ]

    with pytest.raises(TooManyAnnotatorsError) as caught:
        await task_store.label(body)

    assert caught.value.key == "full"
    assert await task_store.label_keys() == ["full"] * (before > 0)


async def test_an_older_export_does_not_bring_back_what_was_withdrawn(store: Store) -> None:
    """By annotator: the others' labels count; a label of a later time does as well."""
    task_store = TaskStore(store, "t")
    export = [
        ("a", Label(1.0, None, "ann", 1.0)),
        ("a", Label(1.0, None, "bob", 1.0)),
        ("b", Label(0.0, None, None, 1.0)),
    ]
    await task_store.label(export)
    await task_store.withdraw([("a", "ann"), ("b", None)], 5.0)

    tried = await task_store.try_labels(export)
    again = await task_store.label(export)
    kept = await task_store.label_records()
    later = await task_store.label([("b", Label(0.0, at=6.0))])

    assert tried.outcomes == again.outcomes == ("withdrawn", "unchanged", "withdrawn")
    assert list(kept) == ["a"]
    assert [label.who for label in kept["a"].by] == ["bob"]
    assert later.outcomes == ("new",)


async def test_candidates_whose_annotators_contradict_each_other_are_named(store: Store) -> None:
    """As they are after the write, whoever labelled before."""
    task_store = TaskStore(store, "t")

    first = await task_store.label([("a", Label(1.0, who="ann")), ("b", Label(1.0, who="ann"))])
    second = await task_store.label([("a", Label(0.0, who="bob")), ("b", Label(0.9, who="bob"))])
    solved = await task_store.label([("a", Label(1.0, who="bob", at=1.0))])

    assert [sorted(writes.conflicts) for writes in (first, second, solved)] == [[], ["a"], []]
