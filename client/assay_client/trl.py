"""TRL: a reward function for GRPO and RLOO, and a judge of pairs.

trainer = GRPOTrainer(model, reward_funcs=reward_function(task="math"), ...)
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from typing import Any

from .client import Client
from .errors import NoScoreError
from .missing import Missing, filled
from .run import Run
from .settings import PATIENCE_S, RewardKind, RewardOptions, by_place, settings_of
from .texts import query_of, text_of

#: The first release that leaves a completion with None out; those before take it for 0.
LEAVES_NONE_OUT = (1, 6)


class RewardFunction:
    """A reward function for TRL: the reward of each completion, on one scale for the whole run.

    Raises `VersionChangedError` if an answer has another version than the first, `NoScoreError`
    with `missing="raise"`, and another `AssayError` when an outage outlasts the client's patience.
    """

    __name__ = "assay_reward"  # TRL logs it by its name

    def __init__(
        self,
        settings: RewardOptions,
        client: Client,
        reference: str | None = None,
        options: dict[str, Any] | None = None,
    ) -> None:
        self.settings = settings
        self._client = client.with_run(settings.run)
        self._reference, self._options = reference, options or {}

    @property
    def version(self) -> str | None:
        """Return the version behind the rewards; None before the first."""
        return self.settings.run.version

    def __call__(
        self, prompts: Sequence[Any], completions: Sequence[Any], **columns: Any
    ) -> list[float | None]:
        """Return a reward a completion; those of one prompt side by side are ranked together."""
        references = columns.get(self._reference) if self._reference else None

        def key(row: int) -> tuple[str, str | None]:
            reference = None if references is None else references[row]
            return repr(prompts[row]), None if reference is None else str(reference)

        groups = [list(group) for _, group in groupby(range(len(completions)), key)]

        def rank(group: list[int]) -> list[float | None]:
            texts = [text_of(completions[row]) for row in group]
            rewards = self._ranked(prompts[group[0]], texts, key(group[0])[1])
            return filled(rewards, self.settings.missing)

        with ThreadPoolExecutor(min(16, len(groups) or 1)) as pool:
            return [reward for rewards in pool.map(rank, groups) for reward in rewards]

    def _ranked(self, prompt: Any, texts: list[str], reference: str | None) -> list[float | None]:
        options = {**self.settings.options(), "reference": reference, **self._options}
        try:
            ranking = self._client.rank(query_of(prompt), texts, **options)
        except NoScoreError:
            return [None] * len(texts)
        return by_place(ranking.results, len(texts), self.settings)


def reward_function(
    task: str | None = None,
    client: Client | None = None,
    reference: str | None = None,
    *,
    run: str | Run | None = None,
    missing: Missing | None = None,
    reward: RewardKind | None = None,
    learn: bool = False,
    patience_s: float | None = None,
    **options: Any,
) -> RewardFunction:
    """Return a reward function whose rewards are of one version for its whole life.

    `reference` names the data set's column with right answers, where it has one. `run` is the name
    that processes of one run share (ASSAY_RUN, else a new one). `missing` is by default "skip",
    TRL's None; before TRL 1.6, which takes None for 0, "group_mean". `patience_s` (300, or the
    client's own) is how long an outage may last. `options`: those of POST /v1/rank.
    """
    refused = {} if _leaves_none_out() else {"skip": "TRL before 1.6 takes None for a reward of 0"}
    default: Missing = "group_mean" if refused else "skip"
    settings = settings_of(task, run, missing, reward, learn, default=default, refused=refused)
    patience = PATIENCE_S if client is None and patience_s is None else patience_s
    ranker = (client or Client()).with_run(settings.run, patience)
    return RewardFunction(settings, ranker, reference, options)


class PairwiseJudge:
    """Chooses the better of two completions, as TRL's `BasePairwiseJudge`: 0, 1, or -1."""

    def __init__(self, task: str = "default", client: Client | None = None) -> None:
        self._task, self._client = task, client or Client()

    def judge(
        self,
        prompts: Sequence[Any],
        completions: Sequence[Sequence[Any]],
        shuffle_order: bool = True,
    ) -> list[int]:
        """Return the better one's place for each prompt; their order changes nothing."""

        def judge_one(prompt: Any, pair: Sequence[Any]) -> int:
            try:
                best = self._client.rank(
                    query_of(prompt), [text_of(completion) for completion in pair], task=self._task
                ).best
            except NoScoreError:
                return -1
            return -1 if best.score is None else best.index

        with ThreadPoolExecutor(min(16, len(prompts) or 1)) as pool:
            return list(pool.map(judge_one, prompts, completions))


def _leaves_none_out() -> bool:
    """Return whether the installed TRL does; true where none is installed."""
    try:
        parts = version("trl").split(".")
    except PackageNotFoundError:
        return True
    return tuple(int(part) for part in parts[:2]) >= LEAVES_NONE_OUT
