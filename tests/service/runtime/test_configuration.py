"""Loading a configuration, with the address of its store checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.service.config.problems import ConfigError
from assay.service.runtime.configuration import load_config
from tests.support.servers.processes import write_config

VERIFIERS = [{"name": "short", "kind": "length"}]


def test_an_address_of_a_store_is_checked_when_the_file_is_read(tmp_path: Path) -> None:
    """By the client that would connect to it; the problem has its place and the value."""
    content = {"verifiers": VERIFIERS, "service": {"redis_url": "http://x"}}
    path = write_config(tmp_path / "e.yaml", content)

    with pytest.raises(ConfigError) as wrong:
        load_config(path, {}, {})

    assert (
        str(wrong.value).partition("service.redis_url: ")[2].startswith("must begin with redis://")
    )
    assert len(wrong.value.problems) == 1


def test_it_comes_beside_the_other_problems(tmp_path: Path) -> None:
    """One run of `assay config check` tells them all."""
    service = {"redis_url": "redis://h:1/?db=x", "port": -1}
    path = write_config(tmp_path / "e.yaml", {"verifiers": VERIFIERS, "service": service})

    with pytest.raises(ConfigError) as wrong:
        load_config(path, {}, {})

    assert [problem.split(": ")[1] for problem in wrong.value.problems] == [
        "service.port",
        "service.redis_url",
    ]
