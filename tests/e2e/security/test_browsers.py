"""The rights of a page in a browser: none without keys, and none with keys."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers.processes import Server, call, free_port, service, write_config
from tests.support.servers.secured import BODY, LABELS, TASK

CHECK: dict[str, Any] = {
    "verifiers": [{"name": "arithmetic", "kind": "arithmetic"}],
    "tasks": {"default": {"store_text": True}},
}
#: All that changes a state, costs something or reveals what others asked.
POSTS: dict[str, Any] = {
    "/v1/rank": BODY, "/v1/score_pairs": {"pairs": [{"query": "q", "candidate": "c"}]}, f"{TASK}/labels": LABELS, f"{TASK}/fit": {},
    f"{TASK}/labels/exported": {"labels": 1}, f"{TASK}/labels/withdraw": {"labels": [{"query": "q", "candidate": "c"}]},
    f"{TASK}/evaluate": {}, f"{TASK}/rollback": {}, f"{TASK}/models/1/promote": {}, "/rerank": {"query": "q", "documents": ["a"]},
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "q"}]}, "/rm": {"prompt": "q", "response": "a"},
    "/classify": {"input": "q"}, "/verify": {"responses_create_params": {"input": "q"}, "response": {"output": []}},
}  # fmt: skip
GETS = [
    f"{TASK}/to-label",
    f"{TASK}/labels",
    f"{TASK}/export?format=dpo",
    TASK,
    "/v1/tasks",
    f"{TASK}/models",
    f"{TASK}/report",
    f"{TASK}/models/1/shadow",
    f"{TASK}/verifiers",
    "/metrics",
    "/v1/models",
]
SIMPLE = [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=a",
    "text/plain;application/json",
    "",
]


@pytest.fixture(scope="module")
def open_to_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service without keys on loopback."""
    folder = tmp_path_factory.mktemp("open")
    with service(write_config(folder / "e.yaml", CHECK), folder) as running:
        yield running


def raw(running: Server, head: str, body: bytes = b"") -> int:
    """Send a request as it is; return the status."""
    host, port = running.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 20) as connection:
        connection.sendall(
            head.replace("\n", "\r\n").encode()
            + f"content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode()
            + body
        )
        reply = b""
        while more := connection.recv(65536):
            reply += more
    return int(reply.split()[1])


@pytest.mark.parametrize("path", POSTS)
def test_no_request_that_a_form_could_send_changes_anything(open_to_all: Server, path: str) -> None:
    """A form sends three types of body, and a page without asking also none: 415 that names the
    value; JSON is taken.
    """
    statuses = {
        kind: open_to_all.post(path, POSTS[path], headers={"content-type": kind}) for kind in SIMPLE
    }
    taken = open_to_all.post(
        path, POSTS[path], headers={"content-type": "application/json; charset=utf-8"}
    )
    untyped = raw(open_to_all, f"POST {path} HTTP/1.1\nhost: localhost\n", b'{"labels": []}')
    empty = raw(open_to_all, f"POST {path} HTTP/1.1\nhost: localhost\n")

    assert {kind: answer.status for kind, answer in statuses.items()} == dict.fromkeys(SIMPLE, 415)
    assert (untyped, empty) == (415, 415)
    assert taken.status != 415
    error = statuses["text/plain"].json["error"]
    assert (error["code"], error["param"]) == ("unsupported_media_type", "Content-Type")
    assert "'text/plain'" in error["message"]


