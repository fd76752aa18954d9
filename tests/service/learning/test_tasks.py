"""What a task keeps, learns and serves: requests once, labels for good, versions for all
replicas.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import pytest_asyncio

from assay.aggregation import Column, LabelModel, ServedModel
from assay.aggregation.label_model.saved.artifact import checksum, from_dict, to_dict
from assay.service.domain.cascade_savings import CascadeSavings
from assay.service.domain.identity import keys_of
from assay.service.domain.learned import Fit, Sizes, State
from assay.service.domain.observation import pack, record_of, table_of, unpack
from assay.service.domain.stored_values import Label
from assay.service.learning.drift_monitor import DriftMonitor
from assay.service.learning.fit_job import fit
from assay.service.learning.fit_scheduler import FitBusyError, FitScheduler, due
from assay.service.learning.tasks import Task, Tasks
from assay.service.store.client import Store
from assay.service.store.embedded_valkey import EmbeddedStore
from assay.service.store.task_store import TaskStore
from assay.service.telemetry.metrics import Metrics
from assay.verifiers import Pair, Query
from tests.support.replicas import COLUMNS, key, replica, sample, see, traffic


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A real server, empty."""
    server = EmbeddedStore(tmp_path / "store", 64)
    server.start()
    client = Store(server.url)
    yield client
    await client.close()
    server.stop()


async def test_estimates_of_a_cascade_add_up_in_the_store(store: Store) -> None:
    """For all replicas; of a newer version they begin anew, and an older one's come too late."""
    memory = TaskStore(store, "t")
    for seen in (
        CascadeSavings(2, 1, 0.3, 0.1, 0.01, 1),
        CascadeSavings(2, 1, 0.2, 0.0, 0.0, 0),
        CascadeSavings(1, 1, 9.0, 9.0, 9.0, 1),
    ):
        await memory.note(seen)
    found = (await memory.look())[3]
    await memory.note(CascadeSavings(3, 1, 0.25, 0.0, 0.0, 1))

    assert found == CascadeSavings(2, 2, 0.5, 0.1, 0.01, 1)
    assert (await memory.look())[3] == CascadeSavings(3, 1, 0.25, 0.0, 0.0, 1)


def test_a_record_comes_back_as_it_was() -> None:
    """Missing scores, a candidate that stands in it twice and all."""
    pairs = [Pair(Query.of("q"), text) for text in ("a", "b", "a")]
    record = record_of(
        keys_of(pairs, True),
        (1, 2**63),
        np.array([[1.0, np.nan], [2.0, np.inf], [1.0, np.nan]]),
        "t@3",
    )

    back = unpack(b"17-3", pack(record))

    assert (back.name, back.query, back.candidates, back.fingerprints, back.version) == (
        record.name,
        record.query,
        record.candidates,
        (1, 2**63),
        "t@3",
    )
    assert back.at == (17, 3)
    np.testing.assert_array_equal(back.scores, record.scores)
    assert (len(record.candidates), record.missing) == (2, 2)


def test_a_verifier_that_changed_is_another_column() -> None:
    """Scores of two revisions never mix."""
    keys = keys_of([Pair(Query.of("q"), "a"), Pair(Query.of("q"), "b")], True)
    old, new = (
        record_of(keys, (print_,), np.array([[1.0], [2.0]]) * print_, "t@1") for print_ in (7, 8)
    )

    assert table_of([old, new], (8,)).scores.ravel().tolist() == [8.0, 16.0]
    assert np.isnan(table_of([old], (8,)).scores).all()


async def test_a_request_is_kept_once_and_a_better_one_takes_its_place(store: Store) -> None:
    """On every replica; the oldest go where there is no room."""
    memory = TaskStore(store, "t")
    (tasks, task), (others, other) = replica(store), replica(store)

    await see(tasks, task, 1, [[1.0, np.nan, 3, 4, 5, 6]] * 2)
    await see(tasks, task, 1, [[1.0, 2, 3, 4, 5, 6]] * 2)
    await see(others, other, 1, [[1.0, 2, 3, 4, 5, 6]] * 2)
    await see(others, other, 1, [[1.0, np.nan, 3, 4, 5, 6]] * 2)

    [record] = await memory.rows()
    assert record.missing == 0
    tasks, task = replica(store, keep=3)
    for query in range(2, 8):
        await see(tasks, task, query, [[1.0] * 6] * 2)
    assert [row.query for row in await memory.rows()] == [key(query, 0)[:32] for query in (5, 6, 7)]
    await see(tasks, task, 2, [[1.0] * 6] * 2)  # this process remembers that it sent it
    assert (await memory.sizes())[0] == 3


