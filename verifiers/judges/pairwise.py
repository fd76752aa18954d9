"""Judges that compare the candidates of a query two by two, each pair in both orders."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from hashlib import blake2b
from typing import Literal

from pydantic import Field, field_validator, model_validator

from assay.verifiers.contract.findings import Finding, ok, warning
from assay.verifiers.contract.sample import SAMPLE
from assay.verifiers.contract.verifier import (
    Pair,
    Query,
    Status,
    Usage,
    Verdict,
    Verdicts,
    not_applicable,
)
from assay.verifiers.http.connection_pool import Transport
from assay.verifiers.http.gather import gather_or_cancel
from assay.verifiers.judges.base import Judging, JudgingSettings
from assay.verifiers.judges.bradley_terry import (
    Comparison,
    all_pairs,
    strengths,
    swiss_round,
    swiss_rounds,
    win_rates,
)
from assay.verifiers.judges.prompt import bundled, checked_prompt
from assay.verifiers.vllm.chat import Conversation
from assay.verifiers.vllm.label_logprobs import label_finding
from assay.verifiers.vllm.served import isolating

NO_OPPONENT = "one candidate alone cannot be compared with others"
MANY_SWINGS = 0.3


class JudgePairwiseSettings(JudgingSettings):
    """A judge that compares."""

    kind: Literal["judge_pairwise"] = "judge_pairwise"
    prompt: str = Field(
        bundled("judge_pairwise"), description="Prompt with {query}, {first}, then {second}."
    )
    first: str = Field("A", min_length=1, description="Label that means the first answer.")
    second: str = Field("B", min_length=1, description="Label that means the second answer.")
    all_pairs_up_to: int = Field(
        5,
        ge=2,
        le=64,
        description="So many candidates are all compared with each other; more play rounds.",
    )
    rounds: int | None = Field(
        None, ge=1, le=64, description="Rounds beyond that; default log2 n: n·log2(n) calls in all."
    )

    @field_validator("prompt")
    @classmethod
    def _has_all_places(cls, prompt: str) -> str:
        return checked_prompt(prompt, JudgePairwise.places)

    @model_validator(mode="after")
    def _labels_differ(self) -> JudgePairwiseSettings:
        if self.first == self.second:
            raise ValueError("`first` and `second` are the same label")
        return self


class JudgePairwise(Judging):
    """The expected share of wins against the query's others, from Bradley-Terry strengths.

    The judge compares each pair in both orders, and the two answers are averaged, so a judge's
    liking for a place cancels out. Up to 5 candidates all meet; more play rounds between candidates
    of like strength (a Swiss tournament).
    """

    setwise = True
    places = ("query", "first", "second")

    def __init__(self, settings: JudgePairwiseSettings, transport: Transport) -> None:
        super().__init__(settings, settings.prompt, transport)
        self.pairwise = settings
        self.values = {settings.first: 1.0, settings.second: 0.0}

    async def score(self, pairs: Sequence[Pair]) -> Verdicts:
        """Return one verdict a candidate, in order; the request's order makes no difference."""
        if len(pairs) < 2:
            return Verdicts([not_applicable(NO_OPPONENT) for _ in pairs])
        await self.learn_special(pairs)
        uncalled = {pair.candidate: self.verdict_without_call(pair) for pair in pairs}
        texts = sorted(text for text, verdict in uncalled.items() if verdict is None)
        played = await self._play(pairs[0].query, texts)
        by_text = dict(zip(texts, played.items, strict=True))
        return Verdicts(
            [uncalled[pair.candidate] or by_text[pair.candidate] for pair in pairs], played.usage
        )

    async def _play(self, query: Query, texts: Sequence[str]) -> Verdicts:
        """Return a verdict for each of different texts."""
        if len(texts) < 2:
            return Verdicts([Verdict(1.0, reason="no other candidate is an answer") for _ in texts])
        games, usage = _Games(len(texts)), Usage()
        chance = random.Random(blake2b("\0".join(texts).encode(), digest_size=8).digest())  # noqa: S311 - the same set, the same draw
        for _ in range(self._rounds(len(texts))):
            if len(texts) <= self.pairwise.all_pairs_up_to:
                round_pairs = all_pairs(len(texts))
            else:
                current = await asyncio.to_thread(strengths, games.comparisons, len(texts))
                round_pairs = swiss_round(current, games.met, chance)
            usage.add(await self._compare(query, texts, round_pairs, games))
        return Verdicts(await asyncio.to_thread(games.verdicts), usage)

    def _rounds(self, count: int) -> int:
        if count <= self.pairwise.all_pairs_up_to:
            return 1
        return min(self.pairwise.rounds or swiss_rounds(count), count - 1)

    async def _compare(
        self,
        query: Query,
        texts: Sequence[str],
        round_pairs: Sequence[tuple[int, int]],
        games: _Games,
    ) -> Usage:
        """Play a round: every pair in both orders, all of them at once."""
        games.met.update(round_pairs)
        ordered_pairs = [
            (first, second) for pair in round_pairs for first, second in (pair, pair[::-1])
        ]
        verdicts = await self._read(
            [self._asking(query, texts[first], texts[second]) for first, second in ordered_pairs]
        )
        for place, (first, second) in enumerate(round_pairs):
            games.add(first, second, *verdicts.items[2 * place : 2 * place + 2])
        return verdicts.usage

    async def _read(self, conversations: Sequence[Conversation]) -> Verdicts:
        """Read the labels, at most `batch_size` conversations a call.

        One that is too long does not spoil the others.
        """
        size = self.settings.batch_size
        parts = [
            conversations[start : start + size] for start in range(0, len(conversations), size)
        ]
        replies = await gather_or_cancel(
            *(isolating(lambda some: self.labels.read(some, self.values), part) for part in parts)
        )
        total = Usage()
        for verdicts in replies:
            total.add(verdicts.usage)
        return Verdicts([verdict for verdicts in replies for verdict in verdicts.items], total)

    def _asking(self, query: Query, first: str, second: str) -> Conversation:
        return self.asking(
            self.prompt,
            query=self.query_text(query),
            first=self._text(first),
            second=self._text(second),
        )

    def conversation(self, pair: Pair) -> Conversation:
        """Return the messages that compare a candidate with itself."""
        return self._asking(pair.query, pair.candidate, pair.candidate)

    async def judge(self, pairs: Sequence[Pair]) -> Verdicts:
        """Compare each candidate with the reference, or itself: for the doctor's sample alone."""
        return await self._read(
            [self._asking(pair.query, pair.candidate, pair.query.reference or "") for pair in pairs]
        )

    async def look_at_labels(self) -> list[Finding]:
        """Return whether each label is one token, and each is another."""
        return [await label_finding(self.labels, self.values)]

    async def look(self) -> AsyncIterator[Finding]:
        """Yield as well how much the place counts."""
        async for finding in super().look():
            yield finding
        same = (await self._read([self.conversation(SAMPLE)])).items[0].score
        if same is not None:
            observation = (
                f"P(first) of two equal answers is {same:.2f}; both orders count, so it cancels"
            )
            yield (
                ok("place", observation)
                if abs(same - 0.5) < MANY_SWINGS
                else warning("place", observation)
            )


