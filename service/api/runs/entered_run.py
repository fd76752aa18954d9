"""The run of a request: the view of the task that scores it, and what its answer says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Request

from assay.service.api.errors import ApiError, answering
from assay.service.api.front.middleware.response_headers import ANSWER_HEADERS_IN_SCOPE
from assay.service.api.runs.rewards import rewards_of
from assay.service.api.runs.run_options import RunOptions, run_options, version_number
from assay.service.config.model import RewardDefaults
from assay.service.domain.principal import holder_name, may_teach
from assay.service.domain.reward_runs import (
    OWN_REWARD,
    REWARD_KINDS,
    UNNAMED,
    PartialRewards,
    RewardKind,
    RewardRun,
    RunConflictError,
    kept_name,
    stated_name,
)
from assay.service.domain.uncalibrated import Uncalibrated
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


@dataclass(frozen=True, slots=True, kw_only=True)
class EnteredRun:
    """The view of a task that scores a request, its run if it has one, and what it asked for."""

    task: Task
    run: RewardRun | None
    learn: bool
    reward: RewardKind | None
    partial: PartialRewards
    uncalibrated: Uncalibrated | None = None
    number_demanded: bool = False  # whether the form of the answer has nothing for a missing reward


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
    default = settings.kind if is_reward_route else None
    with answering():
        view, run = await _pinned(
            engine, task, options, ensemble, default, is_reward_route and settings.frozen
        )
        reward = options.reward or default
        if run is not None:
            reward = _kind_of_run(run, options.reward, default, is_reward_route)
    in_run = options.run is not None or is_reward_route
    return EnteredRun(
        task=engine.through(view, ensemble),
        run=run,
        learn=_learns(options, settings, in_run),
        reward=reward,
        partial=options.partial or (settings.partial if in_run else "mark"),
        uncalibrated=options.uncalibrated,
        number_demanded=is_reward_route,
    )


def _learns(options: RunOptions, settings: RewardDefaults, in_run: bool) -> bool:
    """Return whether the task learns from a request.

    Raises `ApiError` 403 where it asks for that with a key that teaches nothing.
    """
    if not may_teach():
        if options.learn:
            message = (
                "learn: no task learns from requests of this key (`learn: false` in its entry of"
                " the configuration): leave `learn` out"
            )
            raise ApiError(403, message, param="learn", code="may_not_teach")
        return False
    if options.learn is not None:
        return options.learn
    return settings.learn or not in_run


async def _pinned(
    engine: Engine,
    task: Task,
    options: RunOptions,
    ensemble: str | None,
    default: RewardKind | None,
    frozen: bool,
) -> tuple[Task, RewardRun | None]:
    """Return the task at the request's version, with its run if it has one."""
    name, number = options.run, version_number(task, options.version)
    if name is None and number is None and not frozen:
        return task, None
    pins = engine.learning.run_pins
    if name is None and number is not None:
        return task.at_version(await pins.version(task, number)), None
    through = None if ensemble is None else engine.through(task, ensemble)
    if name is None:
        entered = await pins.enter(task, unnamed_run(task, default), number, through)
    else:
        reward = options.reward or default or OWN_REWARD
        kept = kept_name(name, holder_name())
        entered = await pins.enter(task, kept, number, through, reward)
    return task.at_version(entered.version), entered.run


def unnamed_run(task: Task, default: RewardKind | None = None) -> str:
    """Return the name of the run of a key that names none.

    Another ensemble, or another kind of reward in the configuration, is another run.
    """
    configured = scoring_print(task, None) + (f"-{default}" if default else "")
    return f"{UNNAMED}{holder_name()}@{configured}"


def _kind_of_run(
    run: RewardRun, stated: RewardKind | None, default: RewardKind | None, is_reward_route: bool
) -> RewardKind | None:
    """Return the kind of reward that a request in a run gets; None for its route's own number.

    Raises `RunConflictError` for a stated kind that is not the run's.
    """
    if run.reward is None:
        return stated or default
    if stated is not None and stated != run.reward:
        began = f"{run.reward} rewards" if run.reward != OWN_REWARD else "each route's own number"
        raise RunConflictError(
            f"the run {stated_name(run.name)!r} began with {began}, and {stated} has another scale:"
            " leave `reward` out, or name another run",
            param="reward",
        )
    if not is_reward_route:
        return stated
    return next((kind for kind in REWARD_KINDS if kind == run.reward), None)


def settle_run(
    request: Request, entered: EnteredRun, scoring_result: ScoringResult, pairs: Sequence[Pair]
) -> None:
    """Put the run into an answer: its headers, its warnings, and rewards of the kind it asks for.

    Its completions, the scored `pairs`, count for its alarm.

    Raises `ApiError` 503 for a partial answer that the request refuses.
    """
    headers = {"x-assay-model-version": scoring_result.version}
    if entered.run is not None:
        headers["x-assay-run"] = stated_name(entered.run.name)
        headers |= _watched(request, entered.task.name, entered.run.name, scoring_result, pairs)
    if scoring_result.matrix.partial:
        headers["x-assay-partial"] = "true"
    if entered.reward is not None:
        rewards = rewards_of(entered.reward, scoring_result, entered.task, entered.number_demanded)
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
