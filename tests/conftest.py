"""Servers that several modules ask for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.servers.processes import Server, standin

Servers = dict[str, Server]


@pytest.fixture(
    # a real server takes 1.5 GB: those of one module are gone before the next one's start
    scope="module",
    params=[
        pytest.param("standin"),
        pytest.param("vllm", marks=[pytest.mark.vllm, pytest.mark.timeout(900)]),
    ],
)
def servers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Servers]:
    """Start a server of each kind in the module's `SERVERS`: the stand-in, or real vLLM on request."""
    names: tuple[str, ...] = request.module.SERVERS
    if request.param == "standin":
        with ExitStack() as stack:
            own: Servers = {
                kind: stack.enter_context(standin(kind)) for kind in names if kind != "reference"
            }
            yield {**own, "reference": own["judge"]}
    else:
        from tests.vllm.servers import FLAGS, real_servers

        with real_servers(
            tmp_path_factory.mktemp("vllm"), {name: FLAGS[name] for name in names}
        ) as real:
            yield real
