"""Outages: how long the client waits, and what it raises then."""

from __future__ import annotations

import json
import pickle
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from assay_client import (
    AnswerTimeoutError,
    AssayError,
    AsyncClient,
    Client,
    NoScoreError,
    OverloadedError,
    RequestError,
    Retrying,
    UnreachableError,
    UrlError,
)

from tests.client.answers import problem
from tests.support.http.canned_server import answering, answering_by_path, in_thread

QUICK = Retrying(tries=2, first_wait_s=0.001, longest_wait_s=0.002)


@contextmanager
def failing(times: int, status: int = 503) -> Iterator[tuple[str, list[str]]]:
    """Run a service that fails so often, and its requests' ids."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            seen.append(self.headers["x-request-id"])
            self.send_response(status if len(seen) <= times else 200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with in_thread(server):
        yield f"http://127.0.0.1:{server.server_port}", seen


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_patience_outlasts_an_outage(status: int) -> None:
    """Thirty failures, where `tries` alone would give up after two; one id for all tries."""
    with failing(30, status) as (url, seen), Client(url, retrying=QUICK, patience_s=60) as client:
        assert client.post("/x", {}) == {}
        assert len(seen) == 31
        assert len(set(seen)) == 1
    with failing(30, status) as (url, seen), Client(url, retrying=QUICK) as client:
        with pytest.raises(AssayError):
            client.post("/x", {})
        assert len(seen) == 2


async def test_the_asynchronous_client_is_as_patient() -> None:
    """The same policy."""
    with failing(30) as (url, seen):
        async with AsyncClient(url, retrying=QUICK, patience_s=60) as client:
            assert await client.post("/x", {}) == {}
    assert len(seen) == 31


def test_patience_ends() -> None:
    """With the error of the last try; a wrong request is none of it."""
    with failing(30) as (url, seen), Client(url, retrying=QUICK, patience_s=0) as client:
        with pytest.raises(OverloadedError):
            client.post("/x", {})
        assert len(seen) == 1
    with (
        failing(30, 422) as (url, seen),
        Client(url, retrying=QUICK, patience_s=60) as client,
        pytest.raises(RequestError),
    ):
        client.post("/x", {})
    assert len(seen) == 1
    with pytest.raises(UnreachableError, match=r"does not answer \(2 tries\)"):
        Client("http://127.0.0.1:9", retrying=QUICK).post("/x", {})


def test_no_patience_for_a_door_without_a_score() -> None:
    """There no verifier may apply, which waiting does not mend."""
    answers = {"*": problem("no_verifier")}
    with answering_by_path(answers, status=503) as server:
        with (
            Client(server.url, retrying=QUICK, patience_s=600) as client,
            pytest.raises(NoScoreError),
        ):
            client.post("/get_reward", {})
        assert len(server.asked) == QUICK.tries


@pytest.mark.parametrize("path", ["/v1/rank", "/v1/score_pairs"])
def test_a_text_without_a_score_is_no_outage(path: str) -> None:
    """The verifiers answered: no wait, however patient; one that failed has a time to come again."""
    body = json.dumps(problem("no_verifier")).encode()
    with (
        answering(503, body) as server,
        Client(server.url, retrying=QUICK, patience_s=600) as client,
        pytest.raises(NoScoreError),
    ):
        client.post(path, {})
    assert len(server.seen) == 1
    with (
        answering(503, body, retry_after="0.001") as server,
        Client(server.url, retrying=QUICK) as client,
        pytest.raises(NoScoreError),
    ):
        client.post(path, {})
    assert len(server.seen) == QUICK.tries


def test_a_time_out_is_a_time_out() -> None:
    """With the id of the request, and the time that it had."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with (
            Client(url, timeout_s=0.01, retrying=QUICK) as client,
            pytest.raises(AnswerTimeoutError, match=r"timeout_s=0.01 \(2 tries\)") as failure,
        ):
            client.rank("q", ["a"])
    assert isinstance(failure.value, TimeoutError)
    assert isinstance(failure.value, UnreachableError)
    assert len(failure.value.request_id or "") == 32


def test_an_error_has_the_id_of_its_request() -> None:
    """The service's, for whoever looks into its log; also in another process."""
    with (
        answering(422, b'{"error": {"message": "no"}}', x_request_id="abc") as server,
        Client(server.url) as client,
        pytest.raises(RequestError) as failure,
    ):
        client.rank("q", ["a"])
    copied = pickle.loads(pickle.dumps(failure.value))  # noqa: S301 - our own
    assert (failure.value.request_id, copied.request_id, str(copied)) == ("abc", "abc", "no")


@pytest.mark.parametrize(
    ("url", "better"),
    [
        ("127.0.0.1:8181", "http://127.0.0.1:8181"),
        ("ftp://assay", "http://assay"),
        ("http://assay:8080/v1", "write http://assay:8080"),
        ("http://assay:8080/v1/", "write http://assay:8080"),
    ],
)
def test_a_wrong_url_is_told_at_once(url: str, better: str) -> None:
    """With one that is right."""
    with pytest.raises(UrlError, match=better):
        Client(url)


def test_another_server_is_named() -> None:
    """Whoever answers 404 without our form may be no Assay."""
    with (
        answering(404, b'{"detail": "Not Found"}') as server,
        Client(server.url) as client,
        pytest.raises(RequestError, match=f"{server.url}/v1/rank answered 404"),
    ):
        client.rank("q", ["a"])


def test_one_text_is_no_list_of_candidates() -> None:
    """Its letters are not ranked."""
    with pytest.raises(TypeError, match="a list of texts"):
        Client("http://127.0.0.1:9").rank("q", "abc")
