"""Labels of a task in the store."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

from assay.service.domain.stored_values import Label
from assay.service.store.client import Store
from assay.service.store.embedded_valkey import EmbeddedStore
from assay.service.store.task_store import TaskStore
from tests.support.samples.replicas import key


async def test_labels_are_on_disk_before_they_are_acknowledged(
    store: Store, tmp_path: Path
) -> None:
    """Killed right after, the store has them; the same label twice is one."""
    task_store = TaskStore(store, "t")

    new, durable = await task_store.label(
        {key(1, 0): Label(1.0, True, "ann"), key(1, 1): Label(0.0)}
    )
    again, _ = await task_store.label({key(1, 0): Label(1.0, True, "ann", 9.0)})
    info: Any = await store.redis.info("server")
    os.kill(int(info["process_id"]), signal.SIGKILL)
    await store.redis.connection_pool.disconnect()
    server = EmbeddedStore(tmp_path / "store", 64)
    await asyncio.to_thread(server.start)
    found = await task_store.labels()
    await store.close()
    server.stop()

    assert (new, durable, again) == (2, True, 0)
    assert found[key(1, 0)] == Label(1.0, True, "ann")
    assert sorted(found) == sorted((key(1, 0), key(1, 1)))


async def test_the_same_label_again_changes_nothing_and_what_is_not_stated_stays(
    store: Store,
) -> None:
    """Neither its time, its author nor `random`; a label with another value replaces it."""
    task_store = TaskStore(store, "t")
    await task_store.label(
        {"a": Label(0.1, True, 'ann "x"}', 1700000000.123456), "b": Label(1.0, at=5.0)}
    )
    first = await task_store.labels()
    again, _ = await task_store.label({"a": Label(0.1, at=1800000000.5), "b": Label(1.0, at=6.0)})
    same, counted = await task_store.labels(), (await task_store.progress())[1].total_labels
    await task_store.label({"a": Label(0.1, False, "bob", 4.0), "b": Label(0.0, who="bob", at=7.0)})

    assert (
        first
        == same
        == {"a": Label(0.1, True, 'ann "x"}', 1700000000.123456), "b": Label(1.0, False, None, 5.0)}
    )
    assert (again, counted) == (0, 2)
    assert await task_store.labels() == {
        "a": Label(0.1, False, "bob", 4.0),
        "b": Label(0.0, False, "bob", 7.0),
    }
    assert (await task_store.progress())[1].total_labels == 4


async def test_a_damaged_label_is_written_anew(store: Store) -> None:
    """By the next one of the same candidate."""
    task_store = TaskStore(store, "t")
    await store.redis.hset(
        "assay:1:labels:{t}", mapping={"a": "no JSON", "b": "[1]", "c": '{"correct": 1}'}
    )

    new, _ = await task_store.label({each: Label(1.0, at=2.0) for each in "abc"})

    assert new == 0
    assert await task_store.labels() == {each: Label(1.0, False, None, 2.0) for each in "abc"}


async def test_many_labels_at_once_are_all_kept_and_counted(store: Store) -> None:
    """In parts, with a wait for the last; the disk has them all."""
    task_store = TaskStore(store, "t")
    labels = {f"{number}": Label(float(number % 2), True, at=5.0) for number in range(1203)}

    first, durable = await task_store.label(labels)
    again, _ = await task_store.label({**labels, "new": Label(1.0)})

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
    _, durable = await asyncio.wait_for(task_store.label({"k": Label(1.0)}), 20)
    quiet.set()
    await asyncio.gather(*busy)
    await tcp_store.redis.config_set("appendfsync", "everysec")
    _, after = await task_store.label({"k": Label(0.0)})

    assert durable is False
    assert after is True
