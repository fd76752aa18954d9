"""A trainer's run: the version that answers it from its first call to its last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import orjson

from assay.service.domain.errors import DomainError
from assay.service.domain.run_alarm import RunAlarm
from assay.service.domain.stored_values import json_object, whole_number

#: The numbers that a trainer may have as rewards, and what happens to those that lack a verifier.
RewardKind = Literal["probability", "log_odds", "rank", "denoised"]
PartialRewards = Literal["mark", "refuse"]
REWARD_KINDS: tuple[RewardKind, ...] = get_args(RewardKind)
PARTIAL_REWARDS: tuple[PartialRewards, ...] = get_args(PartialRewards)
#: The form of a run's name. The names of runs that nobody named begin with another character.
RUN_NAME = r"^[A-Za-z0-9][A-Za-z0-9._:@+-]{0,127}$"
UNNAMED = "~"
#: The reward of a run that began without a kind: each route's own number.
OWN_REWARD = "own"
#: Runs of a key that a task keeps, and as many again that it did not name. A further one takes the
#: place of the key's run that was idle the longest, if that was idle for so many seconds.
MOST_RUNS, IDLE_S = 1000, 3600.0
#: Why a run cannot be pinned: its version does not exist, or all places are in use.
NO_VERSION, NO_PLACE = -1, -2


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardRun:
    """A run as its task keeps it; nothing of it ever changes.

    `version`: 0 for the model before the first fit, and for one that the configuration names.
    `model_version`: its name in answers. `scores_as`: differs for ensembles that score differently.
    `began`: seconds since 1970. `name`: as `kept_name` makes it. `reward`: the kind of its rewards
    or `OWN_REWARD`; None where it holds to none, as unnamed runs and those of older releases do.
    """

    name: str
    version: int
    model_version: str
    ensemble: str
    scores_as: str
    began: float
    reward: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """A run in a list, with its last use in seconds since 1970, and its alarm if it has one."""

    run: RewardRun
    used: float
    alarm: RunAlarm | None = None


class RunConflictError(DomainError):
    """A request does not fit the run that it names."""

    code = "run_conflict"


class RunChangedError(DomainError):
    """The ensemble scores differently than at the run's first call."""

    code = "run_changed"


class VersionGoneError(DomainError):
    """A version that a request or a run names does not exist."""

    code = "version_gone"


class TooManyRunsError(DomainError):
    """A task has as many runs in use as it may."""

    code = "too_many_runs"


class RunUnknownError(DomainError):
    """The store is away, and this process has not seen the run: it cannot say what is pinned."""

    code = "store_down"


def kept_name(name: str, holder: str) -> str:
    """Return the name under which a key's run is kept: names are the key's own."""
    return f"{name}{UNNAMED}{holder}" if holder else name


def stated_name(kept: str) -> str:
    """Return the name of a kept run as its key states it; that of an unnamed run is its own."""
    return kept if kept.startswith(UNNAMED) else kept.partition(UNNAMED)[0]


def run_holder(kept: str) -> str:
    """Return the name of the key that a kept run belongs to; empty without keys."""
    if kept.startswith(UNNAMED):
        return kept.removeprefix(UNNAMED).rpartition("@")[0]
    return kept.partition(UNNAMED)[2]


def shown_name(kept: str, holder: str) -> str:
    """Return a run's name for the holder of a key: the stated one of its own runs."""
    return stated_name(kept) if run_holder(kept) == holder else kept


def may_see_run(kept: str, holder: str, is_admin: bool) -> bool:
    """Return whether the holder of a key may see a run: its own, or as an administrator any."""
    return is_admin or run_holder(kept) == holder


def as_stored(run: RewardRun) -> bytes:
    """Return a run as the store keeps it."""
    return orjson.dumps(run)


def run_of(value: bytes) -> RewardRun:
    """Return a stored run, ignoring a later release's additions.

    Raises `ValueError` for a damaged one.
    """
    fields = json_object(value)
    texts = [fields.get(name) for name in ("name", "model_version", "ensemble", "scores_as")]
    began, reward = fields.get("began"), fields.get("reward")
    if not all(isinstance(text, str) for text in texts) or not isinstance(began, int | float):
        raise ValueError("a run of other types")
    if not isinstance(reward, str | None):
        raise ValueError("a run of other types")
    name, model_version, ensemble, scores_as = map(str, texts)
    return RewardRun(
        name=name,
        version=whole_number(str(fields.get("version")).encode()),
        model_version=model_version,
        ensemble=ensemble,
        scores_as=scores_as,
        began=float(began),
        reward=reward,
    )
