"""Log-likelihoods of given texts, from the logprobs of a prompt's own tokens."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from assay.verifiers.contract.errors import BadReplyError
from assay.verifiers.contract.verifier import Usage
from assay.verifiers.http.reply import Many, ReplyModel, Tokens
from assay.verifiers.http.upstream import Upstream
from assay.verifiers.vllm.label_logprobs import HIGHEST_LOGPROB
from assay.verifiers.vllm.verdicts import in_order, usage_of

#: A prompt token's fields in a reply; each token has a byte at least.
VALUES_A_TOKEN = 8


class _Entry(ReplyModel):
    logprob: float


class _Choice(ReplyModel):
    index: int
    prompt_logprobs: Many[dict[str, _Entry] | None] | None = None


class _Completions(ReplyModel):
    choices: Many[_Choice]
    usage: Tokens | None = None


@dataclass(frozen=True, slots=True)
class Likelihood:
    """A prompt's token ids after the first, with the logprob of each given those before it."""

    ids: list[int]
    logprobs: list[float]

    def after(self, head: Sequence[int]) -> list[float]:
        """Return the logprobs of the tokens that follow a prompt's head.

        A seam that tokenizes anew belongs to the rest.
        """
        place = 0
        while place < min(len(self.ids), len(head) - 1) and self.ids[place] == head[place + 1]:
            place += 1
        return self.logprobs[place:]


async def log_likelihoods(
    upstream: Upstream, prompts: Sequence[str]
) -> tuple[list[Likelihood], Usage]:
    """Return the likelihood of each prompt, whose special tokens it has written itself.

    Raises `VerifierError`.
    """
    body = {
        "model": upstream.settings.model,
        "prompt": list(prompts),
        "max_tokens": 1,
        "temperature": 0,
        "prompt_logprobs": 0,
        "add_special_tokens": False,
    }
    most = VALUES_A_TOKEN * sum(len(prompt.encode()) for prompt in prompts)
    reply = await upstream.ask("/v1/completions", body, _Completions, most)
    choices = in_order(reply.choices, len(prompts))
    return [_likelihood(choice) for choice in choices], usage_of(reply.usage)


def _likelihood(choice: _Choice) -> Likelihood:
    if not choice.prompt_logprobs:
        raise BadReplyError(
            "no prompt_logprobs: the server does not give the likelihood of a prompt"
        )
    first = [next(iter(entry.items())) for entry in choice.prompt_logprobs if entry]
    try:
        ids = [int(token) for token, _ in first]
    except ValueError as exc:
        raise BadReplyError("prompt_logprobs are not by token id") from exc
    # What is no logarithm of a probability makes its prompt's likelihood no number, and leaves the
    # others as they are.
    return Likelihood(
        ids, [entry.logprob if entry.logprob <= HIGHEST_LOGPROB else math.nan for _, entry in first]
    )
