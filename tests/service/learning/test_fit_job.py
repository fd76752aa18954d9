"""A fit of a task's kept requests."""

from __future__ import annotations

import time

import numpy as np
import orjson
import pytest

from assay.aggregation import Column, LabelModel
from assay.aggregation.label_model.saved.artifact import checksum, from_dict, to_dict
from assay.service.domain.labels import Label
from assay.service.domain.observation import training_table
from assay.service.learning.fit_scheduler import FitScheduler
from assay.service.learning.tasks.registry import Tasks
from assay.service.store.client import Store
from assay.service.store.task_store import TaskStore
from tests.support.samples.replicas import (
    COLUMNS,
    bare_task,
    give_labels,
    key,
    replica,
    sample,
    see,
    traffic,
)


async def test_a_fit_is_what_assay_fit_makes_of_the_same_rows(store: Store) -> None:
    """With the labels; number for number."""
    given = {name: f"f{place}" for place, name in enumerate(f"v{place}" for place in range(6))}
    tasks, task = replica(store, families=given)
    truth = await traffic(tasks, task, sample())
    task_store = TaskStore(store, "t")
    await give_labels(task_store, {each: Label(truth[each], True) for each in list(truth)[::5]})

    version, found = await FitScheduler(tasks).fit(task)

    table = training_table(await task_store.rows(), task.spec.fingerprints)
    known = table.labels({each: truth[each] for each in list(truth)[::5]})
    offline = LabelModel(families=given).fit(
        table.scores, table.query, known, verifier_names=list(given), label_random=known >= 0
    )
    assert (version, task.served.version, task.served.model_version) == (1, 1, "t@1")
    assert found.model is not None
    assert checksum(to_dict(from_dict(orjson.loads(found.model)))) == checksum(to_dict(offline))
    assert task.served.model.calibrated
    assert found.report["labels"] == 64
    assert {check["against"] for check in found.report["checks"]} == {"no labels"}


@pytest.mark.parametrize(("value", "kind", "count"), [(0.0, "wrong", 40), (1.0, "correct", 30)])
async def test_a_task_whose_labels_are_all_of_one_kind_has_labels(
    store: Store, value: float, kind: str, count: int
) -> None:
    """Its fit says which kind it lacks, not that there are no labels."""
    tasks, task = replica(store)
    truth = await traffic(tasks, task, sample())
    labels = {name: Label(value, True) for name in list(truth)[:count]}
    await give_labels(TaskStore(store, "t"), labels)

    _, fit = await FitScheduler(tasks).fit(task)

    assert fit.report["not_calibrated_because"] == (
        f"all {count} labels that can be used say {kind}: label candidates of the other kind as well"
    )
    assert fit.report["labels_unused"]["one_kind"] == count


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
    task_store = TaskStore(store, "t")
    await give_labels(
        task_store,
        {
            each: Label(float(value), True)
            for each, value in zip(keys, random.integers(0, 2, len(keys)), strict=True)
        },
    )

    _, found = await FitScheduler(tasks).fit(task)

    [check] = found.report["checks"]
    assert check["passed"] == found.serve
    assert check["labels"] == len(keys)


async def test_the_served_version_is_compared_on_labels_that_it_has_not_seen(store: Store) -> None:
    """Of the others it has learned; and one of other verifiers is not compared with at all."""
    tasks, task = replica(store)
    truth = await traffic(tasks, task, sample(80))
    task_store, fitter, keys = TaskStore(store, "t"), FitScheduler(tasks), sorted(truth)
    first, second = keys[::12], keys[1::12]
    await give_labels(task_store, {each: Label(truth[each], True, at=1.0) for each in first})
    await fitter.fit(task)
    _, again = await fitter.fit(task)
    await give_labels(
        task_store, {each: Label(truth[each], True, at=time.time() + 1) for each in second}
    )

    _, found = await fitter.fit(task)

    assert [check["against"] for check in again.report["checks"]] == ["no labels"]
    [_, served] = found.report["checks"]
    assert (served["against"], served["labels"]) == ("the served model", len(second))
    assert found.serve
    changed = bare_task([Column("f" * 16, "f0", None, 1.0, "v0"), *COLUMNS[1:]], task_store)
    _, other = await FitScheduler(Tasks(store, [changed])).fit(changed)
    assert [check["against"] for check in other.report["checks"]] == ["no labels"]


