"""Servers that several modules share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.processes import Server, standin

SERVERS = ("judge", "reference", "reward", "prm", "tokens", "rerank", "nli", "embed")

Servers = dict[str, Server]


@pytest.fixture(
    scope="session",
    params=[pytest.param("standin"), pytest.param("vllm", marks=[pytest.mark.vllm, pytest.mark.timeout(900)])],
)
def servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """One server of each kind, started once: the stand-in, and real vLLM where that is asked for."""
    if request.param == "standin":
        with ExitStack() as stack:
            own: Servers = {kind: stack.enter_context(standin(kind)) for kind in SERVERS if kind != "reference"}
            yield {**own, "reference": own["judge"]}
    else:
        from tests.vllm.servers import real_servers

        with real_servers(tmp_path_factory.mktemp("vllm")) as real:
            yield real
