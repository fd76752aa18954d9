"""TRL's reward function against fixed answers."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from assay_client import Client, NoScoreError, Retrying
from assay_client import trl as trl_adapter
from assay_client.missing import Missing
from assay_client.settings import RewardKind
from assay_client.trl import RewardFunction, reward_function

from tests.client.answers import pairs, problem, ranking, sigmoid
from tests.support.http.canned_server import answering_by_path

ONCE = Retrying(tries=1)


@pytest.mark.parametrize(
    ("missing", "second"),
    [("skip", None), ("group_mean", sigmoid(1.0)), (0.1, 0.1), (None, None)],
)
def test_a_completion_without_a_score(missing: Missing | None, second: float | None) -> None:
    """Has what is stated; TRL's None by default."""
    with answering_by_path({"*": pairs([1.0, None])}) as server:
        reward = reward_function(client=Client(server.url), missing=missing)
        assert reward(["q", "q"], ["a", "b"]) == [sigmoid(1.0), second]


def test_raise_ends_the_step() -> None:
    """With the typed error; also where the service has no score of any."""
    with answering_by_path({"*": pairs([1.0, None])}) as server:
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
    with answering_by_path({"*": pairs([1.0, None])}) as server:
        reward = reward_function(client=Client(server.url))
        assert reward(["q", "q"], ["a", "b"]) == [sigmoid(1.0), sigmoid(1.0)]
    with pytest.raises(ValueError, match="takes None for a reward of 0"):
        reward_function(missing="skip")
    monkeypatch.setattr(trl_adapter, "version", lambda _: "1.6.0.dev0")
    assert reward_function(missing="skip").settings.missing == "skip"


def test_a_worker_has_the_same_run() -> None:
    """A pickled function asks under the same name, and holds the same version."""
    with answering_by_path({"*": pairs([1.0])}) as server:
        reward = reward_function("math", Client(server.url))
        reward(["q"], ["a"])
        copied: RewardFunction = pickle.loads(pickle.dumps(reward))  # noqa: S301 - our own
        assert copied.settings.run.name == reward.settings.run.name
        assert (copied.version, copied.__name__) == ("math@1", "assay_reward")
        assert copied(["q"], ["a"]) == reward(["q"], ["a"])


def test_what_is_asked_for_goes_along() -> None:
    """Kind, learning, and options of the request; the service's own reward is taken."""
    with answering_by_path({"*": pairs([1.0, 0.0], reward=[0.9, 0.2])}) as server:
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


def test_a_completion_is_scored_alone_and_a_rank_is_of_its_group() -> None:
    """Rows of one prompt are a group wherever they stand, and rewards keep the rows' order."""
    rows = (["q", "p", "q", "p"], ["a", "b", "c", "d"])
    both = {
        "/v1/score_pairs": pairs([1.0, 0.0]),
        "/v1/rank": ranking([1.0, 0.0], reward=[1.0, 0.0]),
    }
    with answering_by_path(both) as server:
        client = Client(server.url)
        assert reward_function("math", client)(*rows) == [sigmoid(1.0)] * 2 + [0.5] * 2
        assert reward_function("math", client, reward="rank")(*rows) == [1.0, 1.0, 0.0, 0.0]
    assert [path for path, _ in server.asked] == ["/v1/score_pairs"] * 2 + ["/v1/rank"] * 2
    assert sorted(body["candidates"] for _, body in server.asked[2:]) == [["a", "c"], ["b", "d"]]


@pytest.mark.parametrize("missing", ["skip", 0.25])
def test_a_lone_completion_of_a_prompt_has_no_rank(missing: Missing) -> None:
    """A gap, and not a service that is too old; an error has the service's reason."""
    answer = {**ranking([1.0], reward=[None]), "warnings": ["no_reward: two answers or more"]}
    with answering_by_path({"*": answer}) as server:
        client = Client(server.url)
        reward = reward_function("math", client, reward="rank", missing=missing)
        assert reward(["q"], ["a"]) == [None if missing == "skip" else missing]
        with pytest.raises(NoScoreError, match="two answers or more"):
            reward_function("math", client, reward="rank", missing="raise")(["q"], ["a"])


