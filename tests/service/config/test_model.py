"""The configuration file: faults, their places, and right values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assay.service.cli.config_check import check
from assay.service.config.loading import default_config_path, load_config
from assay.service.config.problems import ConfigError
from tests.support.processes import standin, write_config

JUDGE = "verifiers:\n  - {name: j, kind: judge, model: m, endpoint: 'http://127.0.0.1:1'}\n"


def problems(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> list[str]:
    """Return the faults of a file."""
    path = tmp_path / "e.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(path, environ=environ or {})
    return [problem.replace(str(path), "e.yaml") for problem in caught.value.problems]


def test_the_default_ensemble_is_right() -> None:
    """And its first ensemble is that of the task `default`."""
    config = load_config(default_config_path(), environ={})

    assert config.ensemble_of("default") == config.ensemble_of("math") == "cpu"
    assert [member.name for member in config.members("cpu")] == [
        "consensus",
        "arithmetic",
        "relevance",
        "completeness",
    ]


@pytest.mark.parametrize(
    "path", sorted(default_config_path().parent.glob("*.yaml")), ids=lambda path: path.name
)
def test_every_example_ensemble_is_right(path: Path) -> None:
    """Every example must start."""
    assert load_config(path, environ={}).verifiers


@pytest.mark.parametrize(("text", "expected"), [
    ("verifiers:\n  - {name: j, kind: jugde}\n", "e.yaml:2: verifiers.0.kind: must be one of: arithmetic"),
    ("verifiers:\n  - {name: j, kind: jugde}\n", "did you mean `judge`?"),
    (JUDGE + "tasks:\n  math: {ensmble: default}\n", "e.yaml:4: tasks.math.ensmble: no such key; did you mean `ensemble`?"),
    (JUDGE + "service:\n  prot: 1\n", "e.yaml:4: service.prot: no such key; did you mean `port`?"),
    (JUDGE + "service:\n  port: 99999\n", "e.yaml:4: service.port: Input should be less than or equal to 65535 (got '99999')"),
    (JUDGE + "ensembles:\n  a: [k]\n", "ensembles.a: no verifier is called 'k'; there are: j"),
    (JUDGE + "tasks:\n  t: {ensemble: nope}\n", "tasks.t.ensemble: no ensemble is called 'nope'; there are: default"),
    (JUDGE + "model_aliases: {gpt: nope}\n", "model_aliases.gpt: no task is called 'nope'"),
    ("verifiers:\n  - kind: judge\n    name: j\n    model: m\n", "either `endpoint: URL` or `endpoints: [URL, …]`"),
    ("verifiers:\n  - kind: judge\n    name: j\n    model: m\n    endpoint: localhost:8000\n", "e.yaml:5: verifiers.0.endpoint: must be a base URL such as http://127.0.0.1:8000 (got 'localhost:8000')"),
    ("verifiers:\n  - kind: judge\n    name: j\n    endpoint: http://x\n", "e.yaml:2: verifiers.0.model: is required"),
    ("verifiers:\n  - {name: a b, kind: arithmetic}\n", "verifiers.0.name"),
    ("verifiers: []\n", "verifiers"),
    ("verifiers:\n  - {name: a, kind: arithmetic}\n  - {name: a, kind: arithmetic}\n", "two are called 'a'"),
    ("verifiers: [\n", "not YAML"),
    ("verifiers:\n  - {name: a, kind: arithmetic}\nverifiers: 3\n", "e.yaml:3: the key `verifiers` is given twice"),
    ("just text", "must be a mapping"),
    ("", "must be a mapping"),
    ("a: &a [*a]\n", "e.yaml"),
])  # fmt: skip
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, expected: str) -> None:
    """One line a problem."""
    assert any(expected in problem for problem in problems(tmp_path, text)), problems(
        tmp_path, text
    )


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Not one a try."""
    text = "verifiers:\n  - {name: j, kind: jugde}\nservice: {port: x, hst: y}\n"

    assert len(problems(tmp_path, text)) == 3


def test_the_environment_wins_over_the_file_and_flags_over_both(tmp_path: Path) -> None:
    """And a wrong value names the variable."""
    path = tmp_path / "e.yaml"
    path.write_text(JUDGE + "service: {port: 1, workers: 2, max_active: 3}\n")

    config = load_config(
        path,
        {"port": 9, "host": None},
        {"ASSAY_PORT": "5", "ASSAY_WORKERS": "6", "ASSAY_API_KEYS": "a, b"},
    )

    assert (config.service.port, config.service.workers, config.service.max_active) == (9, 6, 3)
    assert [key.get_secret_value() for key in config.service.api_keys] == ["a", "b"]
    assert (
        "the environment (ASSAY_PORT): service.port"
        in problems(tmp_path, JUDGE, {"ASSAY_PORT": "x"})[0]
    )


def test_keys_are_never_echoed(tmp_path: Path) -> None:
    """Not in a message, not in a repr."""
    path = tmp_path / "e.yaml"
    path.write_text(JUDGE)
    [problem] = problems(tmp_path, JUDGE + "service: {api_keys: [{a: hunter2}]}\n")

    assert "hunter2" not in problem
    assert "hunter2" not in repr(load_config(path, environ={"ASSAY_API_KEYS": "hunter2"}))


def test_check_asks_the_servers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A server that is away and one that serves another model, each with its line; nothing wrong
    is exit code 0.
    """
    path = tmp_path / "e.yaml"
    with standin("judge") as server:
        path.write_text(
            f"verifiers:\n  - {{name: a, kind: judge, model: judge, endpoint: '{server.url}'}}\n"
        )
        assert check(path, False, True) == 0
        path.write_text(
            "verifiers:\n"
            f"  - {{name: a, kind: judge, model: gpt, endpoint: '{server.url}'}}\n"
            "  - name: b\n    kind: judge\n    model: judge\n    endpoint: http://127.0.0.1:1\n"
        )
        capsys.readouterr()
        assert check(path, False, True) == 1

    said = json.loads(capsys.readouterr().out)["problems"]
    assert f"{path}:2: verifiers.0.endpoint" in said[0]
    assert "serves: judge" in said[0]
    assert f"{path}:6: verifiers.1.endpoint: cannot connect" in said[1]
    assert check(path, True, True) == 0


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
