"""A model's reply: read within bounds, its needed fields checked."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from assay.verifiers.contract.errors import BadReplyError
from assay.verifiers.http.json_structure import more_values_than

Reply = TypeVar("Reply", bound=BaseModel)
Item = TypeVar("Item")
#: Only the first wrong item of a list is reported: a complaint of each of a million takes seconds.
Many = Annotated[list[Item], Field(fail_fast=True)]

#: No call reads or writes more tokens; a number beyond it is a mistake, or a lie.
MOST_TOKENS = 10**9
#: Values that any reply may have, and how many more for each byte of the request: a token is a byte
#: at least, and no endpoint returns more for one. A call that can expect more states its own bound.
FEW_VALUES, VALUES_A_BYTE, MOST_VALUES = 20_000, 16, 1_000_000
#: Bytes of a reply that are worth a thread.
LONG_REPLY_BYTES = 256 << 10


class ReplyModel(BaseModel):
    """A model's reply: needed fields are checked, others ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Tokens(ReplyModel):
    """A reply's usage.

    `misread` if it has something that is no number of tokens, which counts as 0.

    A reply with valid scores is not refused for its usage.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    misread: bool = False

    @model_validator(mode="before")
    @classmethod
    def _as_far_as_it_can_be_read(cls, usage: Any) -> Any:
        if not isinstance(usage, dict):
            return {"misread": True}
        if (
            "misread" not in usage
            and _is_plain_count(usage.get("prompt_tokens", 0))
            and _is_plain_count(usage.get("completion_tokens", 0))
        ):
            return usage  # as nearly all are
        counts = {name: tokens(usage.get(name)) for name in ("prompt_tokens", "completion_tokens")}
        return {
            **{name: count or 0 for name, count in counts.items()},
            "misread": (
                usage.get("misread") is True or any(count is None for count in counts.values())
            ),
        }


def _is_plain_count(value: Any) -> bool:
    """Return whether this is a number of tokens already."""
    return type(value) is int and 0 <= value <= MOST_TOKENS


def tokens(value: Any) -> int | None:
    """Return a number of tokens, 0 without one; None for an invalid one."""
    if value is None:
        return 0
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return (
        value
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS
        else None
    )


async def parse_reply(path: str, raw: bytes, reply: type[Reply], most: int) -> Reply:
    """Return a checked reply of at most so many values; a thread parses long ones.

    Raises `BadReplyError`.
    """
    if len(raw) <= LONG_REPLY_BYTES:
        return _parsed(path, raw, reply, most)
    return await asyncio.to_thread(_parsed, path, raw, reply, most)


def _parsed(path: str, raw: bytes, reply: type[Reply], most: int) -> Reply:
    if more_values_than(most, raw):
        raise BadReplyError(
            f"{path}: a reply of more than the {most} values that an answer can need; got"
            f" {excerpt(raw)}"
        )
    try:
        return reply.model_validate_json(raw)
    except ValidationError as exc:
        error = exc.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in error["loc"])
        raise BadReplyError(
            f"{path}: {place[:200] + ': ' if place else ''}{error['msg']}; got {excerpt(raw)}"
        ) from exc


def excerpt(raw: bytes) -> str:
    """Return the beginning of a reply, fit for a message."""
    text = raw[:120].decode("utf-8", "replace").replace("\n", " ")
    return repr(text + ("…" if len(raw) > 120 else "")) if text else "an empty body"
