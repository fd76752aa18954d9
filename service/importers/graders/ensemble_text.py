"""A grader as the text of a configuration, with remarks on what does not carry over."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from assay.service.domain.errors import StartupError
from assay.service.importers.graders.formula import weights_of
from assay.service.importers.graders.grader_forms import read_graders, single_graders
from assay.service.importers.graders.verifier_entries import verifier_of

LONGEST_REMARK = 300
_NO_NAME = re.compile(r"[^A-Za-z0-9_.:-]")


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as they are read."""


def _represented(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _represented)


@dataclass(frozen=True, slots=True)
class GraderEnsemble:
    """The configuration's text, its verifiers by name, and the remarks on each grader."""

    text: str
    kinds: Mapping[str, str]
    remarks: Mapping[str, list[str]] = field(default_factory=dict)


def ensemble_of(file: Path, columns: Mapping[str, str]) -> GraderEnsemble:
    """Return the ensemble that a grader's file describes.

    Raises `StartupError` where no grader of it has a verifier.
    """
    grader = read_graders(file)
    formula = grader.text_or_none("calculate_output") or ""
    weights = weights_of(formula) or {}
    kinds: dict[str, str] = {}
    remarks: dict[str, list[str]] = {}
    lines: list[str] = []
    for name, part in single_graders(grader):
        entry = verifier_of(part, columns)
        own_name = _free_name(name, remarks)
        remarks[own_name] = entry.remarks
        lines += _comments([f"{part.text('type')} {name!r}", *entry.remarks])
        if entry.keys is not None:
            keys = {"name": own_name, **entry.keys}
            if weights.get(name, 1.0) != 1.0:
                keys["weight"] = weights[name]
            kinds[own_name] = str(keys["kind"])
            lines += yaml.dump([keys], Dumper=_Dumper, sort_keys=False, allow_unicode=True).split(
                "\n"
            )[:-1]
    if not kinds:
        reasons = "; ".join(f"{name}: {', '.join(why)}" for name, why in remarks.items())
        raise StartupError(f"{file}: no verifier does what its graders do: {reasons}")
    head = _comments(_head(formula, bool(weights)), indent="")
    body = [f"  {line}" if line else "" for line in lines]
    return GraderEnsemble("\n".join([*head, "verifiers:", *body]) + "\n", kinds, remarks)


def _head(formula: str, has_weights: bool) -> list[str]:
    head = [
        "Written by `assay import openai-grader`. Check it: assay config check FILE",
        "Each grader is a verifier; its lines say what does not carry over.",
    ]
    if has_weights:
        head.append(f"calculate_output {formula!r}: weights count until labels teach better ones")
    elif formula:
        head.append(f"calculate_output {formula!r} does not carry over: all weights are equal")
    return head


def _comments(remarks: list[str], indent: str = "") -> list[str]:
    """Return remarks as lines of comments; none of them can end its line."""
    lines = ["".join(mark if mark.isprintable() else " " for mark in text) for text in remarks]
    return [f"{indent}# {line[:LONGEST_REMARK]}" for line in lines]


def _free_name(name: str, taken: Mapping[str, object]) -> str:
    """Return a name that a verifier may have and that is free."""
    own = _NO_NAME.sub("-", name).lstrip("_.:-")[:56] or "grader"
    candidate, number = own, 2
    while candidate in taken:
        candidate, number = f"{own}-{number}", number + 1
    return candidate
