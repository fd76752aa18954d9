"""The content of a configuration: verifiers, ensembles and tasks, and how they fit together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, Union

from pydantic import BaseModel, ConfigDict, Field, model_validator

from assay.service.config.generator_settings import UpstreamSettings
from assay.service.config.settings import ServiceSettings
from assay.service.config.suggestion import did_you_mean
from assay.service.domain.cascade_savings import Policy
from assay.service.domain.reward_runs import PartialRewards, RewardKind
from assay.service.domain.uncalibrated import StatedUncalibrated, Uncalibrated
from assay.verifiers import KINDS, VerifierSettings, add_installed
from assay.verifiers.catalog.catalog import catalog
from assay.verifiers.contract.settings import Name

add_installed()  # the union below is of all kinds

if TYPE_CHECKING:
    AnyVerifier = VerifierSettings
else:  # the union of all kinds' settings, told apart by `kind`
    _SETTINGS = Union[tuple(kind.settings for kind in KINDS.values())]  # noqa: UP007 - made at run time
    AnyVerifier = Annotated[_SETTINGS, Field(discriminator="kind")]


class RewardDefaults(BaseModel):
    """What a task's reward routes do where the request does not say."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    frozen: bool = Field(
        True,
        description=(
            "Pin the version for each run, and for each key that names no run; false: always the"
            " served one."
        ),
    )
    learn: bool = Field(False, description="Learn from roll-outs.")
    kind: RewardKind | None = Field(
        None,
        description=(
            "probability, log_odds, rank or denoised; default: the number that each route's"
            " clients expect."
        ),
    )
    partial: PartialRewards = Field(
        "mark",
        description="Rewards without a verifier that failed: mark them, or refuse (503).",
    )
    run_days: float = Field(
        7.0, gt=0, le=3650, description="Days that a run is kept after its last call."
    )


