"""What SECURITY.md promises: for each protection, a test that fails where it is taken away."""

from __future__ import annotations

import asyncio
import hmac
import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml

from assay.service.api.front.auth import KeyRing
from assay.service.config.keys import KeySettings
from assay.service.config.model import ConfigError, load_config
from assay.verifiers import HttpPool, UnreachableError
from tests.support.commands import run
from tests.support.processes import (
    ROOT,
    Answer,
    Server,
    call,
    free_port,
    service,
    standin,
    write_config,
)
from tests.support.valkeys import certificates, valkey, with_tls

BODY = {"query": "What is 3 + 4?", "candidates": ["3 + 4 = 7", "3 + 4 = 8"]}
CHECK: dict[str, Any] = {"verifiers": [{"name": "arithmetic", "kind": "arithmetic", "cost": 0.5}]}
SECRET = "nobody else should read that 3 + 4 = 7"


def key(name: str, **more: Any) -> dict[str, Any]:
    """Return a key's entry; the key is `k-` and its name."""
    return {"name": name, "sha256": sha256(f"k-{name}".encode()).hexdigest(), **more}


def ask(running: Server, name: str, path: str = "/v1/rank", body: Any = None) -> Answer:
    """Ask with somebody's key."""
    return call(running.url + path, body, headers={"authorization": f"Bearer k-{name}"})


@contextmanager
def serving(folder: Path, **settings: Any) -> Iterator[Server]:
    """Run a service with one check."""
    folder.mkdir(exist_ok=True)
    with service(
        write_config(folder / "e.yaml", {**CHECK, "service": settings}), folder
    ) as running:
        yield running


# who may do what
# ----------------------------------------------------------------------------------------------------


def test_every_key_is_compared_and_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also after one has matched: time tells neither how much of a key was right, nor which it
    is.
    """
    compared: list[bytes] = []
    constant = hmac.compare_digest

    def compare(given: bytes, known: bytes) -> bool:
        compared.append(known)
        return constant(given, known)

    monkeypatch.setattr("assay.service.api.front.auth.hmac.compare_digest", compare)
    keys = KeyRing(["plain"], [KeySettings.model_validate(key(name)) for name in "abc"])

    found = keys.holder(b"Bearer k-a")

    assert found is not None
    assert found.name == "a"
    assert len(set(compared)) == 4


def test_the_requests_of_a_key_are_limited_for_all_replicas_together(tmp_path: Path) -> None:
    """Counted in the store; others are not counted with it, and it is told when to come again."""
    keys = [key("few", requests="3/minute"), key("many")]
    with valkey(tmp_path / "store") as (port, _), ExitStack() as stack:
        settings = {"redis_url": f"redis://127.0.0.1:{port}/0", "keys": keys}
        replicas = [
            stack.enter_context(serving(tmp_path / name, **settings)) for name in ("one", "two")
        ]
        answers = [ask(replicas[number % 2], "few", body=BODY) for number in range(4)]
        other = ask(replicas[0], "many", body=BODY)
        counted = ask(replicas[1], "few", body=BODY)

    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert other.status == 200
    error = counted.json["error"]
    assert (error["type"], error["code"]) == ("rate_limit_error", "requests_limit_reached")
    assert 1 <= int(counted.headers["retry-after"]) <= 60
    assert "3 per 1 minute" in error["message"]


T = "/v1/tasks/default"
COUNTED: list[tuple[str, Any]] = [
    (f"{T}/labels", {"labels": [{"query": "q", "candidate": "c", "correct": True}]}), (f"{T}/fit", {}), (f"{T}/evaluate", {}),
    (f"{T}/rollback", {}), (f"{T}/models/1/promote", {}), ("/v1/tasks", None), (T, None), (f"{T}/labels", None),
    (f"{T}/to-label", None), (f"{T}/models", None), (f"{T}/export?format=dpo", None), (f"{T}/models/1/shadow", None),
    (f"{T}/verifiers", None), ("/nowhere", None), ("/rerank", {"query": "q", "documents": ["a"]}),
]  # fmt: skip


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service with a key of two requests an hour for each path, and one for little."""
    scopes = ["rank", "label", "admin"]
    keys = [
        key(f"counted{place}", requests="2/hour", scopes=scopes) for place in range(len(COUNTED))
    ]
    keys += [
        key("watcher", requests="1/hour", scopes=scopes),
        key("spent", cost="1/hour", scopes=scopes),
    ]
    with serving(tmp_path_factory.mktemp("limited"), keys=keys) as running:
        yield running


