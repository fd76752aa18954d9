"""`assay config check`: the faults of a file, with their places."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assay.service.cli.config_check import check_config
from tests.support.commands.in_process import run, said
from tests.support.commands.terminals import HOSTILE, OBEYED
from tests.support.http.canned_server import answering_by_path


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

    done = run("config", "check", "--offline", tmp_path / "e.yaml")

    assert done.exit_code == 1
    assert wrong in done.stderr
    assert not done.stderr.startswith(f"{tmp_path / 'e.yaml'}:1:")


def test_use_stands_for_what_the_catalog_says_and_ones_own_keys_win(tmp_path: Path) -> None:
    """`assay config check` accepts it as it would the whole."""
    (tmp_path / "e.yaml").write_text(
        "verifiers: [{name: v, use: qwen2.5-math-prm-7b, endpoint: 'http://x', reduction: mean, step_separator: '. '}]"
    )

    assert run("config", "check", "--offline", tmp_path / "e.yaml").exit_code == 0


def served(folder: Path, **changes: Any) -> Path:
    """Write a configuration with a judge, its endpoint in the third line."""
    lines = {"kind": "judge", "model": "m", "endpoint": "http://127.0.0.1:9", **changes}
    path = folder / "e.yaml"
    path.write_text(
        "verifiers:\n  - {name: length, kind: length}\n  - name: judge\n"
        + "".join(f"    {key}: {value}\n" for key, value in lines.items())
    )
    return path


def test_a_server_that_is_away_has_its_line(tmp_path: Path) -> None:
    """With a remedy; offline the command calls no server."""
    path = served(tmp_path)

    done = run("config", "check", path)
    offline = run("config", "check", "--offline", path)

    assert (done.exit_code, offline.exit_code) == (1, 0)
    assert done.stderr.startswith(f"{path}:6: verifiers.1.endpoint: cannot connect to ")
    assert done.stderr.rstrip().endswith("start the server, or correct the URL")
    assert "default (2 verifiers)" in offline.stdout


def test_a_server_of_another_model_has_its_line(tmp_path: Path) -> None:
    """The line names the models that it serves."""
    models = {"data": [{"id": "other", "max_model_len": 100}]}
    with answering_by_path({"/v1/models": models}) as server:
        path = served(tmp_path, endpoint=server.url)
        done = run("config", "check", path)

    assert done.exit_code == 1
    assert done.stderr.startswith(f"{path}:6: verifiers.1.endpoint: ")
    assert "other" in done.stderr
    assert done.stderr.rstrip().endswith("correct `model` or the URL")


def test_a_right_file_names_what_it_makes(tmp_path: Path) -> None:
    """Its ensembles and tasks; for machines, that nothing is wrong."""
    (tmp_path / "e.yaml").write_text(
        "verifiers: [{name: length, kind: length}]\ntasks: {math: {}}\n"
    )

    shown = run("config", "check", tmp_path / "e.yaml").stdout

    assert shown.strip().endswith("right. Ensembles: default (1 verifiers). Tasks: default, math.")
    assert said("config", "check", tmp_path / "e.yaml") == {"ok": True, "problems": []}
