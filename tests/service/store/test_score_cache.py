"""The score cache and the tasks' rows, in a real Valkey."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from assay.aggregation import RobustAverage
from assay.service.domain.matrix import CachedColumn, ScoreMatrix
from assay.service.domain.score_keys import Keys, keys_of
from assay.service.learning.tasks.task import Task
from assay.service.store.client import Store
from assay.service.store.embedded_valkey import EmbeddedStore
from assay.service.store.schema import SCORE_PREFIX
from assay.service.store.score_cache import CACHED_SCORE, ScoreCache
from assay.verifiers import Pair, Query, Status, Verdict

COLUMNS = [CachedColumn(11, False), CachedColumn(22, True), CachedColumn(33, False)]
PAIRS = [Pair(Query.of("q"), text) for text in ("a", "b", "c")]
KEYS = keys_of(PAIRS, True)


@pytest.fixture(scope="module")
async def store(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Store]:
    """An embedded store."""
    embedded = EmbeddedStore(tmp_path_factory.mktemp("store"), 64)
    embedded.start()
    client = Store(embedded.url)
    yield client
    await client.close()
    embedded.stop()


@pytest.fixture(autouse=True)
async def _empty(store: Store) -> None:
    await store.call(store.redis.flushall)


def store_url(store: Store) -> str:
    """Return where the embedded store listens."""
    return "unix://" + str(store.redis.connection_pool.connection_kwargs["path"])


def filled(columns: int = 3) -> ScoreMatrix:
    """Return a sheet of scores that were just asked for, with one inapplicable and one failed."""
    matrix = ScoreMatrix(3, columns)
    for row in range(3):
        for column in range(columns):
            matrix.put(row, column, Verdict(row + column / 10, label_mass=0.5))
    matrix.raw[2, 0], matrix.raw[1, 2] = np.nan, np.nan
    matrix.put(2, 0, Verdict(None, Status.NOT_APPLICABLE, "empty"))
    matrix.put(1, 2, Verdict(None, Status.TIMEOUT, "slow"))
    return matrix


def average(task: Task) -> RobustAverage:
    """Return the robust average that a task serves."""
    assert isinstance(task.served.model, RobustAverage)
    return task.served.model


async def written(
    cache: ScoreCache, keys: Keys, matrix: ScoreMatrix, columns: list[CachedColumn]
) -> None:
    """Write the new scores of a matrix."""
    known = await cache.read(keys, columns, ScoreMatrix(len(keys.pairs), len(columns)))
    await cache.write(cache.pack(keys, columns, matrix, known))


async def read(cache: ScoreCache, keys: Keys, columns: list[CachedColumn]) -> ScoreMatrix:
    """Return the cached scores."""
    matrix = ScoreMatrix(len(keys.pairs), len(columns))
    await cache.read(keys, columns, matrix)
    return matrix


async def test_what_lasts_is_remembered_and_failures_are_not(store: Store) -> None:
    """Score, status and label mass; the failed cell stays unknown."""
    cache = ScoreCache(store, 60)

    await written(cache, KEYS, filled(), COLUMNS)
    known = await read(cache, KEYS, COLUMNS)

    assert known.raw[0].tolist() == [0.0, 0.1, 0.2]
    assert np.isnan(known.raw[2, 0])
    assert known.status[2, 0] == Status.NOT_APPLICABLE
    assert known.label_mass[0, 0] == 0.5
    assert known.cached.tolist() == [[True, True, True], [True, True, False], [True, True, True]]


async def test_the_order_of_the_candidates_does_not_matter(store: Store) -> None:
    """Also for the verifier that compares them; a set with one more is another set."""
    cache = ScoreCache(store, 60)
    await written(cache, KEYS, filled(), COLUMNS)

    turned = await read(cache, keys_of(PAIRS[::-1], True), COLUMNS)
    larger = await read(cache, keys_of([*PAIRS, Pair(Query.of("q"), "d")], True), COLUMNS)
    other = await read(
        cache, keys_of([Pair(Query.of("other"), pair.candidate) for pair in PAIRS], True), COLUMNS
    )

    assert turned.raw[:, 1].tolist() == [2.1, 1.1, 0.1]
    assert larger.cached.tolist() == [
        [True, False, True],
        [True, False, False],
        [True, False, True],
        [False] * 3,
    ]
    assert not other.cached.any()


async def test_verifiers_are_told_apart_and_added_to_what_is_there(store: Store) -> None:
    """A changed fingerprint is unknown; the others' scores stay."""
    cache = ScoreCache(store, 60)
    await written(cache, KEYS, filled(), COLUMNS)
    changed = [COLUMNS[0], COLUMNS[1], CachedColumn(44, False)]
    matrix = await read(cache, KEYS, changed)
    assert matrix.cached[:, 2].tolist() == [False] * 3

    new = ScoreMatrix(3, 1)
    for row in range(3):
        new.put(row, 0, Verdict(9.0))
    await written(cache, KEYS, new, [CachedColumn(44, False)])

    assert (await read(cache, KEYS, changed)).raw[0].tolist() == [0.0, 0.1, 9.0]
    assert (await read(cache, KEYS, COLUMNS)).raw[0].tolist() == [0.0, 0.1, 0.2]


async def test_scores_expire(store: Store) -> None:
    """Each on its own, also where the value lives on."""
    short, long = ScoreCache(store, 1), ScoreCache(store, 60)
    await written(short, KEYS, filled(), [*COLUMNS[:1], *COLUMNS[1:]])
    new = ScoreMatrix(3, 1)
    for row in range(3):
        new.put(row, 0, Verdict(9.0))
    await written(long, KEYS, new, [CachedColumn(44, False)])

    await asyncio.sleep(2.1)  # a second, which the store counts in whole ones

    assert (await read(long, KEYS, [*COLUMNS, CachedColumn(44, False)])).cached.tolist() == [
        [False, False, False, True]
    ] * 3
    assert 0 < int(await store.redis.ttl(SCORE_PREFIX + KEYS.pairs[0])) <= 60


