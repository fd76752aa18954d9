"""A grader as the text of a configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from assay.service.domain.errors import StartupError
from assay.service.importers.graders.ensemble_text import ensemble_of
from assay.service.runtime.configuration import load_config

ASKING = [{"role": "user", "content": "{{item.question}}\n\n{{sample.output_text}}\n# x"}]
EVERY_TYPE: dict[str, Any] = {
    "exact": {
        "type": "string_check",
        "name": "e",
        "operation": "eq",
        "input": "{{sample.output_text}}",
        "reference": "{{item.answer}}",
    },
    "near": {
        "type": "text_similarity",
        "name": "n",
        "evaluation_metric": "cosine",
        "input": "{{sample.output_text}}",
        "reference": "{{item.answer}}",
    },
    "quality": {"type": "score_model", "name": "q", "model": "m", "input": ASKING},
    "fit": {
        "type": "label_model",
        "name": "f",
        "model": "m",
        "input": ASKING,
        "labels": ["yes", "no"],
        "passing_labels": ["yes"],
    },
    "code": {"type": "python", "name": "c", "source": "def grade(s, i): return 1"},
}
FORMULA = "0.5 * quality + 0.25 * exact + near + fit + code"


def written(folder: Path, graders: Any, formula: str = FORMULA) -> Path:
    """Return a file with a multi grader."""
    file = folder / "grader.json"
    multi = {"type": "multi", "name": "m", "graders": graders, "calculate_output": formula}
    file.write_text(json.dumps(multi))
    return file


def test_every_type_becomes_a_right_configuration(tmp_path: Path) -> None:
    """Which loads, with the formula's weights."""
    out = tmp_path / "ensemble.yaml"
    out.write_text(ensemble_of(written(tmp_path, EVERY_TYPE), {}).text)

    config = load_config(out)

    assert {verifier.name: (verifier.kind, verifier.weight) for verifier in config.verifiers} == {
        "exact": ("math_answer", 0.25),
        "near": ("judge_reference", 1.0),
        "quality": ("judge_scale", 0.5),
        "fit": ("judge", 1.0),
        "code": ("http", 1.0),
    }


@pytest.mark.parametrize(
    ("formula", "line"),
    [
        ("max(exact, fit)", "does not carry over: all weights are equal"),
        (FORMULA, "weights count until labels teach better ones"),
    ],
)
def test_the_formula_is_in_a_comment(tmp_path: Path, formula: str, line: str) -> None:
    """With what becomes of it."""
    assert line in ensemble_of(written(tmp_path, EVERY_TYPE, formula), {}).text


@pytest.mark.parametrize(
    "name", ["a\nverifiers: []", "-", "ünï cödé", "x" * 300, "a: {b", "\x1b[31m", "same"]
)
def test_hostile_names_stay_in_their_line(tmp_path: Path, name: str) -> None:
    """And become names that a verifier may have, each once."""
    graders = {name: EVERY_TYPE["exact"], "same": EVERY_TYPE["quality"]}

    loaded = yaml.safe_load(ensemble_of(written(tmp_path, graders, ""), {}).text)

    assert len({entry["name"] for entry in loaded["verifiers"]}) == len(graders)
    assert set(loaded) == {"verifiers"}


def test_hostile_texts_stay_texts(tmp_path: Path) -> None:
    """Of prompts and of models."""
    text = "a\n- b: c\n\"'{{item.question}} \t# d\n  {{sample.output_text}}\n...\n---\n \u2028x"
    grader = {**EVERY_TYPE["quality"], "input": [{"role": "user", "content": text}]}

    ensemble = ensemble_of(written(tmp_path, {"q": {**grader, "model": "x: [1"}}), {})
    entry = yaml.safe_load(ensemble.text)["verifiers"][0]

    expected = text.replace("{{item.question}}", "{query}").replace(
        "{{sample.output_text}}", "{candidate}"
    )
    assert entry["prompt"].startswith(expected)
    assert entry["model"] == "x: [1"


def test_nothing_that_carries_over_is_refused_with_the_reasons(tmp_path: Path) -> None:
    """A configuration needs a verifier."""
    graders = {"only": {**EVERY_TYPE["exact"], "operation": "ne"}}

    with pytest.raises(StartupError, match="no verifier does what its graders do: only: left out"):
        ensemble_of(written(tmp_path, graders), {})
