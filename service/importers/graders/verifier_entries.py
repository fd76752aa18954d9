"""Each grader as an entry of `verifiers`, with what does not carry over."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from assay.service.importers.graders.grader_forms import texts_of
from assay.service.importers.graders.templates import VARIABLE, GraderTemplate, ordered
from assay.service.importers.tool_rows import ToolRow

OPENAI = {"endpoint": "https://api.openai.com", "api_key_env": "OPENAI_API_KEY"}
#: Stands where you fill in a server of your own.
OWN_MODEL = {"model": "judge", "endpoint": "http://127.0.0.1:8001"}
OWN_SCORER = {"endpoint": "http://127.0.0.1:9000", "path": "/score", "lowest": 0, "highest": 1}
VERDICT_ASKED = (
    "By these instructions, is the candidate answer right? Reply with one word, Yes or No."
)
RATING_ASKED = (
    "By these instructions, rate the candidate answer from {worst} (worst) to {best} (best). Reply"
    " with the rating alone."
)
DEFAULT_LEVELS, MOST_LEVELS = 5, 26


@dataclass(slots=True)
class VerifierEntry:
    """An entry of `verifiers` (None where the grader gives none), and remarks on it."""

    keys: dict[str, Any] | None
    remarks: list[str] = field(default_factory=list)


def verifier_of(grader: ToolRow, columns: Mapping[str, str]) -> VerifierEntry:
    """Return the verifier that does what a grader does, or comes next to it."""
    template = GraderTemplate(columns)
    entry = _MAKERS[grader.text("type")](grader, template)
    for variable in dict.fromkeys(template.unplaced):
        entry.remarks.append(
            f"{{{{{variable}}}}}: a request has no such field; put it into `query`, or name what it"
            f" is: --map query={_field_of(variable)} (or reference=…, candidate=…)"
        )
    return entry


def _field_of(variable: str) -> str:
    """Return a variable's field, as `--map` names it."""
    return variable.strip("{} ").partition(".")[2] or "FIELD"


def _string_check(grader: ToolRow, template: GraderTemplate) -> VerifierEntry:
    operation, reference = grader.text("operation"), grader.text("reference")
    if operation not in ("eq", "ne", "like", "ilike"):
        raise grader.refusal("operation", "must be eq, ne, like or ilike", operation)
    place = template.only(reference)
    if template.only(grader.text("input")) != "candidate":
        return VerifierEntry(
            None,
            [
                "left out: its input is not the answer alone ({{sample.output_text}}): where a"
                " field of the item is the answer, name it: --map candidate=FIELD (got"
                f" {grader.text('input')[:60]!r})"
            ],
        )
    if "{{" not in reference:
        return _pattern(operation, reference)
    if place is None and VARIABLE.fullmatch(reference.strip()):
        return VerifierEntry(
            None,
            [
                f"left out: {reference[:60]} has no place in a request: name it as the right answer"
                f" with --map reference={_field_of(reference)[:60]}"
            ],
        )
    if place != "reference" or operation == "ne":
        return VerifierEntry(
            None, [f"left out: no verifier compares {operation} with {reference[:60]!r}"]
        )
    remarks = ["compares the stated answer with the request's `reference` by value, not by letter"]
    return VerifierEntry({"kind": "math_answer"}, remarks)


def _pattern(operation: str, reference: str) -> VerifierEntry:
    pattern = re.escape(reference)
    keys: dict[str, Any] = {"kind": "regex", "about": "correctness"}
    keys["must_not" if operation == "ne" else "must"] = [pattern]
    if operation in ("eq", "ne"):
        keys["whole"] = True
    if operation == "ilike":
        keys["ignore_case"] = True
    remarks = ["blanks around the answer are left out"] if "whole" in keys else []
    return VerifierEntry(keys, remarks)


def _text_similarity(grader: ToolRow, template: GraderTemplate) -> VerifierEntry:
    metric = grader.text("evaluation_metric")
    remarks = [
        f"no verifier measures {metric}: this judge compares with the request's `reference`",
        "fill in a model and its server",
    ]
    reference = grader.text("reference")
    if template.only(reference) != "reference":
        remarks.append(f"requests must send {reference[:60]!r} as `reference`")
    return VerifierEntry({"kind": "judge_reference", **OWN_MODEL}, remarks)


