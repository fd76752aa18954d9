"""Consensus: how far a query's candidates give the same answer. It calls no model."""

from __future__ import annotations

import asyncio
import importlib.util
import re
from collections import Counter, OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Literal

from pydantic import Field

from assay.verifiers.checks.answers.answer_equality import (
    load_math,
    same_answers,
    same_plain_answers,
)
from assay.verifiers.checks.base import INLINE_CHARS
from assay.verifiers.checks.workers import WORKER_START_S, Workers
from assay.verifiers.contract.errors import MissingExtraError, VerifierError
from assay.verifiers.contract.findings import Finding, ok, skipped
from assay.verifiers.contract.settings import VerifierSettings
from assay.verifiers.contract.verifier import Pair, Status, Verdict, Verdicts, not_applicable
from assay.verifiers.safety.evasions import EVASION_RULES, no_answer_reason

#: A number is looked for in so many characters at either end of a query.
DIGIT, SEARCHED_CHARACTERS = re.compile(r"\d"), 100_000
NO_AGREEMENT = "no two candidates give the same answer"
NO_OTHER_ANSWER = "one candidate alone cannot agree with others"
#: The prior: as if this share of PRIOR other candidates had agreed.
#: Two that agree out of two say less than eight out of eight, and one map from score to probability
#: must hold for any number of candidates. Measured: fitted on 8 candidates a query, mean
#: probability and accuracy of the first of 2, 4, 16 and 32 (`make bench-best-of-n`).
PRIOR, AGREEING = 2.0, 0.2
#: Comparisons that a verifier remembers, and the most texts of one.
COMPARISONS_KEPT, MOST_TEXTS = 64, 256


class ConsensusSettings(VerifierSettings):
    """How answers are compared, and for how long."""

    kind: Literal["consensus"] = "consensus"
    answers: Literal["auto", "math", "text"] = Field(
        "auto",
        description=(
            "Compare by value (math-verify), as text, or by value if the query or an answer"
            " needs it."
        ),
    )
    time_limit_s: float = Field(
        5.0, gt=0, le=600, description="A comparison that takes longer is killed and done as text."
    )
    processes: int = Field(2, ge=1, le=64, description="Worker processes.")
    needs_agreement: bool = Field(
        False,
        description=(
            "Say nothing where no two candidates give the same answer, instead of a low score of"
            " each; refusals and empty words are no answers."
        ),
    )

    def scoring_parameters(self) -> dict[str, Any]:
        """Return the settings that determine a score; the default adds none, as before it."""
        parameters = super().scoring_parameters()
        if not self.needs_agreement:
            del parameters["needs_agreement"]
            return parameters
        return {**parameters, "rules": EVASION_RULES}