@pytest.mark.parametrize("headers", [
    {"origin": "https://evil.example"}, {"origin": "null"}, {"origin": "http://localhost:1"}, {"origin": "http://127.0.0.1"},
    {"origin": "chrome-extension://abc"}, {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"},
    {"origin": "http://evil.example@127.0.0.1"}, {"origin": ""},
])  # fmt: skip
def test_a_page_of_another_origin_may_ask_nothing(
    open_to_all: Server, headers: dict[str, str]
) -> None:
    """Neither write nor read, also not as JSON; the refusal names the header and the setting."""
    asked = [open_to_all.post(path, body, headers=headers) for path, body in POSTS.items()]
    asked += [open_to_all.get(path, headers=headers) for path in GETS]

    assert {answer.status for answer in asked} == {403}
    header = next(iter(headers)).title()
    for answer in asked:
        message = str(answer.json["error"].get("message"))
        assert message.startswith(f"{header}: ")
        assert "ASSAY_API_KEYS" in message


def test_a_page_of_ours_may_ask(open_to_all: Server) -> None:
    """The documents' "try it out", and a person's own typing."""
    host = open_to_all.url.removeprefix("http://")
    port = host.rpartition(":")[2]
    own = {"origin": open_to_all.url, "sec-fetch-site": "same-origin"}
    named = {"host": f"localhost:{port}", "origin": f"http://LOCALHOST:{port}"}
    proxied = {"host": "localhost", "origin": "https://localhost"}  # which took TLS off

    assert {
        open_to_all.post("/v1/rank", BODY, headers=headers).status
        for headers in (own, named, proxied)
    } == {200}
    assert open_to_all.get("/docs", headers={"sec-fetch-site": "none"}).status == 200
    assert (
        open_to_all.get("/docs", headers={"sec-fetch-site": "cross-site"}).status == 200
    )  # a link to it


@pytest.mark.parametrize("host", [
    "evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example", "evil.localhost", "192.0.2.1",
    "[2001:db8::1]", "0x7f.1", "2130706433", "127.1", "[::1%evil]", "a b", "localhost@evil.example", "localhost:x", "[localhost]", "",
    "assay", "127.0.0.1, evil.example",
])  # fmt: skip
def test_a_name_that_is_turned_to_us_reads_nothing(open_to_all: Server, host: str) -> None:
    """DNS rebinding: the page's own name is the Host, and its origin is the same."""
    reads = {
        path: raw(open_to_all, f"GET {path} HTTP/1.1\nhost: {host}\norigin: http://{host}\n")
        for path in [*GETS, "/", "/docs"]
    }
    wrote = raw(
        open_to_all,
        f"POST {TASK}/labels HTTP/1.1\nhost: {host}\ncontent-type: application/json\n",
        b"{}",
    )

    assert set(reads.values()) == {421}
    assert wrote == 421


def test_who_names_no_host_is_refused_and_two_are_too_many(open_to_all: Server) -> None:
    """Another reader might take the other header."""
    assert raw(open_to_all, "GET /v1/tasks HTTP/1.1\nx: y\n") == 421
    assert raw(open_to_all, "GET /v1/tasks HTTP/1.1\nhost: evil.example\nhost: localhost\n") == 400
    assert raw(open_to_all, "GET /v1/tasks HTTP/1.1\nhost: localhost\nhost: evil.example\n") == 400
    assert (
        raw(
            open_to_all,
            "GET /v1/tasks HTTP/1.1\nhost: localhost\norigin: http://evil\norigin: http://localhost\n",
        )
        == 400
    )
    post = "POST /v1/rank HTTP/1.1\nhost: localhost\ncontent-type: text/plain\ncontent-type: application/json\n"
    assert raw(open_to_all, post, b"{}") == 400
    refused = open_to_all.get("/v1/tasks", headers={"host": "evil.example"}).json["error"]
    assert (refused["code"], refused["param"]) == ("unknown_host", "Host")
    assert "'evil.example'" in refused["message"]
    assert "ASSAY_ALLOWED_HOSTS" in refused["message"]


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:1",
        "localhost.",
        "127.0.0.1",
        "127.8.9.1:80",
        "[::1]",
        "[::1]:8080",
        "[::ffff:127.0.0.1]",
    ],
)
def test_loopbacks_own_names_are_known(open_to_all: Server, host: str) -> None:
    """With any port: a container's is published under another."""
    assert raw(open_to_all, f"GET /v1/tasks HTTP/1.1\nhost: {host}\n") == 200


def test_a_probe_is_answered_under_any_name_and_told_no_names(open_to_all: Server) -> None:
    """Health shows nothing; readiness shows names to administrators only."""
    rebound = open_to_all.get("/readyz", headers={"host": "evil.example"})
    crossed = open_to_all.get("/readyz", headers={"origin": "https://evil.example"})

    assert open_to_all.get("/healthz", headers={"host": "evil.example"}).status == 200
    for answer in (rebound, crossed):
        assert (answer.status, answer.json) == (
            200,
            {"status": "ready", "answering": 1, "of": 1, "store": "ok", "store_reason": None},
        )
    assert open_to_all.get("/readyz").json["verifiers"] == {"arithmetic": "ok"}