async def test_candidates_that_come_alone_are_kept_too(store: Store) -> None:
    """By query, once; what those that compare said of one in a set stands when it comes alone."""
    tasks, task = replica(store)
    await see(tasks, task, 1, [[1.0, 2, 3, 4, 5, 6], [2.0, 2, 3, 4, 5, 6]])
    numbers = [(1, 0), (1, 2), (2, 0)]
    pairs = [Pair(Query.of(f"query {query}"), f"candidate {place}") for query, place in numbers]
    raw = np.array(
        [[1.0, 2, 3, 4, 5, np.nan], [3.0, 2, 3, 4, 5, np.nan], [4.0, 2, 3, 4, 5, np.nan]]
    )
    for _ in range(2):
        for rows in tasks.pack(task, keys_of(pairs, False), raw, pairs):
            await tasks.record(rows)

    records = await TaskStore(store, "t").rows()
    table = table_of(records, task.fingerprints)

    assert [len(record.candidates) for record in records] == [2, 2, 1]
    found = dict(zip(table.keys, table.scores.tolist(), strict=True))
    assert found[key(1, 0)] == [1.0, 2, 3, 4, 5, 6]
    assert found[key(1, 2)][0] == 3.0
    assert len(found) == 4
    assert len(np.unique(table.query)) == 2


async def test_labels_are_on_disk_before_they_are_acknowledged(
    store: Store, tmp_path: Path
) -> None:
    """Killed right after, the store has them; the same label twice is one."""
    memory = TaskStore(store, "t")

    new, durable = await memory.label({key(1, 0): Label(1.0, True, "ann"), key(1, 1): Label(0.0)})
    again, _ = await memory.label({key(1, 0): Label(1.0, True, "ann", 9.0)})
    info: Any = await store.redis.info("server")
    os.kill(int(info["process_id"]), signal.SIGKILL)
    await store.redis.connection_pool.disconnect()
    server = EmbeddedStore(tmp_path / "store", 64)
    await asyncio.to_thread(server.start)
    found = await memory.labels()
    await store.close()
    server.stop()

    assert (new, durable, again) == (2, True, 0)
    assert found[key(1, 0)] == Label(1.0, True, "ann")
    assert sorted(found) == sorted((key(1, 0), key(1, 1)))


async def test_a_fit_is_what_assay_fit_makes_of_the_same_rows(store: Store) -> None:
    """With the labels; number for number."""
    tasks, task = replica(store)
    truth = await traffic(tasks, task, sample())
    memory = TaskStore(store, "t")
    await memory.label({each: Label(truth[each], True) for each in list(truth)[::5]})

    version, found = await FitScheduler(tasks).fit(task)

    table = table_of(await memory.rows(), task.fingerprints)
    given = {name: f"f{place}" for place, name in enumerate(f"v{place}" for place in range(6))}
    known = table.labels({each: truth[each] for each in list(truth)[::5]})
    offline = LabelModel(families=given).fit(
        table.scores, table.query, known, verifier_names=list(given), label_random=known >= 0
    )
    assert (version, task.version, task.model_version) == (1, 1, "t@1")
    assert found.model is not None
    assert checksum(to_dict(from_dict(orjson.loads(found.model)))) == checksum(to_dict(offline))
    assert task.model.calibrated
    assert found.report["labels"] == 64
    assert {check["against"] for check in found.report["checks"]} == {"no labels"}


async def test_all_replicas_serve_what_one_has_fitted_and_a_new_one_too(store: Store) -> None:
    """The same version, the same numbers."""
    (tasks, task), (others, other) = replica(store), replica(store)
    await traffic(tasks, task, sample())

    await FitScheduler(tasks).fit(task)
    await others.refresh()
    third, late = replica(store)
    await third.refresh()

    scores = np.random.default_rng(0).normal(size=(5, 6))
    assert task.version == other.version == late.version == 1
    assert isinstance(task.model, ServedModel)
    for each in (other, late):
        np.testing.assert_array_equal(
            each.model.combine(scores, False).log_odds, task.model.combine(scores, False).log_odds
        )


