"""Scores of groups for ART, over stand-ins of its classes."""

from __future__ import annotations

from typing import Any

import pytest
from assay_client import AsyncClient, NoScoreError
from assay_client.art import group_scorer
from pydantic import BaseModel

from tests.client.answers import pairs, sigmoid
from tests.support.http.canned_server import answering_by_path


class Trajectory(BaseModel):
    """Turns with a reward."""

    turns: list[dict[str, Any]]
    reward: float = 0.1
    metrics: dict[str, Any] = {}
    metadata: dict[str, Any] = {}

    def messages(self) -> list[dict[str, Any]]:
        """Return the turns."""
        return self.turns


class TrajectoryGroup:
    """Trajectories of one prompt."""

    def __init__(self, trajectories: list[Trajectory], *, metadata: Any, metrics: Any) -> None:
        self.trajectories, self.metadata, self.metrics = trajectories, metadata, metrics
        self.exceptions: list[str] = []
        self.logs: list[str] = []


def group(count: int) -> TrajectoryGroup:
    """Return a group whose replies are numbers, after one call of a tool."""
    question = [{"role": "user", "content": "q"}]
    middle = [{"role": "assistant", "content": "let me see"}, {"role": "tool", "content": "7"}]
    trajectories = [
        Trajectory(turns=[*question, *middle, {"role": "assistant", "content": str(number)}])
        for number in range(count)
    ]
    made = TrajectoryGroup(trajectories, metadata={"scenario": "s"}, metrics={})
    made.exceptions.append("a roll-out that failed")
    return made


async def test_each_trajectory_of_a_group_is_rewarded_by_itself() -> None:
    """By the question and the last replies; the reward before stays among the metrics."""
    with answering_by_path({"*": pairs([1.0, 0.0])}) as server:
        async with AsyncClient(server.url) as client:
            before = group(2)
            scored = await group_scorer("math", client=client, run="night-7")(before)
    [(_, body)] = server.asked
    question = [{"role": "user", "content": "q"}]
    assert [pair["messages"] for pair in body["pairs"]] == [question] * 2
    assert [pair["candidate"] for pair in body["pairs"]] == ["0", "1"]
    assert scored is not None
    assert [each.reward for each in scored.trajectories] == [sigmoid(1.0), 0.5]
    assert scored.trajectories[0].metrics == {"independent_reward": 0.1}
    assert scored.trajectories[0].metadata == {"assay_version": "math@1", "assay_run": "night-7"}
    assert (scored.metadata, scored.exceptions) == ({"scenario": "s"}, before.exceptions)
    assert before.trajectories[0].reward == 0.1


async def test_a_trajectory_without_a_score_leaves_its_group() -> None:
    """And a group without two that have one is left out; or as is stated."""
    with answering_by_path({"*": pairs([1.0, None, 0.0])}) as server:
        async with AsyncClient(server.url) as client:
            scored = await group_scorer(client=client)(group(3))
            mean = await group_scorer(client=client, missing="group_mean")(group(3))
            with pytest.raises(NoScoreError):
                await group_scorer(client=client, missing="raise")(group(3))
    assert scored is not None
    assert mean is not None
    assert [each.turns[-1]["content"] for each in scored.trajectories] == ["0", "2"]
    assert mean.trajectories[1].reward == pytest.approx(((sigmoid(1.0) or 0) + 0.5) / 2)
    with answering_by_path({"*": pairs([1.0, None])}) as server:
        async with AsyncClient(server.url) as client:
            assert await group_scorer(client=client)(group(2)) is None


async def test_a_trajectory_may_end_in_a_call_of_a_tool() -> None:
    """Its candidate is the last text of its replies, wherever that stands."""
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "finish"}]}
    endings: list[list[dict[str, Any]]] = [
        [call],
        [call, {"role": "tool", "content": "done"}],
        [{"role": "assistant", "content": " "}],
        [{"role": "assistant", "content": [{"type": "image"}]}, call],
    ]
    before = group(len(endings))
    for trajectory, ending in zip(before.trajectories, endings, strict=True):
        trajectory.turns += ending
    with answering_by_path({"*": pairs([1.0, 0.0, 2.0, 3.0])}) as server:
        async with AsyncClient(server.url) as client:
            scored = await group_scorer("math", client=client)(before)
    [(_, body)] = server.asked
    assert [pair["candidate"] for pair in body["pairs"]] == ["0", "1", "2", "3"]
    assert scored is not None
    assert len(scored.trajectories) == len(endings)