async def test_a_damaged_value_is_unknown(store: Store) -> None:
    """And written over by the next request."""
    cache = ScoreCache(store, 60)
    await store.call(lambda: store.redis.set(SCORE_PREFIX + KEYS.pairs[0], b"nonsense"))

    assert not (await read(cache, KEYS, COLUMNS)).cached.any()
    await written(cache, KEYS, filled(), COLUMNS)

    assert (await read(cache, KEYS, COLUMNS)).cached[0].tolist() == [True, True, True]


GARBAGE: dict[str, dict[str, float]] = {
    "a status that there is not": {"status": 7},
    "a status beyond a byte": {"status": 2**31 + 1},
    "a failure, which nobody keeps": {"status": int(Status.TIMEOUT)},
    "no score": {"score": np.nan},
    "an infinite score": {"score": np.inf},
    "a score beyond all measure": {"score": 1e300},
    "a score of what has none": {"status": int(Status.NOT_APPLICABLE)},
    "an infinite label mass": {"label_mass": np.inf},
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
@pytest.mark.parametrize("column", [0, 1], ids=["of one candidate", "of a set"])
async def test_a_damaged_record_is_counted_and_asked_anew(
    store: Store, garbage: dict[str, float], column: int
) -> None:
    """The others of its value are known; the next request writes over it."""
    found: list[tuple[str, int]] = []
    ours = Store(store_url(store), damaged=lambda what, count: found.append((what, count)))
    cache, name = (
        ScoreCache(ours, 60),
        SCORE_PREFIX + (KEYS.pairs[0] if column == 0 else str(KEYS.whole)),
    )
    await written(cache, KEYS, filled(), COLUMNS)
    records = np.frombuffer(bytes(await store.redis.get(name)), CACHED_SCORE).copy()
    for field, value in garbage.items():
        records[field][0] = value
    await store.call(lambda: store.redis.set(name, records.tobytes()))

    known = await read(cache, KEYS, COLUMNS)

    assert known.cached[0].tolist() == [column != 0, column != 1, True]
    assert np.isnan(known.raw[0, column])
    assert found == [("scores", 1)]
    await written(cache, KEYS, filled(), COLUMNS)
    found.clear()
    assert (await read(cache, KEYS, COLUMNS)).cached[0].all()
    assert found == []
    await ours.close()


async def test_an_answer_without_a_score_is_not_kept(store: Store) -> None:
    """The reader would take it for damaged."""
    cache, matrix = ScoreCache(store, 60), ScoreMatrix(3, 1)
    for row in range(3):
        matrix.put(row, 0, Verdict(None if row == 1 else 0.5))

    await written(cache, KEYS, matrix, COLUMNS[:1])

    assert (await read(cache, KEYS, COLUMNS[:1])).cached[:, 0].tolist() == [True, False, True]


async def test_what_is_on_its_way_to_the_store_is_known_already(store: Store) -> None:
    """A client that asks again at once is not made to wait for the write."""
    cache = ScoreCache(store, 60)
    values = cache.pack(KEYS, COLUMNS, filled(), {})

    assert (await read(cache, KEYS, COLUMNS)).cached[0].all()
    cache.forget(values)
    assert not (await read(cache, KEYS, COLUMNS)).cached.any()


async def test_a_score_with_a_remark_is_not_remembered(store: Store) -> None:
    """It was not made as it should have been."""
    cache = ScoreCache(store, 60)
    matrix = ScoreMatrix(3, 1)
    for row in range(3):
        matrix.put(row, 0, Verdict(0.5, reason="compared as text" if row == 1 else None))

    await written(cache, KEYS, matrix, COLUMNS[:1])

    assert (await read(cache, KEYS, COLUMNS[:1])).cached[:, 0].tolist() == [True, False, True]


async def test_two_processes_that_score_at_once_have_the_first_one_s_scores(store: Store) -> None:
    """Pointwise and setwise ones, whichever the verifiers said; later readers get them as well."""
    caches = [ScoreCache(store, 3600) for _ in range(2)]
    first, second = filled(), filled()
    second.raw += 0.25
    del second.reasons[1, 2]  # the first has a failure there, which is no score
    second.put(1, 2, Verdict(9.0))
    expected = first.raw.copy()
    expected[1, 2] = 9.0

    for cache, matrix in zip(caches, (first, second), strict=True):
        await cache.claim(KEYS, COLUMNS, matrix, {})

    np.testing.assert_array_equal(second.raw, expected)
    assert second.cached.sum() == 7  # neither the one that does not apply, nor its own
    np.testing.assert_array_equal(second.fresh, ~second.cached)
    assert not first.cached.any()
    for cache in caches:
        np.testing.assert_array_equal((await read(cache, KEYS, COLUMNS)).raw, expected)


async def test_scores_that_are_claimed_are_not_answered_from(store: Store) -> None:
    """Before the store says whose are the first; a claim of nothing asks nothing."""
    cache, matrix = ScoreCache(store, 3600), filled()
    claiming = asyncio.create_task(cache.claim(KEYS, COLUMNS, matrix, {}))
    await asyncio.sleep(0)
    assert cache._unwritten == {}
    await claiming
    failed = ScoreMatrix(3, 3)
    failed.put(0, 0, Verdict(None, Status.TIMEOUT, "slow"))
    await ScoreCache(Store("redis://127.0.0.1:1"), 3600).claim(KEYS, COLUMNS, failed, {})
    assert not failed.cached.any()
