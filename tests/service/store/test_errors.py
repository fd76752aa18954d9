"""A store that answers with an error: each has a defined effect, and nothing of it outlasts it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    SlotNotCoveredError,
)

from assay.service.domain.errors import StoreDownError, StoreError, StoreRefusedError
from assay.service.domain.labels import Label
from assay.service.store.client import Store
from assay.service.store.errors import RAISED, classified
from assay.service.store.task_store import TaskStore
from tests.support.samples.replicas import give_labels
from tests.support.servers.processes import Server, free_port, service, standin
from tests.support.servers.stored_task import body, config
from tests.support.servers.valkeys import say, valkey
from tests.support.waiting import wait_until

LABEL = {"labels": [{"query": "q", "candidate": "c", "correct": 1}]}


def test_each_error_of_the_client_is_either_away_or_a_refusal_with_a_reason() -> None:
    """Whether the client knows its word or not, and also where a script passes it on."""
    known: list[tuple[Exception, type[StoreError], str]] = [
        (
            ReadOnlyError("You can't write against a read only replica."),
            StoreRefusedError,
            "read_only",
        ),
        (OutOfMemoryError("command not allowed"), StoreRefusedError, "full"),
        (ResponseError("MISCONF Errors writing to the AOF file"), StoreRefusedError, "disk_failed"),
        (
            ResponseError("NOREPLICAS Not enough good replicas to write."),
            StoreRefusedError,
            "too_few_replicas",
        ),
        (
            ResponseError("WRONGTYPE Operation against a key holding"),
            StoreRefusedError,
            "wrong_type",
        ),
        (
            ResponseError("Error running script: @user_script:2: WRONGTYPE Operation"),
            StoreRefusedError,
            "wrong_type",
        ),
        (ResponseError("unknown command 'MSETEX'"), StoreRefusedError, "unknown_command"),
        (ResponseError("something new"), StoreRefusedError, "refused"),
        (ResponseError("BUSY Valkey is busy running a script."), StoreDownError, "busy"),
        (BusyLoadingError("Valkey is loading the dataset in memory"), StoreDownError, "loading"),
        (ClusterDownError("The cluster is down"), StoreDownError, "cluster_down"),
        (AuthenticationError("Authentication required."), StoreDownError, "no_access"),
        (SlotNotCoveredError("slot 1"), StoreDownError, "away"),
        (ConnectionResetError(), StoreDownError, "away"),
        (TimeoutError(), StoreDownError, "timeout"),
    ]
    found = [(type(classified(exc)), classified(exc).reason) for exc, _, _ in known]

    assert found == [(kind, reason) for _, kind, reason in known]
    assert all(isinstance(exc, RAISED) for exc, _, _ in known)


@pytest.mark.parametrize("how", ["redis", "redis+cluster"])
async def test_a_store_that_is_away_is_down_however_it_is_reached(how: str) -> None:
    """Every call says the same; a cluster's own errors are no other kind, and a label finds no
    node outside of that.
    """
    store = Store(f"{how}://127.0.0.1:1", timeout_s=0.3, retry_every_s=0.0)
    task_store = TaskStore(store, "t")

    for call in (
        lambda: store.fetch(["a"]),
        lambda: store.set_many({"a": b"b"}, 9),
        lambda: give_labels(task_store, {"k": Label(1.0)}),
        task_store.state,
        task_store.labels,
        lambda: task_store.promote(1),
        store.check,
        store.generation,
        store.probe,
    ):
        with pytest.raises(StoreDownError):
            await call()
    await store.close()


async def test_a_cluster_without_its_slots_is_down(tmp_path: Path) -> None:
    """CLUSTERDOWN is an answer, and no store for all that."""
    with valkey(tmp_path, "--cluster-enabled", "yes", "--cluster-port", str(free_port())) as (
        port,
        _,
    ):
        store = Store(f"redis+cluster://127.0.0.1:{port}", retry_every_s=0.0)
        with pytest.raises(StoreDownError):
            await store.fetch(["a"])
        with pytest.raises(StoreDownError):
            await give_labels(TaskStore(store, "t"), {"k": Label(1.0)})
        await store.close()


@contextmanager
def trouble(port: int, kind: str) -> Iterator[None]:
    """Have a server refuse writes, or everything, for the block."""
    begin, end = {
        "read_only": (["REPLICAOF 127.0.0.1 1"], ["REPLICAOF NO ONE"]),
        "full": (["CONFIG SET maxmemory 1"], ["CONFIG SET maxmemory 0"]),
        "disk_failed": (
            [
                "CONFIG SET save '1 1'",
                "CONFIG SET rdbcompression no",
                "CONFIG SET dbfilename dump.rdb",
            ],
            ["CONFIG SET stop-writes-on-bgsave-error no", "CONFIG SET save ''"],
        ),
        "too_few_replicas": (
            ["CONFIG SET min-replicas-to-write 3"],
            ["CONFIG SET min-replicas-to-write 0"],
        ),
        "no_access": (["ACL SETUSER default resetpass >x"], ["ACL SETUSER default nopass"]),
    }[kind]
    for line in begin:
        say(port, line)
    if kind == "no_access":
        say(port, "CLIENT KILL TYPE normal SKIPME yes", password="x")
    try:
        yield
    finally:
        for line in end:
            say(port, line, password="x" if kind == "no_access" else None)


def break_snapshots(port: int, folder: Path) -> None:
    """Have the server's snapshots fail, by which it stops taking writes."""
    (folder / "dump.rdb").mkdir()
    (folder / "dump.rdb" / "x").touch()
    say(port, "SET", "x", "y")
    say(port, "BGSAVE")
    wait_until(lambda: "rdb_last_bgsave_status:err" in say(port, "INFO", "persistence"))


