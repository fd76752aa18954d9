"""How a request wants its rewards: its run, version and kind, from fields, headers or the query."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args

from fastapi import Request

from assay.service.api.front.query_parameters import (
    contradictory_option,
    query_items,
    unknown_option,
    wrong_option,
)
from assay.service.domain.reward_runs import (
    PARTIAL_REWARDS,
    REWARD_KINDS,
    RUN_NAME,
    PartialRewards,
    RewardKind,
)
from assay.service.domain.uncalibrated import Uncalibrated
from assay.service.learning.tasks.task import Task

HEADER_PREFIX = b"x-assay-"
OPTION_NAMES = ("run", "version", "learn", "reward", "partial", "uncalibrated")
UNCALIBRATED: tuple[Uncalibrated, ...] = get_args(Uncalibrated)
#: Read before a handler runs.
PRIORITY = HEADER_PREFIX + b"priority"
HEADERS = {HEADER_PREFIX + name.encode(): name for name in OPTION_NAMES}
TRUTHS = {"true": True, "1": True, "false": False, "0": False}
VERSION_FORM = re.compile(r"(?:.{1,64}@)?([0-9]{1,16})")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What a request states; None for what it does not."""

    run: str | None = None
    version: str | None = None
    learn: bool | None = None
    reward: RewardKind | None = None
    partial: PartialRewards | None = None
    uncalibrated: Uncalibrated | None = None


def run_options(request: Request, fields: Any = None) -> RunOptions:
    """Return a request's options; `fields` is a body of ours that may state them.

    Raises `ApiError` 422 for a wrong value, or for two that differ.
    """
    stated: dict[str, str] = {}
    for name, value in query_items(request):
        if name in OPTION_NAMES:
            _state(stated, name, value)
    for header, value in request.scope.get("headers", ()):
        if not header.startswith(HEADER_PREFIX) or header == PRIORITY:
            continue
        if header not in HEADERS:
            raise unknown_option(
                header.decode("latin-1"), "header", [name.decode() for name in (*HEADERS, PRIORITY)]
            )
        _state(stated, HEADERS[header], value.decode("latin-1"))
    if fields is not None:
        for name in OPTION_NAMES:
            field = getattr(fields, name, None)
            if field is not None:
                _state(stated, name, str(field).lower() if name == "learn" else field)
    return _checked(stated) if stated else RunOptions()


def _state(stated: dict[str, str], name: str, value: str) -> None:
    before = stated.setdefault(name, value)
    if not _mean_the_same(name, before, value):
        raise contradictory_option(name, value, before)
    if name == "version" and "@" in value:
        stated[name] = value  # the whole name, so that its task is checked as well


def _mean_the_same(name: str, first: str, second: str) -> bool:
    if first == second:
        return True
    if name == "learn":
        truth = TRUTHS.get(first.lower())
        return truth is not None and truth is TRUTHS.get(second.lower())
    if name != "version" or ("@" in first and "@" in second):
        return False
    form, other = VERSION_FORM.fullmatch(first), VERSION_FORM.fullmatch(second)
    return form is not None and other is not None and int(form[1]) == int(other[1])


def _checked(stated: Mapping[str, str]) -> RunOptions:
    run, learn = stated.get("run"), stated.get("learn")
    if run is not None and not re.fullmatch(RUN_NAME, run):
        raise wrong_option(
            "run",
            run,
            "must be 1 to 128 letters, digits or ._:@+- and begin with a letter or a digit",
        )
    if learn is not None and learn.lower() not in TRUTHS:
        raise wrong_option("learn", learn, "must be true or false")
    choices: tuple[tuple[str, tuple[str, ...]], ...] = (
        ("reward", REWARD_KINDS),
        ("partial", PARTIAL_REWARDS),
        ("uncalibrated", UNCALIBRATED),
    )
    for name, words in choices:
        if name in stated and stated[name] not in words:
            raise wrong_option(name, stated[name], f"must be one of: {', '.join(words)}")
    return RunOptions(
        run=run,
        version=stated.get("version"),
        learn=None if learn is None else TRUTHS[learn.lower()],
        reward=cast(RewardKind | None, stated.get("reward")),
        partial=cast(PartialRewards | None, stated.get("partial")),
        uncalibrated=cast(Uncalibrated | None, stated.get("uncalibrated")),
    )


def version_number(task: Task, version: str | None) -> int | None:
    """Return the number of a version's name: `math@3` or `3`; the served model's name is its own.

    Raises `ApiError` 422 for another form, or another task's version.
    """
    if version is None or version == task.served.model_version:
        return None if version is None else task.served.version
    form = VERSION_FORM.fullmatch(version)
    if form is None or version not in (form[1], f"{task.name}@{form[1]}"):
        raise wrong_option(
            "version", version, f"must be one of the task's, such as {task.served.model_version}"
        )
    return int(form[1])
