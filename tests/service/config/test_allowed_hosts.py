"""The names that a service is reached by, as they are configured."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from assay.service.config.settings import ServiceSettings
from assay.service.runtime.configuration import load_config
from tests.support.commands.in_process import run
from tests.support.servers.processes import write_config
from tests.support.servers.secured import CHECK

# settings
# -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "entry", ["http://a.example", "a.example:80", "a/b", "", "*.*", "a*", "**", "a b", "-"]
)
def test_an_allowed_host_that_is_none_stops_the_start(tmp_path: Path, entry: str) -> None:
    """With its place and value."""
    path = write_config(tmp_path / "e.yaml", {**CHECK, "service": {"allowed_hosts": [entry]}})

    with pytest.raises(ValidationError, match=re.escape(repr(entry))):
        ServiceSettings(allowed_hosts=(entry,))
    with pytest.raises(Exception, match="allowed_hosts"):
        load_config(path, {}, {})


def test_allowed_hosts_come_from_file_environment_or_flag(tmp_path: Path) -> None:
    """As lists, or with commas."""
    path = write_config(tmp_path / "e.yaml", {**CHECK, "service": {"allowed_hosts": ["A.example"]}})

    assert load_config(path, {}, {}).service.allowed_hosts == ("a.example",)
    assert load_config(path, {}, {"ASSAY_ALLOWED_HOSTS": "b, *.c"}).service.allowed_hosts == (
        "b",
        "*.c",
    )
    assert load_config(path, {"allowed_hosts": "*"}, {}).service.allowed_hosts == ("*",)
    assert "--allowed-hosts" in run("serve", "--help").stdout
