"""Reading a model's verdict from the logprobs of its label tokens."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from assay.verifiers.contract.errors import BadReplyError, RefusedError
from assay.verifiers.contract.findings import Finding, failed, ok, skipped
from assay.verifiers.contract.verifier import Status, Verdict, Verdicts
from assay.verifiers.http.gather import gather_or_cancel
from assay.verifiers.http.upstream import Upstream
from assay.verifiers.vllm.chat import Chat, Choice, Conversation
from assay.verifiers.vllm.replies import TokenIds
from assay.verifiers.vllm.verdicts import in_order, usage_of

GENERATES = (
    "serve it without `--runner pooling`, or take the kind that its model is made for (`assay"
    " models`)"
)

TOP_LOGPROBS = 20  # the most that servers give without being asked at start
#: A probability is 1 at most; rounding in half precision adds a little.
HIGHEST_LOGPROB = 0.01


class LabelReader:
    """Requests one token, and returns the expected value of the labels.

    It takes the model's distribution over the labels. The request names label tokens by id
    (`logprob_token_ids`: full-vocabulary logprobs, for any sampled token) if the server
    supports that; else it looks for them among the top 20.
    """

    def __init__(self, upstream: Upstream, chat: Chat) -> None:
        self._upstream, self._chat = upstream, chat
        self._ids: dict[str, list[int]] = {}
        self.by_id = True

    async def read(
        self, conversations: Sequence[Conversation], values: Mapping[str, float]
    ) -> Verdicts:
        """Return the labels' values of each conversation, weighted by their probabilities."""
        tokens = await self._first_tokens(values)
        try:
            verdicts = await self._read_once(conversations, values, tokens)
        except RefusedError as exc:  # a server that minds fields it does not know
            if not self.by_id or "logprob_token_ids" not in str(exc):
                raise
            self.by_id = False
            verdicts = await self._read_once(conversations, values, tokens)
        if self.by_id and all(verdict.score is None for verdict in verdicts.items):
            # A server that does not know `logprob_token_ids` ignores it: the labels are missing
            # then.
            self.by_id = False
            calls = verdicts.usage
            verdicts = await self._read_once(conversations, values, tokens)
            verdicts.usage.add(calls)
        return verdicts

    async def _read_once(
        self,
        conversations: Sequence[Conversation],
        values: Mapping[str, float],
        tokens: Mapping[str, str],
    ) -> Verdicts:
        body: dict[str, Any] = {"max_tokens": 1, "temperature": 0, "logprobs": True}
        if self.by_id:
            ids = [int(token.removeprefix("token_id:")) for token in tokens]
            body |= {
                "top_logprobs": 0,
                "logprob_token_ids": ids,
                "return_tokens_as_token_ids": True,
            }
        else:
            body |= {"top_logprobs": TOP_LOGPROBS}
            tokens = {label: label for label in values}
        reply = await self._chat.send(body, conversations)
        choices = in_order(reply.choices, len(conversations))
        return Verdicts(
            [_read(choice, tokens, values) for choice in choices], usage_of(reply.usage)
        )

    async def _first_tokens(self, values: Mapping[str, float]) -> Mapping[str, str]:
        """Return the labels by their first token, as replies name it."""
        if not self.by_id:
            return {}
        try:
            ids = dict(
                zip(
                    values,
                    await gather_or_cancel(*(self.ids_of(label) for label in values)),
                    strict=True,
                )
            )
        except RefusedError:  # no /tokenize: not a vLLM server
            self.by_id = False
            return {}
        by_token: dict[str, str] = {}
        for label, tokens in ids.items():
            other = by_token.setdefault(f"token_id:{tokens[0]}", label)
            if values[other] != values[label]:
                raise BadReplyError(f"the labels {other!r} and {label!r} begin with the same token")
        return by_token

    async def ids_of(self, label: str) -> list[int]:
        """Return the token ids of a label."""
        if label not in self._ids:
            body = {
                "model": self._upstream.settings.model,
                "prompt": label,
                "add_special_tokens": False,
            }
            self._ids[label] = (await self._upstream.ask("/tokenize", body, TokenIds)).tokens
            if not self._ids[label]:
                raise BadReplyError(f"the label {label!r} has no tokens")
        return self._ids[label]


def _read(choice: Choice, tokens: Mapping[str, str], values: Mapping[str, float]) -> Verdict:
    positions = choice.logprobs.content if choice.logprobs else None
    if not positions:
        return Verdict(None, Status.ERROR, "bad_reply: no logprobs")
    logprobs = {entry.token: entry.logprob for entry in (*positions[0].top_logprobs, positions[0])}
    return expected_value(logprobs, tokens, values)


def expected_value(
    listed: Mapping[str, float], tokens: Mapping[str, str], values: Mapping[str, float]
) -> Verdict:
    """Return the labels' values weighted by the probabilities at one position, and their mass.

    `tokens` maps a token to its label. A label that is not listed has at most the smallest
    probability listed, and gets that: bounded, never 0. Without any listed label the model did
    not answer, and there is no score.
    """
    if any(logprob > HIGHEST_LOGPROB for logprob in listed.values()):
        return Verdict(None, Status.ERROR, "bad_reply: a logprob is above 0")
    if not any(token in listed and math.isfinite(listed[token]) for token in tokens):
        return Verdict(None, Status.ERROR, "bad_reply: none of the labels is among the logprobs")
    floor = min(logprob for logprob in listed.values() if math.isfinite(logprob))
    logprobs = {token: listed.get(token, floor) for token in tokens}
    largest = max(logprobs.values())  # taken out before exp, so that no sum is 0
    weights = {token: math.exp(logprob - largest) for token, logprob in logprobs.items()}
    score = sum(weight * values[tokens[token]] for token, weight in weights.items()) / sum(
        weights.values()
    )
    if not math.isfinite(score):
        return Verdict(None, Status.ERROR, "bad_reply: the labels' logprobs are not numbers")
    mass = sum(math.exp(listed[token]) for token in tokens if token in listed)
    return Verdict(score, label_mass=min(mass, 1.0))


async def label_finding(reader: LabelReader, values: Mapping[str, float]) -> Finding:
    """Return whether labels are single tokens, and different values have different tokens."""
    try:
        ids = {label: await reader.ids_of(label) for label in values}
    except RefusedError:
        return skipped("labels", "the server has no /tokenize")
    except BadReplyError as exc:
        return failed("labels", str(exc), "choose other labels")
    long = {label: len(tokens) for label, tokens in ids.items() if len(tokens) > 1}
    first: dict[int, str] = {}
    for label, tokens in ids.items():
        other = first.setdefault(tokens[0], label)
        if values[other] != values[label]:
            return failed(
                "labels",
                f"{other!r} and {label!r} begin with the same token",
                "choose labels that differ at once",
            )
    if long:
        observation = ", ".join(f"{label!r} is {count} tokens" for label, count in long.items())
        return failed("labels", observation, "choose labels of one token: only the first is read")
    return ok("labels", ", ".join(f"{label} {tokens[0]}" for label, tokens in ids.items()))
