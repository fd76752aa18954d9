"""The configuration file, with the environment and the command line laid over it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from assay.service.config.model import Config
from assay.service.config.problems import ConfigError, problem_of
from assay.service.config.settings import FileContext, from_environment
from assay.service.config.yaml_file import YamlError, read_yaml


def default_config_path() -> Path:
    """Return the CPU ensemble that is used where no configuration is named."""
    packaged = Path(__file__).parent / "ensembles" / "cpu.yaml"
    return (
        packaged
        if packaged.exists()
        else Path(__file__).resolve().parents[2] / "deploy" / "ensembles" / "cpu.yaml"
    )


def read_config(
    path: Path,
    context: FileContext,
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Config:
    """Return the checked configuration, environment and flags laid over its `service:`.

    Raises `ConfigError`.
    """
    root, data = _read(path)
    environ = os.environ if environ is None else environ
    layers = {
        "the command line": {
            key: value for key, value in (flags or {}).items() if value is not None
        },
        "the environment": from_environment(environ),
    }
    service = data.get("service") or {}
    merged = dict(service) if isinstance(service, dict) else service
    if isinstance(merged, dict):
        for layer in reversed(layers.values()):
            merged |= layer
    tasks = {"tasks": _beside(path, data["tasks"])} if "tasks" in data else {}
    try:
        return Config.model_validate({**data, "service": merged, **tasks}, context=context)
    except ValidationError as exc:
        errors = exc.errors(include_url=False)
        if (
            len(errors) > 1
        ):  # wrong verifiers are not counted: that none is left is no second problem
            errors = [
                error
                for error in errors
                if error["type"] != "too_short" or error["loc"] != ("verifiers",)
            ]
        raise ConfigError([problem_of(path, root, error, layers) for error in errors]) from exc


def _beside(path: Path, tasks: Any) -> Any:
    """Return tasks with the paths of their models seen from the configuration file's folder."""
    if not isinstance(tasks, dict):
        return tasks
    return {
        name: (
            {**task, "model": str(path.parent / task["model"])}
            if isinstance(task, dict) and isinstance(task.get("model"), str)
            else task
        )
        for name, task in tasks.items()
    }


def _read(path: Path) -> tuple[yaml.Node, dict[str, Any]]:
    try:
        return read_yaml(path)
    except YamlError as exc:
        raise ConfigError([exc.at(path)]) from exc
