"""What several packages' tests ask for: stores, and a fresh log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
import structlog

from assay.service.store.client import Store
from assay.service.store.embedded_valkey import EmbeddedStore
from tests.support.servers.valkeys import valkey


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A real server, empty."""
    server = EmbeddedStore(tmp_path / "store", 64)
    server.start()
    client = Store(server.url)
    yield client
    await client.close()
    server.stop()


@pytest_asyncio.fixture
async def tcp_store(tmp_path: Path) -> AsyncIterator[Store]:
    """A store over TCP."""
    with valkey(tmp_path / "valkey") as (port, _):
        store = Store(f"redis://127.0.0.1:{port}")
        yield store
        await store.close()


@pytest.fixture
def log_as_before() -> Iterator[None]:
    """Restore the log's streams after a command in this process, since each test closes its own."""
    yield
    structlog.reset_defaults()
