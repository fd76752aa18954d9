"""The servers that a gateway draws from: chat completions, n at once or one by one."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import Any

import orjson

from assay.service.concurrency.offload import offload
from assay.service.config.generator_settings import UpstreamSettings
from assay.service.domain.errors import (
    GeneratorError,
    GeneratorFailedError,
    GeneratorKeyError,
    GeneratorOverloadedError,
    GeneratorRefusedError,
    GeneratorReplyError,
    GeneratorTimeoutError,
    GeneratorUnreachableError,
)
from assay.service.domain.redaction import redacted_reason
from assay.service.scoring.completions import wrong_with
from assay.verifiers import Transport, VerifierError, VerifierTimeoutError
from assay.verifiers.http.failure import error_body, without_key
from assay.verifiers.http.json_structure import more_values_than
from assay.verifiers.http.reply import Tokens

#: Characters of a server's error that the client gets.
MOST_ERROR_CHARACTERS = 1000
#: Values of a reply, which takes up to half a second to parse: 40,000 tokens, each with the
#: logprobs of two alternatives.
MOST_COMPLETION_VALUES = 1_000_000
LARGEST_SEED = 2**63


@dataclass(frozen=True, slots=True)
class Drawn:
    """Choices as the server sent them, and the tokens that they cost."""

    choices: list[dict[str, Any]]
    prompt_tokens: int
    completion_tokens: int
    reply: dict[str, Any]  # the first one, for its other fields
    failure: GeneratorError | None = None  # the reason for missing choices of the same round
    misread: bool = False  # whether a reply states no number of tokens


class Generator:
    """One server."""

    def __init__(self, settings: UpstreamSettings, transport: Transport) -> None:
        self.settings = settings
        self._transport = transport
        self._url = str(settings.endpoint).rstrip("/") + "/v1/chat/completions"

    async def draw(self, body: dict[str, Any], count: int, first: int) -> Drawn:
        """Return so many more choices after the `first`.

        Raises `GeneratorError` with the server's meaning.

        If one of several calls fails, the others are cancelled; replies from before are paid for,
        and are returned.
        """
        failure = None
        if self.settings.draws == "together" or count == 1:
            replies = [await self._ask({**body, **_seeded(body, first), "n": count}, count)]
        else:
            replies, failure = await self._ask_separately(
                [{**body, **_seeded(body, first + place), "n": 1} for place in range(count)]
            )
        used = [
            Tokens.model_validate(reply["usage"])
            for reply in replies
            if reply.get("usage") is not None
        ]
        choices = [choice for reply in replies for choice in reply["choices"]]
        return Drawn(
            choices=choices,
            prompt_tokens=sum(usage.prompt_tokens for usage in used),
            completion_tokens=sum(usage.completion_tokens for usage in used),
            reply=replies[0],
            failure=failure,
            misread=any(usage.misread for usage in used),
        )

    async def _ask_separately(
        self, bodies: list[dict[str, Any]]
    ) -> tuple[list[dict[str, Any]], GeneratorError | None]:
        """Return the replies and the first failure, if any; raise it without any reply."""
        calls = [asyncio.ensure_future(self._ask(body, 1)) for body in bodies]
        try:
            await asyncio.wait(calls, return_when=asyncio.FIRST_EXCEPTION)
            finished = [call for call in calls if call.done()]
        finally:
            for call in calls:
                call.cancel()
            await asyncio.wait(calls)
        failures = [error for call in finished if (error := call.exception()) is not None]
        other = next((error for error in failures if not isinstance(error, GeneratorError)), None)
        replies = [call.result() for call in finished if call.exception() is None]
        if failures and (other is not None or not replies):
            raise other or failures[0]
        return replies, failures[0] if failures and isinstance(
            failures[0], GeneratorError
        ) else None

    async def _ask(self, body: dict[str, Any], count: int) -> dict[str, Any]:
        name, key_env = self.settings.name, self.settings.api_key_env
        key = None if key_env is None else os.environ.get(key_env)
        try:
            async with asyncio.timeout(self.settings.timeout_s):
                status, raw = await self._transport.post(
                    self._url, orjson.dumps({**body, "model": self.settings.model}), key
                )
        except TimeoutError:
            raise GeneratorTimeoutError(
                f"{name} did not answer within {self.settings.timeout_s:g} s"
            ) from None
        except VerifierTimeoutError as exc:
            raise GeneratorTimeoutError(
                f"{name} did not answer: {redacted_reason(str(exc))}"
            ) from None
        except VerifierError as exc:
            raise GeneratorUnreachableError(
                f"{name} cannot be reached: {redacted_reason(f'{exc.reason}: {exc}')}"
            ) from None
        if status != 200:
            raise _refusal(name, status, without_key(raw, key))
        reply = await offload(len(raw), _reply, name, raw)
        if (wrong := wrong_with(reply, count)) is not None:
            raise GeneratorReplyError(
                f"{name} answered something that is no chat completion: {wrong}"
            )
        return dict(reply)


def _reply(name: str, raw: bytes) -> Any:
    """Return a reply, None if it is no JSON; raise `GeneratorError` if it has too many values."""
    if more_values_than(MOST_COMPLETION_VALUES, raw):
        message = (
            f"{name} answered more than the {MOST_COMPLETION_VALUES} values that a completion may"
            " have: ask for fewer logprobs at once"
        )
        raise GeneratorReplyError(message)
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None


def _seeded(body: dict[str, Any], offset: int) -> dict[str, Any]:
    """Return a different seed for each draw: the same one would draw the same text again."""
    seed = body.get("seed")
    return (
        {"seed": (seed + offset) % LARGEST_SEED}
        if isinstance(seed, int) and not isinstance(seed, bool) and offset
        else {}
    )


def _refusal(name: str, status: int, raw: bytes) -> GeneratorError:
    """Return a server's error for the client: its own fault, the server's, or overload."""
    if status in (401, 403, 407):  # the operator's key, not the client's
        return GeneratorKeyError(f"{name} refuses our key ({status})", upstream_status=status)
    if status < 400:  # nothing that a completion comes with, and nothing that is passed on
        return GeneratorReplyError(
            f"{name} answered {status}, which is no chat completion", upstream_status=status
        )
    message, param = _message_and_parameter(raw)
    message = redacted_reason(message)
    if status in (429, 503):
        return GeneratorOverloadedError(
            f"{name}: {message}", upstream_status=status, retry_after_s=1
        )
    if status >= 500:
        return GeneratorFailedError(f"{name} failed ({status}): {message}", upstream_status=status)
    return GeneratorRefusedError(f"{name}: {message}", upstream_status=status, param=param)


def _message_and_parameter(raw: bytes) -> tuple[str, str | None]:
    """Return an error's message and parameter for the client: one line, no control characters."""
    body = error_body(raw)
    if body is None:
        return _line(raw[:MOST_ERROR_CHARACTERS].decode(errors="replace")), None
    error = body.get("error", body) if isinstance(body, dict) else {}
    if not isinstance(error, dict):
        return _line(str(error)), None
    param = error.get("param")
    return _line(str(error.get("message", error))), _line(param) if isinstance(param, str) else None


def _line(text: str) -> str:
    text = text[:MOST_ERROR_CHARACTERS]
    return "".join(sign if sign.isprintable() else " " for sign in text)
