"""Stores as they are run: TLS and users, a cluster, behind Sentinel; full, emptied, and what is
said of it.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from assay.service.domain.identity import keys_of
from assay.service.domain.observation import record_of
from assay.service.domain.stored_values import Label
from assay.service.learning.fit_scheduler import FitScheduler
from assay.service.learning.follower import Follower
from assay.service.learning.model_backup import ModelBackup
from assay.service.learning.tasks import Rows, Task, Tasks, lost
from assay.service.learning.write_behind import Writer
from assay.service.runtime.background import Background, Loop
from assay.service.store.client import Store
from assay.service.store.embedded_valkey import EmbeddedStore
from assay.service.store.schema import EvictionError, check_eviction
from assay.service.store.score_cache import ScoreCache
from assay.service.store.task_store import TaskStore
from assay.service.store.url import parse
from assay.service.telemetry.metrics import Metrics
from assay.verifiers import Pair, Query
from tests.support.processes import ROOT, Server, service, standin, stop
from tests.support.processes import assay as command
from tests.support.replicas import COLUMNS, replica, sample, traffic
from tests.support.stored_task import body, config
from tests.support.valkeys import certificates, cluster, say, sentinel, valkey, with_tls
from tests.support.waiting import wait_until


async def learn(tasks: Tasks, task: Task) -> None:
    """Have a task see traffic, and serve a first version."""
    await traffic(tasks, task, sample())
    await FitScheduler(tasks).fit(task)
    assert task.model_version == "t@1"


def use(running: Server) -> None:
    """Rank, label, fit, and rank again from the cache: all that the store is for."""
    answers = [running.post("/v1/rank", body(query)) for query in range(30)]
    assert all(answer.status == 200 and not answer.json["warnings"] for answer in answers)
    wait_until(lambda: running.get("/v1/tasks/t").json["requests"] == 30)
    again = running.post("/v1/rank", body(7)).json
    assert again["usage"]["calls"] == 0
    pairs = [
        {"query": f"query {query}", "candidate": f"{query} {query % 5}"} for query in range(30)
    ]
    scored = running.post(
        "/v1/score_pairs", {"pairs": pairs, "task": "t"}
    )  # thirty queries, thirty slots of a cluster
    assert (scored.status, scored.json["usage"]["calls"]) == (200, 0)
    labels = [
        {"key": each["key"], "correct": float(each["index"] < 2), "random": True}
        for answer in answers
        for each in answer.json["results"]
    ]
    said = running.post("/v1/tasks/t/labels", {"labels": labels}).json
    assert (said["new"], said["durable"]) == (150, True)
    wait_until(lambda: running.post("/v1/tasks/t/fit", {}).status == 200)
    wait_until(lambda: running.get("/v1/tasks/t").json["model_version"] != "t@0")
    assert running.get("/readyz").json["store"] == "ok"


@pytest.mark.slow
def test_a_cluster_is_a_store(tmp_path: Path) -> None:
    """Requests, pairs of many queries, labels, fits: every command finds its node."""
    with cluster(tmp_path / "cluster") as ports, standin("reward") as server:
        url = "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in ports[:2])
        with service(config(tmp_path, server), tmp_path, env={"ASSAY_REDIS_URL": url}) as running:
            use(running)
        sizes = [int(say(port, "DBSIZE").strip(":\r\n")) for port in ports]

    assert all(size > 5 for size in sizes)


@pytest.mark.slow
def test_behind_sentinel_a_failover_is_a_pause(tmp_path: Path) -> None:
    """The first server dies; its replica is used, with all that was learned."""
    with sentinel(tmp_path / "sentinel") as (port, first), standin("reward") as server:
        url = f"redis+sentinel://127.0.0.1:{port}/main"
        with service(config(tmp_path, server), tmp_path, env={"ASSAY_REDIS_URL": url}) as running:
            use(running)
            stop(first, signal.SIGKILL)
            wait_until(lambda: running.get("/v1/tasks/t/labels").status == 200, 40)
            labels = running.get("/v1/tasks/t/labels").json["labels"]
            after = running.post(
                "/v1/tasks/t/labels", {"labels": [{"key": labels[0]["key"], "correct": 1}]}
            )

    assert len(labels) == 150
    assert after.status == 200


def test_tls_and_a_user_of_few_rights(tmp_path: Path) -> None:
    """The certificate is checked, the password is never shown, and a user that may not ask for
    INFO will do.
    """
    certificate, key = certificates(tmp_path)
    user = (
        "--user",
        *["assay", "on", ">secret99", "~assay:*", "&assay:*", "+@all", "-@dangerous", "-info"],
    )
    with (
        valkey(tmp_path / "valkey", *user) as (plain, _),
        with_tls(plain, certificate, key) as port,
        standin("reward") as server,
    ):
        url = f"rediss://assay:secret99@localhost:{port}/0?ssl_ca_certs={certificate}"
        with service(config(tmp_path, server), tmp_path, env={"ASSAY_REDIS_URL": url}) as running:
            use(running)
        unproven = Store(f"rediss://assay:secret99@localhost:{port}/0")
        with pytest.raises(Exception, match="certificate verify failed"):
            asyncio.run(closing(unproven))

    assert "secret99" not in (tmp_path / "service.log").read_text()


async def closing(store: Store) -> None:
    """Ask a store for anything, and close it."""
    try:
        await store.check()
    finally:
        await store.close()


def test_a_store_that_would_drop_what_was_learned_is_refused(tmp_path: Path) -> None:
    """Its policy is named, and what would be right; one that refuses writes when full is a
    warning.
    """
    with valkey(tmp_path / "full", "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru") as (
        port,
        _,
    ):
        store = Store(f"redis://127.0.0.1:{port}")
        with pytest.raises(
            EvictionError,
            match=r"maxmemory-policy allkeys-lru: .* CONFIG SET maxmemory-policy volatile-lru",
        ):
            asyncio.run(closing(store))
        told = command(
            "serve", "--redis-url", f"redis://127.0.0.1:{port}", "--workers", "2", cwd=tmp_path
        )

    assert told.returncode == 2
    assert told.stderr.splitlines()[-1].startswith("the store has maxmemory-policy allkeys-lru")
    assert "Traceback" not in told.stderr
    check_eviction([{"maxmemory": 0, "maxmemory_policy": "allkeys-lru"}])
    check_eviction(
        [
            {"maxmemory": 1, "maxmemory_policy": "volatile-ttl"},
            {"maxmemory": 1, "maxmemory_policy": "noeviction"},
            {},
        ]
    )


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://x", "must begin with redis://"),
        ("redis+sentinel://h:1", "must name the service after the hosts"),
        ("redis+cluster://h:1/3", "a cluster has no numbered databases"),
        ("redis+cluster://h:1,:2", "':2' is not a host"),
        ("redis+cluster://[::1:7000", "Invalid IPv6 URL"),
        ("redis://", "must begin with"),
    ],
)
def test_a_wrong_address_is_told_from_a_right_one(url: str, problem: str) -> None:
    """What is wrong with it, and never its password."""
    with pytest.raises(ValueError, match=problem):
        parse(url)


def test_an_address_says_all_there_is_to_say() -> None:
    """Hosts, service, database, user, TLS and options."""
    found = parse(
        "rediss+sentinel://ann:pw@a:1,b/main/3?ssl_cert_reqs=none&health_check_interval=5"
    )

    assert (found.how, found.hosts, found.service) == ("sentinel", (("a", 1), ("b", 26379)), "main")
    assert found.options == {
        "username": "ann",
        "password": "pw",
        "db": 3,
        "ssl": True,
        "ssl_cert_reqs": "none",
        "health_check_interval": 5,
    }
    assert parse("redis+cluster://[::1]:7000,h").hosts == (("::1", 7000), ("h", 6379))
    assert parse("rediss://u:p@h:1/2").how == ""


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[Store]:
    """A store over TCP."""
    with valkey(tmp_path / "valkey") as (port, _):
        store = Store(f"redis://127.0.0.1:{port}")
        yield store
        await store.close()


async def test_labels_wait_for_the_disk_also_beside_other_traffic(server: Store) -> None:
    """A server waits for what came over the same connection: another one's wait says nothing."""
    memory = TaskStore(server, "t")
    await server.redis.config_set(
        "appendfsync", "no"
    )  # nothing reaches the disk for up to half a minute

    quiet = asyncio.Event()

    async def noise() -> None:
        while not quiet.is_set():
            await server.fetch(["x"])

    busy = [asyncio.create_task(noise()) for _ in range(8)]
    _, durable = await asyncio.wait_for(memory.label({"k": Label(1.0)}), 20)
    quiet.set()
    await asyncio.gather(*busy)
    await server.redis.config_set("appendfsync", "everysec")
    _, after = await memory.label({"k": Label(0.0)})

    assert durable is False
    assert after is True


