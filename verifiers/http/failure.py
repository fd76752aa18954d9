"""What a reply other than 200 means, in our errors."""

from __future__ import annotations

from typing import Any

import orjson

from assay.verifiers.contract.errors import (
    OverloadedError,
    RefusedError,
    TooLongError,
    UpstreamFailedError,
    VerifierError,
)
from assay.verifiers.http.json_structure import more_values_than
from assay.verifiers.http.reply import FEW_VALUES, excerpt

#: The most bytes of a server's information or metrics, and of an error that is parsed.
MAX_INFO_BYTES = 4 << 20


def failure(url: str, status: int, raw: bytes) -> VerifierError:
    """Return the error that a reply other than 200 means.

    vLLM has three shapes of error body: `error` an object, `error` a string, or only `detail`;
    proxies send pages.
    """
    message, param = excerpt(raw), None
    body = error_body(raw)
    if isinstance(body, dict):
        error = body.get("error", body.get("detail", message))
        if isinstance(error, dict):
            message, param = str(error.get("message", message)), error.get("param")
        else:
            message = str(error)
    text = f"{url} answered {status}: {message[:300]}"
    if status >= 500:
        return UpstreamFailedError(text)
    if status == 429:
        return OverloadedError(text)
    # `max_tokens` is refused where the prompt leaves no room for an answer.
    if status == 400 and (
        param in ("input_tokens", "input_text", "max_tokens") or "maximum context length" in message
    ):
        return TooLongError(text, status, param)
    return RefusedError(text, status, param if isinstance(param, str) else None)


def without_key(raw: bytes, key: str | None) -> bytes:
    """Return a reply without the key that it may repeat: errors are shown to clients."""
    return raw.replace(key.strip().encode(), b"(our key)") if key and key.strip() else raw


def error_body(raw: bytes) -> Any:
    """Return the message in an error's body; None if that is no JSON, or too long for an error."""
    if len(raw) > MAX_INFO_BYTES or more_values_than(FEW_VALUES, raw):
        return None
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
