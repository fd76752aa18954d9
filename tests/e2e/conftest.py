"""Servers that several end-to-end tests ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.servers.processes import (
    Server,
)
from tests.support.servers.secured import serving


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service without keys."""
    with serving(tmp_path_factory.mktemp("plain"), max_body_bytes=200_000) as running:
        yield running