async def test_one_replica_fits_at_a_time_and_one_that_lost_its_lease_publishes_nothing(
    store: Store,
) -> None:
    """A fit that was thought dead and was only slow."""
    tasks, task = replica(store)
    await traffic(tasks, task, sample())
    memory = TaskStore(store, "t")

    assert await memory.lease("other")
    with pytest.raises(FitBusyError):
        await FitScheduler(tasks).fit(task)
    records = await memory.rows()
    late = fit(task.given(), records, {}, None)
    assert await memory.publish("mine", late, Sizes(1, 0), 9) == 0
    assert await memory.publish("other", late, Sizes(1, 0), 9) == 1
    assert (await memory.state()).serving == 1
    assert await memory.lease("next")


async def test_a_version_is_promoted_pinned_and_rolled_back(store: Store) -> None:
    """A pinned one stays, whatever is fitted."""
    tasks, task = replica(store)
    await traffic(tasks, task, sample())
    memory, fitter = TaskStore(store, "t"), FitScheduler(tasks)
    for _ in range(2):
        await fitter.fit(task)
    assert task.version == 2

    assert await memory.promote(1, pinned=True)
    assert not await memory.promote(9)
    version, _ = await fitter.fit(task)
    await tasks.refresh()

    assert (version, task.version) == (3, 1)
    assert await memory.state() == State(1, 3, 2, True, 40, 0)
    assert sorted(await memory.reports()) == [1, 2, 3]


async def test_labels_that_say_the_opposite_of_the_truth_are_followed_and_noise_is_not_served(
    store: Store,
) -> None:
    """A head that tells held-out labels worse than no labels do is kept, with its report, and
    not served.
    """
    tasks, task = replica(store)
    truth = await traffic(tasks, task, sample())
    random = np.random.default_rng(3)
    keys = sorted(truth)
    memory = TaskStore(store, "t")
    await memory.label(
        {
            each: Label(float(value), True)
            for each, value in zip(keys, random.integers(0, 2, len(keys)), strict=True)
        }
    )

    _, found = await FitScheduler(tasks).fit(task)

    [check] = found.report["checks"]
    assert check["passed"] == found.serve
    assert check["labels"] == len(keys)


async def test_too_little_to_learn_from_is_tried_again_when_there_is_twice_as_much(
    store: Store,
) -> None:
    """And not every second."""
    tasks, task = replica(store)
    memory = TaskStore(store, "t")
    await see(tasks, task, 1, [[1.0] * 6] * 3)

    version, found = await FitScheduler(tasks).fit(task)

    assert (version, task.cold) == (0, True)
    assert "50 are needed" in found.report["reason"]
    assert not due(*await memory.progress())
    await see(tasks, task, 2, [[1.0] * 6] * 3)
    assert due(*await memory.progress())


@pytest.mark.parametrize(("fitted", "now", "expected"), [
    (Sizes(), Sizes(), False), (Sizes(), Sizes(1, 0, 1), True),
    (Sizes(10, 0, 10), Sizes(19, 0, 19), False), (Sizes(10, 0, 10), Sizes(20, 0, 20), True),
    (Sizes(9000, 0, 9000), Sizes(13_999, 0, 13_999), False), (Sizes(9000, 0, 9000), Sizes(14_000, 0, 14_000), True),
    (Sizes(20_000, 0, 90_000), Sizes(20_000, 0, 94_999), False), (Sizes(20_000, 0, 90_000), Sizes(20_000, 0, 95_000), True),
    (Sizes(20_000, 0, 20_000), Sizes(300, 0, 20_299), False), (Sizes(20_000, 0, 20_000), Sizes(300, 0, 20_300), True),
    (Sizes(10, 0, 10), Sizes(10, 9, 10, 9), False), (Sizes(10, 0, 10), Sizes(10, 10, 10, 10), True),
    (Sizes(10, 10, 10, 10), Sizes(10, 14, 10, 14), False), (Sizes(10, 10, 10, 10), Sizes(10, 15, 10, 15), True),
    (Sizes(9, 100, 9, 100), Sizes(9, 119, 9, 119), False), (Sizes(9, 100, 9, 100), Sizes(9, 100, 9, 120), True),
])  # fmt: skip
def test_a_fit_is_due_when_enough_is_new(fitted: Sizes, now: Sizes, expected: bool) -> None:
    """As many requests as the last one had, or a fifth of the labels, new ones or changed ones;
    a full window counts as well.
    """
    assert due(fitted, now) is expected