KINDS = ["read_only", "full", "disk_failed", "too_few_replicas", "no_access"]


@pytest.mark.timeout(400)
def test_whatever_a_store_refuses_ranking_goes_on_and_the_rest_is_503(tmp_path: Path) -> None:
    """Readiness gives the reason and stays 200; afterwards labels, fits and promotions work again."""
    with ExitStack() as stack:
        port, _ = stack.enter_context(valkey(tmp_path / "valkey"))
        reward = stack.enter_context(standin("reward"))
        env = {"ASSAY_REDIS_URL": f"redis://127.0.0.1:{port}"}
        first = stack.enter_context(service(config(tmp_path, reward), tmp_path / "a", env=env))
        second = stack.enter_context(service(config(tmp_path, reward), tmp_path / "b", env=env))
        for query in range(30):
            assert first.post("/v1/rank", body(query)).status == 200
        wait_until(lambda: first.get("/v1/tasks/t").json["requests"] == 30)
        for _ in range(2):
            wait_until(lambda: first.post("/v1/tasks/t/fit", {}).status == 200)
        for place, kind in enumerate(KINDS):
            newest = max(each["version"] for each in first.get("/v1/tasks/t/models").json["models"])
            with trouble(port, kind):
                if kind == "disk_failed":
                    break_snapshots(port, tmp_path / "valkey")
                refused(kind, first, second, 100 * (place + 1))
            works_again(first, second, newest - 1)


def refused(kind: str, first: Server, second: Server, number: int) -> None:
    """Check two replicas' answers while their store refuses."""
    ranked = [first.post("/v1/rank", body(number + query)).status for query in range(3)]
    told = [
        first.post(f"/v1/tasks/t/{what}", sent)
        for what, sent in (("labels", LABEL), ("fit", {}), ("rollback", {}))
    ]
    wait_until(lambda: first.get("/readyz").json["store_reason"] == kind)
    ready = first.get("/readyz")

    assert ranked == [200] * 3, kind
    expected = "store_down" if kind == "no_access" else "store_refuses"
    assert [(each.status, each.json.get("error", {}).get("code")) for each in told] == [
        (503, expected)
    ] * 3, kind
    assert all(each.headers["retry-after"] for each in told)
    assert [each.get("/healthz").status for each in (first, second)] == [200, 200]
    assert (ready.status, ready.json["store"]) == (
        200,
        "down" if kind == "no_access" else "refuses",
    )
    assert f'assay_store_errors_total{{reason="{kind}"}}' in first.get("/metrics").raw.decode()


def works_again(first: Server, second: Server, version: int) -> None:
    """Check that every use of the store works again."""
    wait_until(
        lambda: first.get("/readyz").json["store"] == second.get("/readyz").json["store"] == "ok",
        20,
    )
    labelled = first.post("/v1/tasks/t/labels", LABEL)
    promoted = first.post(f"/v1/tasks/t/models/{version}/promote", {})

    assert (labelled.status, labelled.json["durable"], promoted.status) == (200, True, 200)
    wait_until(
        lambda: served_by(second) == f"t@{version}", 4
    )  # it is within two seconds, on a machine that is not busy
    wait_until(lambda: first.post("/v1/tasks/t/fit", {}).status == 200)
    wait_until(lambda: first.get("/readyz").json["background"] == {})


def served_by(server: Server) -> Any:
    """Return which version a replica serves."""
    return server.get("/v1/tasks/t").json["model_version"]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_store_that_refuses_at_the_start_does_not_stop_the_start(
    tmp_path: Path, workers: int
) -> None:
    """Nor a cluster that is not there."""
    with valkey(tmp_path / "valkey") as (port, _), standin("reward") as reward:
        say(port, "REPLICAOF 127.0.0.1 1")
        url = f"redis://127.0.0.1:{port}" if workers == 1 else "redis+cluster://127.0.0.1:1"
        env = {"ASSAY_REDIS_URL": url, "ASSAY_WORKERS": str(workers)}
        with service(config(tmp_path, reward), tmp_path, env=env) as running:
            assert running.post("/v1/rank", body(1)).status == 200
            assert running.get("/readyz").status == 200
            assert running.post("/v1/tasks/t/labels", LABEL).status == 503
            assert running.get("/v1/tasks/t/labels").status == (
                200 if workers == 1 else 503
            )  # reading is allowed
    assert "Traceback" not in (tmp_path / "service.log").read_text()