class Consensus:
    """The estimated chance that one more candidate would agree, from the others' answers.

    A posterior mean (beta prior), so that scores of few candidates and of many mean the same.

    Parsing mathematics from hostile text can take for ever, and a thread cannot be stopped: it is
    done in worker processes, which are killed when they overrun.
    """

    setwise = True
    bounds: tuple[float, float] | None = (0.0, 1.0)

    def __init__(self, settings: ConsensusSettings) -> None:
        self.consensus = settings
        self._workers = Workers(settings.processes, load_math)
        self._remembered: OrderedDict[int, dict[int, int | None]] = OrderedDict()
        self._by_value = (
            settings.answers != "text" and importlib.util.find_spec("math_verify") is not None
        )

    @property
    def settings(self) -> ConsensusSettings:
        """Return the verifier's part of the configuration."""
        return self.consensus

    async def score(self, pairs: Sequence[Pair]) -> Verdicts:
        """Return one verdict a pair; all pairs are of one query."""
        if len(pairs) < 2:
            return Verdicts([not_applicable(NO_OTHER_ANSWER) for _ in pairs])
        groups, remark = await self.groups(pairs[0].query.text, [pair.candidate for pair in pairs])
        if self.consensus.needs_agreement:
            groups = _of_answers(pairs, groups)
        sizes = Counter(groups)
        agreeing = max((sizes[group] for group in sizes if group is not None), default=0)
        if self.consensus.needs_agreement and agreeing < 2 and remark is None:
            return Verdicts([not_applicable(NO_AGREEMENT) for _ in pairs])
        return Verdicts([_verdict(group, sizes, len(groups), remark) for group in groups])

    async def groups(self, query: str, texts: list[str]) -> tuple[list[int | None], str | None]:
        """Return each text's answer group, and a remark if the comparison was not as configured."""
        if not self._by_value:
            await self.check()
            return await _plain(texts, self.consensus.answers != "text"), None
        each_s = max(1, int(self.consensus.time_limit_s / 4))
        mathematical = self.consensus.answers == "math" or asks_for_a_number(query)
        with suppress(TimeoutError):
            groups = await self._workers.run(
                same_answers, texts, mathematical, each_s, within_s=self.consensus.time_limit_s
            )
            self._remember(query, texts, groups)
            return groups, None
        groups = await _plain(texts, by_value=True)
        self._remember(query, texts, groups)
        return (
            groups,
            f"compared as text: by value took more than {self.consensus.time_limit_s:g} s",
        )

    async def remembered_groups(self, query: str, texts: list[str]) -> list[int | None]:
        """Return each text's answer group, without comparing texts again that were just scored."""
        groups = self._remembered.get(_key_of(query, texts))
        return (
            (await self.groups(query, texts))[0]
            if groups is None
            else [groups[hash(text)] for text in texts]
        )

    def _remember(self, query: str, texts: list[str], groups: list[int | None]) -> None:
        if len(texts) <= MOST_TEXTS:
            self._remembered[_key_of(query, texts)] = dict(
                zip(map(hash, texts), groups, strict=True)
            )
            if len(self._remembered) > COMPARISONS_KEPT:
                self._remembered.popitem(last=False)

    async def check(self) -> None:
        """Return when answers can be compared as configured."""
        if self.consensus.answers == "math" and not self._by_value:
            raise MissingExtraError(
                "math-verify is missing; install the extra `cpu`, or set `answers: auto`"
            )

    async def examine(self) -> list[Finding]:
        """Return how answers are compared."""
        try:
            await self.check()
        except VerifierError as exc:
            return [skipped("installed", str(exc))]
        return [ok("installed", "by value, with math-verify" if self._by_value else "as text")]

    async def warm_up(self) -> None:
        """Start a worker and load the mathematics, which takes longer than a comparison may."""
        if self._by_value:
            await self._workers.run(same_answers, ["\\boxed{1}"], True, 30, within_s=WORKER_START_S)


def asks_for_a_number(query: str) -> bool:
    """Return whether a query has a digit, so that its answer is likely to be a number."""
    return DIGIT.search(query[:SEARCHED_CHARACTERS] + query[-SEARCHED_CHARACTERS:]) is not None


def _of_answers(pairs: Sequence[Pair], groups: Sequence[int | None]) -> list[int | None]:
    """Return the groups, None for candidates that answer nothing: that two refuse is no answer."""
    return [
        None if no_answer_reason(pair.query, pair.candidate) is not None else group
        for pair, group in zip(pairs, groups, strict=True)
    ]


def _key_of(query: str, texts: list[str]) -> int:
    """Return a key of a set of texts, in whatever order; it is of no use in another process."""
    return hash((query, frozenset(map(hash, texts))))


async def _plain(texts: list[str], by_value: bool) -> list[int | None]:
    """Return groups of equal texts or numbers; long texts are read off the event loop."""
    if sum(map(len, texts)) <= INLINE_CHARS:
        return same_plain_answers(texts, by_value)
    return await asyncio.to_thread(same_plain_answers, texts, by_value)


def _verdict(
    group: int | None, sizes: Counter[int | None], total: int, remark: str | None
) -> Verdict:
    if group is None:
        return Verdict(None, Status.NOT_APPLICABLE, "no answer could be read from the candidate")
    return Verdict((sizes[group] - 1 + PRIOR * AGREEING) / (total - 1 + PRIOR), reason=remark)