async def test_a_label_counts_when_the_window_has_gone_on(store: Store) -> None:
    """Its request stays with it, without texts; so a full window never unlearns labels."""
    tasks, task = replica(store, keep=20, store_text=True)
    data, task_store = sample(60), TaskStore(store, "t")
    by_query = [data.scores[data.query_id == query] for query in np.unique(data.query_id)]
    truth = {
        key(query, place): float(value)
        for query in range(60)
        for place, value in enumerate(data.labels[data.query_id == query])
    }
    for query in range(20):
        await see(tasks, task, query, by_query[query])
    await give_labels(
        task_store,
        {
            key(query, place): Label(truth[key(query, place)], True)
            for query in range(20)
            for place in (0, 3)
        },
    )
    await FitScheduler(tasks).fit(task)
    for query in range(20, 60):
        await see(tasks, task, query, by_query[query])

    _, found = await FitScheduler(tasks).fit(task)
    _, again = await FitScheduler(tasks).fit(task)

    assert len(await task_store.rows()) == 20
    assert (found.report["queries"], found.report["labels"], found.report["calibrated"]) == (
        40,
        40,
        True,
    )
    assert (again.report["queries"], again.report["labels"]) == (40, 40)
    kept, [oldest, *_] = await task_store.labelled(), await task_store.rows()
    assert len(kept) == 20
    assert all(record.texts is None and record.at < oldest.at for record in kept)


async def test_a_window_of_labelled_requests_is_bounded_too(store: Store) -> None:
    """Where everything is labelled, as many are kept beside the window as in it; the newest, and
    no damaged one stops it.
    """
    tasks, task = replica(store, keep=10)
    data, task_store = sample(40), TaskStore(store, "t")
    await store.redis.hset("assay:1:labelled:{t}", mapping={"x": "no JSON", "y": "{}"})
    for query in range(40):
        await see(tasks, task, query, data.scores[data.query_id == np.unique(data.query_id)[query]])
        await give_labels(task_store, {key(query, 0): Label(float(query % 2), True)})
        if query % 8 == 7:
            await FitScheduler(tasks).fit(task)

    assert [
        record.query for record in sorted(await task_store.labelled(), key=lambda each: each.at)
    ] == [key(query, 0)[:32] for query in range(30, 40)]


@pytest.mark.parametrize(("correct", "random"), [(97, 260), (20, 240), (150, 200)])
async def test_the_base_rate_is_that_of_random_labels(
    store: Store, correct: int, random: int
) -> None:
    """In the fit's report and in the model; where labels contradict nothing is assumed."""
    tasks, task = replica(store, costs=(1.0,) * 6)
    truth = await traffic(tasks, task, sample(40))
    keys = sorted(truth)[:random]
    rates = {key: Label(float(place < correct), True) for place, key in enumerate(keys)}
    await give_labels(TaskStore(store, "t"), rates)

    _, fit = await FitScheduler(tasks).fit(task)
    report = await FitScheduler(tasks).report(task)

    assert fit.report["base_rate"] == pytest.approx(correct / random)
    assert fit.report["base_rate_from"] == "labels"
    assert (report["base_rate"], report["base_rate_from"]) == (
        pytest.approx(correct / random),
        "labels",
    )


async def test_labels_that_match_nothing_are_counted_in_fit_and_report(store: Store) -> None:
    """None of sixty; and of some that match with some that do not."""
    tasks, task = replica(store, costs=(1.0,) * 6)
    truth = await traffic(tasks, task, sample(40))
    task_store, fitter = TaskStore(store, "t"), FitScheduler(tasks)
    strangers = {f"{number:032x}:{number:032x}": Label(1.0, True) for number in range(60)}
    await give_labels(task_store, strangers)

    _, none = await fitter.fit(task)
    before = await fitter.report(task)
    await give_labels(task_store, {key: Label(truth[key], True) for key in sorted(truth)[:30]})
    _, some = await fitter.fit(task)

    assert (none.report["labels"], none.report["labels_given"]) == (0, 60)
    assert none.report["labels_unused"]["not_kept"] == 60
    assert (before["labels"]["used"], before["labels"]["unused"]) == (0, 60)
    assert (some.report["labels"], some.report["labels_unused"]["total"]) == (30, 60)


async def test_a_soft_label_is_learned_as_such(store: Store) -> None:
    """Annotators who disagree count as half; labels of 0.5 pull towards even odds."""
    tasks, task = replica(store, costs=(1.0,) * 6)
    truth = await traffic(tasks, task, sample(40))
    task_store, fitter = TaskStore(store, "t"), FitScheduler(tasks)
    keys = sorted(truth)
    await give_labels(task_store, {key: Label(truth[key], True, "ann") for key in keys})
    _, sharp = await fitter.fit(task)
    await give_labels(task_store, {key: Label(1 - truth[key], True, "bob") for key in keys})
    _, soft = await fitter.fit(task)

    assert (sharp.report["labels"], soft.report["labels"]) == (len(keys), len(keys))
    assert soft.report["base_rate"] == 0.5
    weights = [max(abs(row["weight"]) for row in fit.report["verifiers"]) for fit in (sharp, soft)]
    assert weights[1] < 0.2 * weights[0]


