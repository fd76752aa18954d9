"""The promises of SECURITY.md: each protection has a test that fails without it."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from assay.service.runtime.configuration import load_config
from assay.verifiers import HttpPool, UnreachableError
from tests.support.servers.processes import ROOT, Server, call, service, standin, write_config
from tests.support.servers.secured import BODY, CHECK, ask
from tests.support.servers.valkeys import certificates, with_tls

SECRET = "nobody else should read that 3 + 4 = 7"


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


def test_an_upstreams_certificate_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client refuses an unknown certificate with the reason, and accepts the operator's
    authority.
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


def test_the_container_is_nobody_and_may_write_nowhere() -> None:
    """In the image, in every compose file, and in a written plan."""
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
