"""The servers that a gateway draws candidates from: chat completions, n at once where the server can, else one by one."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import Any

import orjson

from verifiers import Transport, VerifierError

from .errors import ApiError
from .upstream_settings import UpstreamSettings


@dataclass(frozen=True, slots=True)
class Drawn:
    """Choices as the server sent them, and the tokens that they cost."""

    choices: list[dict[str, Any]]
    prompt_tokens: int
    completion_tokens: int
    reply: dict[str, Any]  # the first one, for what else it says


class Upstream:
    """One server."""

    def __init__(self, settings: UpstreamSettings, transport: Transport) -> None:
        self.settings = settings
        self._transport = transport
        self._url = str(settings.endpoint).rstrip("/") + "/v1/chat/completions"

    async def draw(self, body: dict[str, Any], count: int, first: int) -> Drawn:
        """Return so many more choices, of which `first` were drawn before; raise `ApiError` with the server's own meaning."""
        if self.settings.draws == "together" or count == 1:
            replies = [await self._ask({**body, **_seeded(body, first), "n": count})]
        else:
            replies = list(
                await asyncio.gather(*(self._ask({**body, **_seeded(body, first + place), "n": 1}) for place in range(count)))
            )
        used = [reply["usage"] if isinstance(reply.get("usage"), dict) else {} for reply in replies]
        choices = [choice for reply in replies for choice in reply["choices"]]
        return Drawn(
            choices, sum(_count(each.get("prompt_tokens")) for each in used),
            sum(_count(each.get("completion_tokens")) for each in used), replies[0],
        )  # fmt: skip

    async def _ask(self, body: dict[str, Any]) -> dict[str, Any]:
        name, key_env = self.settings.name, self.settings.api_key_env
        key = None if key_env is None else os.environ.get(key_env)
        try:
            async with asyncio.timeout(self.settings.timeout_s):
                status, raw = await self._transport.post(self._url, orjson.dumps({**body, "model": self.settings.model}), key)
        except TimeoutError:
            raise ApiError(504, f"{name} did not answer within {self.settings.timeout_s:g} s", code="upstream_timeout") from None
        except VerifierError as exc:
            raise ApiError(502, f"{name} cannot be reached: {exc}", code="upstream_unreachable") from None
        if status != 200:
            raise _refusal(name, status, raw)
        try:
            reply = orjson.loads(raw)
            if not all(isinstance(choice["message"], dict) for choice in reply["choices"]) or not reply["choices"]:
                raise ValueError
        except (ValueError, KeyError, TypeError):
            raise ApiError(502, f"{name} answered something that is no chat completion", code="upstream_bad_reply") from None
        return dict(reply)


def _count(said: Any) -> int:
    """Return a number of tokens; 0 of what is none."""
    return int(said) if isinstance(said, int | float) and 0 <= said < 1e12 else 0


def _seeded(body: dict[str, Any], drawn: int) -> dict[str, Any]:
    """Return a seed of its own for each draw after the first: the same one would draw the same again."""
    seed = body.get("seed")
    return {"seed": seed + drawn} if isinstance(seed, int) and drawn else {}


def _refusal(name: str, status: int, raw: bytes) -> ApiError:
    """Return a server's error with what it means to the client: its own fault, the server's, or too much at once."""
    try:
        said = orjson.loads(raw)
        error = said.get("error", said) if isinstance(said, dict) else {}
        message = str(error.get("message", error)) if isinstance(error, dict) else str(error)
        param = error.get("param") if isinstance(error, dict) else None
    except orjson.JSONDecodeError:
        message, param = raw[:200].decode(errors="replace"), None
    if status in (401, 403):  # the operator's key, not the client's
        return ApiError(502, f"{name} refuses our key ({status})", code="upstream_refused_key")
    if status in (429, 503):
        return ApiError(status, f"{name}: {message}", code="upstream_overloaded", retry_after_s=1)
    if status >= 500:
        return ApiError(502, f"{name} failed ({status}): {message}", code="upstream_failed")
    return ApiError(status, f"{name}: {message}", param=param if isinstance(param, str) else None, code="upstream_refused")
