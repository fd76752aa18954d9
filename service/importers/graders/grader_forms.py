"""The published forms of OpenAI's graders.

Published form: openai/openai-python, `src/openai/types/graders/*.py`; the guide
developers.openai.com/api/docs/guides/graders (a multi grader holds its graders by name). The
service that runs them closes on 30 November 2026.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from assay.service.domain.errors import StartupError
from assay.service.importers.tool_rows import ToolRow
from assay.service.row_files.opening import opened_file

LONGEST_GRADER, MOST_GRADERS = 8 << 20, 100
GRADER_TYPES = (
    "string_check",
    "text_similarity",
    "score_model",
    "label_model",
    "python",
    "multi",
)


def read_graders(file: Path) -> ToolRow:
    """Return the grader in a file: alone, under `grader`, or several as `testing_criteria`.

    Raises `StartupError` for anything else.
    """
    with opened_file(file) as opened:
        content = opened.content.read(LONGEST_GRADER + 1)
    if len(content) > LONGEST_GRADER:
        raise StartupError(f"{file}: has more than {LONGEST_GRADER} bytes")
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError as exc:
        raise StartupError(f"{file}: not JSON: {exc}") from None
    return _unwrapped(ToolRow({"file": value}, 1, str(file)), value)


def _unwrapped(row: ToolRow, value: Any) -> ToolRow:
    for name in ("method", "reinforcement", "grader"):  # as in a fine-tuning job
        is_grader = isinstance(value, Mapping) and value.get("type") in GRADER_TYPES
        if isinstance(value, Mapping) and not is_grader and name in value:
            value = value[name]
    if isinstance(value, Mapping) and isinstance(value.get("testing_criteria"), list):
        value = value["testing_criteria"]
    if isinstance(value, list):
        value = {"type": "multi", "name": "graders", "graders": value, "calculate_output": ""}
    if not isinstance(value, Mapping) or value.get("type") not in GRADER_TYPES:
        stated = value.get("type") if isinstance(value, Mapping) else value
        raise row.refusal("type", f"must be one of {', '.join(GRADER_TYPES)}", stated or "null")
    return ToolRow(value, 1, row.file)


def single_graders(grader: ToolRow) -> Iterator[tuple[str, ToolRow]]:
    """Yield the graders of one, each with its name in the formula."""
    if grader.values["type"] != "multi":
        yield _name(grader, "grader"), grader
        return
    parts = ToolRow(_named_graders(grader), 1, grader.file, path="graders.")
    for key in parts.values:
        part = parts.below(key)
        if part.values.get("type") not in GRADER_TYPES[:-1]:
            raise part.refusal(
                "type", f"must be one of {', '.join(GRADER_TYPES[:-1])}", part.values.get("type")
            )
        yield (_name(part, f"grader-{key}") if key.isdecimal() else key), part


def _named_graders(grader: ToolRow) -> dict[str, Any]:
    """Return the graders of one by name, by place where they are a list, or the only one."""
    graders = grader.values.get("graders")
    if isinstance(graders, Mapping) and isinstance(graders.get("type"), str):
        graders = [graders]
    elif not isinstance(graders, Mapping):
        graders = grader.items("graders")
    if len(graders) > MOST_GRADERS:
        raise grader.refusal("graders", f"are more than {MOST_GRADERS}", len(graders))
    if isinstance(graders, Mapping):
        return dict(graders)
    return {str(place): part for place, part in enumerate(graders)}


def _name(grader: ToolRow, otherwise: str) -> str:
    return grader.text_or_none("name") or otherwise


def texts_of(grader: ToolRow) -> tuple[str, str]:
    """Return the system message and the rest of a model grader's input, as texts."""
    system: list[str] = []
    rest: list[str] = []
    for message in grader.objects("input"):
        role = message.text_or_none("role") or "user"
        (system if role in ("system", "developer") else rest).append(_content(message))
    return "\n\n".join(system), "\n\n".join(rest)


def _content(message: ToolRow) -> str:
    content = message.values.get("content")
    parts = content if isinstance(content, list) else [content]
    texts = []
    for part in parts:
        text = part.get("text") if isinstance(part, Mapping) else part
        if not isinstance(text, str):
            raise message.refusal("content", "has a part that is no text", part or "null")
        texts.append(text)
    return "\n".join(texts)
