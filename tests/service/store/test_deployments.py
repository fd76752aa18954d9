"""Stores as they are run: TLS and users, a cluster, behind Sentinel, and beside another service."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from assay.service.store.client import Store
from assay.service.store.embedded_valkey import EmbeddedStore
from assay.service.store.schema import EvictionError
from tests.support.servers.processes import ROOT, Server, service, standin, stop
from tests.support.servers.processes import assay as command
from tests.support.servers.stored_task import body, config
from tests.support.servers.valkeys import certificates, cluster, say, sentinel, valkey, with_tls
from tests.support.waiting import wait_until


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
    """The error names its policy and a right one; a store that refuses writes when full is a
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


def test_a_server_of_another_service_is_used_and_left_and_ends_with_that_one(
    tmp_path: Path,
) -> None:
    """Its own service stops it; after a kill it ends too, and the guest starts another."""
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
