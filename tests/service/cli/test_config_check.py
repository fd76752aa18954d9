"""`assay config check`: what is wrong, with its place in the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assay.service.cli.config_check import check_config
from tests.support.commands.terminals import HOSTILE, OBEYED
from tests.support.servers.processes import assay


def test_a_configuration_does_not_write_to_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`assay config check` quotes the file."""
    path = tmp_path / "e.yaml"
    path.write_text(json.dumps({"verifiers": [{"name": HOSTILE, "kind": "length"}]}))

    check_config(path, True, False)

    shown = capsys.readouterr()
    assert not [each for each in OBEYED if each in shown.err + shown.out]


@pytest.mark.parametrize(("entry", "wrong"), [
    ({"use": "skywork-reward-v2-qwen3-8"}, "did you mean `skywork-reward-v2-qwen3-8b`"), ({"use": "pairrm"}, "cannot be served"),
    ({"use": "internlm2-7b-reward"}, "reward_token_id: is required"), ({"use": 7}, "no model is called"),
    ({"use": "eurusprm-stage2"}, "reference_endpoint: is required"),
])  # fmt: skip
def test_a_wrong_use_names_its_place(tmp_path: Path, entry: dict[str, Any], wrong: str) -> None:
    """The line of the verifier, and a right name."""
    listed = "\n".join(
        f"    {key}: {value}" for key, value in {"endpoint": "http://x", **entry}.items()
    )
    (tmp_path / "e.yaml").write_text(f"verifiers:\n  - name: v\n{listed}\n")

    done = assay("config", "check", "--offline", "e.yaml", cwd=tmp_path)

    assert done.returncode == 1
    assert wrong in done.stderr
    assert not done.stderr.startswith("e.yaml:1:")


def test_use_stands_for_what_the_catalog_says_and_ones_own_keys_win(tmp_path: Path) -> None:
    """`assay config check` accepts it as it would the whole."""
    (tmp_path / "e.yaml").write_text(
        "verifiers: [{name: v, use: qwen2.5-math-prm-7b, endpoint: 'http://x', reduction: mean, step_separator: '. '}]"
    )

    assert assay("config", "check", "--offline", "e.yaml", cwd=tmp_path).returncode == 0