@pytest.mark.parametrize("place", range(len(COUNTED)), ids=[path for path, _ in COUNTED])
def test_every_request_of_a_key_counts(limited: Server, place: int) -> None:
    """Whatever it asks, and whatever comes of it."""
    statuses = [ask(limited, f"counted{place}", *COUNTED[place]).status for _ in range(3)]

    assert 429 not in statuses[:2]
    assert statuses[2] == 429


def test_what_is_looked_at_all_the_time_is_not_counted(limited: Server) -> None:
    """Metrics, the list of models, and what needs no key."""
    paths = ["/metrics", "/v1/models", "/healthz", "/readyz", "/openapi.json"] * 2

    assert {ask(limited, "watcher", path).status for path in paths} == {200}
    assert [ask(limited, "watcher", "/v1/tasks").status for _ in range(2)] == [200, 429]


def test_a_key_that_has_spent_its_cost_may_still_label(limited: Server) -> None:
    """A limit of cost is one of what costs something."""
    ask(limited, "spent", body=BODY)
    refused = ask(limited, "spent", body={**BODY, "query": "another"})
    labels = {"labels": [{"query": "q", "candidate": "c", "correct": True}]}

    assert refused.json["error"]["code"] == "cost_limit_reached"
    assert ask(limited, "spent", "/v1/tasks/default/labels", labels).status == 200


def test_the_cost_of_a_key_is_limited(tmp_path: Path) -> None:
    """What is remembered costs nothing; a request may go over what was left, and the next is
    refused.
    """
    fresh = [{**BODY, "query": f"What is 3 + 4, {number}?"} for number in range(4)]
    with serving(tmp_path, keys=[key("poor", cost="2/hour"), key("rich")]) as running:
        ask(running, "rich", body=fresh[0])
        statuses = [
            ask(running, "poor", body=body).status
            for body in (fresh[0], fresh[1], fresh[2], fresh[3])
        ]
        refused = ask(running, "poor", body=fresh[0]).json["error"]

    assert statuses == [200, 200, 200, 429]
    assert refused["code"] == "cost_limit_reached"


def test_limits_hold_while_the_store_is_down(tmp_path: Path) -> None:
    """Each worker counts by itself."""
    settings = {
        "redis_url": f"redis://127.0.0.1:{free_port()}/0",
        "keys": [key("few", requests="2/hour")],
    }
    with serving(tmp_path, **settings) as running:
        statuses = [ask(running, "few", body=BODY).status for _ in range(4)]

    assert statuses == [200, 200, 429, 429]


@pytest.mark.parametrize(
    "wrong", [{"requests": "often"}, {"cost": "-1/day"}, {"requests": "3"}, {"priority": "high"}]
)
def test_a_limit_that_is_none_stops_the_start(tmp_path: Path, wrong: dict[str, str]) -> None:
    """With its place and value."""
    path = write_config(tmp_path / "e.yaml", {**CHECK, "service": {"keys": [key("a", **wrong)]}})

    with pytest.raises(ConfigError, match=re.escape(next(iter(wrong.values())))):
        load_config(path, {}, {})


def test_the_command_makes_a_key_with_limits() -> None:
    """As the configuration reads them."""
    made = run(
        "key", "trainer", "--requests", "600/minute", "--cost", "10/day", "--priority", "bulk"
    )

    assert made.exit_code == 0
    entry = yaml.safe_load(made.stdout[made.stdout.index("service:") :])["service"]["keys"][0]
    assert (entry["requests"], entry["cost"], entry["priority"]) == ("600/minute", "10/day", "bulk")


def test_the_administrators_port_has_what_is_the_administrators(tmp_path: Path) -> None:
    """And the first port has not; metrics need no key there, all else does."""
    admin = free_port()
    keys = [key("ranker"), key("owner", scopes=["rank", "admin"])]
    with serving(tmp_path, keys=keys, admin_port=admin, workers=2) as running:
        there = Server(f"http://127.0.0.1:{admin}", running.process)
        first = {
            path: ask(running, "owner", path).status
            for path in ("/metrics", "/v1/tasks/default/labels", "/v1/tasks")
        }
        second = {
            path: ask(there, "owner", path).status
            for path in ("/metrics", "/v1/tasks/default/labels", "/v1/tasks")
        }
        without = {
            path: call(there.url + path).status for path in ("/metrics", "/v1/tasks/default/labels")
        }
        ranked = ask(running, "ranker", body=BODY).status

    assert first == {"/metrics": 404, "/v1/tasks/default/labels": 404, "/v1/tasks": 200}
    assert second == {"/metrics": 200, "/v1/tasks/default/labels": 200, "/v1/tasks": 200}
    assert without == {"/metrics": 200, "/v1/tasks/default/labels": 401}
    assert ranked == 200