@pytest.mark.parametrize("keep", [1, 7, 40])
async def test_a_window_that_is_full_makes_a_fit_due_each_time_that_all_of_it_is_new(
    store: Store, keep: int
) -> None:
    """However often it fills; and not while nothing comes."""
    tasks, task = replica(store, keep=keep)
    memory = TaskStore(store, "t")
    nothing, dues = Fit(report={"reason": "too little"}), 0
    for query in range(10 * keep):
        await see(tasks, task, query, [[1.0] * 6] * 2)
        fitted, now = await memory.progress()
        if due(fitted, now):
            dues += 1
            assert await memory.lease("me")
            await memory.publish("me", nothing, now, 9)
            assert not due(*await memory.progress())

    assert (await memory.progress())[1] == Sizes(keep, 0, 10 * keep)
    assert dues >= 10


async def test_a_window_that_was_made_smaller_makes_a_fit_due_when_all_of_it_is_new(
    store: Store,
) -> None:
    """Of what the last fit had, most is gone."""
    tasks, task = replica(store)
    for query in range(30):
        await see(tasks, task, query, [[1.0] * 6] * 2)
    await FitScheduler(tasks).fit(task)
    tasks, task = replica(store, keep=5)
    for query in range(30, 34):
        await see(tasks, task, query, [[1.0] * 6] * 2)
    before = due(*await TaskStore(store, "t").progress())

    await see(tasks, task, 35, [[1.0] * 6] * 2)

    assert not before
    assert due(*await TaskStore(store, "t").progress())


async def test_a_full_window_that_an_earlier_release_left_is_counted_on(store: Store) -> None:
    """It counted what was kept; what came since is counted from there."""
    tasks, task = replica(store, keep=10)
    memory, redis = TaskStore(store, "t"), store.redis
    for query in range(10):
        await see(tasks, task, query, [[1.0] * 6] * 2)
    await memory.label({key(query, 0): Label(1.0) for query in range(10)})
    await redis.delete("assay:1:taken:{t}")
    await redis.hset(
        "assay:1:state:{t}",
        mapping={"requests": 10, "labels": 10, "serving": 0, "newest": 0, "of_a_later_release": 1},
    )
    old = await memory.progress()
    for query in range(10, 20):
        await see(tasks, task, query, [[1.0] * 6] * 2)
    await memory.label({key(query, 0): Label(0.0) for query in range(10)})
    new = await memory.progress()

    assert old == (Sizes(10, 10, 10, 10), Sizes(10, 10, 10, 10))
    assert new == (Sizes(10, 10, 10, 10), Sizes(10, 10, 20, 20))
    assert not due(*old)
    assert due(*new)


async def test_the_same_label_again_changes_nothing_and_what_is_not_stated_stays(
    store: Store,
) -> None:
    """Neither when it was given, nor by whom, nor that it was drawn at random; another label is
    another.
    """
    memory = TaskStore(store, "t")
    await memory.label(
        {"a": Label(0.1, True, 'ann "x"}', 1700000000.123456), "b": Label(1.0, at=5.0)}
    )
    first = await memory.labels()
    again, _ = await memory.label({"a": Label(0.1, at=1800000000.5), "b": Label(1.0, at=6.0)})
    same, counted = await memory.labels(), (await memory.progress())[1].given
    await memory.label({"a": Label(0.1, False, "bob", 4.0), "b": Label(0.0, who="bob", at=7.0)})

    assert (
        first
        == same
        == {"a": Label(0.1, True, 'ann "x"}', 1700000000.123456), "b": Label(1.0, False, None, 5.0)}
    )
    assert (again, counted) == (0, 2)
    assert await memory.labels() == {
        "a": Label(0.1, False, "bob", 4.0),
        "b": Label(0.0, False, "bob", 7.0),
    }
    assert (await memory.progress())[1].given == 4


