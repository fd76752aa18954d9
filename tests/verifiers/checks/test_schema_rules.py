"""Schemas that are refused at the start."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import ValidationError

from tests.support.verifiers.check_verdicts import verdicts_of
from tests.support.verifiers.kinds import made


@pytest.mark.parametrize(("schema", "told"), [
    ({"$dynamicRef": "http://127.0.0.1:9/x"}, "http://127.0.0.1:9/x"),
    ({"$recursiveRef": "https://e.example/s"}, "leads outside"),
    ({"$id": "http://127.0.0.1:9/base/", "properties": {"a": {"$ref": "other.json"}}}, "other.json"),
    ({"allOf": [{"$ref": "file:///etc/passwd"}]}, "file:///etc/passwd"),
    ({"$ref": "#"}, "never end"),
    ({"allOf": [{"$ref": "#"}]}, "never end"),
    ({"$dynamicAnchor": "x", "$dynamicRef": "#x"}, "never end"),
    ({"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/b"}]}, "b": {"not": {"$ref": "#/$defs/a"}}}}, "never end"),
    ({"if": {"required": ["a"]}, "then": {"$ref": "#"}}, "never end"),
    ({"$ref": "#/$defs/none"}, "leads nowhere"),
    ({"$ref": "#none"}, "leads nowhere"),
    ({"properties": {"a": {"pattern": "("}}}, "no pattern"),
    ({"patternProperties": {"[": {}}}, "no pattern"),
])  # fmt: skip
def test_a_schema_that_fetches_or_never_ends_is_refused_at_the_start(
    schema: dict[str, Any], told: str
) -> None:
    """With the value."""
    with pytest.raises(ValidationError, match=re.escape(told)):
        made("json_schema", schema=schema)


async def test_a_schema_of_trees_is_no_endless_one() -> None:
    """A reference to itself for inner values ends where the value does."""
    tree = {
        "type": "object",
        "properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}},
        "additionalProperties": False,
    }
    anchored = {
        "$defs": {"n": {"$anchor": "node", "type": "array", "items": {"$ref": "#node"}}},
        "$ref": "#node",
    }

    assert [
        each.score
        for each in await verdicts_of(
            "json_schema", ['{"left": {"right": {}}}', '{"left": 1}'], schema=tree
        )
    ] == [1.0, 0.0]
    assert [
        each.score
        for each in await verdicts_of("json_schema", ["[[], [[]]]", "[1]"], schema=anchored)
    ] == [1.0, 0.0]


async def test_a_schemas_base_is_never_fetched() -> None:
    """Names that look like addresses are names."""
    schema = {
        "$schema": "http://127.0.0.1:9/meta",
        "$id": "http://127.0.0.1:9/s",
        "$ref": "#/$defs/a",
        "$defs": {"a": {"type": "integer"}},
    }

    assert [
        each.score for each in await verdicts_of("json_schema", ["1", '"x"'], schema=schema)
    ] == [
        1.0,
        0.0,
    ]
