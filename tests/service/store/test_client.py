"""The store as a whole: its schema, its generation, its losses and its damaged values."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from assay.service.domain.errors import StoreRefusedError
from assay.service.store.client import Store
from assay.service.store.schema import GENERATION_KEY, LOSS_KEY, SCHEMA_KEY, SchemaError


async def test_a_newer_schema_is_refused(store: Store) -> None:
    """Rather than read wrongly."""
    await store.check()
    await store.call(lambda: store.redis.set(SCHEMA_KEY, 99))

    with pytest.raises(SchemaError, match="schema 99"):
        await store.check()


async def test_keys_of_the_store_itself_may_be_damaged_too(store: Store) -> None:
    """Its schema, and its generation."""
    for key in (SCHEMA_KEY, GENERATION_KEY):
        await store.redis.delete(key)
        await store.redis.hset(key, "a", "b")
    await store.check()
    assert len(await store.generation()) == 16
    await store.redis.set(SCHEMA_KEY, "abc")
    await store.check()

    assert int(await store.redis.get(SCHEMA_KEY)) == 1


async def test_a_store_keeps_its_generation_until_it_is_emptied(store: Store) -> None:
    """Each replica reads the same one; an emptied store gets another."""
    first = await store.generation()
    second = await store.generation()
    await store.redis.flushall()

    assert first == second
    assert await store.generation() != first


async def test_a_loss_is_kept_for_a_week(store: Store) -> None:
    """And none is known before one is noted."""
    before = await store.loss()
    await store.note_loss("the task t had 40 labels")

    assert before is None
    assert await store.loss() == "the task t had 40 labels"
    assert 0 < int(await store.redis.ttl(LOSS_KEY)) <= 7 * 86_400


async def test_damaged_values_that_one_process_found_are_counted_once_by_another(
    store: Store,
) -> None:
    """By the first that asks, which has the metrics."""
    counts: list[tuple[str, int]] = []
    counting = Store(store.url, damaged=lambda what, count: counts.append((what, count)))
    await store.leave_to_be_counted({"labels": 2, "rows": 1})
    await store.leave_to_be_counted({"labels": 3})

    await counting.count_damaged()
    await counting.count_damaged()
    await counting.close()

    assert sorted(counts) == [("labels", 5), ("rows", 1)]


async def test_a_probe_finds_out_whether_writes_are_refused_and_taken_again(store: Store) -> None:
    """The client logs it once."""
    await store.redis.config_set("min-replicas-to-write", 3)
    with pytest.raises(StoreRefusedError):
        await store.probe()
    refused = store.refuses
    await store.redis.config_set("min-replicas-to-write", 0)
    with capture_logs() as lines:
        await store.probe()
        await store.probe()

    assert (refused, store.refuses) == ("too_few_replicas", None)
    assert [line["event"] for line in lines] == ["store_takes_writes_again"]
