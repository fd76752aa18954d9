"""TRL's reward function against fixed answers."""

from __future__ import annotations

import pickle

import pytest
from assay_client import Client, NoScoreError, Retrying
from assay_client import trl as trl_adapter
from assay_client.missing import Missing
from assay_client.trl import RewardFunction, reward_function

from tests.client.answers import problem, ranking, sigmoid
from tests.support.http.canned_server import answering_by_path

ONCE = Retrying(tries=1)


@pytest.mark.parametrize(
    ("missing", "second"),
    [("skip", None), ("group_mean", sigmoid(1.0)), (0.1, 0.1), (None, None)],
)
def test_a_completion_without_a_score(missing: Missing | None, second: float | None) -> None:
    """Has what is stated; TRL's None by default."""
    with answering_by_path({"*": ranking([1.0, None])}) as server:
        reward = reward_function(client=Client(server.url), missing=missing)
        assert reward(["q", "q"], ["a", "b"]) == [sigmoid(1.0), second]


def test_raise_ends_the_step() -> None:
    """With the typed error; also where the service has no score of any."""
    with answering_by_path({"*": ranking([1.0, None])}) as server:
        reward = reward_function(client=Client(server.url), missing="raise")
        with pytest.raises(NoScoreError, match="1 of 2 completions"):
            reward(["q", "q"], ["a", "b"])
    for code in ("no_verifier", "partial_score"):
        with answering_by_path({"*": problem(code)}, status=503) as server:
            client = Client(server.url, retrying=ONCE)
            assert reward_function(client=client)(["q"], ["a"]) == [None]
            with pytest.raises(NoScoreError):
                reward_function(client=client, missing="raise")(["q"], ["a"])


def test_a_release_that_takes_none_for_0_gets_none_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The mean of the group by default; "skip" is refused when the function is made."""
    monkeypatch.setattr(trl_adapter, "version", lambda _: "1.5.1")
    with answering_by_path({"*": ranking([1.0, None])}) as server:
        reward = reward_function(client=Client(server.url))
        assert reward(["q", "q"], ["a", "b"]) == [sigmoid(1.0), sigmoid(1.0)]
    with pytest.raises(ValueError, match="takes None for a reward of 0"):
        reward_function(missing="skip")
    monkeypatch.setattr(trl_adapter, "version", lambda _: "1.6.0.dev0")
    assert reward_function(missing="skip").settings.missing == "skip"


def test_a_worker_has_the_same_run() -> None:
    """A pickled function asks under the same name, and holds the same version."""
    with answering_by_path({"*": ranking([1.0])}) as server:
        reward = reward_function("math", Client(server.url))
        reward(["q"], ["a"])
        copied: RewardFunction = pickle.loads(pickle.dumps(reward))  # noqa: S301 - our own
        assert copied.settings.run.name == reward.settings.run.name
        assert (copied.version, copied.__name__) == ("math@1", "assay_reward")
        assert copied(["q"], ["a"]) == reward(["q"], ["a"])


def test_what_is_asked_for_goes_along() -> None:
    """Kind, learning, and options of the request; the service's own reward is taken."""
    with answering_by_path({"*": ranking([1.0, 0.0], reward=[0.9, 0.2])}) as server:
        reward = reward_function(
            "math", Client(server.url), reward="denoised", learn=True, deadline_ms=100
        )
        assert reward(["q", "q"], ["a", "b"]) == [0.9, 0.2]
    [(_, body)] = server.asked
    assert {name: body[name] for name in ("task", "reward", "learn", "deadline_ms")} == {
        "task": "math",
        "reward": "denoised",
        "learn": True,
        "deadline_ms": 100,
    }