async def test_a_damaged_label_is_written_anew(store: Store) -> None:
    """By the next one of the same candidate."""
    memory = TaskStore(store, "t")
    await store.redis.hset(
        "assay:1:labels:{t}", mapping={"a": "no JSON", "b": "[1]", "c": '{"correct": 1}'}
    )

    new, _ = await memory.label({each: Label(1.0, at=2.0) for each in "abc"})

    assert new == 0
    assert await memory.labels() == {each: Label(1.0, False, None, 2.0) for each in "abc"}


async def test_going_back_twice_goes_further_back_and_never_to_what_was_left(store: Store) -> None:
    """Then there is none, until another is served."""
    tasks, task = replica(store)
    await traffic(tasks, task, sample())
    memory = TaskStore(store, "t")
    for _ in range(3):
        await FitScheduler(tasks).fit(task)

    back = [await memory.rollback() for _ in range(4)]
    first = await memory.state()
    await memory.promote(3)
    forth = [await memory.rollback() for _ in range(2)]

    assert back == [2, 1, 0, 0]
    assert (first.serving, first.before, first.pinned) == (1, 0, True)
    assert forth == [1, 0]


async def test_a_store_of_an_earlier_release_goes_back_to_what_it_noted(store: Store) -> None:
    """It has the one version before, and no history; a replica of that release may still write
    it so.
    """
    tasks, task = replica(store)
    await traffic(tasks, task, sample())
    memory = TaskStore(store, "t")
    for _ in range(3):
        await FitScheduler(tasks).fit(task)
    await store.redis.delete("assay:1:history:{t}")

    assert [await memory.rollback() for _ in range(2)] == [2, 0]
    await store.redis.hset("assay:1:state:{t}", mapping={"serving": 3, "before": 1})
    assert [await memory.rollback() for _ in range(2)] == [1, 0]


async def test_old_versions_go_but_for_the_served_one_and_the_one_before(store: Store) -> None:
    """As many as the task keeps."""
    tasks, task = replica(store, versions=2)
    await traffic(tasks, task, sample())
    memory = TaskStore(store, "t")
    for _ in range(2):
        await FitScheduler(tasks).fit(task)
    await memory.promote(1, pinned=True)

    for _ in range(4):
        await FitScheduler(tasks).fit(task)

    assert sorted(await memory.reports()) == [1, 2, 5, 6]
    assert await memory.rollback() == 2


async def test_a_verifier_that_changed_does_not_count_in_an_older_version(store: Store) -> None:
    """Until a fit has seen it."""
    tasks, task = replica(store)
    await traffic(tasks, task, sample())
    await FitScheduler(tasks).fit(task)
    changed = Task(
        "t",
        "e",
        (Column("f" * 16, "f0", None, 1.0, "v0"), *COLUMNS[1:]),
        memory=TaskStore(store, "t"),
    )

    await Tasks(store, [changed]).refresh()

    assert changed.version == 1
    assert changed.model.ignored == ("v0 (changed)",)


async def test_a_verifier_that_drifts_raises_its_alarm_and_its_weight_follows_the_next_fit(
    store: Store,
) -> None:
    """Noise within 500 candidates is seen; what it said before does not hold for it any more."""
    tasks, task = replica(store)
    watch, fitter, memory = DriftMonitor(Metrics()), FitScheduler(tasks), TaskStore(store, "t")
    data, random = sample(213), np.random.default_rng(0)
    by_query = [data.scores[data.query_id == query] for query in np.unique(data.query_id)]
    for query, scores in enumerate(by_query[:150]):
        await see(tasks, task, query, scores)
    await fitter.fit(task)
    calm = await watch.look(task)
    before = await share_of_weight(task, "v2")

    for query, scores in enumerate(by_query[150:], 150):
        noise = random.normal(
            np.nanmean(data.scores[:, 2]), np.nanstd(data.scores[:, 2]), len(scores)
        )
        await see(tasks, task, query, np.column_stack([scores[:, :2], noise, scores[:, 3:]]))
    alarmed = await watch.look(task)
    is_due = due(*await memory.progress())
    await fitter.fit(task)

    assert not any(drift.alarm for drift in calm)
    assert [place for place, drift in enumerate(alarmed) if drift.alarm] == [2]
    assert is_due
    assert await share_of_weight(task, "v2") < 0.7 * before
    assert not any(drift.alarm for drift in await watch.look(task))


def watch_of() -> DriftMonitor:
    """Return a drift watch."""
    return DriftMonitor(Metrics())


