"""The commands and the client against a faulty server."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from assay_client import (
    AssayError,
    AsyncClient,
    Client,
    NoScoreError,
    OverloadedError,
    RequestError,
    UnreachableError,
)
from assay_client.retrying import Retrying

from assay.service.cli.remote import Api
from assay.service.domain.errors import StartupError
from tests.support.commands.in_process import problem, run
from tests.support.http.canned_server import answering
from tests.support.servers.processes import free_port

KEY = "k-secret-of-ours"
ONCE = Retrying(tries=1)


@pytest.fixture(autouse=True)
def with_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a key."""
    monkeypatch.setenv("ASSAY_API_KEY", KEY)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed_with_the_key(status: int) -> None:
    """Neither by the commands nor by the client: to another host, port or scheme, or the same."""
    with answering(body=b'{"tasks": []}') as other:
        for host in ("127.0.0.1", "localhost"):
            with answering(status, b"", location=f"http://{host}:{other.port}/v1/tasks") as first:
                said = problem("tasks", "--url", first.url)
                with (
                    pytest.raises(AssayError, match=str(status)),
                    Client(first.url, retrying=ONCE) as client,
                ):
                    client.rank("q", ["a"])
                with (
                    pytest.raises(AssayError, match=str(status)),
                    Client(first.url, retrying=ONCE) as client,
                ):
                    list(client.stream("q", ["a"]))
                assert [each["authorization"] for each in first.seen] == [f"Bearer {KEY}"] * 3
            assert f"answered {status}: it leads to 'http://{host}:{other.port}/v1/tasks'" in said
            assert "--url" in said
        assert other.seen == []


async def test_the_asynchronous_client_follows_none_either() -> None:
    """As the blocking one."""
    with answering() as other, answering(302, b"", location=other.url) as first:
        async with AsyncClient(first.url, retrying=ONCE) as client:
            with pytest.raises(AssayError, match="302"):
                await client.rank("q", ["a"])
        assert other.seen == []


def test_a_proxy_is_not_shown_the_key_of_a_service_on_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With any proxy in the environment."""
    with answering() as proxy, answering(body=b'{"tasks": []}') as ours:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert run("tasks", "--url", ours.url).exit_code == 0
        assert run("tasks", "--url", ours.url.replace("127.0.0.1", "localhost")).exit_code == 0
        assert (len(ours.seen), proxy.seen) == (2, [])


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "127.0.0.1:8080",
        "",
        "http://",
        "http:///x",
        "data:,x",
    ],
)
def test_a_url_that_is_none_is_refused(url: str) -> None:
    """A file is no service."""
    assert "--url: must be a URL" in problem("tasks", "--url", url)


@pytest.mark.parametrize("key", [f"{KEY}\nx: y", f"{KEY}\x00", f"{KEY}é"])
def test_a_key_that_is_none_is_not_shown(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """Neither by the commands nor by the client."""
    if "\x00" not in key:  # which no environment can hold
        monkeypatch.setenv("ASSAY_API_KEY", key)
        said = problem("tasks", "--url", "http://127.0.0.1:1")
        assert "ASSAY_API_KEY" in said
        assert KEY not in said
    with pytest.raises(AssayError) as failed:
        Client("http://127.0.0.1:1", api_key=key)
    assert KEY not in str(failed.value)


def test_a_key_from_a_file_may_end_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is not part of it."""
    monkeypatch.setenv("ASSAY_API_KEY", f"{KEY}\n")
    with answering(body=b'{"tasks": []}') as ours:
        assert run("tasks", "--url", ours.url).exit_code == 0
        assert ours.seen[0]["authorization"] == f"Bearer {KEY}"


ODD = [
    b"",
    b"<html>",
    b"null",
    b"5",
    b"[]",
    b"{}",
    b'{"tasks": 5}',
    b'{"tasks": [5]}',
    b'{"tasks": [{}]}',
    b"[" * 100_000,
    b"\xff",
    b'{"version": 1}',
    b'{"candidates": [{}]}',
    b'{"candidates": 5}',
    b'{"labels": [5]}',
    b'{"labels": {}}',
    b'{"log_loss": null}',
]
COMMANDS = [
    ("tasks",),
    ("fit", "--task", "t"),
    ("promote", "t"),
    ("promote", "t", "3"),
    ("shadow", "t", "3"),
    ("label", "t"),
    ("report", "t"),
    ("report", "t", "--last"),
    ("labels", "export", "t", "OUT"),
    ("labels", "import", "t", "IN"),
]