@pytest.mark.parametrize(
    "path",
    ["/v1/tasks/", "/v1/rank/", "/docs/", "/healthz/", "//evil.example/", "/v1/tasks/default/"],
)
def test_no_redirect_is_made_of_the_host(open_to_all: Server, path: str) -> None:
    """An unknown path redirects nowhere; the one redirect names a path alone."""
    found = [
        raw(
            open_to_all,
            f"{method} {path} HTTP/1.1\nhost: localhost\ncontent-type: application/json\n",
        )
        for method in ("GET", "POST")
    ]

    assert set(found) <= {404, 405}


def test_the_redirect_to_the_documents_names_no_host(open_to_all: Server) -> None:
    """With any Host and any proxy's headers."""
    host, port = open_to_all.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 20) as connection:
        connection.sendall(
            b"GET / HTTP/1.1\r\nhost: localhost\r\nx-forwarded-host: evil.example\r\nconnection: close\r\n\r\n"
        )
        reply = connection.recv(65536).decode().lower()

    assert " 307 " in reply
    assert re.findall(r"^location: (.*)\r$", reply, re.MULTILINE) == ["/docs"]


# on a network
# -------------------------------------------------------------------------------------------------------


def serving(folder: Path, **settings: Any) -> Any:
    """Run a service that listens to all addresses."""
    config = {**CHECK, "service": {"host": "0.0.0.0", **settings}}
    return service(write_config(folder / "e.yaml", config), folder)


def test_on_a_network_addresses_and_listed_names_are_known(tmp_path: Path) -> None:
    """A published container port, a pod's address, a service's name; no other name, and the
    admin's port alike.
    """
    admin = free_port()
    with serving(tmp_path, allowed_hosts=["assay", "*.example.org"], admin_port=admin) as running:
        statuses = {
            host: running.post("/v1/rank", BODY, headers={"host": host}).status
            for host in (
                "10.42.0.7:8080",
                "[fd00::7]:8080",
                "localhost:8080",
                "assay:80",
                "a.b.example.org",
                "example.org",
                "evil.example",
                "assay.evil.example",
                "aexample.org",
            )
        }
        there = Server(f"http://127.0.0.1:{admin}", running.process)
        metrics = {
            host: there.get("/metrics", headers={"host": host}).status
            for host in ("127.0.0.1", "assay", "evil.example")
        }

    assert statuses == {
        "10.42.0.7:8080": 200,
        "[fd00::7]:8080": 200,
        "localhost:8080": 200,
        "assay:80": 200,
        "a.b.example.org": 200,
        "example.org": 421,
        "evil.example": 421,
        "assay.evil.example": 421,
        "aexample.org": 421,
    }
    assert metrics == {"127.0.0.1": 200, "assay": 200, "evil.example": 421}


def test_with_keys_the_key_says_who_asks(tmp_path: Path) -> None:
    """Under any name, with any type; the administrator's port guards `/metrics`, which needs no
    key.
    """
    admin = free_port()
    settings = {"api_keys": ["k"], "admin_port": admin, "host": "127.0.0.1"}
    config = write_config(tmp_path / "e.yaml", {**CHECK, "service": settings})
    headers = {"host": "assay.example.org", "content-type": "text/plain"}
    with service(config, tmp_path) as running:
        with_key = running.post("/v1/rank", BODY, headers={**headers, "authorization": "Bearer k"})
        without = running.post("/v1/rank", BODY, headers=headers)
        there = Server(f"http://127.0.0.1:{admin}", running.process)
        metrics = [
            there.get("/metrics", headers=each).status
            for each in ({}, headers, {"origin": "https://evil.example"})
        ]
        documents = running.get("/docs", headers=headers)

    assert (with_key.status, without.status, documents.status) == (200, 401, 200)
    assert metrics == [200, 421, 403]


def test_every_answer_of_a_refusal_keeps_browsers_out(open_to_all: Server) -> None:
    """No CORS header on any of them."""
    for headers in (
        {"origin": "https://evil.example"},
        {"host": "evil.example"},
        {"content-type": "text/plain"},
    ):
        answer = call(open_to_all.url + "/v1/rank", BODY, headers=headers)
        assert answer.status in (403, 415, 421)
        assert not [name for name in answer.headers if name.startswith("access-control")]
