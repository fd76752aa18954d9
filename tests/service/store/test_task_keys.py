"""Damaged values of the store: left out, counted and put aside, and never the end of anything;
more than we know is no damage.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import pytest_asyncio

from assay.service.domain.cascade_savings import CascadeSavings
from assay.service.domain.labels import Label
from assay.service.domain.observation import unpack
from assay.service.learning.drift_monitor import DriftMonitor
from assay.service.learning.fit_scheduler import FitScheduler, due
from assay.service.learning.tasks.registry import Tasks
from assay.service.learning.tasks.task import Task
from assay.service.store.client import Store
from assay.service.store.embedded_valkey import EmbeddedStore
from assay.service.store.task_store import TaskStore
from assay.service.telemetry.metrics import Metrics
from tests.support.samples.replicas import bare_task, give_labels, replica, sample, traffic


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """Start a real, empty server that counts damaged values."""
    server = EmbeddedStore(tmp_path / "store", 64)
    server.start()
    metrics = Metrics()
    client = Store(server.url, damaged=metrics.found_damaged)
    client.found = metrics  # type: ignore[attr-defined]
    yield client
    await client.close()
    server.stop()


def damaged(store: Store, what: str) -> float | None:
    """Return how many values of a kind were found damaged."""
    metrics: Metrics = store.found  # type: ignore[attr-defined]
    return metrics.registry.get_sample_value("assay_damaged_values_total", {"what": what})


async def learned(store: Store) -> tuple[Tasks, Task, TaskStore]:
    """Return a task that serves a first version, with labels."""
    tasks, task = replica(store)
    truth = await traffic(tasks, task, sample())
    task_store = TaskStore(store, "t")
    await give_labels(task_store, {key: Label(truth[key]) for key in sorted(truth)[::8]})
    await FitScheduler(tasks).fit(task)
    return tasks, task, task_store


@pytest.mark.parametrize(
    "value",
    [
        "garbage",
        "5",
        "null",
        "[]",
        '{"correct": "x"}',
        '{"correct": 7}',
        '{"correct": true}',
        '{"random": true}',
        '{"correct":1,"who":5}',
    ],
)
async def test_a_damaged_label_costs_only_itself(store: Store, value: str) -> None:
    """Labels can be read, a fit goes on; it is put aside once, where it can be found."""
    tasks, task, task_store = await learned(store)
    before = await task_store.labels()
    await store.redis.hset("assay:1:labels:{t}", "x:y", value)

    assert await task_store.labels() == before
    assert await task_store.labels() == before
    version, _ = await FitScheduler(tasks).fit(task)

    assert version == 2
    assert damaged(store, "labels") == 1
    assert await store.redis.hgetall("assay:1:damaged:{t}") == {b"labels x:y": value.encode()}


async def test_what_a_later_release_says_beside_ours_is_no_damage(store: Store) -> None:
    """Labels, state, counts, reports, references and texts may have more fields."""
    _, _, task_store = await learned(store)
    redis = store.redis
    await redis.hset(
        "assay:1:labels:{t}", "x:y", '{"correct":1,"random":true,"who":null,"at":5,"colour":"red"}'
    )
    await redis.hset("assay:1:state:{t}", mapping={"shade": "12"})
    await redis.hset("assay:1:economy:{t}", mapping={"version": "1", "news": "1.5"})
    report = orjson.loads(await redis.hget("assay:1:models:{t}", "report:1"))
    report |= {"tomorrow": 1, "reference": [{**each, "further": 1} for each in report["reference"]]}
    await redis.hset("assay:1:models:{t}", "report:1", orjson.dumps(report))

    other = bare_task(task_store=TaskStore(store, "t"))
    await Tasks(store, [other]).refresh()

    assert other.served.version == 1
    assert (await task_store.labels())["x:y"] == Label(1.0, True, None, 5.0)
    assert await redis.exists("assay:1:damaged:{t}") == 0


def entry(**more: Any) -> dict[bytes, bytes]:
    """Return an entry of one candidate and two verifiers."""
    whole = {
        b"n": b"name",
        b"q": b"q" * 16,
        b"k": b"k" * 16,
        b"f": b"f" * 16,
        b"s": np.zeros(2).tobytes(),
        b"v": b"t@1",
    }
    return whole | {name.encode(): value for name, value in more.items()}


HASH = (b"k" * 16).hex()


@pytest.mark.parametrize(
    "more",
    [
        {"t": b'{"a":1}'}, {"t": b"[]"}, {"t": b"5"}, {"t": b'{"query":1,"candidates":{}}'}, {"t": b'{"query":"q","candidates":[]}'},
        {"t": b'{"query":"q","candidates":{}}'}, {"t": b'{"query":"q","candidates":{"%s":5}}' % HASH.encode()}, {"t": b"\xff"},
        {"k": b""}, {"k": b"k" * 17}, {"k": b"k" * 32, "s": np.zeros(4).tobytes()}, {"q": b"q"}, {"f": b"f" * 9}, {"s": b"s"}, {"v": b"\xff"},
    ],
)  # fmt: skip
async def test_a_damaged_request_is_left_out_and_put_aside(
    store: Store, more: dict[str, bytes]
) -> None:
    """With any damage; fits and the drift watch go on with the rest."""
    with pytest.raises(ValueError, match=r".*"):
        unpack(b"1-0", entry(**more))
    task_store = TaskStore(store, "t")
    await store.redis.xadd("assay:1:requests:{t}", entry())
    await store.redis.xadd("assay:1:requests:{t}", entry(**more))

    assert (
        sum([len(records) async for records in task_store.pages(texts=True)])
        == len(await task_store.rows())
        == 1
    )
    assert await store.redis.xlen("assay:1:requests:{t}") == 1
    assert await store.redis.xlen("assay:1:damaged:requests:{t}") == 1
    assert damaged(store, "requests") == 1


def test_a_score_without_bounds_is_a_missing_one() -> None:
    """An infinite one would be the end of a fit."""
    found = unpack(
        b"1-0",
        entry(
            s=np.array([np.inf, 1.0]).tobytes(),
            t=b'{"query":"q","candidates":{"%s":"c"},"x":1}' % HASH.encode(),
        ),
    )

    assert found.missing == 1
    assert found.texts is not None


DAMAGES: list[tuple[str, str, str]] = [
    ("state", "serving", "abc"), ("state", "newest", "x"), ("state", "pinned", "yes"), ("state", "requests", "1e9"),
    ("taken", "requests", "many"), ("taken", "labels", "-3"), ("economy", "version", "x"), ("economy", "loss", "nan"),
    ("since", "zz", "1-0"), ("since", "f" * 16, "x"), ("models", "report:1", "{"), ("models", "report:x", "{}"),
]  # fmt: skip


@pytest.mark.parametrize(("part", "name", "value"), DAMAGES)
async def test_a_damaged_field_ends_neither_following_nor_fitting_nor_watching(
    store: Store, part: str, name: str, value: str
) -> None:
    """The first reader moves it aside, and the next write is whole."""
    tasks, task, task_store = await learned(store)
    await store.redis.hset(f"assay:1:{part}:{{t}}", name, value)
    others, other = replica(store)

    for _ in range(2):
        await others.refresh()
        await tasks.refresh()
        await task_store.reports()
        due(*await task_store.progress())
        await DriftMonitor(Metrics()).look(task)
        await task_store.since()
    await task_store.note(CascadeSavings(task.served.version, 1, 1.0, 0.0, 0.0, 1))
    version, _ = await FitScheduler(tasks).fit(task)
    await others.refresh()
    await traffic(tasks, task, sample(20, seed=1))
    new, _ = await give_labels(task_store, {"n:m": Label(1.0)})

    assert version == 2
    assert task.served.version == other.served.version == (await task_store.state()).serving
    assert new == 1
    assert (await task_store.state()).newest == 2
    assert damaged(store, part) == 1
    assert f"{part} {name}".encode() in await store.redis.hkeys("assay:1:damaged:{t}")


@pytest.mark.parametrize(
    "part",
    [
        "requests",
        "seen",
        "labels",
        "state",
        "models",
        "since",
        "report",
        "economy",
        "taken",
        "bytes",
        "lease",
    ],
)
async def test_a_key_of_another_type_is_put_aside_and_all_goes_on(store: Store, part: str) -> None:
    """Also one that is not of ours at all, such as somebody's text where a hash was."""
    tasks, task = replica(store)
    key = f"assay:1:{part}:{{t}}"
    await (
        store.redis.hset(key, "a", "b")
        if part in ("report", "lease", "bytes")
        else store.redis.set(key, "text")
    )

    await traffic(tasks, task, sample())
    task_store = TaskStore(store, "t")
    await give_labels(task_store, {"a:b": Label(1.0)})
    version, _ = await FitScheduler(tasks).fit(task)
    await task_store.note(CascadeSavings(1, 1, 1.0, 0.0, 0.0, 1))
    await task_store.since()
    assert await task_store.last_report() is None
    await tasks.refresh()

    assert (version, task.served.version, await task_store.sizes()) == (1, 1, (40, 1))
    if part != "lease":  # which is nobody's work
        assert damaged(store, part) == 1
        assert len(await store.redis.keys(f"assay:1:damaged:{part}:{{t}}:*")) == 1


