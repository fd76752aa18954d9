"""Language-model judges, read from the logprobs of their verdict's first token."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.resources import files
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from .base import Message, Pair, Status, Verdict, Verdicts
from .errors import BadReplyError, RefusedError
from .served import ServedVerifier, in_order, usage_of
from .settings import ServedSettings
from .transport import Transport
from .upstream import ReplyModel, Tokens

DEFAULT_PROMPT = files(__package__).joinpath("prompts/judge.txt").read_text(encoding="utf-8")
TOP_LOGPROBS = 20  # the most that servers give without being asked at start


class JudgeSettings(ServedSettings):
    """A judge: the model, the prompt and the two labels."""

    kind: Literal["judge"] = "judge"
    yes: tuple[str, ...] = Field(("Yes",), min_length=1, description="Labels that mean correct.")
    no: tuple[str, ...] = Field(("No",), min_length=1, description="Labels that mean incorrect.")
    prompt: str = Field(DEFAULT_PROMPT, description="Prompt with {query}, then {candidate}.")
    system: str | None = Field(None, description="System message before the prompt.")

    @field_validator("prompt")
    @classmethod
    def _has_both_places(cls, prompt: str) -> str:
        if prompt.count("{query}") != 1 or prompt.count("{candidate}") != 1:
            raise ValueError("must contain {query} and {candidate} once each")
        if prompt.index("{query}") > prompt.index("{candidate}"):
            raise ValueError("must put {query} before {candidate}: what candidates share comes first, for the prefix cache")
        return prompt

    @model_validator(mode="after")
    def _labels_differ(self) -> JudgeSettings:
        if set(self.yes) & set(self.no):
            raise ValueError(f"`yes` and `no` share a label: {sorted(set(self.yes) & set(self.no))}")
        return self


class _Logprob(ReplyModel):
    token: str
    logprob: float


class _Position(_Logprob):
    top_logprobs: tuple[_Logprob, ...] = ()


class _Logprobs(ReplyModel):
    content: list[_Position] | None = None


class _Choice(ReplyModel):
    index: int
    logprobs: _Logprobs | None = None


class _Chat(ReplyModel):
    choices: list[_Choice]
    usage: Tokens | None = None


class _Ids(ReplyModel):
    tokens: list[int]


class Judge(ServedVerifier):
    """Asks whether a candidate is right, and reads P(Yes) / (P(Yes) + P(No)) from one token.

    The label tokens are asked for by id (`logprob_token_ids`: full-vocabulary logprobs, whatever was sampled) where the
    server has that, else looked for among the top 20. A batch goes to `/v1/chat/completions/batch` where there is one.
    """

    markers: tuple[str, ...] = ("<query>", "</query>", "<candidate>", "</candidate>")

    def __init__(self, settings: JudgeSettings, transport: Transport) -> None:
        super().__init__(settings, transport)
        self.judge = settings
        self._ids: dict[str, str] | None = None  # token as the reply names it → label; None until asked for
        self._by_id = True
        self._batches = True

    @cached_property
    def _pieces(self) -> tuple[str, str, str]:
        before, rest = self.judge.prompt.split("{query}")
        return (before, *rest.split("{candidate}"))  # type: ignore[return-value]  # there is exactly one

    def conversation(self, pair: Pair) -> list[dict[str, str]]:
        """Return the messages that ask about a pair."""
        before, between, after = self._pieces
        query = "\n\n".join(
            message.content if len(pair.query.messages) == 1 else f"{message.role}: {message.content}"
            for message in self._messages(pair.query)
        )
        asked = Message("user", f"{before}{query}{between}{self._text(pair.candidate)}{after}")
        system = [Message("system", self.judge.system)] if self.judge.system else []
        return [{"role": message.role, "content": message.content} for message in [*system, asked]]

    async def _ask(self, pairs: Sequence[Pair]) -> Verdicts:
        labels = await self._labels()
        try:
            verdicts = await self._ask_once(pairs, labels)
        except RefusedError as exc:  # a server that minds fields it does not know
            if not self._by_id or "logprob_token_ids" not in str(exc):
                raise
            self._by_id = False
            verdicts = await self._ask_once(pairs, labels)
        if self._by_id and all(verdict.score is None for verdict in verdicts.items):
            # A server that does not know `logprob_token_ids` passes it over without a word: the labels are not there.
            self._by_id = False
            calls = verdicts.usage
            verdicts = await self._ask_once(pairs, labels)
            verdicts.usage.add(calls)
        return await self.note_shortened(pairs, verdicts)

    async def _ask_once(self, pairs: Sequence[Pair], labels: Mapping[str, str]) -> Verdicts:
        body: dict[str, Any] = {"model": self.judge.model, "max_tokens": 1, "temperature": 0, "logprobs": True}
        if self._by_id:
            ids = [int(token.removeprefix("token_id:")) for token in labels]
            body |= {"top_logprobs": 0, "logprob_token_ids": ids, "return_tokens_as_token_ids": True}
        else:
            body |= {"top_logprobs": TOP_LOGPROBS}
            labels = {label: label for label in (*self.judge.yes, *self.judge.no)}
        reply = await self._send(body, [self.conversation(pair) for pair in pairs])
        choices = in_order(reply.choices, len(pairs))
        return Verdicts([self._read(choice, labels) for choice in choices], usage_of(reply.usage))

    async def _send(self, body: dict[str, Any], conversations: list[list[dict[str, str]]]) -> _Chat:
        if len(conversations) == 1:
            return await self.upstream.ask("/v1/chat/completions", body | {"messages": conversations[0]}, _Chat)
        if self._batches:
            try:
                return await self.upstream.ask("/v1/chat/completions/batch", body | {"messages": conversations}, _Chat)
            except RefusedError as exc:
                if exc.status_code not in (404, 405):
                    raise
                self._batches = False
        return await self._send_singly(body, conversations)

    async def _send_singly(self, body: dict[str, Any], conversations: list[list[dict[str, str]]]) -> _Chat:
        replies = await asyncio.gather(*(self._send(body, [conversation]) for conversation in conversations))
        choices = [reply.choices[0].model_copy(update={"index": place}) for place, reply in enumerate(replies)]
        totals = [reply.usage or Tokens() for reply in replies]
        usage = Tokens(
            prompt_tokens=sum(each.prompt_tokens for each in totals),
            completion_tokens=sum(each.completion_tokens or 0 for each in totals),
        )
        return _Chat(choices=choices, usage=usage)

    def _read(self, choice: _Choice, labels: Mapping[str, str]) -> Verdict:
        positions = choice.logprobs.content if choice.logprobs else None
        if not positions:
            return Verdict(None, Status.ERROR, "bad_reply: no logprobs")
        seen = {entry.token: entry.logprob for entry in (*positions[0].top_logprobs, positions[0])}
        return read_labels(seen, labels, frozenset(self.judge.yes))

    async def _labels(self) -> Mapping[str, str]:
        """Return the first token of each label, as replies name it."""
        if self._ids is None:
            try:
                first = {label: await self._first_token(label) for label in (*self.judge.yes, *self.judge.no)}
            except RefusedError:  # no /tokenize: not a vLLM server
                self._by_id, self._ids = False, {}
                return self._ids
            if {first[label] for label in self.judge.yes} & {first[label] for label in self.judge.no}:
                raise BadReplyError(f"the labels {self.judge.yes} and {self.judge.no} begin with the same token")
            self._ids = {f"token_id:{token}": label for label, token in first.items()}
        return self._ids

    async def _first_token(self, label: str) -> int:
        body = {"model": self.judge.model, "prompt": label, "add_special_tokens": False}
        tokens = (await self.upstream.ask("/tokenize", body, _Ids)).tokens
        if not tokens:
            raise BadReplyError(f"the label {label!r} has no tokens")
        return tokens[0]


def read_labels(seen: Mapping[str, float], labels: Mapping[str, str], yes: frozenset[str]) -> Verdict:
    """Return P(yes) among the labels, from the logprobs `seen` at the first position, and the mass on all labels.

    A label that is not listed has at most the smallest probability listed, and is given that: bounded, never 0.
    With no label listed at all the model was not answering, and there is no score.
    """
    if not any(token in seen and math.isfinite(seen[token]) for token in labels):
        return Verdict(None, Status.ERROR, "bad_reply: none of the labels is among the logprobs")
    floor = min(logprob for logprob in seen.values() if math.isfinite(logprob))
    mass = {True: 0.0, False: 0.0}
    listed = 0.0
    largest = max(seen.get(token, floor) for token in labels)  # taken out before exp, so that no sum is 0
    for token, label in labels.items():
        logprob = seen.get(token, floor)
        mass[label in yes] += math.exp(logprob - largest)
        listed += math.exp(seen[token]) if token in seen else 0.0
    score = mass[True] / (mass[True] + mass[False])
    if not math.isfinite(score):
        return Verdict(None, Status.ERROR, "bad_reply: the labels' logprobs are not numbers")
    return Verdict(score, label_mass=min(listed, 1.0))
