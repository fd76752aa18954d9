"""Replies of servers that generate."""

from __future__ import annotations

import math
from typing import Any

from tests.support.standin.replies import RefusalError, fitting, pooled
from tests.support.standin.tokens import chatml, detokenize, label_logprobs, tokenize, uniform


class Generating:
    """A server that completes."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def chat(self, asked: dict[str, Any]) -> Any:
        """Complete one conversation."""
        return self.chat_batch({**asked, "messages": [asked.get("messages")]})

    def chat_batch(self, asked: dict[str, Any]) -> Any:
        """Complete several conversations."""
        if not all(asked.get("messages") or [None]):
            raise RefusalError(400, "messages must not be empty")
        if asked.get("top_logprobs", 0) > 20:
            raise RefusalError(
                400,
                "Requested sample logprobs of 25, which is greater than max allowed: 20",
                param="top_logprobs",
            )
        prompts = [fitting(chatml(messages, generation=True)) for messages in asked["messages"]]
        samples = asked.get("n", 1)
        choices = [
            self._choice(place, ids, asked)
            for place, ids in enumerate(each for each in prompts for _ in range(samples))
        ]
        return self._generated("chat.completion", choices, prompts)

    def _generated(self, kind: str, choices: list[dict[str, Any]], prompts: list[list[int]]) -> Any:
        total = sum(len(ids) for ids in prompts)
        usage = {
            "prompt_tokens": total,
            "total_tokens": total + len(choices),
            "completion_tokens": len(choices),
        }
        return {
            "id": "cmpl-0",
            "object": kind,
            "created": 0,
            "model": self._kind,
            "choices": choices,
            "usage": usage,
        }

    def _choice(self, place: int, ids: list[int], asked: dict[str, Any]) -> dict[str, Any]:
        if asked.get("max_tokens", 16) > 1:
            text = f"Let me see. It says {uniform(ids):.3f}.\nVerdict: {'Yes' if uniform(ids, f'verdict{place}') > 0.5 else 'No'}"
            written = text[: asked.get("max_tokens", 16)]
            finish = "stop" if written == text else "length"
            return {
                "index": place,
                "message": {"role": "assistant", "content": written},
                "logprobs": None,
                "finish_reason": finish,
            }
        logprobs = label_logprobs(ids)
        best = max(logprobs, key=logprobs.__getitem__)
        by_id = asked.get("logprob_token_ids")
        if by_id:
            listed = [best, *by_id]
        else:
            listed = sorted(logprobs, key=logprobs.__getitem__, reverse=True)[
                : asked.get("top_logprobs", 0)
            ]
        as_ids = asked.get("return_tokens_as_token_ids")

        def entry(token: int) -> dict[str, Any]:
            name = f"token_id:{token}" if as_ids else detokenize([token])
            return {
                "token": name,
                "logprob": logprobs.get(token, -30.0),
                "bytes": list(name.encode()),
            }

        position = {**entry(best), "top_logprobs": [entry(token) for token in listed]}
        message = {"role": "assistant", "content": detokenize([best])}
        logprobs_body = {"content": [position]} if asked.get("logprobs") else None
        return {
            "index": place,
            "message": message,
            "logprobs": logprobs_body,
            "finish_reason": "length",
        }

    def completions(self, asked: dict[str, Any]) -> Any:
        """Complete texts."""
        given = asked["prompt"]
        listed_prompts = [given] if isinstance(given, str) or isinstance(given[0], int) else given
        prompts = [
            fitting(tokenize(each) if isinstance(each, str) else each) for each in listed_prompts
        ]
        choices = []
        for place, ids in enumerate(prompts):
            choice: dict[str, Any] = {
                "index": place,
                "text": "x",
                "finish_reason": "length",
                "logprobs": None,
                "prompt_logprobs": None,
            }
            if asked.get("prompt_logprobs") is not None:
                logprobs = [
                    -5 * uniform(ids[: end + 1], str(asked.get("model"))) for end in range(len(ids))
                ]
                listed = [
                    {str(token): {"logprob": each, "rank": 1}}
                    for token, each in zip(ids, logprobs, strict=True)
                ]
                choice["prompt_logprobs"] = [None, *listed[1:]]
            if asked.get("logprobs"):
                top = sorted(label_logprobs(ids).items(), key=lambda item: -item[1])[
                    : asked["logprobs"]
                ]
                choice["logprobs"] = {
                    "top_logprobs": [{f"token_id:{token}": each for token, each in top}]
                }
            choices.append(choice)
        return self._generated("text_completion", choices, prompts)

    def generative_scoring(self, asked: dict[str, Any]) -> Any:
        """Score items by the label that follows each."""
        head, (yes, no) = tokenize(asked["query"]), asked["label_token_ids"]
        prompts = [fitting([*head, *tokenize(item)]) for item in asked["items"]]
        rows = []
        for place, ids in enumerate(prompts):
            logprobs = label_logprobs(ids)
            rows.append(
                {
                    "index": place,
                    "object": "score",
                    "score": 1 / (1 + math.exp(logprobs[no] - logprobs[yes])),
                }
            )
        return pooled(self._kind, "generative-scoring", rows, prompts)
