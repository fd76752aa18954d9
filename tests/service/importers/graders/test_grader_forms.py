"""The published forms of graders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assay.service.domain.errors import StartupError
from assay.service.importers.graders.grader_forms import (
    LONGEST_GRADER,
    read_graders,
    single_graders,
    texts_of,
)
from assay.service.importers.tool_rows import ToolRow

CHECK = {
    "type": "string_check",
    "name": "exact",
    "operation": "eq",
    "input": "{{sample.output_text}}",
    "reference": "4",
}


def written(folder: Path, value: Any) -> Path:
    """Return a file with a value as JSON."""
    file = folder / "grader.json"
    file.write_text(json.dumps(value))
    return file


@pytest.mark.parametrize(
    "value",
    [
        CHECK,
        {"grader": CHECK},
        {"method": {"type": "reinforcement", "reinforcement": {"grader": CHECK}}, "model": "m"},
    ],
)
def test_a_grader_alone_or_in_a_job(tmp_path: Path, value: Any) -> None:
    """It is found where jobs have it."""
    grader = read_graders(written(tmp_path, value))

    assert [(name, part.values) for name, part in single_graders(grader)] == [("exact", CHECK)]


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ([CHECK, {**CHECK, "name": "other"}], ["exact", "other"]),
        ({"name": "eval", "testing_criteria": [CHECK]}, ["exact"]),
        ({"type": "multi", "name": "m", "graders": {"a": CHECK, "b": CHECK}}, ["a", "b"]),
        ({"type": "multi", "name": "m", "graders": CHECK}, ["exact"]),
    ],
)
def test_several_graders(tmp_path: Path, value: Any, names: list[str]) -> None:
    """Those of a formula have its names."""
    assert [name for name, _ in single_graders(read_graders(written(tmp_path, value)))] == names


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "grader.json: not JSON"),
        ("[" * 2000, "grader.json: not JSON"),
        ("5", "type: must be one of string_check"),
        ('{"type": "magic"}', "type: must be one of string_check, text_similarity"),
        ('{"type": "multi", "graders": [{"type": "multi"}]}', "graders.0.type: must be one of"),
        ('{"type": "multi", "graders": 5}', "graders: must be a list (got '5')"),
        (" " * (LONGEST_GRADER + 1), f"has more than {LONGEST_GRADER} bytes"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: str, problem: str) -> None:
    """With the place."""
    file = tmp_path / "grader.json"
    file.write_text(content)

    with pytest.raises(StartupError) as refused:
        list(single_graders(read_graders(file)))

    assert problem in str(refused.value)


def test_the_texts_of_messages() -> None:
    """System and developer messages are apart; an image is refused."""
    text = {"type": "input_text", "text": "a"}
    grader = ToolRow(
        {
            "input": [
                {"role": "developer", "content": "s"},
                {"role": "user", "content": [text, "b"]},
                {"role": "user", "content": text},
            ]
        },
        1,
    )

    assert texts_of(grader) == ("s", "a\nb\n\na")
    image = ToolRow({"input": [{"role": "user", "content": {"type": "input_image"}}]}, 1)
    with pytest.raises(StartupError, match=r"input\.0\.content: has a part that is no text"):
        texts_of(image)