class TaskSettings(BaseModel):
    """One stream of traffic."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ensemble: str | None = Field(None, description="Ensemble that scores it; default: the first.")
    base_rate: float | None = Field(
        None, gt=0, lt=1, description="Share of candidates that are correct, if you know it."
    )
    uncalibrated: StatedUncalibrated = Field(
        None,
        description=("null or number, as the service's `uncalibrated`; default: the service's."),
    )
    families: Literal["auto", "given"] | dict[Name, Annotated[str, Field(min_length=1)]] = Field(
        "auto",
        description=(
            "auto: verifiers that repeat each other are one family; given: families as the"
            " verifiers state them; or {verifier: family}, which wins."
        ),
    )
    learn: bool = Field(True, description="Keep requests and fit models from them.")
    keep: int = Field(
        20_000, ge=1, description="Requests that it learns from; the oldest go first."
    )
    versions: int = Field(
        20,
        ge=1,
        le=1000,
        description=(
            "Versions of its model that are kept, beside the served one and the one before."
        ),
    )
    keep_mb: int = Field(
        128, ge=1, description="MB of those requests in the store; the oldest go first."
    )
    sample: float = Field(
        1.0, gt=0, le=1, description="Share of requests that are kept to learn from."
    )
    store_text: bool = Field(
        False, description="Keep the texts of requests as well, for labelling; else hashes alone."
    )
    policy: Policy = Field(
        "full",
        description=(
            "full: ask all verifiers; cascade: in tiers, as long as it pays; auto: so once that"
            " loses little."
        ),
    )
    price: float | None = Field(
        None,
        ge=0,
        allow_inf_nan=False,
        description=(
            "Gain in P(correct) that all verifiers must bring; default 0.02, without labels 0.005."
        ),
    )
    loss: float = Field(0.007, ge=0, le=1, description="Selection@1 that policy auto may lose.")
    tiers: tuple[tuple[str, ...], ...] | None = Field(
        None, description="Your own tiers: lists of verifiers, in order."
    )
    costs: Literal["stated", "measured"] = Field(
        "stated",
        description=(
            "measured: by the seconds that each verifier's servers take, once they are known,"
            " instead of by `cost`."
        ),
    )
    early: float | None = Field(
        None,
        ge=1,
        description=(
            "Start the next tier of a candidate before the last has answered, if it is worth so"
            " many times its price."
        ),
    )
    rewards: RewardDefaults = Field(
        default_factory=RewardDefaults, description="What the reward routes do by default."
    )
    model: Path | None = Field(
        None,
        description="A label model that `assay fit` wrote, beside this file or by its full path.",
    )


class Config(BaseModel):
    """A whole configuration file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    service: ServiceSettings = Field(default_factory=ServiceSettings)
    verifiers: tuple[AnyVerifier, ...] = Field(min_length=1)
    ensembles: dict[Name, tuple[str, ...]] = Field(
        default_factory=dict, description="Names of verifiers, by ensemble."
    )
    tasks: dict[Name, TaskSettings] = Field(default_factory=dict)
    upstreams: tuple[UpstreamSettings, ...] = Field(
        (), description="Servers that the chat gateway draws candidates from."
    )
    model_aliases: dict[str, str] = Field(
        default_factory=dict, description="Values of `model` that mean a task."
    )

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, data: Any) -> Any:
        """Put all verifiers into one ensemble if none is named, and add the task `default`."""
        if not isinstance(data, dict) or not isinstance(data.get("verifiers"), list):
            return data
        names = [entry.get("name") for entry in data["verifiers"] if isinstance(entry, dict)]
        tasks = data.get("tasks") or {}
        return {
            **data,
            "verifiers": [
                _from_catalog(entry, place) for place, entry in enumerate(data["verifiers"])
            ],
            "ensembles": data.get("ensembles") or {"default": names},
            "tasks": {"default": {}, **tasks} if isinstance(tasks, dict) else tasks,
        }

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        names = [verifier.name for verifier in self.verifiers]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"verifiers: two are called {doubled[0]!r}; names must differ")
        for ensemble, members in self.ensembles.items():
            if not members:
                raise ValueError(f"ensembles.{ensemble}: names no verifier")
            for member in members:
                if member not in names:
                    raise ValueError(
                        f"ensembles.{ensemble}: no verifier is called"
                        f" {member!r}{did_you_mean(member, names)}"
                    )
            if len(set(members)) < len(members):
                raise ValueError(f"ensembles.{ensemble}: a verifier is named twice")
        for task, settings in self.tasks.items():
            if settings.ensemble is not None and settings.ensemble not in self.ensembles:
                hint = did_you_mean(settings.ensemble, list(self.ensembles))
                raise ValueError(
                    f"tasks.{task}.ensemble: no ensemble is called {settings.ensemble!r}{hint}"
                )
            self._tiers_are_whole(task, settings)
            self._families_are_of_members(task, settings)
        upstreams = [upstream.name for upstream in self.upstreams]
        for place, upstream in enumerate(self.upstreams):
            if upstream.name in upstreams[:place]:
                raise ValueError(
                    f"upstreams.{place}.name: two are called {upstream.name!r}; names must differ"
                )
            if upstream.task not in self.tasks:
                hint = did_you_mean(upstream.task, list(self.tasks))
                raise ValueError(
                    f"upstreams.{place}.task: no task is called {upstream.task!r}{hint}"
                )
        for alias, task in self.model_aliases.items():
            if task not in self.tasks:
                raise ValueError(
                    f"model_aliases.{alias}: no task is called"
                    f" {task!r}{did_you_mean(task, list(self.tasks))}"
                )
        return self

    def _tiers_are_whole(self, task: str, settings: TaskSettings) -> None:
        members = self.ensembles[settings.ensemble or next(iter(self.ensembles))]
        named = [name for tier in settings.tiers or () for name in tier]
        if settings.tiers is not None and sorted(named) != sorted(members):
            wrong = next(
                (name for name in named if name not in members or named.count(name) > 1), None
            )
            lacking = next((name for name in members if name not in named), None)
            what = (
                f"{wrong!r} is no verifier of its ensemble, or is named twice"
                if wrong
                else f"{lacking!r} is in none of them"
            )
            raise ValueError(
                f"tasks.{task}.tiers: must name each verifier of its ensemble once; {what}"
            )

    def _families_are_of_members(self, task: str, settings: TaskSettings) -> None:
        members = self.ensembles[settings.ensemble or next(iter(self.ensembles))]
        for name in settings.families if isinstance(settings.families, dict) else ():
            if name not in members:
                raise ValueError(
                    f"tasks.{task}.families: no verifier of its ensemble is called"
                    f" {name!r}{did_you_mean(name, list(members))}"
                )

    def families_of(self, task: str) -> dict[str, str]:
        """Return the families that are stated for a task's verifiers, by the verifier's name.

        With `families: given` those are all: nothing else joins them.
        """
        families = self.tasks[task].families
        members = self.members(self.ensemble_of(task))
        stated = {
            member.name: member.family_or_default
            for member in members
            if member.family is not None or families == "given"
        }
        return {**stated, **(families if isinstance(families, dict) else {})}

    def tiers_of(self, task: str) -> list[list[int]] | None:
        """Return a task's own tiers, by place in its ensemble; None if it has none."""
        members, tiers = list(self.ensembles[self.ensemble_of(task)]), self.tasks[task].tiers
        return None if tiers is None else [[members.index(name) for name in tier] for tier in tiers]

    def members(self, ensemble: str) -> list[VerifierSettings]:
        """Return the settings of an ensemble's verifiers, in its order."""
        by_name: dict[str, VerifierSettings] = {
            verifier.name: verifier for verifier in self.verifiers
        }
        return [by_name[name] for name in self.ensembles[ensemble]]

    def uncalibrated_of(self, task: str) -> Uncalibrated | None:
        """Return what a task's answers give for a probability before it has one; None: unstated."""
        return self.tasks[task].uncalibrated or self.service.uncalibrated

    def ensemble_of(self, task: str) -> str:
        """Return the name of the ensemble that scores a task."""
        return self.tasks[task].ensemble or next(iter(self.ensembles))


def _from_catalog(entry: Any, place: int) -> Any:
    """Return a verifier with the entry of `use: NAME`; its own keys win."""
    if not isinstance(entry, dict) or "use" not in entry:
        return entry
    entries = catalog()
    name = entry["use"]
    if not isinstance(name, str) or name not in entries:
        raise ValueError(
            f"verifiers.{place}.use: no model is called"
            f" {name!r}{did_you_mean(str(name), list(entries))}; see `assay models`"
        )
    if entries[name].server == "none":
        raise ValueError(f"verifiers.{place}.use: {name} cannot be served: {entries[name].notes}")
    for key, what in entries[name].requires.items():
        if key not in entry:
            raise ValueError(f"verifiers.{place}.{key}: is required by {name}: {what}")
    return {
        **entries[name].defaults(),
        **{key: value for key, value in entry.items() if key != "use"},
    }
