"""OpenEnv: a rubric, alone or in OpenEnv's containers.

rubric = AssayRubric(query=lambda action, observation: observation.prompt,
                     answer=lambda action, observation: action.message, task="math")
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from openenv.core.rubrics import Rubric

from .client import AsyncClient
from .exchange import Query
from .lone import score_one
from .missing import Missing
from .run import Run
from .settings import RewardKind, settings_of

REFUSED = {
    "skip": "OpenEnv's containers add rewards up: choose raise, which fails the step, or a number",
    "group_mean": "OpenEnv asks of one step at a time: choose raise or a number",
}


class AssayRubric(Rubric):  # type: ignore[misc,unused-ignore]  # OpenEnv may not be installed
    """Rewards an action by the ensemble; `forward` is a coroutine, as `LLMJudge`'s is.

    `query` and `answer` read the question and the answer out of an action and its observation,
    `reference` the right answer where there is one.
    """

    def __init__(
        self,
        query: Callable[[Any, Any], Query],
        answer: Callable[[Any, Any], str],
        reference: Callable[[Any, Any], str | None] | None = None,
        *,
        task: str | None = None,
        client: AsyncClient | None = None,
        run: str | Run | None = None,
        missing: Missing | None = None,
        reward: RewardKind | None = None,
        learn: bool = False,
    ) -> None:
        super().__init__()
        self.settings = settings_of(task, run, missing, reward, learn, refused=REFUSED)
        self._query, self._answer, self._reference = query, answer, reference
        self._client = client

    async def forward(self, action: Any, observation: Any) -> float:
        """Return the reward of an action.

        Raises `NoScoreError` if no verifier could say, unless `missing` is a number.
        """
        reference = None if self._reference is None else self._reference(action, observation)
        value, _ = await score_one(
            self._query(action, observation),
            self._answer(action, observation),
            reference,
            self.settings,
            self._client,
        )
        return float(value or 0.0)  # None was raised

    def state_dict(self) -> dict[str, Any]:
        """Return the run and the versions that its rewards are of, for a checkpoint."""
        return {"run": self.settings.run.name, "versions": dict(self.settings.run.versions)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with a checkpoint's run."""
        run = self.settings.run
        run.name, run.versions = str(state.get("run", run.name)), dict(state.get("versions", {}))
