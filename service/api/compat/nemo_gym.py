"""NeMo Gym's `/verify`: a roll-out in the form of OpenAI's Responses comes back with its reward."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import orjson
from fastapi import Request, Response
from pydantic import model_validator
from pydantic_core import PydanticCustomError

from assay.service.api.compat.common import (
    Expected,
    MarkedBody,
    TurnIn,
    calibration_headers,
    known_values,
    raw_by_verifier,
    read,
    score_candidates,
)
from assay.service.api.compat.reward import MAX_WHOLE, RewardPrompt, query_of
from assay.service.api.errors import invalid_field
from assay.service.api.front.body_limit import whole_body
from assay.service.api.requests import problem
from assay.service.concurrency.offload import offload
from assay.verifiers import Pair

INPUT, OUTPUT = "responses_create_params.input", "response.output"
MAX_ROLE = 32


class VerifyRequest(MarkedBody):
    """A roll-out: the request and the model's response. Only their texts are read and checked.

    The other columns of a data set's row (`task`, `version`, `reward`, …) come along and go back.
    """

    responses_create_params: dict[str, Any]
    response: dict[str, Any]
    expected_answer: Expected | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        try:
            self.prompt()
            self.answer_text()
        except (
            PydanticCustomError
        ) as exc:  # a validation error would hold all of the body, made once more
            raise invalid_field(exc) from None
        return self

    def prompt(self) -> RewardPrompt:
        """Return the answered conversation: a text, or its turns without calls of tools."""
        items = _present(self.responses_create_params, INPUT)
        if isinstance(items, str):
            if len(items) > MAX_WHOLE:
                raise problem(
                    INPUT,
                    f"has {len(items)} characters, more than the {MAX_WHOLE} that a text may have",
                    "too_long",
                )
            return items
        return [
            _turn(item, f"{INPUT}.{place}")
            for place, item in enumerate(_items(items, INPUT, "a string or a list"))
            if "role" in item
        ]

    def answer_text(self) -> str:
        """Return the text of the model's response."""
        items = _present(self.response, OUTPUT)
        texts: list[str] = []
        for place, item in enumerate(_items(items, OUTPUT, "a list")):
            if item.get("type") == "message":
                texts += _texts(item.get("content"), f"{OUTPUT}.{place}.content")
        return "\n".join(texts)


async def verify(request: Request) -> Response:
    """Score a roll-out; return its body with `reward` and each verifier's score."""
    payload = await read(request, VerifyRequest)
    reference = None if payload.expected_answer is None else str(payload.expected_answer)
    query = await offload(len(await whole_body(request)), query_of, payload.prompt(), reference)
    scoring_result = await score_candidates(request, payload, [Pair(query, payload.answer_text())])
    [probability] = known_values(scoring_result, scoring_result.probability.tolist())
    components = {
        name: value
        for name, [value] in raw_by_verifier(scoring_result).items()
        if not np.isnan(value)
    }
    return Response(
        _with(await whole_body(request), {"reward": probability, "reward_components": components}),
        headers=calibration_headers(scoring_result),
        media_type="application/json",
    )


def _with(body: bytes | bytearray, more: dict[str, Any]) -> bytes:
    """Return a JSON object with more fields; of two fields of a name, readers take the last.

    The body stays as it came, with numbers of any length and any other extensions of JSON. It
    was checked to be an object with fields, and may be long: this does not parse and write it
    again.
    """
    whole = memoryview(body).cast("B")
    return b"".join([whole[: body.rindex(b"}")], b",", orjson.dumps(more)[1:]])


def _present(holder: dict[str, Any], field: str) -> Any:
    name = field.rpartition(".")[2]
    if name not in holder:
        raise problem(field, "Field required", "missing")
    return holder[name]


def _items(items: Any, field: str, wanted: str) -> list[dict[str, Any]]:
    """Return a list of objects that each state their type.

    Raises an error that names the first one that does not.
    """
    if not isinstance(items, list):
        raise _wrong(field, f"must be {wanted}", items)
    for place, item in enumerate(items):
        if not isinstance(item, dict):
            raise _wrong(f"{field}.{place}", "must be an object", item)
        if not isinstance(item.get("type", ""), str):
            raise _wrong(f"{field}.{place}.type", "must be a string", item["type"])
        if not {"role", "type"} & item.keys():
            raise _wrong(f"{field}.{place}", "must have a `role` or a `type`", item)
    return items


def _turn(item: dict[str, Any], field: str) -> TurnIn:
    role, content = item["role"], item.get("content")
    if not isinstance(role, str) or not 0 < len(role) <= MAX_ROLE:
        raise _wrong(f"{field}.role", f"must be a string of 1 to {MAX_ROLE} characters", role)
    if not (
        content is None
        or isinstance(content, str)
        or (isinstance(content, list) and all(isinstance(part, dict) for part in content))
    ):
        raise _wrong(f"{field}.content", "must be a string, or a list of objects", content)
    return TurnIn(role=role, content=content)


def _texts(content: Any, field: str) -> list[str]:
    """Return the texts of the model's message; other parts, such as a refusal, are skipped."""
    if isinstance(content, str):
        return [content]
    texts = []
    for place, part in enumerate(_items(content, field, "a string or a list")):
        if part.get("type") == "output_text":
            if not isinstance(part.get("text"), str):
                raise _wrong(f"{field}.{place}.text", "must be a string", part.get("text"))
            texts.append(part["text"])
    return texts


def _wrong(field: str, message: str, got: Any) -> Exception:
    text = repr(got)
    return problem(
        field, f"{message} (got {text if len(text) <= 80 else text[:80] + '…'})", "wrong_type"
    )