class _Games:
    """The comparisons so far."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.met: set[tuple[int, int]] = set()
        self.comparisons: list[Comparison] = []
        self.swings = [0] * count
        self.games = [0] * count
        self.failure: list[Verdict | None] = [None] * count

    def add(self, first: int, second: int, there: Verdict, back: Verdict) -> None:
        """Take in the two orders of one pair.

        With only one of them answered, a liking for a place would count.
        """
        if there.score is None or back.score is None:
            failure = there if there.score is None else back
            self.failure[first], self.failure[second] = failure, failure
            return
        p_first = (there.score + 1 - back.score) / 2
        self.comparisons.append(Comparison(first, second, p_first))
        swung = (there.score > 0.5) != (1 - back.score > 0.5)
        for place in (first, second):
            self.games[place] += 1
            self.swings[place] += swung

    def verdicts(self) -> list[Verdict]:
        """Return each candidate's verdict; one without a comparison has no score."""
        rates = win_rates(strengths(self.comparisons, self.count))
        return [self._verdict(place, rate) for place, rate in enumerate(rates)]

    def _verdict(self, place: int, rate: float) -> Verdict:
        if not self.games[place]:
            failure = self.failure[place] or Verdict(None, Status.ERROR, "was not drawn")
            return Verdict(None, failure.status, failure.reason)
        remark = (
            f"the order decided {self.swings[place]} of {self.games[place]} comparisons"
            if self.swings[place]
            else None
        )
        return Verdict(rate, reason=remark)
