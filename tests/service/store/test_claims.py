"""Claims of scores, in a real Valkey."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from assay.service.domain.errors import StoreDownError
from assay.service.store.claims import claim, hash_tag
from assay.service.store.client import Store
from assay.service.store.embedded_valkey import EmbeddedStore
from assay.service.store.score_cache import CACHED_SCORE
from assay.verifiers import Status
from tests.support.servers.valkeys import cluster

LATER = int(time.time()) + 1000


@pytest.fixture
async def store(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Store]:
    """An embedded store."""
    embedded = EmbeddedStore(tmp_path_factory.mktemp("store"), 64)
    embedded.start()
    client = Store(embedded.url)
    yield client
    await client.close()
    embedded.stop()


def record(
    fingerprint: int, score: float, expires: int = LATER, status: Status = Status.OK
) -> bytes:
    """Return one verifier's score as the cache packs it."""
    fields = (fingerprint, score, expires, np.nan, 0, int(status))
    return np.array([fields], CACHED_SCORE).tobytes()


NOT_APPLICABLE = record(7, np.nan, status=Status.NOT_APPLICABLE)


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (record(1, 0.1), record(1, 0.2), record(1, 0.1)),
        (record(1, -3.0), record(2, 0.2), record(1, -3.0) + record(2, 0.2)),
        (record(2**64 - 1, 0.5), record(2**64 - 1, 0.6), record(2**64 - 1, 0.5)),
        (NOT_APPLICABLE, record(7, 0.2), NOT_APPLICABLE),
        (record(1, 0.1) + record(1, 0.3), record(1, 0.2), record(1, 0.1) + record(1, 0.3)),
        (record(1, 0.1, expires=5), record(1, 0.2), record(1, 0.2)),
        (record(1, np.nan), record(1, 0.2), record(1, 0.2)),
        (record(1, np.inf), record(1, 0.2), record(1, 0.2)),
        (record(1, 0.1, status=Status.TIMEOUT), record(1, 0.2), record(1, 0.2)),
        (b"damaged", record(1, 0.2), record(1, 0.2)),
    ],
    # Records hold the time: as names they would differ between the processes that run the tests.
    ids=(
        "one",
        "two verifiers",
        "a large fingerprint",
        "not applicable",
        "twice in the first",
        "expired",
        "no number",
        "infinite",
        "timed out",
        "damaged",
    ),
)
async def test_the_first_score_stays(
    store: Store, first: bytes, second: bytes, kept: bytes
) -> None:
    """Of each verifier, if it is sound and has not expired; it is what both get."""
    await store.set_many({"{q}:a": first}, 100)

    claimed = await claim(store, {"{q}:a": second, "{r}:b": second}, 64, 100)

    assert claimed == {"{q}:a": kept, "{r}:b": second}
    assert await store.fetch(["{q}:a", "{r}:b"]) == [kept, second]
    assert 0 < await store.call(lambda: store.redis.ttl("{r}:b")) <= 100


@pytest.mark.parametrize("most", [1, 2])
async def test_the_newest_records_stay(store: Store, most: int) -> None:
    """As many as a value may have."""
    records = [record(number, 0.1) for number in range(3)]
    for part in records[:2]:
        await claim(store, {"{q}:a": part}, most, 100)

    claimed = await claim(store, {"{q}:a": records[2]}, most, 100)

    assert claimed == {"{q}:a": b"".join(records[-most:])}


@pytest.mark.parametrize("reply", [[], [7], [b"a", b"b"], b"a", None])
async def test_an_answer_of_another_form_is_no_claim(
    store: Store, reply: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It came out of turn."""

    async def answer(*_: object) -> object:
        return reply

    monkeypatch.setattr(store.redis, "eval", answer)
    with pytest.raises(StoreDownError):
        await claim(store, {"{q}:a": record(1, 0.1)}, 64, 100)


@pytest.mark.parametrize(("name", "tag"), [("s:{q}:a", "q"), ("s:task/{r}:b", "r"), ("plain", "")])
def test_a_key_s_slot_follows_from_its_braces(name: str, tag: str) -> None:
    """Without braces from nothing."""
    assert hash_tag(name) == tag


async def test_a_cluster_takes_claims_of_several_slots(tmp_path: Path) -> None:
    """Each query's together; the first score stays there too."""
    names = [f"{{q{number}}}:{text}" for number in range(6) for text in "ab"]
    with cluster(tmp_path) as ports:
        store = Store(f"redis+cluster://127.0.0.1:{ports[0]}")
        first = dict.fromkeys(names, record(1, 0.1))

        assert await claim(store, first, 64, 100) == first
        assert await claim(store, dict.fromkeys(names, record(1, 0.2)), 64, 100) == first
        await store.close()
