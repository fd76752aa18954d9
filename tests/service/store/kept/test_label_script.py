"""The script that writes labels and their past."""

from __future__ import annotations

import pytest

from assay.service.domain.labels import Label, LabelEvent
from assay.service.store.client import Store
from assay.service.store.kept.label_script import LABEL
from assay.service.store.task_store import TaskStore
from tests.support.samples.replicas import give_labels

KEYS = [f"assay:1:{part}:{{t}}" for part in ("labels", "taken", "labels_past")]


async def write(store: Store, *changes: tuple[str, str, str, str, int]) -> int:
    """Run the script as the store does; return its answer."""
    arguments = [part for change in changes for part in change]
    return int(await store.redis.eval(LABEL, len(KEYS), *KEYS, *arguments))


@pytest.mark.parametrize("stale", [1, 2])
async def test_nothing_is_written_where_somebody_changed_one_of_the_labels(
    store: Store, stale: int
) -> None:
    """The answer is the place of that one."""
    await store.redis.hset(KEYS[0], "b", "newer")
    fresh, changed = ("a", "", "first", "", 1), ("b", "older", "mine", "line", 0)

    place = await write(store, *([changed, fresh] if stale == 1 else [fresh, changed]))

    assert place == (1 if stale == 1 else 6)
    assert await store.redis.hgetall(KEYS[0]) == {b"b": b"newer"}
    assert await store.redis.exists(*KEYS[1:]) == 0


@pytest.mark.parametrize("new", ["second", ""])
async def test_the_same_call_twice_writes_once(store: Store, new: str) -> None:
    """As a client sends it that lost the answer to the first; also a withdrawal."""
    await write(store, ("a", "", "first", "", 1))
    for _ in range(2):
        assert await write(store, ("a", "first", new, "line", 1)) == 0

    assert await store.redis.hget(KEYS[2], "a") == b"line"
    assert await store.redis.hget(KEYS[0], "a") == (new.encode() or None)
    assert await store.redis.hget(KEYS[1], "labels") == b"2"
    assert await store.redis.hget(KEYS[1], "withdrawn") == (b"0" if new else b"1")


async def test_the_past_of_a_candidate_is_bounded(store: Store) -> None:
    """Its oldest part goes."""
    task_store = TaskStore(store, "t")
    for number in range(60):
        comment = f"{number}" * 1000
        await give_labels(
            task_store, {"a": Label(float(number % 2), None, "ann", float(number), comment)}
        )

    past = (await task_store.label_past())["a"]

    assert past[-1].at == 58.0
    assert 20 < len(past) < 59
    assert await store.redis.hstrlen("assay:1:labels_past:{t}", "a") <= 65536


@pytest.mark.parametrize("others", [1, 3])
async def test_nobodys_history_is_pushed_out_by_the_many_labels_of_others(
    store: Store, others: int
) -> None:
    """Those go who have more than an equal part; the newest of them stay."""
    task_store = TaskStore(store, "t")
    await give_labels(task_store, {"a": Label(1.0, None, "eve", 1.0, "evidence")})
    await task_store.withdraw([("a", "eve")], 2.0)
    await task_store.label(
        ("a", Label(float(number % 2), None, f"m{number % others}", 3.0 + number, "x" * 2000))
        for number in range(300)
    )

    past = (await task_store.label_past())["a"]

    assert past[:2] == [
        LabelEvent("eve", 1.0, None, 1.0, "evidence"),
        LabelEvent("eve", None, None, 2.0),
    ]
    assert past[-1].at > 290
    assert await store.redis.hstrlen("assay:1:labels_past:{t}", "a") <= 65536