@pytest.mark.parametrize(
    "completion",
    [
        [
            {"role": "assistant", "content": None, "tool_calls": []},
            {"role": "tool", "content": "the answer is 4"},
            {"role": "assistant", "content": "mine"},
        ],
        [
            {"role": "assistant", "content": "let me see"},
            {"role": "tool", "content": "4"},
            {"role": "assistant", "content": "mine"},
            {"role": "tool", "content": "the answer is 4"},
        ],
    ],
)
def test_a_tools_text_is_not_the_policys(completion: list[dict[str, object]]) -> None:
    """The policy's last text is judged."""
    with answering_by_path({"*": pairs([1.0])}) as server:
        reward_function(client=Client(server.url))(["q"], [completion])
    [(_, body)] = server.asked
    assert body["pairs"][0]["candidate"] == "mine"


def test_a_column_of_references_must_be_there() -> None:
    """And hold texts or numbers; gaps send none."""
    with answering_by_path({"*": pairs([1.0])}) as server:
        reward = reward_function(client=Client(server.url), reference="answer")
        with pytest.raises(ValueError, match=r"'answer': .* no such column; it has solution"):
            reward(["q"], ["a"], solution=["7"])
        with pytest.raises(ValueError, match="a text or a number"):
            reward(["q"], ["a"], answer=[["7"]])
        assert server.asked == []
        for answer in ("7", 0, float("nan"), None):
            reward(["q"], ["a"], answer=[answer])
    sent = [body["pairs"][0].get("reference") for _, body in server.asked]
    assert sent == ["7", "0", None, None]


@pytest.mark.parametrize("options", [{"top_n": 1}, {"stream": True}])
def test_options_of_a_group_are_refused(options: dict[str, Any]) -> None:
    """By them a reward would depend on the group; a rank does."""
    with pytest.raises(ValueError, match="the same in every group"):
        reward_function("math", **options)
    assert reward_function("math", reward="rank", **options).settings.kind == "rank"


@pytest.mark.parametrize(
    "options", [{"policy": "cascade"}, {"budget": {"calls": 3}}, {"confidence": 0.9}]
)
def test_options_that_call_fewer_verifiers_are_refused(options: dict[str, Any]) -> None:
    """By them one completion would have several rewards in a run; a rank as well."""
    kinds: tuple[RewardKind | None, ...] = (None, "rank")
    for kind in kinds:
        with pytest.raises(ValueError, match=f"{next(iter(options))}: a run calls all verifiers"):
            reward_function("math", reward=kind, **options)


@pytest.mark.parametrize(
    ("prompts", "completions", "answers", "name"),
    [
        (["p", "q", "r"], ["a"], ["1"], "prompts"),
        (["p"], ["a", "b"], ["1", "2"], "prompts"),
        (["p", "q"], ["a", "b"], ["1"], "answer"),
        (["p", "q"], ["a", "b"], ["1", "2", "3"], "answer"),
    ],
)
def test_lists_of_different_lengths_are_an_error(
    prompts: list[str], completions: list[str], answers: list[str], name: str
) -> None:
    """Before anything is asked: no one knows which prompt a completion answers."""
    with answering_by_path({"*": pairs([1.0])}) as server:
        reward = reward_function(client=Client(server.url, retrying=ONCE), reference="answer")
        with pytest.raises(ValueError, match=rf"{name}: one for each completion \(got"):
            reward(prompts, completions, answer=answers)
        if name == "prompts":
            judge = trl_adapter.PairwiseJudge(client=Client(server.url, retrying=ONCE))
            with pytest.raises(ValueError, match="prompts: one for each"):
                judge.judge(prompts, [["a", "b"]] * len(completions))
    assert server.asked == []
