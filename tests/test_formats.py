"""The JSON Schemas of docs/formats.md describe what the product reads and writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError
from referencing import Registry, Resource

from assay.service.api.label_requests import LabelIn
from assay.service.api.requests import RankRequest, RunFields
from assay.service.batch.formats import RESULT
from assay.service.batch.own_output import ANSWER_COLUMNS
from assay.service.cli.labels.label_columns import LABEL_EXTRAS
from assay.service.row_files.known_names import RANKING_NAMES
from tests.support.commands.in_process import as_npz, run, said
from tests.test_docs import DOCS

SCHEMAS = ("ranking", "score", "label")
CANDIDATES = ["3 + 4 = 7. The answer is 7.", {"id": "b", "text": "3 + 4 = 8. The answer is 8."}]
ROWS: list[dict[str, Any]] = [
    {"id": "a", "query": "What is 3 + 4?", "candidates": CANDIDATES, "labels": [1, None]},
    {"messages": [{"role": "user", "content": "1 + 1?"}], "candidates": ["2"], "explain": True},
    {"id": 7, "query": "q", "candidates": []},
]


def schema(name: str) -> dict[str, Any]:
    """Return a schema."""
    parsed: dict[str, Any] = json.loads((DOCS / "schemas" / f"{name}.schema.json").read_bytes())
    return parsed


def validator(name: str, part: str | None = None) -> Draft202012Validator:
    """Return what checks rows by a schema, or by one of its definitions."""
    registry: Registry[Any] = Registry().with_resources(
        (f"{other}.schema.json", Resource.from_contents(schema(other))) for other in SCHEMAS
    )
    place = f"{name}.schema.json" + (f"#/$defs/{part}" if part else "")
    return Draft202012Validator({"$ref": place}, registry=registry)


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file of JSON lines."""
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def faults(name: str, rows: list[dict[str, Any]], part: str | None = None) -> list[str]:
    """Return what the schema says of rows."""
    checker = validator(name, part)
    return [
        f"{error.json_path}: {error.message}" for row in rows for error in checker.iter_errors(row)
    ]


def fields(name: str, part: str | None = None) -> set[str]:
    """Return the fields that a schema describes, also by reference within it."""
    whole = schema(name)
    described = whole["$defs"][part] if part else whole
    within = [described, *described.get("allOf", ()), described.get("then", {})]
    references = [part_of.get("$ref") for part_of in within]
    inner = [reference.rpartition("/")[2] for reference in references if reference]
    return set(described.get("properties", ())).union(*(fields(name, of) for of in inner))


def test_the_page_lists_the_names_that_are_known() -> None:
    """A row of its table for each field of a ranking."""
    page = (DOCS / "formats.md").read_text(encoding="utf-8")

    for field, groups in RANKING_NAMES.items():
        names = ", ".join(f"`{name}`" for group in groups for name in group)
        assert f"| `{field}` | {names} |" in page


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one(name: str) -> None:
    """Of draft 2020-12; its file's name is its id."""
    Draft202012Validator.check_schema(schema(name))
    assert schema(name)["$id"] == f"{name}.schema.json"


def test_schemas_name_every_field() -> None:
    """No field of the API or of an output is left out, nor one added that nobody has."""
    request = set(RankRequest.model_fields) - set(RunFields.model_fields) - {"stream"}
    own = {"id", "labels"}

    assert fields("ranking", "request") - own >= request - {"uncalibrated"}
    assert fields("ranking", "answer") - fields("ranking", "texts") == set(ANSWER_COLUMNS) - {
        "error"
    }
    assert fields("ranking", "columns") - fields("ranking", "texts") == set(RESULT)
    assert fields("label") == set(LabelIn.model_fields) | LABEL_EXTRAS


@pytest.fixture(scope="module")
def ranked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with rows, and with what rank and batch made of them."""
    folder = tmp_path_factory.mktemp("formats")
    config = folder / "c.yaml"
    config.write_text(
        "verifiers: [{name: arithmetic, kind: arithmetic}, {name: length, kind: length}]\n"
    )
    (folder / "in.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in ROWS))
    store = ("-c", config, "--data-dir", folder / "store")
    assert run("rank", folder / "in.jsonl", "-o", folder / "rank.jsonl", *store).exit_code == 1
    assert run("batch", folder / "in.jsonl", folder / "batch", *store).exit_code == 1
    return folder


def test_what_rank_writes_is_an_answer_or_a_failure(ranked: Path) -> None:
    """A row of each."""
    *answers, failure = lines(ranked / "rank.jsonl")

    assert faults("ranking", answers, "answer") == []
    assert faults("ranking", [failure], "failure") == []
    assert faults("ranking", [failure], "answer")


def test_what_batch_writes_has_its_columns(ranked: Path) -> None:
    """Ranked rows and others."""
    rows = lines(next((ranked / "batch").glob("part-*.jsonl")))

    assert len(rows) == len(ROWS)
    assert faults("ranking", rows, "columns") == []
    assert faults("ranking", rows, "answer")


def test_what_is_asked_is_a_request(ranked: Path) -> None:
    """And a row without candidates, or with a label of 2, is none."""
    assert faults("ranking", ROWS[:2], "request") == []
    assert faults("ranking", ROWS[2:], "request")
    assert faults("ranking", [{**ROWS[0], "labels": [1, 2]}], "request")
    assert faults("ranking", [{"candidates": ["a"]}], "request")


def test_what_predict_writes_is_a_score_table(tmp_path: Path) -> None:
    """Row for row."""
    data = as_npz(tmp_path / "s.npz")
    said("fit", data, "-o", tmp_path / "m.json")
    said("predict", tmp_path / "m.json", data, "-o", tmp_path / "p.jsonl")

    assert faults("score", lines(tmp_path / "p.jsonl")) == []
    assert faults("score", [{"score": 1.0}])
    assert faults("score", [{"query_id": "q", "probability": 1.5}])


LABEL = {"query": "q", "candidate": "a", "correct": 1}


@pytest.mark.parametrize(
    ("row", "is_label"),
    [
        (LABEL, True),
        ({"key": f"{'0' * 32}:{'1' * 32}", "correct": 0.5, "who": "ann", "random": True}, True),
        ({**LABEL, "at": 1.5, "comment": "c", "reference": "r", "tests": ["assert f()"]}, True),
        ({**LABEL, "who": None, "random": None, "at": None, "reference": None}, True),
        ({**LABEL, "correct": 2}, False),
        ({**LABEL, "correct": None}, False),
        ({"query": "q", "correct": 1}, False),
        ({"candidate": "a", "correct": 1}, False),
        ({**LABEL, "colour": "red"}, False),
        ({**LABEL, "who": "w" * 129}, False),
        ({**LABEL, "at": -1}, False),
    ],
)
def test_a_label_is_what_the_service_takes(row: dict[str, Any], is_label: bool) -> None:
    """The schema and the API agree on each row."""
    by_schema = not faults("label", [row])
    try:
        LabelIn.model_validate(row)
    except ValidationError:
        by_service = False
    else:
        by_service = True

    assert (by_schema, by_service) == (is_label, is_label)
