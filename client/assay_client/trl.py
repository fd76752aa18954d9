"""TRL: a reward function for GRPO and RLOO, and a judge of pairs.

trainer = GRPOTrainer(model, reward_funcs=reward_function(task="math"), ...)
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from .client import Client
from .errors import NoScoreError
from .exchange import Query
from .missing import Missing, filled
from .run import Run
from .settings import PATIENCE_S, RewardKind, RewardOptions, rewards_of, settings_of
from .texts import query_of, reference_of, text_of

#: The first release that leaves a completion with None out; those before take it for 0.
LEAVES_NONE_OUT = (1, 6)
#: Options of a request by which a completion's score depends on the others.
OF_GROUP = frozenset({"top_n", "stream"})
#: Those that call fewer verifiers, which a run has none of.
CUTS = frozenset({"policy", "confidence", "budget"})


class RewardFunction:
    """A reward function for TRL: the reward of each completion, on one scale for the whole run.

    Each is of the completion alone, the same in every group and step; with `reward="rank"` it is
    the rank among the prompt's completions.

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
        """Return a reward a completion, in order; a group is those of one prompt and reference.

        Raises `ValueError` for a data set without the column of references that was named, with a
        reference that is neither a text nor a number, or for lists of different lengths.
        """
        _check_lengths(len(completions), "prompts", prompts)
        references = self._references(columns, len(completions))
        groups: dict[str, list[int]] = {}
        for row in range(len(completions)):
            groups.setdefault(repr((query_of(prompts[row]), references[row])), []).append(row)

        def reward(rows: list[int]) -> list[float | None]:
            texts = [text_of(completions[row]) for row in rows]
            ask = self._ranked if self.settings.kind == "rank" else self._alone
            rewards, reason = ask(query_of(prompts[rows[0]]), texts, references[rows[0]])
            return filled(rewards, self.settings.missing, reason=reason)

        rewards: list[float | None] = [None] * len(completions)
        with ThreadPoolExecutor(min(16, len(groups) or 1)) as pool:
            for rows, values in zip(
                groups.values(), pool.map(reward, groups.values()), strict=True
            ):
                for row, value in zip(rows, values, strict=True):
                    rewards[row] = value
        return rewards

    def _references(self, columns: dict[str, Any], count: int) -> list[str | None]:
        if self._reference is None:
            return [None] * count
        if self._reference not in columns:
            raise ValueError(
                f"reference={self._reference!r}: the data set has no such column; it has"
                f" {', '.join(sorted(columns)) or 'none beside the prompt'}"
            )
        _check_lengths(count, self._reference, columns[self._reference])
        return [reference_of(value) for value in columns[self._reference]]

    def _alone(
        self, query: Query, texts: list[str], reference: str | None
    ) -> tuple[list[float | None], str | None]:
        options = {**self.settings.options(), **self._options}
        of_query = {"reference": reference, "tests": options.pop("tests", None)}
        pairs = [{"query": query, "candidate": text, **of_query} for text in texts]
        try:
            scores = self._client.score_pairs(pairs, **options)
        except NoScoreError as exc:
            return [None] * len(texts), str(exc)
        return rewards_of(scores, len(texts), self.settings)

    def _ranked(
        self, query: Query, texts: list[str], reference: str | None
    ) -> tuple[list[float | None], str | None]:
        options = {**self.settings.options(), "reference": reference, **self._options}
        try:
            ranking = self._client.rank(query, texts, **options)
        except NoScoreError as exc:
            return [None] * len(texts), str(exc)
        return rewards_of(ranking, len(texts), self.settings)


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
    client's own) is how long an outage may last. `options`: those of POST /v1/score_pairs, and
    `tests`; with `reward="rank"` those of POST /v1/rank. Raises `ValueError` for options by which
    a reward would depend on the group, or on the verifiers that were called.
    """
    refused = {} if _leaves_none_out() else {"skip": "TRL before 1.6 takes None for a reward of 0"}
    default: Missing = "group_mean" if refused else "skip"
    settings = settings_of(task, run, missing, reward, learn, default=default, refused=refused)
    cuts = sorted(CUTS.intersection(options))
    if cuts:
        raise ValueError(
            f"{cuts[0]}: a run calls all verifiers, so that a completion has one reward from first"
            " to last: leave it out"
        )
    of_group = sorted(OF_GROUP.intersection(options))
    if of_group and settings.kind != "rank":
        raise ValueError(
            f"{of_group[0]}: rewards are of each completion alone, the same in every group: leave"
            " it out, or choose reward='rank'"
        )
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
        """Return the better one's place for each prompt; their order changes nothing.

        Raises `ValueError` for lists of different lengths.
        """
        _check_lengths(len(completions), "prompts", prompts)

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


def _check_lengths(completions: int, name: str, values: Sequence[Any]) -> None:
    """Raise `ValueError` unless there are as many values as completions."""
    if len(values) != completions:
        raise ValueError(
            f"{name}: one for each completion (got {len(values)} for {completions} completions):"
            " repeat a prompt's for each of its completions"
        )


def _leaves_none_out() -> bool:
    """Return whether the installed TRL does; true where none is installed."""
    try:
        parts = version("trl").split(".")
    except PackageNotFoundError:
        return True
    return tuple(int(part) for part in parts[:2]) >= LEAVES_NONE_OUT