@pytest.mark.parametrize("again", [0, 30])
async def test_labels_that_people_took_back_rule_no_longer(store: Store, again: int) -> None:
    """A version that learned them is replaced, whether others come in their place or none."""
    tasks, task = replica(store)
    truth = await traffic(tasks, task, sample(80))
    task_store, fitter, keys = TaskStore(store, "t"), FitScheduler(tasks), sorted(truth)
    wrong, right = keys[::5], keys[1::5][:again]
    await give_labels(task_store, {each: Label(1.0 - truth[each], True, at=1.0) for each in wrong})
    await fitter.fit(task)
    ruled = task.served.model.calibrated
    await task_store.withdraw([(each, None) for each in wrong], time.time() + 1)
    await give_labels(
        task_store, {each: Label(truth[each], True, at=time.time() + 2) for each in right}
    )

    version, found = await fitter.fit(task)

    assert ruled
    assert (found.serve, task.served.version) == (True, version)
    assert task.served.model.calibrated is bool(again)
    assert found.report["taken_back"].startswith(f"version 1 learned {len(wrong)} labels")
    assert "the served model" not in [check["against"] for check in found.report["checks"]]


STATED = {
    "unsure": lambda value: Label(0.5, None, "ann", time.time() + 2),
    "contradicted": lambda value: Label(1.0 - value, None, "bob", time.time() + 2),
    "not random": lambda value: Label(value, False, "ann", time.time() + 2),
    "yesterday": lambda value: Label(1.0 - value, False, "ann", 2.0),
}


@pytest.mark.parametrize("way", STATED)
async def test_labels_changed_in_any_way_rule_no_longer(store: Store, way: str) -> None:
    """By their values: an import may bring a change that is older than the fit."""
    tasks, task = replica(store)
    truth = await traffic(tasks, task, sample(80))
    task_store, fitter = TaskStore(store, "t"), FitScheduler(tasks)
    wrong = {each: 1.0 - truth[each] for each in sorted(truth)[::10]}
    await give_labels(task_store, {each: Label(wrong[each], True, "ann", 1.0) for each in wrong})
    await fitter.fit(task)
    ruled = task.served.model.calibrated
    await give_labels(task_store, {each: STATED[way](wrong[each]) for each in wrong})

    _, found = await fitter.fit(task)

    assert ruled
    assert found.report["taken_back"].startswith("version 1 learned 64")
    assert (task.served.version, task.served.model.calibrated) == (2, False)


@pytest.mark.parametrize("learned", [True, False])
async def test_two_bad_annotators_withdrawn_leave_the_honest_one(
    store: Store, learned: bool
) -> None:
    """Whose labels are older than the fit. So too for a version of a build that kept no labels."""
    tasks, task = replica(store)
    truth = await traffic(tasks, task, sample(80))
    task_store, fitter, keys = TaskStore(store, "t"), FitScheduler(tasks), sorted(truth)[::10]
    await give_labels(task_store, {each: Label(truth[each], False, "ann", 1.0) for each in keys})
    for name in ("eve", "mallory"):
        await give_labels(
            task_store, {each: Label(1.0 - truth[each], True, name, 1.0) for each in keys}
        )
    await fitter.fit(task)
    ruled = task.served.model.calibrated
    if not learned:
        await store.redis.hdel("assay:1:models:{t}", "learned:1")
    bad = [(each, name) for each in keys for name in ("eve", "mallory")]
    await task_store.withdraw(bad, time.time() + 2)

    _, found = await fitter.fit(task)

    assert ruled
    assert found.report["taken_back"].startswith(
        "version 1 learned 64 labels; people have withdrawn or turned 64"
    )
    assert (task.served.version, task.served.model.calibrated) == (2, False)


@pytest.mark.parametrize("withdrawn", [0, 12])
async def test_a_calibrated_version_stays_where_most_of_its_labels_were_not_taken_back(
    store: Store, withdrawn: int
) -> None:
    """Lost ones come back by an import; a few withdrawn ones are a person's business to promote."""
    tasks, task = replica(store)
    truth = await traffic(tasks, task, sample(80))
    task_store, fitter = TaskStore(store, "t"), FitScheduler(tasks)
    labelled = sorted(truth)[::10][:30]
    await give_labels(task_store, {each: Label(truth[each], True, at=1.0) for each in labelled})
    await fitter.fit(task)
    await task_store.withdraw([(each, None) for each in labelled[:withdrawn]], time.time() + 1)
    if not withdrawn:
        await store.redis.delete("assay:1:labels:{t}")

    _, found = await fitter.fit(task)

    assert task.served.version == 1
    assert found.report["not_served"].startswith("the served model is calibrated")
    assert ("taken_back" in found.report) is bool(withdrawn)
