"""The run of a request: the view of the task that scores it, and what its answer says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fastapi import Request

from assay.service.api.errors import ApiError, answering
from assay.service.api.front.middleware.response_headers import ANSWER_HEADERS_IN_SCOPE
from assay.service.api.runs.rewards import rewards_of
from assay.service.api.runs.run_options import RunOptions, run_options, version_number
from assay.service.config.model import RewardDefaults
from assay.service.domain.principal import holder_name
from assay.service.domain.reward_runs import (
    UNNAMED,
    PartialRewards,
    RewardKind,
    RewardRun,
    RunUnknownError,
)
from assay.service.learning.runs.run_watch import RunWatch
from assay.service.learning.runs.scoring_print import scoring_print
from assay.service.learning.tasks.task import Task
from assay.service.runtime.engine import Engine
from assay.service.scoring.request import ScoringResult
from assay.verifiers import Pair

#: How the warning of a run that pleases one verifier alone begins.
OVER_OPTIMISATION = "over_optimisation"
#: How the warning of a missing reward begins.
NO_REWARD = "no_reward"
NOT_PINNED = (
    "not_pinned: the store does not answer, so this reward is by the version that is served now"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnteredRun:
    """The view of a task that scores a request, its run if it has one, and what it asked for."""

    task: Task
    run: RewardRun | None
    learn: bool
    reward: RewardKind | None
    partial: PartialRewards
    warnings: list[str] = field(default_factory=list)


async def enter_run(
    request: Request,
    task: Task,
    fields: object = None,
    ensemble: str | None = None,
    is_reward_route: bool = False,
) -> EnteredRun:
    """Return the run of a request, by what it states, its task's settings and its route.

    Requests of reward routes that name no run share one for each key.

    Raises `ApiError`.
    """
    engine: Engine = request.app.state.engine
    options = run_options(request, fields)
    settings = engine.config.tasks[task.name].rewards
    with answering():
        view, run, warnings = await _pinned(
            engine, task, options, ensemble, is_reward_route and settings.frozen
        )
    in_run = options.run is not None or is_reward_route
    return EnteredRun(
        task=engine.through(view, ensemble),
        run=run,
        learn=_learns(options, settings, in_run),
        reward=options.reward or (settings.kind if is_reward_route else None),
        partial=options.partial or (settings.partial if in_run else "mark"),
        warnings=warnings,
    )


def _learns(options: RunOptions, settings: RewardDefaults, in_run: bool) -> bool:
    if options.learn is not None:
        return options.learn
    return settings.learn or not in_run


async def _pinned(
    engine: Engine, task: Task, options: RunOptions, ensemble: str | None, frozen: bool
) -> tuple[Task, RewardRun | None, list[str]]:
    """Return the task at the request's version, with its run if it has one."""
    name, number = options.run, version_number(task, options.version)
    if name is None and number is None and not frozen:
        return task, None, []
    pins = engine.learning.run_pins
    if name is None and number is not None:
        return task.at_version(await pins.version(task, number)), None, []
    through = None if ensemble is None else engine.through(task, ensemble)
    try:
        entered = await pins.enter(task, name or unnamed_run(task), number, through)
    except RunUnknownError:
        if name is not None:
            raise
        return task, None, [NOT_PINNED]
    return task.at_version(entered.version), entered.run, []


def unnamed_run(task: Task) -> str:
    """Return the name of the run of a key that names none; another ensemble is another run."""
    return f"{UNNAMED}{holder_name()}@{scoring_print(task, None)}"


def settle_run(
    request: Request, entered: EnteredRun, scoring_result: ScoringResult, pairs: Sequence[Pair]
) -> None:
    """Put the run into an answer: its headers, its warnings, and rewards of the kind it asks for.

    Its completions, the scored `pairs`, count for its alarm.

    Raises `ApiError` 503 for a partial answer that the request refuses.
    """
    headers = {"x-assay-model-version": scoring_result.version}
    if entered.run is not None:
        headers["x-assay-run"] = entered.run.name
        headers |= _watched(request, entered.task.name, entered.run.name, scoring_result, pairs)
    if scoring_result.matrix.partial:
        headers["x-assay-partial"] = "true"
    scoring_result.warnings += entered.warnings
    if entered.reward is not None:
        rewards = rewards_of(entered.reward, scoring_result, entered.task)
        scoring_result.rewards = rewards.values.tolist()
        if rewards.reason is not None:
            scoring_result.warnings.append(f"{NO_REWARD}: {rewards.reason}")
    _add_headers(request, headers)
    if scoring_result.matrix.partial and entered.partial == "refuse":
        reasons = sorted(set(scoring_result.matrix.reasons.values()))[:3]
        raise ApiError(
            503,
            f"a verifier failed ({'; '.join(reasons)}), and this request refuses partial rewards:"
            " try again, or send `partial: mark`",
            code="partial_score",
            retry_after_s=1,
        )


def _watched(
    request: Request, task: str, run: str, scoring_result: ScoringResult, pairs: Sequence[Pair]
) -> dict[str, str]:
    """Count a run's completions; return a header, and add a warning, where its alarm sounds."""
    run_watch: RunWatch = request.app.state.engine.learning.run_watch
    run_watch.note(task, run, scoring_result, pairs)
    alarm = run_watch.alarm(task, run)
    if alarm is None or not alarm.sounds:
        return {}
    scoring_result.warnings.append(
        f"{OVER_OPTIMISATION}: since the run began, the verifier {alarm.culprit} rose by"
        f" {alarm.figures['verifier']:.1f} standard deviations and"
        f" the others by {alarm.figures['others']:.1f}: look at answers that it likes before you"
        " train on"
    )
    return {"x-assay-over-optimised": str(alarm.culprit)}


def _add_headers(request: Request, headers: dict[str, str]) -> None:
    added = [(name.encode(), value.encode("ascii", "replace")) for name, value in headers.items()]
    request.scope.setdefault(ANSWER_HEADERS_IN_SCOPE, []).extend(added)
