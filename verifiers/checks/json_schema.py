"""A check that needs no model: the candidate is JSON, and as a schema of yours says."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from assay.verifiers.checks.base import isolated
from assay.verifiers.checks.bounded import BoundedVerifier, Make, TextJudge
from assay.verifiers.checks.schema_rules import refuse_what_leads_outside, refuse_what_never_ends
from assay.verifiers.contract.errors import MissingExtraError
from assay.verifiers.contract.settings import About, VerifierSettings
from assay.verifiers.contract.verifier import Verdict

JSON_FENCE = re.compile(r"```(?:json)?[^\S\n]*+\n")
MAX_VALUE_DEPTH = 64


class JsonSchemaSettings(VerifierSettings):
    """The schema."""

    kind_is_about: ClassVar[About] = "form"
    kind: Literal["json_schema"] = "json_schema"
    schema_: dict[str, Any] = Field(
        alias="schema",
        description="JSON Schema (2020-12 unless it names another); {} accepts any JSON.",
    )

    @field_validator("schema_")
    @classmethod
    def _is_a_schema(cls, schema: dict[str, Any]) -> dict[str, Any]:
        refuse_what_leads_outside(schema)
        refuse_what_never_ends(schema)
        try:
            import jsonschema
        except ImportError:
            return schema  # `check` names the package to install
        try:
            jsonschema.validators.validator_for(
                schema, jsonschema.Draft202012Validator
            ).check_schema(schema)
        except jsonschema.SchemaError as exc:
            raise ValueError(f"no JSON Schema: {exc.message}") from None
        return schema


class JsonSchema(BoundedVerifier):
    """1 if the candidate, or its only code block, is JSON that the schema accepts; else 0."""

    def __init__(self, settings: JsonSchemaSettings) -> None:
        super().__init__(settings)
        self.schema = json.dumps(settings.schema_)

    @property
    def rule(self) -> tuple[Make, str]:
        """Return the maker of the schema's check."""
        return holding, self.schema

    async def check(self) -> None:
        """Return when the library is installed."""
        validator(self.schema)


@lru_cache(maxsize=64)
def validator(schema: str) -> Any:
    """Return a validator of the schema, which never fetches another.

    Raises `MissingExtraError`.
    """
    try:
        import jsonschema
        import referencing
    except ImportError:
        raise MissingExtraError(
            "the library `jsonschema` is missing; install the extra `cpu`"
        ) from None
    content = json.loads(schema)
    kind = jsonschema.validators.validator_for(content, jsonschema.Draft202012Validator)
    return kind(content, registry=referencing.Registry())


def holding(schema: str) -> TextJudge:
    """Return a check of candidates against a schema.

    Runs in a worker, whose timer stops it.
    """
    held = validator(schema)
    isolated(
        lambda: accepted(held, "{}")
    )  # its imports at the first call take longer than a candidate may
    return lambda candidate, _: accepted(held, candidate)


def accepted(held: Any, candidate: str) -> Verdict:
    """Return whether a validator accepts a candidate's JSON."""
    blocks = list(fenced(candidate))
    try:
        text = blocks[0] if len(blocks) == 1 else candidate.strip()
        value = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        return Verdict(0.0, reason="no JSON")
    if _depth(value) > MAX_VALUE_DEPTH:
        return Verdict(0.0, reason=f"nested deeper than {MAX_VALUE_DEPTH}")
    error = next(held.iter_errors(value), None)
    if error is None:
        return Verdict(1.0)
    # The place in the schema, which is the operator's: a place in the candidate would be in the
    # candidate's own words.
    place = "/".join(map(str, error.absolute_schema_path))
    return Verdict(0.0, reason=f"#/{place} does not hold")


def fenced(text: str) -> Iterator[str]:
    """Yield the text of each code block; a block without an end is none."""
    place = 0
    while (opened := JSON_FENCE.search(text, place)) and (
        closed := text.find("```", opened.end())
    ) >= 0:
        yield text[opened.end() : closed].removesuffix("\n")
        place = closed + 3


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):  # 1e400: it would fail wherever it is compared
        raise ValueError("a number out of range")
    return value


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0