# what is bounded
# ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service without keys."""
    with serving(tmp_path_factory.mktemp("plain"), max_body_bytes=200_000) as running:
        yield running


def sent(running: Server, *parts: bytes, pause_s: float = 0.0, wait_s: float = 10.0) -> bytes:
    """Send bytes as they are, and return what comes back until the other side closes or says
    nothing for long.
    """
    host, port = running.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), wait_s) as connection:
        reply = b""
        try:
            for part in parts:
                connection.sendall(part)
                time.sleep(pause_s)  # so that the parts come one by one
            while more := connection.recv(65536):
                reply += more
        except OSError:  # it closed before all was sent, or says nothing more
            return reply
    return reply


@pytest.mark.parametrize("pause_s", [0.0, 0.05])
@pytest.mark.parametrize("many", [True, False])
def test_a_head_is_bounded_in_size(plain: Server, many: bool, pause_s: float) -> None:
    """One long line or many short ones, at once or bit by bit."""
    lines = (
        [b"x-%d: %s\r\n" % (number, b"y" * 90) for number in range(1200)]
        if many
        else [b"x: " + b"y" * 120_000 + b"\r\n"]
    )
    head = b"GET /healthz HTTP/1.1\r\nhost: a\r\n" + b"".join(lines) + b"\r\n"
    parts = (
        [head]
        if not pause_s
        else [head[start : start + 30_000] for start in range(0, len(head), 30_000)]
    )

    reply = sent(plain, *parts, pause_s=pause_s)

    assert not reply.startswith(b"HTTP/1.1 200")
    assert reply.startswith(b"HTTP/1.1 431") or not reply
    assert plain.get("/healthz").status == 200


def test_a_head_below_the_bound_is_read_and_a_long_body_beside_it(plain: Server) -> None:
    """60 KiB of headers, and a body of more than that in the same packet."""
    body = b'{"query": "q", "candidates": ["' + b"a" * 100_000 + b'"]}'
    head = (
        b"POST /v1/rank HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\nx: %s\r\n\r\n"
        % (
            len(body),
            b"y" * 60_000,
        )
    )

    assert sent(plain, head + body).startswith(b"HTTP/1.1 200")


def test_a_head_is_bounded_in_time(tmp_path: Path) -> None:
    """Who sends a byte now and then, or nothing, is let go."""
    env = {"ASSAY_TEST": "1"}
    config = write_config(tmp_path / "e.yaml", CHECK)
    with service(config, tmp_path, env=env) as running:
        started = time.monotonic()
        slow = sent(running, b"GET /healthz HTTP/1.1\r\n", b"x: y\r\n", pause_s=0.2, wait_s=40)
        took = time.monotonic() - started

    assert slow.startswith(b"HTTP/1.1 408")
    assert 10 < took < 35


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"query": ' * 10_000,
        b'{"query": "q", "candidates": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
)
def test_depth_is_bounded(plain: Server, body: bytes) -> None:
    """A 4xx, and nothing falls."""
    assert plain.post("/v1/rank", body).status in (400, 422)
    assert plain.post("/v1/tasks/default/labels", body).status in (400, 422)


# what is told
# -------------------------------------------------------------------------------------------------------


def test_browsers_are_told_to_keep_out(plain: Server) -> None:
    """Security headers on answers and errors; no page of another origin may read one."""
    origin = {"origin": "https://evil.example"}
    asked = [
        call(plain.url + "/v1/rank", BODY, headers=origin),
        call(plain.url + "/nowhere", headers=origin),
        call(plain.url + "/healthz", headers=origin),
    ]

    for answer in asked:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert "server" not in answer.headers


