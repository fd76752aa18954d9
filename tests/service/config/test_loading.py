"""The configuration file, with environment and flags over it."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.service.config.loading import default_config_path
from assay.service.config.problems import ConfigError
from assay.service.runtime.configuration import load_config

CHECK = "verifiers: [{name: a, kind: arithmetic}]\n"


def test_the_environment_wins_over_the_file_and_flags_over_both(tmp_path: Path) -> None:
    """A flag that was not given wins over nothing."""
    path = tmp_path / "e.yaml"
    path.write_text(CHECK + "service: {port: 1, workers: 2, max_active: 3}\n")

    config = load_config(
        path,
        {"port": 9, "host": None},
        {"ASSAY_PORT": "5", "ASSAY_WORKERS": "6", "ASSAY_API_KEYS": "a, b"},
    )

    assert (config.service.port, config.service.workers, config.service.max_active) == (9, 6, 3)
    assert [key.get_secret_value() for key in config.service.api_keys] == ["a", "b"]


def test_the_environment_is_read_where_none_is_handed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a service; an empty one is another matter."""
    path = tmp_path / "e.yaml"
    path.write_text(CHECK)
    monkeypatch.setenv("ASSAY_PORT", "5")

    assert load_config(path).service.port == 5
    assert load_config(path, environ={}).service.port == 8080


def test_a_tasks_model_lies_beside_the_file(tmp_path: Path) -> None:
    """Unless its path is a full one."""
    path = tmp_path / "folder" / "e.yaml"
    path.parent.mkdir()
    path.write_text(CHECK + "tasks: {a: {model: m.json}, b: {model: /m.json}, c: {}}\n")

    tasks = load_config(path, environ={}).tasks

    assert tasks["a"].model == tmp_path / "folder" / "m.json"
    assert tasks["b"].model == Path("/m.json")
    assert tasks["c"].model is None


def test_a_verifier_that_is_wrong_is_one_problem(tmp_path: Path) -> None:
    """That none is left is no second one."""
    path = tmp_path / "e.yaml"
    path.write_text("verifiers: [{name: a, kind: nonsense}]\n")

    with pytest.raises(ConfigError) as wrong:
        load_config(path, environ={})

    assert len(wrong.value.problems) == 1


def test_a_file_that_is_no_yaml_is_a_problem_with_its_place(tmp_path: Path) -> None:
    """One line, with the file's name."""
    path = tmp_path / "e.yaml"
    path.write_text("a: 1\na: 2\n")

    with pytest.raises(ConfigError) as wrong:
        load_config(path, environ={})

    assert wrong.value.problems == [f"{path}:2: the key `a` appears twice"]


def test_the_default_ensemble_is_right() -> None:
    """And its first ensemble is that of the task `default`."""
    config = load_config(default_config_path(), environ={})

    assert config.ensemble_of("default") == config.ensemble_of("math") == "cpu"
    assert [member.name for member in config.members("cpu")] == [
        "consensus",
        "arithmetic",
        "relevance",
        "completeness",
        "refusal",
    ]


@pytest.mark.parametrize(
    "path", sorted(default_config_path().parent.glob("*.yaml")), ids=lambda path: path.name
)
def test_every_example_ensemble_is_right(path: Path) -> None:
    """Every example must start."""
    assert load_config(path, environ={}).verifiers


def test_a_configuration_that_is_no_file_is_a_message(tmp_path: Path) -> None:
    """A folder, one that is not there, and one without an end."""
    for path in (tmp_path, tmp_path / "none", Path("/dev/zero")):
        with pytest.raises(ConfigError, match=str(path)):
            load_config(path, {}, {})


@pytest.mark.parametrize("text", ["{}", "service: {port: 8080}", "ensembles: {}"])
def test_a_configuration_without_verifiers_names_that_key_alone(tmp_path: Path, text: str) -> None:
    """And no key that is not in the file."""
    path = tmp_path / "c.yaml"
    path.write_text(text)

    with pytest.raises(ConfigError) as refused:
        load_config(path)

    assert refused.value.problems == [f"{path}:1: verifiers: is required"]
