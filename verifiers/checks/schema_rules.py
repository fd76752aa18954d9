"""Refuses parts of an operator's JSON schema that fetch from elsewhere or never end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
ANCHORS = ("$anchor", "$dynamicAnchor", "$id", "id")
#: Keywords whose schemas apply to the same value as the schema that they stand in: in a ring of
#: them nothing ends.
IN_PLACE = (
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentSchemas",
    "dependencies",
    "extends",
)
#: Schemas within schemas, references followed: deeper than any that a person wrote.
MAX_SCHEMA_DEPTH = 200

Schema = dict[str, Any]


def refuse_what_leads_outside(schema: Schema) -> None:
    """Refuse invalid patterns, and references to elsewhere or to nowhere.

    Raises `ValueError` for a reference that does not begin with #, for one that leads nowhere,
    and for an invalid pattern.
    """
    for part in nested(schema):
        for word in REFERENCES:
            reference = part.get(word)
            if isinstance(reference, str) and not reference.startswith("#"):
                raise ValueError(
                    f"{word} {reference!r} leads outside the schema; only references that begin"
                    " with # are followed"
                )
        by_name = part.get("patternProperties")
        patterns = [part.get("pattern"), *(by_name if isinstance(by_name, dict) else ())]
        for pattern in patterns:
            if isinstance(pattern, str):
                _compile(pattern)


def refuse_what_never_ends(schema: Schema) -> None:
    """Raise `ValueError` for a schema that applies itself to the same value again, and again."""
    anchors = {name: part for part in nested(schema) for name in _names(part)}
    done: set[int] = set()
    for part in nested(schema):
        _walk(part, schema, anchors, [], done)


def nested(value: Any, depth: int = 0) -> Iterator[Schema]:
    """Yield every object in a schema, itself first; raise `ValueError` if it is nested too deep."""
    if depth > MAX_SCHEMA_DEPTH:
        raise ValueError(f"nested deeper than {MAX_SCHEMA_DEPTH}")
    if isinstance(value, dict):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in inner:
        yield from nested(item, depth + 1)


def _walk(
    at: Schema,
    root: Schema,
    anchors: dict[str, Schema],
    path: list[str],
    done: set[int],
    under: frozenset[int] = frozenset(),
) -> None:
    if id(at) in under:
        raise ValueError(
            f"{path[-1]} leads back to a schema for the same value: it would never end"
        )
    if id(at) in done:
        return
    if len(under) > MAX_SCHEMA_DEPTH:
        raise ValueError(f"references that lead on to others more than {MAX_SCHEMA_DEPTH} times")
    for how, inner in _in_place(at, root, anchors):
        _walk(inner, root, anchors, [*path, how], done, under | {id(at)})
    done.add(id(at))


def _in_place(at: Schema, root: Schema, anchors: dict[str, Schema]) -> Iterator[tuple[str, Schema]]:
    """Yield the schemas that apply to the same value as a schema, each with its keyword."""
    for word in REFERENCES:
        reference = at.get(word)
        if isinstance(reference, str):
            target = _target(reference, root, anchors)
            if target is None:
                raise ValueError(f"{word} {reference!r} leads nowhere")
            if isinstance(target, dict):
                yield f"{word} {reference!r}", target
    for word in IN_PLACE:
        inner = at.get(word)
        group = inner if isinstance(inner, list) else [inner]
        if word in ("dependentSchemas", "dependencies") and isinstance(inner, dict):
            group = list(inner.values())
        yield from ((word, part) for part in group if isinstance(part, dict))


def _target(reference: str, root: Schema, anchors: dict[str, Schema]) -> Any:
    """Return the target of a reference within a schema; None without one."""
    fragment = unquote(reference[1:])
    if fragment and not fragment.startswith("/"):
        return anchors.get(fragment)
    at: Any = root
    for part in fragment.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(at, dict):
            at = at.get(name)
        elif isinstance(at, list) and name.isdigit() and int(name) < len(at):
            at = at[int(name)]
        else:
            return None
    return at


def _names(schema: Schema) -> list[str]:
    values = [schema.get(word) for word in ANCHORS]
    return [
        value.removeprefix("#")
        for value in values
        if isinstance(value, str) and not value.startswith(("http:", "https:"))
    ]


def _compile(pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as exc:
        raise ValueError(f"{pattern!r} is no pattern: {exc}") from None
