"""The connection to the store: one that answers with the wrong type counts as down, and Assay
believes none of it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from assay.service.domain.cascade_savings import CascadeSavings
from assay.service.domain.errors import StoreDownError
from assay.service.domain.labels import Label
from assay.service.domain.learned import Fit, Sizes
from assay.service.store.client import Store
from assay.service.store.task_store import TaskStore
from tests.support.samples.replicas import give_labels
from tests.support.servers.processes import service, standin, write_config
from tests.support.servers.valkeys import valkey

#: To each command.
ODD = {
    "number": b":1\r\n", "large": b":99999999999999999999999\r\n", "nothing": b"$-1\r\n", "no list": b"*-1\r\n", "text": b"$3\r\nabc\r\n",
    "status": b"+OK\r\n", "empty": b"*0\r\n", "nested": b"*1\r\n*1\r\n*1\r\n:1\r\n", "numbers": b"*2\r\n:1\r\n:2\r\n",
    "deep": b"*1\r\n" * 1000 + b":1\r\n", "map": b"%1\r\n+a\r\n:1\r\n", "garbage": b"\x00\xff garbage\r\n",
}  # fmt: skip


class Between:
    """A proxy between a client and a store; a test can make it answer by itself."""

    def __init__(self, port: int) -> None:
        self.port, self.says = port, b""
        self.ours = 0

    async def serve(self) -> asyncio.Server:
        """Listen; return the server."""
        server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.ours = server.sockets[0].getsockname()[1]
        return server

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection("127.0.0.1", self.port)
        returning = asyncio.ensure_future(self._pass(back, writer))
        try:
            while data := await reader.read(65536):
                if self.says:
                    writer.write(self.says * (data.count(b"\r\n*") + 1))
                else:
                    forth.write(data)
        except OSError:
            pass
        finally:
            returning.cancel()
            forth.close()
            writer.close()

    @staticmethod
    async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)


@asynccontextmanager
async def between(folder: Path) -> AsyncIterator[tuple[Store, Between]]:
    """A store's client, with something between it and its server."""
    with valkey(folder) as (port, _):
        proxy = Between(port)
        server = await proxy.serve()
        store = Store(f"redis://127.0.0.1:{proxy.ours}", retry_every_s=0.0)
        try:
            yield store, proxy
        finally:
            await store.close()
            server.close()


@contextmanager
def beside(port: int) -> Iterator[Between]:
    """The same, in a thread of its own."""
    proxy, loop = Between(port), asyncio.new_event_loop()
    running = threading.Thread(target=loop.run_forever)
    running.start()
    try:
        server = asyncio.run_coroutine_threadsafe(proxy.serve(), loop).result()
        yield proxy
        loop.call_soon_threadsafe(server.close)
    finally:

        async def end() -> None:
            left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        running.join()
        loop.close()


def reads(store: Store) -> dict[str, Callable[[], Awaitable[Any]]]:
    """Return calls that read the store's answers."""
    task_store = TaskStore(store, "t")
    fit = Fit(None, serve=False, report={})
    return {
        "fetch": lambda: store.fetch(["a", "b", "c"]),
        "state": task_store.state,
        "labels": task_store.labels,
        "rows": task_store.rows,
        "sizes": task_store.sizes,
        "progress": task_store.progress,
        "look": task_store.look,
        "reports": task_store.reports,
        "since": task_store.since,
        "label": lambda: give_labels(task_store, {"k": Label(1.0)}),
        "report": lambda: task_store.report(1),
        "labelled": task_store.labelled,
        "rollback": task_store.rollback,
        "lease": lambda: task_store.lease("t"),
        "note": lambda: task_store.note(CascadeSavings(1)),
        "publish": lambda: task_store.publish("t", fit, Sizes(), 3),
        "generation": store.generation,
        "loss": store.loss,
        "check": store.check,
        "model": lambda: task_store.model(1),
        "last report": task_store.last_report,
    }


#: What some calls may well be answered.
FITS = {
    "number": {"sizes", "rollback", "lease", "note", "publish"}, "nothing": {"loss", "model", "report", "last report", "rollback", "lease", "note", "publish", "generation"},
    "no list": {"loss", "model", "report", "last report", "rollback", "lease", "note", "publish", "generation"},
    "text": {"check", "loss", "model", "generation", "last report", "report"}, "status": {"check", "loss", "model", "generation", "last report", "report"},
    "empty": {"state", "since", "rows", "reports"},
}  # fmt: skip


@pytest.mark.parametrize("odd", ODD)
async def test_an_answer_of_another_type_is_a_store_that_is_down(tmp_path: Path, odd: str) -> None:
    """For any call on a connection that worked; all works again once the store does."""
    async with between(tmp_path) as (store, proxy):
        for name, call in reads(store).items():
            await store.fetch(["a"])
            proxy.says = ODD[odd]
            if name in FITS.get(odd, ()):
                with suppress(StoreDownError):
                    await call()
            else:
                with pytest.raises(StoreDownError):
                    await call()
            proxy.says = b""
            assert await store.fetch(["a"]) == [None], name


def test_ranking_goes_on_beside_a_store_that_answers_out_of_turn(tmp_path: Path) -> None:
    """Without the store's data; other routes give 503, and the log shows no bug."""
    with (
        valkey(tmp_path / "valkey") as (port, _),
        beside(port) as proxy,
        standin("reward") as reward,
    ):
        verifiers = [
            {"name": "r", "kind": "reward_model", "endpoint": reward.url, "model": "reward"}
        ]
        config = write_config(tmp_path / "c.yaml", {"verifiers": verifiers, "tasks": {"math": {}}})
        env = {"ASSAY_REDIS_URL": f"redis://127.0.0.1:{proxy.ours}"}
        with service(config, tmp_path, env=env) as running:
            rank = {"query": "2+2?", "candidates": ["4", "5"], "task": "math"}
            assert running.post("/v1/rank", rank).status == 200
            for odd in ("number", "no list", "nested", "text"):
                proxy.says = ODD[odd]
                answers = [
                    running.post("/v1/rank", {**rank, "query": f"{odd}?"}).status for _ in range(3)
                ]
                labels = running.post(
                    "/v1/tasks/math/labels",
                    {"labels": [{"query": "q", "candidate": "a", "correct": True}]},
                )
                assert answers == [200, 200, 200], odd
                assert labels.status == 503, labels.raw
                assert running.get("/v1/tasks/math").status in (200, 503)
                assert running.get("/healthz").status == 200
            proxy.says = b""
        said = (tmp_path / "service.log").read_text()
    assert "Traceback" not in said
    assert "request_failed" not in said


async def test_a_store_without_msetex_is_written_with_plain_sets(store: Store) -> None:
    """An older Redis says no once, and is not asked again."""
    other = Store(store.url)
    other._mset_with_expiry = False

    await other.set_many({"a": b"1", "b": b"2"}, 60)

    assert await other.fetch(["a", "b", "c"]) == [b"1", b"2", None]
    assert int(await other.redis.ttl("a")) > 0
    await other.close()


async def test_a_store_that_is_away_fails_at_once_between_tries(tmp_path: Path) -> None:
    """The breaker answers for it."""
    away = Store(f"unix://{tmp_path}/nothing.sock", retry_every_s=60)

    for _ in range(3):
        with pytest.raises(StoreDownError):
            await away.fetch(["a"])

    assert away.down
