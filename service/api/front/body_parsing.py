"""Parses bodies: counts values first, works on long ones off the event loop, refuses briefly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from assay.service.api.errors import ApiError, invalid
from assay.service.api.front.long_json import LongNumberError, parse_long_json
from assay.service.concurrency.offload import offload
from assay.verifiers.http.json_structure import more_values_than

Checked = TypeVar("Checked", bound=BaseModel)

#: Values in a body: what 4,096 conversations of five turns have. So many take less than a tenth of
#: a second, also as unknown fields, which are the dearest.
MOST_BODY_VALUES = 100_000
#: Bytes of a body that is parsed in steps: a shorter one takes a hundredth of a second at once.
LONG_BODY = 4 << 20
#: Beyond this, problems are not listed to show the first: there may be one for each of many fields.
MOST_PROBLEMS = 100
TOO_MANY_VALUES = f"the body has more than the {MOST_BODY_VALUES} values that a request may have"


async def validated(
    data: bytes | bytearray, model: type[Checked], context: object = None
) -> Checked:
    """Return a body as a request; raise `ApiError`."""
    return await offload(len(data), _checked, data, model, context)


def _checked(data: bytes | bytearray, model: type[Checked], context: object) -> Checked:
    if more_values_than(MOST_BODY_VALUES, data):
        raise ApiError(413, TOO_MANY_VALUES, param="body", code="too_many_values")
    value = _value(data) if len(data) > LONG_BODY else None
    try:
        return (
            model.model_validate_json(data, context=context)
            if value is None
            else model.model_validate(value, context=context)
        )
    except ValidationError as exc:
        if exc.error_count() > MOST_PROBLEMS:
            raise _too_many_fields(from_json(data) if value is None else value) from None
        raise invalid(exc) from None


def _value(data: bytes | bytearray) -> Any:
    """Return a long body's value."""
    try:
        return parse_long_json(data, 2 * MOST_BODY_VALUES)
    except LongNumberError as exc:
        raise ApiError(422, f"body: {exc}", param="body", code="too_many_digits") from None
    except ValueError as exc:
        raise ApiError(400, f"the body is not JSON: {exc}", code="json_invalid") from None


def _too_many_fields(body: Any) -> ApiError:
    """Return the answer to a body with very many problems.

    Lists end at their first, so an object has that many fields.
    """
    where, fields = _widest(body, [])
    named = ".".join(where) or "body"
    first = next(iter(fields))
    message = (
        f"{named}: has {len(fields)} fields, and most are unknown (the first is {first[:80]!r})"
    )
    return ApiError(422, message, param=named, code="too_many_fields")


def _widest(value: Any, where: Sequence[str]) -> tuple[Sequence[str], Mapping[str, Any]]:
    """Return the object with the most fields, and its place."""
    widest: tuple[Sequence[str], Mapping[str, Any]] = (
        where,
        value if isinstance(value, dict) else {"": None},
    )
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for name, item in inner:
        if isinstance(item, dict | list):
            candidate = _widest(item, [*where, str(name)[:80]])
            if len(candidate[1]) > len(widest[1]):
                widest = candidate
    return widest
