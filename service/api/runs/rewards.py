"""The number that a trainer has asked for, of each scored candidate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.aggregation import Floats
from assay.service.domain.reward_runs import RewardKind
from assay.service.domain.score_keys import query_of_key
from assay.service.learning.tasks.task import Task
from assay.service.scoring.combine import read_alone
from assay.service.scoring.request import ScoringResult

NO_GROUP = "rank needs two answers or more to one prompt in a request"
NO_LONE_SCORE = (
    "only its comparison with the group's other answers scored a candidate, or a cascade or a"
    " budget left its calls out: add a verifier that reads answers one by one, or send"
    " `policy: full` without a budget"
)
NOT_JUDGED = (
    "no verifier that speaks of correctness scored a candidate, and what form and relevance say"
    " only orders: add a judge, or state `about: correctness` where a check of form is the reward"
)
NO_CHANCE_YET = "the task is not calibrated: send `uncalibrated: number`, or log_odds"
NO_RATES = (
    "denoised needs the error rates of a version that was fitted with random labels, ten right and"
    " ten wrong ones or more; label, fit, and begin a run"
)
NO_BETTER = "denoised: the version's decisions are no better than a coin, so nothing corrects them"
#: Below so much of 1 - both error rates the correction would be noise.
LEAST_BALANCE = 0.05


@dataclass(frozen=True, slots=True)
class Rewards:
    """A number for each candidate, NaN where there is none; `reason`: why one is missing, if so."""

    values: Floats
    reason: str | None = None


def rewards_of(
    kind: RewardKind, scoring_result: ScoringResult, task: Task, number_demanded: bool = False
) -> Rewards:
    """Return the rewards of a kind; `task` is the view at the version that scored.

    All but ranks are of a candidate alone: in another group it has the same reward. A candidate
    that no verifier of correctness scored has none, unless the form of the answer demands a number.
    """
    if kind == "rank":
        in_group = scoring_result.combined.log_odds
        values = ranks_within(in_group, [query_of_key(key) for key in scoring_result.keys])
        lacking = np.isnan(values) & ~np.isnan(in_group)
        return Rewards(values, NO_GROUP if lacking.any() else None)
    reading = read_alone(scoring_result, task.served.model)
    log_odds, lacks = reading.log_odds, None
    if (np.isnan(log_odds) & ~np.isnan(scoring_result.combined.log_odds)).any():
        lacks = NO_LONE_SCORE
    of_form = ~reading.about_correctness & ~np.isnan(log_odds)
    if of_form.any() and not number_demanded:
        log_odds, lacks = np.where(of_form, np.nan, log_odds), NOT_JUDGED
    if kind == "probability":
        probability = np.where(np.isnan(log_odds), np.nan, reading.probability)
        withheld = np.isnan(probability) & ~np.isnan(log_odds)
        return Rewards(probability, NO_CHANCE_YET if withheld.any() else lacks)
    if kind == "log_odds":
        return Rewards(log_odds, lacks)
    saved = task.served.saved
    rewards = denoised(log_odds, None if saved is None else saved.report.get("error_rates"))
    return Rewards(rewards.values, rewards.reason or lacks)


def ranks_within(log_odds: Floats, groups: list[str]) -> Floats:
    """Return the share of the other answers to its prompt that each beats; a tie counts half.

    1 is the best of its group and 0 the worst. NaN without a score, or without another answer.
    """
    ranks = np.full(len(log_odds), np.nan)
    rows_by_group: dict[str, list[int]] = {}
    for row, group in enumerate(groups):
        if not np.isnan(log_odds[row]):
            rows_by_group.setdefault(group, []).append(row)
    for rows in rows_by_group.values():
        values = np.round(log_odds[rows], 12)
        others = len(rows) - 1
        if others:
            order = np.sort(values)
            below = np.searchsorted(order, values, "left")
            equal = np.searchsorted(order, values, "right") - below - 1
            ranks[rows] = (below + equal / 2) / others
    return ranks


def denoised(log_odds: Floats, error_rates: Mapping[str, Any] | None) -> Rewards:
    """Return decisions at even odds, corrected backward by the ensemble's own error rates.

    Natarajan et al. (2013), lemma 1, for the reward r(y) = y: the expected value is the candidate's
    true label, if the rates hold. With a decision y of 0 or 1, rho_1 = P(0 | right) and
    rho_0 = P(1 | wrong):

        ((1 - rho_{1-y}) r(y) - rho_y r(1 - y)) / (1 - rho_1 - rho_0)
    """
    nothing = np.full(len(log_odds), np.nan)
    if not error_rates:
        return Rewards(nothing, NO_RATES)
    rho_0, rho_1 = float(error_rates["false_positive"]), float(error_rates["false_negative"])
    balance = 1 - rho_1 - rho_0
    if balance < LEAST_BALANCE:
        return Rewards(nothing, NO_BETTER)
    decided = np.where(log_odds >= 0, (1 - rho_0) / balance, -rho_0 / balance)
    return Rewards(np.where(np.isnan(log_odds), np.nan, decided))
