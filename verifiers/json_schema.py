"""A check that needs no model: the candidate is JSON, and as a schema of yours says."""

from __future__ import annotations

import json
import re
from functools import cached_property
from typing import Any, Literal

from pydantic import Field, field_validator

from .base import Pair, Verdict
from .errors import MissingExtraError
from .local import MAX_CHARS, LocalVerifier
from .settings import VerifierSettings

FENCE = re.compile(r"```(?:json)?\s*\n(?P<body>.*?)\n?```", re.DOTALL)
DEEPEST = 64


class JsonSchemaSettings(VerifierSettings):
    """The schema."""

    kind: Literal["json_schema"] = "json_schema"
    schema_: dict[str, Any] = Field(
        alias="schema", description="JSON Schema (2020-12 unless it names another); {} accepts any JSON."
    )

    @field_validator("schema_")
    @classmethod
    def _is_a_schema(cls, schema: dict[str, Any]) -> dict[str, Any]:
        if reference := _outside(schema):
            raise ValueError(f"$ref {reference!r} leads outside the schema; only references that begin with # are followed")
        try:
            import jsonschema
        except ImportError:
            return schema  # `check` says what to install
        try:
            jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator).check_schema(schema)
        except jsonschema.SchemaError as exc:
            raise ValueError(f"no JSON Schema: {exc.message}") from None
        return schema


class JsonSchema(LocalVerifier):
    """1 where the whole candidate, or its only code block, is JSON that the schema accepts; 0 where it is not."""

    def __init__(self, settings: JsonSchemaSettings) -> None:
        super().__init__(settings)
        self.schema = settings.schema_

    async def check(self) -> None:
        """Return when the library is there."""
        self._validator  # noqa: B018 - raises what is missing

    @cached_property
    def _validator(self) -> Any:
        try:
            import jsonschema
        except ImportError:
            raise MissingExtraError("the library `jsonschema` is missing; install the extra `cpu`") from None
        return jsonschema.validators.validator_for(self.schema, jsonschema.Draft202012Validator)(self.schema)

    def _score_one(self, pair: Pair) -> Verdict:
        validator = self._validator
        if len(pair.candidate) > MAX_CHARS:
            return Verdict(0.0, reason=f"longer than {MAX_CHARS} characters")
        blocks = [found.group("body") for found in FENCE.finditer(pair.candidate)]
        try:
            value = json.loads(blocks[0] if len(blocks) == 1 else pair.candidate.strip(), parse_constant=_no_constant)
        except (ValueError, RecursionError):
            return Verdict(0.0, reason="no JSON")
        if _depth(value) > DEEPEST:
            return Verdict(0.0, reason=f"nested deeper than {DEEPEST}")
        error = next(validator.iter_errors(value), None)
        if error is None:
            return Verdict(1.0)
        return Verdict(0.0, reason=f"{error.json_path}: {error.validator} does not hold")


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


def _outside(schema: Any) -> str | None:
    """Return a reference that would be fetched from elsewhere."""
    if isinstance(schema, dict):
        reference = schema.get("$ref")
        if isinstance(reference, str) and not reference.startswith("#"):
            return reference
        return next((found for value in schema.values() if (found := _outside(value))), None)
    return next((found for value in schema if (found := _outside(value))), None) if isinstance(schema, list) else None
