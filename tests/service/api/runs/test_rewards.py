"""The kinds of rewards, as numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from assay.aggregation import RobustAverage
from assay.service.api.runs.rewards import (
    NO_BETTER,
    NO_CHANCE_YET,
    NO_LONE_SCORE,
    NO_RATES,
    NOT_JUDGED,
    Rewards,
    denoised,
    ranks_within,
    rewards_of,
)
from assay.service.domain.reward_runs import RewardKind
from assay.service.learning.tasks.served_version import ServedVersion
from assay.service.scoring.request import ScoringRequest
from assay.verifiers import Pair, Query
from tests.support.scorers import Books, fake


def test_a_rank_is_the_share_of_the_others_that_it_beats() -> None:
    """Within its prompt; ties share, and a lone or an unscored answer has none."""
    log_odds = np.array([2.0, -1.0, 0.5, 9.0, 1.0, 1.0, np.nan])

    ranks = ranks_within(log_odds, ["a", "a", "a", "b", "c", "c", "c"])

    assert ranks.tolist() == pytest.approx([1, 0, 0.5, np.nan, 0.5, 0.5, np.nan], nan_ok=True)


@pytest.mark.parametrize(("rho_0", "rho_1"), [(0.2, 0.1), (0.4, 0.05), (0.0, 0.3)])
def test_a_denoised_reward_is_the_true_label_on_average(rho_0: float, rho_1: float) -> None:
    """Over decisions that are wrong as often as the rates say."""
    rates = {"false_positive": rho_0, "false_negative": rho_1}

    yes, no, missing = denoised(np.array([1.0, -1.0, np.nan]), rates).values

    assert (1 - rho_1) * yes + rho_1 * no == pytest.approx(1)
    assert rho_0 * yes + (1 - rho_0) * no == pytest.approx(0)
    assert np.isnan(missing)


def test_without_rates_there_is_no_denoised_reward() -> None:
    """With the reason; decisions by a coin cannot be corrected either."""
    for rates, reason in (
        (None, NO_RATES),
        ({"false_positive": 0.5, "false_negative": 0.48}, NO_BETTER),
    ):
        rewards = denoised(np.array([1.0]), rates)

        assert np.isnan(rewards.values).all()
        assert rewards.reason == reason


async def rewards_in(group: list[str], kind: RewardKind, wish: Any = "number") -> Rewards:
    """Return a group's rewards by a scorer without a range, and a comparing verifier."""
    scorer = fake("v", lambda pair: {"a": 0.5, "b": -2.0, "c": 4.0}.get(pair.candidate))
    scorer.bounds = None
    comparing = fake("consensus", lambda pair: 0.9 if pair.candidate == group[-1] else 0.1)
    comparing.setwise = True
    books = Books([scorer, comparing])
    books.task.serving.version = ServedVersion(
        task="t", model=RobustAverage(books.task.spec.columns, None)
    )
    pairs = [Pair(Query.of("q"), text) for text in group]
    request = ScoringRequest(books.task, pairs, True, 30.0, learn=False, uncalibrated=wish)
    return rewards_of(kind, await books.scorer.score(request), books.task)


@pytest.mark.parametrize("kind", ["probability", "log_odds"])
async def test_a_completion_has_one_reward_in_all_groups(kind: RewardKind) -> None:
    """Whatever the group holds; its rank is another thing."""
    groups = [["a"], ["a", "b"], ["a", "c"], ["a", "b", "c"], ["a", "c", "b"]]

    rewards = [await rewards_in(group, kind) for group in groups]
    ranks = [await rewards_in(group, "rank") for group in groups[1:]]

    assert len({values.values[0] for values in rewards}) == 1
    assert not np.isnan(rewards[0].values).any()
    assert all(values.reason is None for values in rewards)
    assert len({values.values[0] for values in ranks}) > 1


@pytest.mark.parametrize("kind", ["probability", "log_odds"])
async def test_a_verifier_without_a_range_gives_a_reward_that_grows_with_its_score(
    kind: RewardKind,
) -> None:
    """Such as a reward model before the first fit; the warning says that it only orders."""
    scorer = fake("v", lambda pair: {"a": 0.5, "b": -2.0, "c": 4.0}[pair.candidate])
    scorer.bounds = None
    books = Books([scorer])
    books.task.serving.version = ServedVersion(
        task="t", model=RobustAverage(books.task.spec.columns, None)
    )
    pairs = [Pair(Query.of("q"), text) for text in "bac"]
    request = ScoringRequest(books.task, pairs, False, 30.0, learn=False, uncalibrated="number")

    rewards = rewards_of(kind, await books.scorer.score(request), books.task)

    assert rewards.reason is None
    assert (np.diff(rewards.values) > 0).all()


async def form_rewards(kind: RewardKind, demanded: bool, one_query: bool) -> Rewards:
    """Return rewards of "a", which a judge scored, and of "b", of which only a form was checked."""
    judge = fake("judge", lambda pair: 0.4 if pair.candidate == "a" else None)
    books = Books([judge, fake("form", 0.9, options={"about": "form"})])
    books.task.serving.version = ServedVersion(
        task="t", model=RobustAverage(books.task.spec.columns, None)
    )
    pairs = [Pair(Query.of("q"), text) for text in "ab"]
    request = ScoringRequest(books.task, pairs, one_query, 30.0, learn=False, uncalibrated="number")
    return rewards_of(kind, await books.scorer.score(request), books.task, demanded)


@pytest.mark.parametrize("one_query", [False, True])
@pytest.mark.parametrize("kind", ["probability", "log_odds"])
async def test_what_only_a_form_speaks_for_has_no_reward(kind: RewardKind, one_query: bool) -> None:
    """It would be more than that of an answer which a judge has doubted; a rank orders it."""
    free = await form_rewards(kind, False, one_query)
    demanded = await form_rewards(kind, True, one_query)
    ranks = await form_rewards("rank", False, one_query)

    assert np.isnan(free.values).tolist() == [False, True]
    assert free.reason == NOT_JUDGED
    assert demanded.values[0] == free.values[0] < demanded.values[1]
    assert demanded.reason is None
    assert ranks.values.tolist() == [0.0, 1.0]


async def test_a_reward_that_only_the_group_gives_is_none() -> None:
    """With the reason; so is a probability that the task has not."""
    lone = await rewards_in(["a", "unscored"], "log_odds")
    withheld = await rewards_in(["a", "b"], "probability", "null")

    assert np.isnan(lone.values).tolist() == [False, True]
    assert lone.reason == NO_LONE_SCORE
    assert np.isnan(withheld.values).all()
    assert withheld.reason == NO_CHANCE_YET
