"""The configuration file: faults, their places, and right values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assay.service.cli.config_check import check_config
from assay.service.config.model import Config
from assay.service.config.problems import ConfigError
from assay.service.runtime.configuration import load_config
from tests.support.servers.processes import standin, write_config


def test_check_asks_the_servers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A server that is away and one that serves another model, each with its line; nothing wrong
    is exit code 0.
    """
    path = tmp_path / "e.yaml"
    with standin("judge") as server:
        path.write_text(
            f"verifiers:\n  - {{name: a, kind: judge, model: judge, endpoint: '{server.url}'}}\n"
        )
        assert check_config(path, False, True) == 0
        path.write_text(
            "verifiers:\n"
            f"  - {{name: a, kind: judge, model: gpt, endpoint: '{server.url}'}}\n"
            "  - name: b\n    kind: judge\n    model: judge\n    endpoint: http://127.0.0.1:1\n"
        )
        capsys.readouterr()
        assert check_config(path, False, True) == 1

    said = json.loads(capsys.readouterr().out)["problems"]
    assert f"{path}:2: verifiers.0.endpoint" in said[0]
    assert "serves: judge" in said[0]
    assert f"{path}:6: verifiers.1.endpoint: cannot connect" in said[1]
    assert check_config(path, True, True) == 0


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"policy": "cheap"}, "policy"),
        ({"price": -1}, "price"),
        ({"tiers": [["v0"]]}, "'v1' is in none of them"),
        (
            {"tiers": [["v0", "v1"], ["v1"]]},
            "'v1' is no verifier of its ensemble, or is named twice",
        ),
    ],
)
def test_a_wrong_cascade_policy_stops_the_start(
    tmp_path: Path, wrong: dict[str, Any], told: str
) -> None:
    """With their place."""
    verifiers = [{"name": name, "kind": "length"} for name in ("v0", "v1")]
    with pytest.raises(ConfigError, match=told):
        load_config(
            write_config(tmp_path / "e.yaml", {"verifiers": verifiers, "tasks": {"t": wrong}}),
            {},
            {},
        )


FAMILY_CONFIG: dict[str, Any] = {
    "verifiers": [
        {"name": "short", "kind": "length"},
        {"name": "refuses", "kind": "refusal", "family": "form"},
    ]
}


@pytest.mark.parametrize(
    ("families", "stated"),
    [
        ("auto", {"refuses": "form"}),
        ("given", {"short": "short", "refuses": "form"}),
        ({"short": "form"}, {"short": "form", "refuses": "form"}),
        ({"refuses": "other"}, {"refuses": "other"}),
    ],
)
def test_a_task_states_families(families: Any, stated: dict[str, str]) -> None:
    """The task's own win over the verifier's; `given` states all."""
    config = Config.model_validate({**FAMILY_CONFIG, "tasks": {"default": {"families": families}}})

    assert config.families_of("default") == stated


def test_a_family_of_nobody_is_refused() -> None:
    """The message names the task, the verifier and a near name."""
    tasks = {"default": {"families": {"shrt": "form"}}}

    with pytest.raises(ValueError, match=r"tasks.default.families: .*'shrt'.*short"):
        Config.model_validate({**FAMILY_CONFIG, "tasks": tasks})
