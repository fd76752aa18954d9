"""The kinds of rewards, as numbers."""

from __future__ import annotations

import numpy as np
import pytest

from assay.service.api.runs.rewards import NO_BETTER, NO_RATES, denoised, ranks_within


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
