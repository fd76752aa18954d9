"""Scripts: the store runs each in one step."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.service.domain.errors import StoreRefusedError
from assay.service.domain.labels import Label
from assay.service.store.client import Store
from assay.service.store.task_store import TaskStore
from tests.support.samples.replicas import give_labels, replica, sample, see, traffic
from tests.support.servers.valkeys import say, valkey


async def test_the_size_of_requests_is_summed_up_where_nobody_counted(store: Store) -> None:
    """As in a store of an earlier release; by the same measure."""
    tasks, task = replica(store)
    await traffic(tasks, task, sample(150))
    counted = int(await store.redis.get("assay:1:bytes:{t}"))
    one = counted // 150
    for place, wrong in enumerate([None, "x", "-5"]):
        await (
            store.redis.delete("assay:1:bytes:{t}")
            if wrong is None
            else store.redis.set("assay:1:bytes:{t}", wrong)
        )
        await see(tasks, task, 1000 + place, [[1.0] * 6] * 8)

    assert int(await store.redis.get("assay:1:bytes:{t}")) == pytest.approx(
        counted + 3 * one, rel=0.001
    )


async def test_a_full_store_refuses_before_a_script_has_changed_anything(tmp_path: Path) -> None:
    """Half a rollback would be a version lost, half a recording a request lost."""
    with valkey(tmp_path) as (port, _):
        store = Store(f"redis://127.0.0.1:{port}")
        task_store = TaskStore(store, "t")
        for version in ("1", "2"):
            await store.redis.hset("assay:1:models:{t}", version, "m")
            await task_store.promote(int(version))
        before = [
            await store.redis.dump(f"assay:1:{part}:{{t}}")
            for part in ("state", "history", "models")
        ]
        say(port, "CONFIG SET maxmemory 1")

        for call in (
            task_store.rollback,
            lambda: task_store.promote(1),
            lambda: give_labels(task_store, {"k": Label(1.0)}),
        ):
            with pytest.raises(StoreRefusedError):
                await call()

        assert [
            await store.redis.dump(f"assay:1:{part}:{{t}}")
            for part in ("state", "history", "models")
        ] == before
        await store.close()
