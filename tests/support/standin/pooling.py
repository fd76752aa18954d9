"""Replies of servers that pool: rewards, classes, vectors, scores of pairs."""

from __future__ import annotations

import math
from typing import Any

from tests.support.standin.replies import MAX_MODEL_LEN, RefusalError, fitting, pooled
from tests.support.standin.tokens import STEP, chatml, tokenize, uniform


class Pooling:
    """A server that reads a prompt and gives numbers for it."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def _inputs(self, asked: dict[str, Any]) -> list[list[int]]:
        if "messages" in asked:
            return [fitting(chatml(asked["messages"], asked.get("add_generation_prompt", False)))]
        given = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
        if not given or "" in given:
            raise RefusalError(400, "You must pass at least one prompt")
        read = [tokenize(each) if isinstance(each, str) else each for each in given]
        if asked.get("truncate_prompt_tokens") == -1:
            return [ids[-MAX_MODEL_LEN:] for ids in read]
        return [fitting(ids) for ids in read]

    def classify(self, asked: dict[str, Any]) -> Any:
        """Return a raw reward a text."""
        rows = []
        prompts = self._inputs(asked)
        for place, ids in enumerate(prompts):
            logit = 16 * uniform(ids) - 8
            value = logit if asked.get("use_activation") is False else 1 / (1 + math.exp(-logit))
            rows.append({"index": place, "label": "LABEL_0", "probs": [value], "num_classes": 1})
        return pooled(self._kind, "classify", rows, prompts)

    def pooling(self, asked: dict[str, Any]) -> Any:
        """Return a row a step."""
        rows = []
        prompts = self._inputs(asked)
        for place, ids in enumerate(prompts):
            ends = [position for position, token in enumerate(ids) if token == STEP]
            good = [uniform(ids[: end + 1], "step") for end in ends]
            rows.append(
                {
                    "index": place,
                    "object": "pooling",
                    "data": [[1 - value, value] for value in good],
                }
            )
        return pooled(self._kind, "pooling", rows, prompts)

    def pooling_tokens(self, asked: dict[str, Any]) -> Any:
        """Return a reward a token."""
        prompts = self._inputs(asked)
        rows = []
        for place, ids in enumerate(prompts):
            data = [[16 * uniform(ids[: end + 1], "token") - 8] for end in range(len(ids))]
            if asked.get("use_activation") is not False:
                data = [[1 / (1 + math.exp(-each))] for [each] in data]
            rows.append({"index": place, "object": "pooling", "data": data})
        return pooled(self._kind, "pooling", rows, prompts)

    def classify_three(self, asked: dict[str, Any]) -> Any:
        """Return the probabilities of three classes."""
        rows = []
        prompts = self._inputs(asked)
        for place, ids in enumerate(prompts):
            weights = [math.exp(4 * uniform(ids, f"class{each}")) for each in range(3)]
            probs = [each / sum(weights) for each in weights]
            rows.append({"index": place, "label": "LABEL_0", "probs": probs, "num_classes": 3})
        return pooled(self._kind, "classify", rows, prompts)

    def embed(self, asked: dict[str, Any]) -> Any:
        """Return a vector a text."""
        prompts = self._inputs(asked)
        rows = [
            {
                "index": place,
                "object": "embedding",
                "embedding": [2 * uniform(ids, f"axis{axis}") - 1 for axis in range(8)],
            }
            for place, ids in enumerate(prompts)
        ]
        return pooled(self._kind, "embed", rows, prompts)

    def score(self, asked: dict[str, Any]) -> Any:
        """Score pairs of texts."""
        queries, documents = _listed(asked.get("text_1")), _listed(asked.get("text_2"))
        if len(queries) not in (1, len(documents)):
            raise RefusalError(400, "Input lengths must be either 1:1, 1:N or N:N")
        if "" in documents:
            raise RefusalError(400, "You must pass at least one prompt")
        queries = queries * len(documents) if len(queries) == 1 else queries
        prompts = [
            fitting([*tokenize(query), 0, *tokenize(text)])
            for query, text in zip(queries, documents, strict=True)
        ]
        rows = []
        for place, ids in enumerate(prompts):
            logit = 16 * uniform(ids) - 8
            value = logit if asked.get("use_activation") is False else 1 / (1 + math.exp(-logit))
            rows.append({"index": place, "object": "score", "score": value})
        return pooled(self._kind, "score", rows, prompts)


def _listed(texts: Any) -> list[str]:
    return [texts] if isinstance(texts, str) else list(texts)
