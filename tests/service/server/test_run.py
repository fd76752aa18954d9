"""Running the server."""

from __future__ import annotations

import resource
import socket
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from structlog.testing import capture_logs

from assay.service.config.model import Config
from assay.service.runtime.configuration import load_config
from assay.service.server.run import ACCEPTS_A_TURN, allow_files, listening, warn_if_open
from tests.support.servers.processes import write_config


def configured(folder: Path, **settings: Any) -> Config:
    """Return a configuration with some of the service's settings."""
    verifiers = [{"name": "length", "kind": "length"}]
    return load_config(
        write_config(folder / "e.yaml", {"verifiers": verifiers, "service": settings})
    )


@pytest.mark.parametrize(
    ("settings", "warned"),
    [
        ({}, False),
        ({"host": "::1"}, False),
        ({"host": "0.0.0.0"}, True),
        ({"host": "0.0.0.0", "api_keys": ["k"]}, False),
    ],
)
def test_a_service_that_anyone_may_use_says_so(
    tmp_path: Path, settings: dict[str, Any], warned: bool
) -> None:
    """On this machine, or with keys, it logs no warning."""
    with capture_logs() as lines:
        warn_if_open(configured(tmp_path, **settings))

    assert [line["event"] for line in lines] == ["open_to_the_network"] * warned


def ports(sockets: list[socket.socket]) -> list[int]:
    """Return the ports, and close the sockets."""
    found = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return found


def test_one_port_is_listened_on_several_times(tmp_path: Path) -> None:
    """So that a turn of the loop takes several connections."""
    options = uvicorn.Config("nothing:app", port=0, log_level="critical")

    found = ports(listening(options, configured(tmp_path).service))

    assert (len(found), len(set(found))) == (ACCEPTS_A_TURN, 1)


def test_the_administrators_port_is_another(tmp_path: Path) -> None:
    """Listened on once, on its own address."""
    options = uvicorn.Config("nothing:app", port=0, log_level="critical")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        admin = probe.getsockname()[1]

    found = ports(listening(options, configured(tmp_path, admin_port=admin).service))

    assert (found[-1], found.count(admin)) == (admin, 1)


def test_open_files_are_raised_and_never_lowered() -> None:
    """As far as the system allows."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, before[1]))
        allow_files()
        raised = resource.getrlimit(resource.RLIMIT_NOFILE)
        allow_files()

        assert raised[0] > 512
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == raised
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