def _score_model(grader: ToolRow, template: GraderTemplate) -> VerifierEntry:
    keys, remarks, text, places = _asking(grader, template)
    low, high = _range(grader)
    if "reference" in places:
        keys = {"kind": "judge_reference", **keys, "prompt": f"{text}\n\n{VERDICT_ASKED}"}
        remarks.append(f"its rating from {low:g} to {high:g} becomes P(Yes), from 0 to 1")
        return VerifierEntry(keys, remarks)
    whole = low.is_integer() and high.is_integer()
    count = int(high - low) + 1 if whole and high - low < MOST_LEVELS else 0
    levels = count if 2 < count <= MOST_LEVELS else DEFAULT_LEVELS
    keys = {"kind": "judge_scale", **keys, "levels": levels, "prompt": f"{text}\n\n{RATING_ASKED}"}
    remarks.append(
        f"its rating from {low:g} to {high:g} becomes one of {levels} levels: take other numbers"
        " out of the prompt"
    )
    return VerifierEntry(keys, remarks)


def _label_model(grader: ToolRow, template: GraderTemplate) -> VerifierEntry:
    keys, remarks, text, places = _asking(grader, template)
    labels, passing = grader.texts("labels"), grader.texts("passing_labels")
    if not set(passing) <= set(labels):
        raise grader.refusal("passing_labels", "must be among the labels", ", ".join(passing))
    kind = "judge_reference" if "reference" in places else "judge"
    question = (
        f"The labels are {', '.join(labels)}. Is the candidate answer's label"
        f" {' or '.join(passing)}? Reply with one word, Yes or No."
    )
    for name in ("query", "reference", "candidate"):
        question = question.replace(f"{{{name}}}", f"({name})")
    remarks.append(f"P(Yes) that the label is {' or '.join(passing)}")
    return VerifierEntry({"kind": kind, **keys, "prompt": f"{text}\n\n{question}"}, remarks)


def _python(grader: ToolRow, template: GraderTemplate) -> VerifierEntry:
    grader.text("source")
    remarks = [
        "its source is not run here: serve grade(sample, item) yourself, as a scorer of your own"
        " (docs/verifiers.md), and fill in its address"
    ]
    return VerifierEntry({"kind": "http", **OWN_SCORER}, remarks)


def _asking(
    grader: ToolRow, template: GraderTemplate
) -> tuple[dict[str, Any], list[str], str, tuple[str, ...]]:
    """Return a judge's keys, remarks, and its prompt with the places in it."""
    system, text = (template.filled(part) for part in texts_of(grader))
    if any(f"{{{name}}}" in system for name in ("query", "reference", "candidate")):
        system, text = "", f"{system}\n\n{text}"
    places: tuple[str, ...] = ("query", "candidate")
    if "{reference}" in text:
        places = ("query", "reference", "candidate")
    keys: dict[str, Any] = {"model": grader.text("model"), **OPENAI}
    if system:
        keys["system"] = system
    remarks = ["any server with logprobs will do: another `endpoint` and `model`"]
    if grader.has("sampling_params"):
        shown = ", ".join(str(name)[:40] for name in grader.below("sampling_params").values)
        remarks.append(f"its sampling_params do not carry over ({shown}): the verdict is one token")
    return keys, remarks, ordered(text, places), places


def _range(grader: ToolRow) -> tuple[float, float]:
    if not grader.has("range"):
        return 0.0, 1.0
    ends = grader.items("range")
    numbers = [grader.as_number("range", end) for end in ends]
    low, high = numbers if len(numbers) == 2 else (None, None)
    if low is None or high is None or low >= high:
        raise grader.refusal("range", "must be the lowest and the highest score", list(ends))
    return low, high


_MAKERS: dict[str, Callable[[ToolRow, GraderTemplate], VerifierEntry]] = {
    "string_check": _string_check,
    "text_similarity": _text_similarity,
    "score_model": _score_model,
    "label_model": _label_model,
    "python": _python,
}
