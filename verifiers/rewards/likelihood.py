"""How much likelier a language model finds a candidate with the query than without it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from assay.verifiers.contract.settings import ServedSettings
from assay.verifiers.contract.verifier import Message, Pair, Query, Verdicts
from assay.verifiers.http.connection_pool import Transport
from assay.verifiers.rewards.likelihood_base import LikelihoodBase, heads_of
from assay.verifiers.vllm.log_likelihood import log_likelihoods
from assay.verifiers.vllm.verdicts import score_verdict


class LikelihoodSettings(ServedSettings):
    """A language model used as it is."""

    kind: Literal["likelihood"] = "likelihood"
    system: str | None = Field(None, description="System message before the query.")
    baseline: bool = Field(
        True,
        description=(
            "Subtract the candidate's likelihood without the query: common phrases count less."
        ),
    )
    mean: bool = Field(
        True,
        description="A token's average, so that long candidates are not worse; false: the sum.",
    )


class LikelihoodVerifier(LikelihoodBase):
    """log p(candidate | query) - log p(candidate), a token's average in nats."""

    def __init__(self, settings: LikelihoodSettings, transport: Transport) -> None:
        super().__init__(settings, settings.system, transport)
        self.likelihood = settings

    async def _ask_readable(self, pairs: Sequence[Pair]) -> Verdicts:
        with_query = [await self._parts(pair.query, pair.candidate) for pair in pairs]
        without_query = (
            [await self._parts(_unsaid(pair.query), pair.candidate) for pair in pairs]
            if self.likelihood.baseline
            else []
        )
        likelihoods, usage = await log_likelihoods(
            self.upstream, [head + answer for head, answer in (*with_query, *without_query)]
        )
        heads = await heads_of(self.tokenizer, [head for head, _ in (*with_query, *without_query)])
        averages = [
            self._reduced(likelihood.after(heads[head]))
            for likelihood, (head, _) in zip(
                likelihoods, (*with_query, *without_query), strict=True
            )
        ]
        scores = averages[: len(pairs)]
        if self.likelihood.baseline:
            scores = [
                score - base for score, base in zip(scores, averages[len(pairs) :], strict=True)
            ]
        return Verdicts([score_verdict(score, "likelihood") for score in scores], usage)

    async def _parts(self, query: Query, candidate: str) -> tuple[str, str]:
        return self.parts(await self.template(query), query, self._text(candidate))

    def _reduced(self, logprobs: Sequence[float]) -> float:
        if not logprobs:
            return math.nan
        return math.fsum(logprobs) / (len(logprobs) if self.likelihood.mean else 1)


def _unsaid(query: Query) -> Query:
    """Return the query with nothing in its turns: the same template, no question."""
    return query.with_turns(tuple(Message(message.role, "") for message in query.messages))
