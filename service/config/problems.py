"""The faults of a configuration, each with its place in the file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from assay.service.config.model import Config, TaskSettings
from assay.service.config.settings import VARIABLE_PREFIX, ServiceSettings
from assay.service.config.suggestion import did_you_mean, nearest_word
from assay.service.domain.errors import StartupError
from assay.service.domain.secrets import masked, shown_value
from assay.verifiers import BROKEN, KINDS

BROKEN_KIND = "; it is installed but cannot be loaded: {}"


class ConfigError(StartupError):
    """The configuration is wrong; each problem names its place and a right value."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def problem_of(
    path: Path, root: yaml.Node, error: Any, layers: Mapping[str, Mapping[str, Any]]
) -> str:
    """Return one validation error as `file:line: key: fault (got value)`."""
    loc = [
        part
        for place, part in enumerate(error["loc"])
        if not (place == 2 and error["loc"][0] == "verifiers")
    ]
    key = ".".join(str(part) for part in loc)
    message = error["msg"].removeprefix("Value error, ")
    if not loc:  # a problem of the file as a whole begins with its place
        loc = [
            int(part) if part.isdigit() else part for part in message.partition(": ")[0].split(".")
        ]
    place = f"{path}:{_line(root, loc)}"
    if len(loc) > 1 and loc[0] == "service":
        for source, values in layers.items():
            if loc[1] in values:
                place = (
                    f"{source} ({VARIABLE_PREFIX}{str(loc[1]).upper()})"
                    if source == "the environment"
                    else source
                )
                break
    if error["type"] == "extra_forbidden":
        message = f"no such key{did_you_mean(str(loc[-1]), _keys_beside(error['loc'], root))}"
    elif error["type"] == "missing":
        message = "is required"
    elif error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        got = error["input"].get("kind") if isinstance(error["input"], dict) else error["input"]
        hint = (
            BROKEN_KIND.format(BROKEN[got])
            if isinstance(got, str) and got in BROKEN
            else nearest_word(str(got), list(KINDS))
        )
        key, message = (
            f"{key}.kind",
            f"must be one of: {', '.join(KINDS)}; got {repr(got)[:80]}{hint}",
        )
        return f"{place}: {key}: {message}"
    hidden = (
        error["type"] in ("missing", "extra_forbidden")
        or not error["loc"]
        or isinstance(error["input"], dict)
    )
    return masked(f"{place}: {key + ': ' if key else ''}{message}") + (
        "" if hidden else shown_value(error["loc"], error["input"])
    )


def _line(root: yaml.Node, loc: list[Any]) -> int:
    """Return the line of the deepest part of a location that the file has."""
    node, line = root, root.start_mark.line
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            pair = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line, pair[1]
        elif (
            isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value)
        ):
            node = node.value[part]
            line = node.start_mark.line
        else:
            break
    return int(line) + 1


def _keys_beside(loc: tuple[Any, ...], root: yaml.Node) -> list[str]:
    """Return the keys that would have been right where an unknown one stands."""
    if loc[0] == "verifiers" and len(loc) > 3:
        return list(KINDS[str(loc[2])].settings.model_fields)
    models: dict[str, type[BaseModel]] = {"service": ServiceSettings, "tasks": TaskSettings}
    model = models.get(str(loc[0]), Config)
    return list(model.model_fields)
