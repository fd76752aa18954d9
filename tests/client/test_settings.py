"""The settings that reward functions share."""

from __future__ import annotations

import pytest
from assay_client import AssayError
from assay_client.answers import Ranked
from assay_client.settings import by_place, settings_of


def result(score: float | None, **fields: float | None) -> Ranked:
    """Return one result."""
    return Ranked.model_validate(
        {"index": 0, "rank": 1, "probability": 0.7, "score": score, **fields}
    )


def test_defaults_are_frozen_and_teach_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request has no more than its task and its reward, unless more is asked for."""
    for name in ("ASSAY_TASK", "ASSAY_RUN", "ASSAY_MISSING", "ASSAY_REWARD"):
        monkeypatch.delenv(name, raising=False)
    settings = settings_of("math")
    assert settings.options() == {
        "task": "math",
        "uncalibrated": "number",
        "reward": "probability",
    }
    assert (settings.missing, settings.learn) == ("raise", False)
    assert settings.run.name.startswith("run-")
    asked = settings_of(reward="denoised", learn=True, partial="refuse")
    assert asked.options() == {
        "task": "default",
        "uncalibrated": "number",
        "learn": True,
        "partial": "refuse",
        "reward": "denoised",
    }


def test_the_environment_states_what_no_argument_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """For functions that a trainer finds by name."""
    for name, value in {"TASK": "math", "RUN": "r1", "MISSING": "0.5", "REWARD": "rank"}.items():
        monkeypatch.setenv(f"ASSAY_{name}", value)
    settings = settings_of()
    assert (settings.task, settings.run.name, settings.missing, settings.kind) == (
        "math",
        "r1",
        0.5,
        "rank",
    )
    monkeypatch.setenv("ASSAY_REWARD", "percent")
    with pytest.raises(ValueError, match=r"reward: one of probability.*'percent'"):
        settings_of()


def test_a_reward_of_each_kind() -> None:
    """The service's own where it gives one; none where nobody judged the candidate."""
    probability, log_odds = settings_of(), settings_of(reward="log_odds")
    assert probability.reward_of(result(1.0, probability=0.9)) == 0.9
    assert log_odds.reward_of(result(1.0)) == 1.0
    rank = settings_of(reward="rank")
    assert rank.reward_of(result(1.0, reward=0.25)) == 0.25
    with pytest.raises(AssayError, match="'rank': upgrade it"):
        rank.reward_of(result(1.0))
    assert all(
        kind.reward_of(result(1.0, probability=None)) is None
        for kind in (probability, log_odds, rank)
    )


def test_rewards_are_in_the_order_of_the_request() -> None:
    """A candidate that the answer leaves out has none."""
    results = [result(2.0).model_copy(update={"index": 1}), result(1.0)]
    assert by_place(results, 3, settings_of(reward="log_odds")) == [1.0, 2.0, None]