async def share_of_weight(task: Task, name: str) -> float:
    """Return a verifier's share of the weights in what is served."""
    assert task.memory is not None
    rows = (await task.memory.reports())[task.version]["verifiers"]
    weights = {row["name"]: abs(row["weight"]) for row in rows}
    return float(weights[name] / sum(weights.values()))


async def test_a_damaged_entry_costs_only_itself(store: Store) -> None:
    """Somebody else wrote into the stream, or half of it was lost."""
    tasks, task = replica(store)
    await see(tasks, task, 1, [[1.0] * 6] * 2)
    redis: Any = store.redis
    for fields in (
        {"x": "y"},
        {"n": "n", "q": "q", "k": "k" * 16, "f": "f" * 8, "s": "s" * 9, "v": "v"},
        {"n": b"\xff", "q": "", "k": "", "f": "", "s": "", "v": ""},
    ):
        await redis.xadd("assay:1:requests:{t}", fields)
    await see(tasks, task, 2, [[1.0] * 6] * 2)

    assert [record.query for record in await TaskStore(store, "t").rows()] == [
        key(1, 0)[:32],
        key(2, 0)[:32],
    ]
    assert [len(records) async for records in TaskStore(store, "t").newest()] == [2]


async def test_a_store_that_comes_back_empty_gets_the_served_version_back(store: Store) -> None:
    """From a replica's memory, once; nobody's request is answered by another model meanwhile."""
    tasks, task = replica(store)
    await traffic(tasks, task, sample())
    for _ in range(2):
        await FitScheduler(tasks).fit(task)
    (others, other), memory = replica(store), TaskStore(store, "t")
    await others.refresh()

    await store.redis.flushall()
    for each in (tasks, others, tasks):
        await each.refresh()

    assert (task.version, other.version) == (2, 2)
    assert await memory.state() == State(serving=2, newest=2)
    assert sorted(await memory.reports()) == [2]
    third, late = replica(store)
    await third.refresh()
    assert late.model_version == "t@2"
    await traffic(tasks, task, sample(seed=1))
    version, _ = await FitScheduler(tasks).fit(task)
    assert version == 3


async def test_the_served_version_is_compared_on_labels_that_it_has_not_seen(store: Store) -> None:
    """Of the others it has learned; and one of other verifiers is not compared with at all."""
    tasks, task = replica(store)
    truth = await traffic(tasks, task, sample(80))
    memory, fitter, keys = TaskStore(store, "t"), FitScheduler(tasks), sorted(truth)
    first, second = keys[::12], keys[1::12]
    await memory.label({each: Label(truth[each], True, at=1.0) for each in first})
    await fitter.fit(task)
    _, again = await fitter.fit(task)
    await memory.label({each: Label(truth[each], True, at=time.time() + 1) for each in second})

    _, found = await fitter.fit(task)

    assert [check["against"] for check in again.report["checks"]] == ["no labels"]
    [_, served] = found.report["checks"]
    assert (served["against"], served["labels"]) == ("the served model", len(second))
    assert found.serve
    changed = Task("t", "e", (Column("f" * 16, "f0", None, 1.0, "v0"), *COLUMNS[1:]), memory=memory)
    _, other = await FitScheduler(Tasks(store, [changed])).fit(changed)
    assert [check["against"] for check in other.report["checks"]] == ["no labels"]