async def test_a_damaged_model_is_told_once_and_learning_goes_on(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """The served model stays; the next fit has no comparison, and is served."""
    tasks, task, task_store = await learned(store)
    await give_labels(
        task_store,
        {key: Label(label.correct) for key, label in (await task_store.labels()).items()},
    )
    others, other = replica(store)
    await store.redis.hset("assay:1:models:{t}", "1", "{broken")
    for _ in range(3):
        await others.refresh()
    printed = "".join(capsys.readouterr())
    truth = await traffic(tasks, task, sample(60, seed=3))
    await give_labels(
        task_store,
        {key: Label(value, at=time.time() + 5) for key, value in list(truth.items())[::4]},
    )

    version, _ = await FitScheduler(tasks).fit(task)
    await others.refresh()

    assert printed.count("model_damaged") == 1
    assert version == 2
    assert other.served.version == 2


async def test_a_store_that_takes_no_writes_leaves_damage_where_it_is(store: Store) -> None:
    """It is left out all the same."""
    _, _, task_store = await learned(store)
    before = await task_store.labels()
    await store.redis.hset("assay:1:labels:{t}", "x:y", "garbage")
    await store.redis.xadd("assay:1:requests:{t}", {"x": "y"})
    await store.redis.replicaof("127.0.0.1", "1")

    assert await task_store.labels() == before
    assert len(await task_store.rows()) == 40
