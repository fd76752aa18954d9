"""Shared parts of all servers' replies: the context's length, errors, the frame of rows."""

from __future__ import annotations

from typing import Any

MAX_MODEL_LEN = 8192
Reply = tuple[int, Any]


class RefusalError(Exception):
    """An error reply in vLLM's first shape."""

    def __init__(
        self, status: int, message: str, kind: str = "BadRequestError", param: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": status}}


def fitting(ids: list[int]) -> list[int]:
    """Return token ids, unless they are more than the context takes."""
    if len(ids) > MAX_MODEL_LEN:
        message = (
            f"This model's maximum context length is {MAX_MODEL_LEN} tokens. However, your prompt contains at least "
            f"{len(ids)} input tokens, which exceeds this limit even without any output tokens. Please reduce the "
            f"length of the input prompt. (parameter=input_tokens, value={len(ids)})"
        )
        raise RefusalError(400, message, param="input_tokens")
    return ids


def pooled(kind: str, name: str, rows: list[Any], prompts: list[list[int]]) -> Any:
    """Return the reply of a pooling endpoint."""
    total = sum(len(ids) for ids in prompts)
    usage = {"prompt_tokens": total, "total_tokens": total, "completion_tokens": 0}
    return {
        "id": f"{name}-0",
        "object": "list",
        "created": 0,
        "model": kind,
        "data": rows,
        "usage": usage,
    }