def test_no_text_and_no_key_is_logged(tmp_path: Path) -> None:
    """At the most talkative level: answers, refusals, failures, labels."""
    with standin("judge") as upstream:
        call(upstream.url + "/standin", {"fault": "garbage"})
        judge = {"name": "judge", "kind": "judge", "model": "judge", "endpoint": upstream.url}
        settings = {"log_level": "debug", "api_keys": ["k-secret"]}
        config = write_config(
            tmp_path / "e.yaml", {"verifiers": [judge, *CHECK["verifiers"]], "service": settings}
        )
        with service(config, tmp_path) as running:
            body = {"query": SECRET, "candidates": [SECRET]}
            statuses = [
                ask(running, "secret", body=body).status, ask(running, "secret", body={**body, "top_n": SECRET}).status,
                ask(running, SECRET, body=body).status,
                ask(running, "secret", "/v1/tasks/default/labels", {"labels": [{**body, "candidate": SECRET, "correct": True}]}).status,
                ask(running, "secret", "/rerank", {"query": SECRET, "documents": [SECRET]}).status,
            ]  # fmt: skip
    logged = (tmp_path / "service.log").read_text()

    assert statuses[:3] == [200, 422, 401]
    assert "POST /v1/rank" in logged
    assert SECRET not in logged
    assert "k-secret" not in logged


# whom it asks
# -------------------------------------------------------------------------------------------------------


def test_an_upstreams_certificate_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that nobody vouches for is refused, with the reason; the operator's own authority is
    believed.
    """

    async def models(port: int) -> int:
        pool = HttpPool()
        try:
            return (await pool.get(f"https://127.0.0.1:{port}/v1/models"))[0]
        finally:
            await pool.close()

    certificate, private = certificates(tmp_path)
    with (
        standin("judge") as upstream,
        with_tls(int(upstream.url.rpartition(":")[2]), certificate, private) as port,
    ):
        with pytest.raises(UnreachableError, match=r"(?i)certificate"):
            asyncio.run(models(port))
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        status = asyncio.run(models(port))

    assert status == 200


@pytest.mark.parametrize(
    "more",
    [
        {"endpoint": "http://169.254.169.254/"},
        {"verifiers": [{"kind": "judge"}]},
        {"model": "http://evil"},
        {"redis_url": "redis://x"},
    ],
)
def test_no_request_names_a_server(plain: Server, more: dict[str, Any]) -> None:
    """Upstreams are those of the operator's file."""
    refused = plain.post("/v1/rank", {**BODY, **more})

    assert (refused.status, refused.json["error"]["param"]) == (422, next(iter(more)))


async def test_redirects_are_not_followed() -> None:
    """An upstream cannot send us elsewhere."""
    asked: list[bytes] = []

    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(
            b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n"
        )
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(redirect, "127.0.0.1", 0)
    pool = HttpPool()
    status, _ = await pool.get(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/models")
    await pool.close()
    server.close()
    await server.wait_closed()

    assert (status, len(asked)) == (302, 1)


# how it runs
# --------------------------------------------------------------------------------------------------------


def test_the_container_is_nobody_and_may_write_nowhere() -> None:
    """In the image, in every compose file, and in what a plan writes."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert re.findall(r"^USER (.*)$", dockerfile, re.MULTILINE) == ["10001"]
    bases = [
        *sorted((ROOT / "deploy").glob("compose.*.yaml")),
        ROOT / "service" / "planning" / "compose.yaml",
    ]
    for path in bases:
        ours = yaml.safe_load(path.read_text())["services"]["assay"]
        assert ours["read_only"] is True, path
        assert ours["cap_drop"] == ["ALL"], path
        assert ours["security_opt"] == ["no-new-privileges:true"], path
        assert all(each.split(":")[0] == "127.0.0.1" for each in ours.get("ports", [])), path
        assert "--host" not in ours["command"] or "127.0.0.1" in ours["command"], path


def test_it_listens_to_this_machine_only_unless_told_otherwise(tmp_path: Path) -> None:
    """And says so where it is open and asks for no key."""
    config = load_config(write_config(tmp_path / "e.yaml", CHECK), {}, {})
    assert (config.service.host, config.service.admin_host) == ("127.0.0.1", "127.0.0.1")

    with service(
        write_config(tmp_path / "f.yaml", {**CHECK, "service": {"host": "0.0.0.0"}}), tmp_path
    ):
        pass
    assert "open_to_the_network" in (tmp_path / "service.log").read_text()


def test_security_md_names_tests_that_there_are() -> None:
    """Each row of its table a file, and a test in it."""
    rows = re.findall(
        r"^\| .+ \| (`tests/.+) \|$", (ROOT / "SECURITY.md").read_text(), re.MULTILINE
    )
    named = [each for row in rows for each in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", row)]

    assert len(rows) >= 15
    for file, test in named:
        text = (ROOT / file).read_text()
        assert not test or f"def {test}(" in text, (file, test)
    assert os.path.getsize(ROOT / "SECURITY.md") > 0