async def test_the_event_loop_reads_nothing_of_what_is_fitted(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that fits, measures or draws reads the store itself: here nobody may."""
    tasks, task = replica(store, store_text=True, costs=(1.0,) * 6)
    truth = await traffic(tasks, task, sample())
    await TaskStore(store, "t").label(
        {each: Label(truth[each], True) for each in list(truth)[:200:5]}
    )

    def forbidden(*_: Any, **__: Any) -> Any:
        raise AssertionError("read in the service's own process")

    for name in ("rows", "pages", "labels", "labelled", "newest"):
        monkeypatch.setattr(TaskStore, name, forbidden)
    fitter = FitScheduler(tasks)

    version, _ = await fitter.fit(task)
    measured = await fitter.report(task)
    beside = await fitter.shadow(task, version)
    left, drawn = await fitter.drawn(task, 5)

    assert version == 1
    assert (measured["model_version"], measured["labels"]["used"]) == ("t@1", 40)
    assert beside is not None
    assert (beside["serving"], beside["other"], beside["same_top"]) == (1, 1, 1.0)
    assert (left, len({each["key"] for each in drawn})) == (15, 5)
    assert all(each["query"].startswith("query") and each["random"] for each in drawn)


async def test_a_label_counts_when_the_window_has_gone_on(store: Store) -> None:
    """Its request is kept with it, without the texts; so a full window never unlearns what
    people said.
    """
    tasks, task = replica(store, keep=20, store_text=True)
    data, memory = sample(60), TaskStore(store, "t")
    by_query = [data.scores[data.query_id == query] for query in np.unique(data.query_id)]
    truth = {
        key(query, place): float(value)
        for query in range(60)
        for place, value in enumerate(data.labels[data.query_id == query])
    }
    for query in range(20):
        await see(tasks, task, query, by_query[query])
    await memory.label(
        {
            key(query, place): Label(truth[key(query, place)], True)
            for query in range(20)
            for place in (0, 3)
        }
    )
    await FitScheduler(tasks).fit(task)
    for query in range(20, 60):
        await see(tasks, task, query, by_query[query])

    _, found = await FitScheduler(tasks).fit(task)
    _, again = await FitScheduler(tasks).fit(task)

    assert len(await memory.rows()) == 20
    assert (found.report["queries"], found.report["labels"], found.report["calibrated"]) == (
        40,
        40,
        True,
    )
    assert (again.report["queries"], again.report["labels"]) == (40, 40)
    kept, [oldest, *_] = await memory.labelled(), await memory.rows()
    assert len(kept) == 20
    assert all(record.texts is None and record.at < oldest.at for record in kept)


async def test_a_window_of_labelled_requests_is_bounded_too(store: Store) -> None:
    """Where everything is labelled, as many are kept beside the window as in it; the newest, and
    no damaged one stops it.
    """
    tasks, task = replica(store, keep=10)
    data, memory = sample(40), TaskStore(store, "t")
    await store.redis.hset("assay:1:labelled:{t}", mapping={"x": "no JSON", "y": "{}"})
    for query in range(40):
        await see(tasks, task, query, data.scores[data.query_id == np.unique(data.query_id)[query]])
        await memory.label({key(query, 0): Label(float(query % 2), True)})
        if query % 8 == 7:
            await FitScheduler(tasks).fit(task)

    assert [
        record.query for record in sorted(await memory.labelled(), key=lambda each: each.at)
    ] == [key(query, 0)[:32] for query in range(30, 40)]


async def test_the_drift_watch_reads_what_is_new_and_no_texts(store: Store) -> None:
    """An idle task costs a few bytes a look, however much it keeps."""
    tasks, task = replica(store, store_text=True)
    watch, data = watch_of(), sample(40)
    text = "x" * 20_000
    by_query = [data.scores[data.query_id == query] for query in np.unique(data.query_id)]

    async def see_texts(query: int) -> None:
        pairs = [Pair(Query.of(f"query {query}"), f"{place} {text}") for place in range(8)]
        for rows in tasks.pack(task, keys_of(pairs, True), by_query[query], pairs):
            await tasks.record(rows)

    async def sent(looking: Any) -> int:
        before = int((await store.redis.info("stats"))["total_net_output_bytes"])
        await looking
        return int((await store.redis.info("stats"))["total_net_output_bytes"]) - before

    for query in range(30):
        await see_texts(query)
    await FitScheduler(tasks).fit(task)
    first, idle = await sent(watch.look(task)), await sent(watch.look(task))
    drift = task.drift
    await see_texts(30)
    new = await sent(watch.look(task))
    statistics = await sent(asyncio.sleep(0))

    assert first < 40_000 + statistics
    assert idle < 1_000 + statistics
    assert new < 3_000 + statistics
    assert drift
    assert task.drift is not drift


async def test_many_labels_at_once_are_all_kept_and_counted(store: Store) -> None:
    """In parts, of which the last is waited for; the disk has them all."""
    memory = TaskStore(store, "t")
    labels = {f"{number}": Label(float(number % 2), True, at=5.0) for number in range(1203)}

    first, durable = await memory.label(labels)
    again, _ = await memory.label({**labels, "new": Label(1.0)})

    assert (first, durable, again) == (1203, True, 1)
    assert len(await memory.labels()) == 1204
    assert (await memory.progress())[1].given == 1204
