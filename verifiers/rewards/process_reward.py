"""Process reward models: one probability a step, reduced to one score a candidate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from assay.verifiers.contract.errors import BadReplyError
from assay.verifiers.contract.findings import Finding, failed, ok
from assay.verifiers.contract.sample import SAMPLE
from assay.verifiers.contract.verifier import (
    NO_STEPS,
    Message,
    Pair,
    Status,
    Verdict,
    Verdicts,
    not_applicable,
)
from assay.verifiers.http.connection_pool import Transport
from assay.verifiers.rewards.base import Reward, RewardSettings, as_dicts
from assay.verifiers.rewards.steps import REDUCE, StepReduction
from assay.verifiers.vllm.replies import Vectors
from assay.verifiers.vllm.served import ask_the_rest
from assay.verifiers.vllm.verdicts import in_order, score_verdict, score_verdicts, usage_of


class ProcessRewardSettings(RewardSettings):
    """A process reward model: how its steps are split, joined, read and reduced."""

    kind: Literal["process_reward"] = "process_reward"
    step_token: str = Field(
        "<extra_0>", min_length=1, description="Token that ends each step in the model's input."
    )
    step_separator: str = Field(
        "\n\n", min_length=1, description="Text that candidates put between steps."
    )
    good_column: int = Field(1, ge=0, description="Which of a step's numbers is P(good).")
    reduction: StepReduction = Field("min", description="How the steps become one score.")


class ProcessReward(Reward):
    """`/pooling` of a server started with STEP pooling and the model's step token.

    0 to 1 a step.
    """

    bounds = (0.0, 1.0)
    path = "/pooling"

    def __init__(self, settings: ProcessRewardSettings, transport: Transport) -> None:
        super().__init__(settings, transport)
        self.process = settings
        self.markers = (settings.step_token,)

    def steps(self, candidate: str) -> list[str]:
        """Return the candidate's steps, without blank ones."""
        return [
            step.strip() for step in candidate.split(self.process.step_separator) if step.strip()
        ]

    def conversation(self, pair: Pair) -> list[Message]:
        """Return the query's turns, with the candidate's steps each ended by the step token."""
        *turns, answer = super().conversation(pair)
        steps = self.steps(answer.content)
        return [
            *turns,
            Message("assistant", "".join(step + self.process.step_token for step in steps)),
        ]

    async def _ask(self, pairs: Sequence[Pair]) -> Verdicts:
        uncalled = [
            None if self.steps(self._text(pair.candidate)) else not_applicable(NO_STEPS)
            for pair in pairs
        ]
        return await ask_the_rest(super()._ask, pairs, uncalled)

    async def _ask_texts(self, texts: Sequence[str]) -> Verdicts:
        body = self._body() | {"input": texts, "add_special_tokens": False}
        return await self._post_steps(body, [text.count(self.process.step_token) for text in texts])

    async def _post(self, body: dict[str, Any], count: int) -> Verdicts:
        expected = sum(
            str(message["content"]).count(self.process.step_token) for message in body["messages"]
        )
        return await self._post_steps(body, [expected])

    async def _post_steps(self, body: dict[str, Any], expected: Sequence[int]) -> Verdicts:
        reply = await self.upstream.ask(self.path, body, Vectors)
        rows = in_order(reply.data, len(expected))
        items = [self._read(row.data, count) for row, count in zip(rows, expected, strict=True)]
        return Verdicts(items, usage_of(reply.usage))

    def _body(self) -> dict[str, Any]:
        return {
            "model": self.settings.model
        }  # the default softmax makes a step's numbers probabilities

    async def look_at_scores(self) -> list[Finding]:
        """Return whether each step has one score, and whether it is a probability."""
        steps = self.conversation(SAMPLE)[-1].content.count(self.process.step_token)
        ids = await self.tokenizer.ids(self.process.step_token)
        if len(ids) != 1:
            observation = f"{self.process.step_token!r} is {len(ids)} tokens to this model"
            return [
                failed(
                    "step token",
                    observation,
                    "set `step_token` to the model's own (`assay models`)",
                )
            ]
        reply = await self.upstream.ask(
            self.path, self._body() | {"messages": as_dicts(self.conversation(SAMPLE))}, Vectors
        )
        rows = in_order(reply.data, 1)[0].data
        if len(rows) != steps:
            observation = (
                f"{len(rows)} scores for {steps} steps; {self.process.step_token!r} is token"
                f" {ids[0]}"
            )
            advice = (
                "start the server with --pooler-config"
                f' \'{{"tok_pooling_type":"STEP","step_tag_id":{ids[0]}}}\''
            )
            return [failed("step count", observation, advice)]
        findings = [ok("step count", f"{steps} scores for {steps} steps; step token {ids[0]}")]
        if any(not 0 <= value <= 1 for row in rows for value in row):
            return [
                *findings,
                failed(
                    "activation", f"{rows[0]} is no probability", "leave the server's softmax on"
                ),
            ]
        return findings

    def _read(self, rows: Sequence[Sequence[float]], expected: int) -> Verdict:
        if len(rows) != expected:
            return Verdict(
                None, Status.ERROR, f"bad_reply: {len(rows)} step scores for {expected} steps"
            )
        if any(len(row) <= self.process.good_column for row in rows):
            raise BadReplyError(
                f"no column {self.process.good_column} in a step's scores; see `good_column`"
            )
        good = [row[self.process.good_column] for row in rows]
        wrong = next(
            (
                verdict
                for verdict in score_verdicts(good, "score of a step", self.bounds)
                if verdict.score is None
            ),
            None,
        )
        return wrong or score_verdict(REDUCE[self.process.reduction](good), bounds=self.bounds)