@pytest.mark.parametrize("words", COMMANDS, ids=[" ".join(words) for words in COMMANDS])
def test_an_answer_that_is_no_assays_is_told_as_such(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    """In a line, with the server; a failure of another form as well."""
    (tmp_path / "in.jsonl").write_text('{"query": "q", "candidate": "c", "correct": 1}\n')
    files = {"OUT": str(tmp_path / "out.jsonl"), "IN": str(tmp_path / "in.jsonl")}
    for body in ODD:
        for status in (200, 500):
            with answering(status, body) as server:
                result = run(*(files.get(word, word) for word in words), "--url", server.url)
            fine = result.exit_code == 0 and status == 200
            assert fine or isinstance(result.exception, StartupError), (
                body,
                status,
                result.exception,
            )


def test_a_server_that_speaks_no_http_is_told_as_such() -> None:
    """And one that is not there; a task's name may hold anything."""
    with answering(body=b'{"tasks": []}', content_length="5000") as short:
        assert "does not answer" in problem("tasks", "--url", short.url)
    assert "does not answer" in problem("tasks", "--url", f"http://127.0.0.1:{free_port()}")
    with answering() as server:
        Api(server.url).call("/v1/tasks/a b\r\nx: y\u00e9\x00")
        assert "x" not in server.seen[0]


# streams
# ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("said", "kind", "status"), [
    ({"type": "unavailable_error", "code": "no_verifier", "status": 503}, NoScoreError, 503),
    ({"type": "overloaded_error", "code": "too_much_work", "status": 429}, OverloadedError, 429),
    ({"type": "invalid_request_error", "code": "x", "status": 422}, RequestError, 422),
    ({"type": "api_error", "code": "internal", "status": 500}, AssayError, 500),
    # as services before this one say it
    ({"type": "overloaded_error", "code": "too_much_work"}, OverloadedError, 429),
    ({"type": "unavailable_error", "code": "no_verifier"}, NoScoreError, 503), ({"status": "x"}, AssayError, 500),
    ({"status": True}, AssayError, 500), ({}, AssayError, 500),
])  # fmt: skip
def test_an_error_in_a_stream_has_its_own_status(
    said: dict[str, Any], kind: type[AssayError], status: int
) -> None:
    """Not always 503."""
    body = f"event: error\ndata: {json.dumps({'error': said})}\n\n".encode()
    with (
        answering(body=body, content_type="text/event-stream") as server,
        Client(server.url) as client,
        pytest.raises(AssayError) as failed,
    ):
        list(client.stream("q", ["a"]))
    assert (type(failed.value), failed.value.status) == (kind, status)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"event: verifier\ndata: {}\n\n",
        b"event: ranking\ndata: {}\n\n",
        b"event: ranking\ndata: {\n\n",
        b"data: [[[\n\n",
        b"x\n\n",
        b"event: ranking\ndata: 5\n\n",
        b"event: error\ndata: 5\n\n",
    ],
)
async def test_a_stream_without_its_ranking_is_a_failure(body: bytes) -> None:
    """However it ends, and in whichever form."""
    with answering(body=body) as server:
        with pytest.raises(AssayError), Client(server.url) as client:
            list(client.stream("q", ["a"]))
        async with AsyncClient(server.url) as others:
            with pytest.raises(AssayError):
                assert not [event async for event in others.stream("q", ["a"])]


def test_a_stream_that_is_cut_is_a_failure() -> None:
    """If it ends before its announced end."""
    with (
        answering(body=b"event: verifier\ndata: {}\n\n", content_length="9999") as server,
        Client(server.url) as client,
        pytest.raises(UnreachableError),
    ):
        list(client.stream("q", ["a"]))


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_the_client_asks_no_proxy_for_a_service_on_this_machine(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A proxy would see the key and cannot reach this machine; other services go through it."""
    with answering() as proxy, answering(body=b'{"new": 1}') as ours:
        for variable in ("http_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(variable, proxy.url)
        with Client(f"http://{name}:{ours.port}", retrying=ONCE) as client:
            client.label("t", [])
        with Client("http://assay.invalid", retrying=ONCE) as client:
            client.label("t", [])

        async def asked() -> None:
            async with AsyncClient(f"http://{name}:{ours.port}", retrying=ONCE) as client:
                await client.label("t", [])

        asyncio.run(asked())
        assert (len(ours.seen), len(proxy.seen)) == (2, 1)


HEAD = {
    "id": "i",
    "task": "t",
    "ensemble": "e",
    "model_version": "v",
    "calibrated": False,
    "cold": True,
    "partial": False,
}
ROW = {"index": 0, "rank": 1, "probability": 0.5, "score": 0.0}


@pytest.mark.parametrize("body", [
    {}, [], None, 1, "", {"results": []}, {**HEAD, "results": []}, {**HEAD, "results": [{**ROW, "index": 2}]}, {**HEAD, "results": [ROW] * 2},
    {**HEAD, "results": [{**ROW, "index": -1}]}, {**HEAD, "results": [{**ROW, "index": 10**12}]}, {**HEAD, "results": {"a": ROW}},
    {**HEAD, "results": [{**ROW, "probability": "high"}]}, "[" * 100_000, b"\xff", b"",
])  # fmt: skip
def test_an_odd_answer_is_an_error_of_the_client(body: Any) -> None:
    """Of its own type for every call, also where lone pairs wait together: none is left waiting,
    or a library's error.
    """
    raw = (
        body
        if isinstance(body, bytes)
        else body.encode()
        if isinstance(body, str)
        else json.dumps(body).encode()
    )
    with answering(body=raw) as server:
        with Client(server.url, retrying=ONCE) as client:
            with pytest.raises(AssayError):
                client.rank("q", ["a", "b"])
            with pytest.raises(AssayError):
                client.score_pairs([("q", "a"), ("q", "b")])
            if not isinstance(body, dict):
                with pytest.raises(AssayError):
                    client.label("t", [])

        async def lone() -> None:
            async with AsyncClient(server.url, retrying=ONCE) as client:
                await asyncio.wait_for(
                    asyncio.gather(client.score("q", "a"), client.score("q", "b")), 20
                )

        with pytest.raises(AssayError):
            asyncio.run(lone())


def test_an_answer_that_cannot_be_unpacked_is_an_error_of_the_client() -> None:
    """Which the HTTP library tells in a way of its own."""
    zipped = answering(body=b"no gzip", content_encoding="gzip")
    with zipped as server, Client(server.url, retrying=ONCE) as client, pytest.raises(AssayError):
        client.rank("q", ["a"])
