"""The rubric for OpenEnv, over a stand-in of its base class."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

import pytest
from assay_client import AsyncClient, NoScoreError

from tests.client.answers import pairs, sigmoid
from tests.client.stand_ins import package
from tests.support.http.canned_server import answering_by_path


class Rubric:
    """Calls `forward`, as OpenEnv's does."""

    def __call__(self, action: Any, observation: Any) -> Any:
        """Return the reward."""
        return self.forward(action, observation)  # type: ignore[attr-defined]


@pytest.fixture
def adapter(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module, imported over the stand-in."""
    package(monkeypatch, "openenv.core.rubrics", Rubric=Rubric)
    monkeypatch.delitem(sys.modules, "assay_client.openenv", raising=False)
    return importlib.import_module("assay_client.openenv")


def readers() -> dict[str, Any]:
    """Return how a rubric reads an action and its observation."""
    return {
        "query": lambda action, observation: observation["prompt"],
        "answer": lambda action, observation: action,
        "reference": lambda action, observation: observation.get("target"),
    }


async def test_an_action_is_rewarded(adapter: ModuleType) -> None:
    """By what the readers find; a checkpoint goes on with its run and version."""
    with answering_by_path({"*": pairs([1.0])}) as server:
        async with AsyncClient(server.url) as client:
            rubric = adapter.AssayRubric(**readers(), task="math", client=client)
            assert await rubric("a", {"prompt": "q", "target": "7"}) == sigmoid(1.0)
            other = adapter.AssayRubric(**readers(), task="math", client=client)
            other.load_state_dict(rubric.state_dict())
            assert other.state_dict() == rubric.state_dict()
            assert other.settings.run.versions == {"math": "math@1"}
    [(_, body)] = server.asked
    assert body["pairs"] == [{"query": "q", "candidate": "a", "reference": "7"}]


async def test_a_gap_raises_or_has_its_number(adapter: ModuleType) -> None:
    """OpenEnv's containers add rewards up, so nothing is left out."""
    with answering_by_path({"*": pairs([None])}) as server:
        async with AsyncClient(server.url) as client:
            with pytest.raises(NoScoreError):
                await adapter.AssayRubric(**readers(), client=client)("a", {"prompt": "q"})
            rubric = adapter.AssayRubric(**readers(), client=client, missing=0.25)
            assert await rubric("a", {"prompt": "q"}) == 0.25
    for word in ("skip", "group_mean"):
        with pytest.raises(ValueError, match=f"missing='{word}': OpenEnv"):
            adapter.AssayRubric(**readers(), missing=word)