async def test_an_emptied_store_is_noticed_and_what_it_took_is_said(
    server: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its generation; the model is put back, and labels that no export has are counted."""
    metrics = Metrics()
    task = Task("t", "e", COLUMNS, memory=TaskStore(server, "t"))
    tasks = Tasks(server, [task], ModelBackup(tmp_path / "served"), metrics)
    await learn(tasks, task)
    assert task.memory is not None
    await task.memory.label({f"{place}": Label(1.0) for place in range(30)})
    await task.memory.note_export(20)
    await tasks.refresh()
    version = task.model_version

    await server.redis.flushall()
    await tasks.refresh()

    assert (task.model_version, (await task.memory.state()).serving) == (version, task.version)
    assert b"assay_store_emptied_total 1.0" in metrics.text()
    said = lost(Task("t", "e", COLUMNS))
    assert said["last_export"] == "never"
    printed = capsys.readouterr()
    assert "store_came_back_empty" in printed.out + printed.err
    assert "labels_since_export" in printed.out + printed.err


async def test_what_was_served_comes_back_from_disk(
    server: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The service and its store are both gone: the copy beside them is served, the same to the
    last bit, and it is said.
    """
    tasks, task = replica(server)
    tasks._keepsake = ModelBackup(tmp_path / "served")
    await learn(tasks, task)
    assert task.served is not None
    await server.redis.flushall()

    other = Task("t", "e", COLUMNS, memory=TaskStore(server, "t"))
    await Tasks(server, [other], ModelBackup(tmp_path / "served")).refresh()

    printed = capsys.readouterr()
    assert "served_model_restored" in printed.out + printed.err
    assert "learned_from_rows=320" in printed.out + printed.err
    assert other.served == task.served
    assert other.model_version == task.model_version
    (tmp_path / "served" / "t.json").write_text("{")
    await server.redis.flushall()
    third = Task("t", "e", COLUMNS, memory=TaskStore(server, "t"))
    await Tasks(server, [third], ModelBackup(tmp_path / "served")).refresh()
    assert third.cold


async def test_a_promotion_is_heard_at_once(server: Store) -> None:
    """Long before anybody would look."""
    tasks, task = replica(server)
    await learn(tasks, task)
    others, other = replica(server)
    await others.refresh()
    follower = Follower(others, server, every_s=600)
    following = asyncio.create_task(Background(Metrics()).run(Loop("follower", follower.follow)))
    assert task.memory is not None
    while not (await server.redis.pubsub_numsub("assay:1:news"))[0][1]:  # noqa: ASYNC110 - the store has no event for it
        await asyncio.sleep(0.01)
    await task.memory.promote(1, True)

    async with asyncio.timeout(5):
        while other.version != 1 or not other.known.pinned:  # noqa: ASYNC110 - it comes by way of the store
            await asyncio.sleep(0.01)
    following.cancel()
    await follower.close()


def test_a_server_of_another_service_is_used_and_left_and_ends_with_that_one(
    tmp_path: Path,
) -> None:
    """Who lives will stop it; who was killed is survived by nothing, and the guest starts its
    own.
    """
    code = (
        "import pathlib, sys, time; from assay.service.store.embedded_valkey import EmbeddedStore; "
        "EmbeddedStore(pathlib.Path(sys.argv[1]), 64).start(); print(flush=True); time.sleep(600)"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert owner.stdout is not None
    owner.stdout.readline()
    guest = EmbeddedStore(tmp_path, 64)
    guest.start()
    guest.stop()
    answers_beside_its_owner = guest.answers()

    owner.kill()
    owner.wait()
    owner.stdout.close()
    wait_until(lambda: not guest.answers())
    asyncio.run(guest.look())
    answers_again = guest.answers()
    guest.stop()

    assert answers_beside_its_owner
    assert answers_again
    assert not guest.answers()


async def test_a_store_with_fewer_labels_than_it_had_is_told(
    server: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Such as one whose file was emptied: the copy of the model on disk knows how many there
    were.
    """
    tasks, task = replica(server)
    tasks._keepsake = ModelBackup(tmp_path / "served")
    truth = await traffic(tasks, task, sample())
    assert task.memory is not None
    await task.memory.label({key: Label(truth[key]) for key in sorted(truth)[::8]})
    await FitScheduler(tasks).fit(task)
    assert task.model_version == "t@1"
    assert await server.loss() is None
    await server.redis.delete("assay:1:labels:{t}")

    other = Task("t", "e", COLUMNS, memory=TaskStore(server, "t"))
    await Tasks(server, [other], ModelBackup(tmp_path / "served")).refresh()

    assert "the task t had 40 labels or more, and has 0" in str(await server.loss())
    assert "".join(capsys.readouterr()).count("store_has_lost_labels") == 1


async def test_a_full_store_drops_scores_and_nothing_that_was_learned(tmp_path: Path) -> None:
    """Three times its memory in scores: labels, requests and the model stay, and more can be
    learned.
    """
    embedded = EmbeddedStore(tmp_path / "store", 16)
    embedded.start()
    store = Store(embedded.url)
    tasks, task = replica(store)
    await learn(tasks, task)
    assert task.memory is not None
    await task.memory.label({f"{place}": Label(1.0) for place in range(500)})
    requests, labels = await task.memory.sizes()

    for part in range(50):
        await store.set_many(
            {f"assay:1:score:{part}:{place}": b"x" * 1000 for place in range(1000)}, 3600
        )
    scores = len(await store.redis.keys("assay:1:score:*"))
    after = await task.memory.sizes()
    new, durable = await task.memory.label({"new": Label(0.0)})
    model = await task.memory.model(1)
    await store.close()
    embedded.stop()

    assert 0 < scores < 20_000
    assert after == (requests, labels)
    assert (new, durable) == (1, True)
    assert model is not None


async def test_requests_make_room_for_scores_and_labels_in_a_full_store(tmp_path: Path) -> None:
    """Large ones fill it: the oldest go, and it takes scores and labels again."""
    embedded = EmbeddedStore(tmp_path / "store", 24)
    embedded.start()
    store = Store(embedded.url)
    tasks, task = replica(store)
    metrics = Metrics()
    writer = Writer(ScoreCache(store, 3600), tasks, metrics)
    rng = np.random.default_rng(0)
    for query in range(250):  # a hundred kilobytes each
        pairs = [Pair(Query.of(f"{query}"), f"{place}") for place in range(2000)]
        writer.put_rows(
            [
                Rows(
                    task,
                    record_of(
                        keys_of(pairs, True), tuple(range(6)), rng.normal(size=(2000, 6)), "t@0"
                    ),
                )
            ]
        )
        await writer.write_one()
    writer.put_scores({"{a}:b": b"x" * 320})
    await writer.write_one()
    new, durable = await TaskStore(store, "t").label({"a:b": Label(1.0)})
    stored = await store.redis.exists("assay:1:score:{a}:b")
    kept, _ = await TaskStore(store, "t").sizes()
    await store.close()
    embedded.stop()

    assert (new, durable, stored) == (1, True, 1)
    assert 0 < kept < 250
