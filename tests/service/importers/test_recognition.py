"""Which other tool wrote a file."""

from __future__ import annotations

import pytest

from assay.service.domain.errors import StartupError
from assay.service.importers.recognition import IMPORTERS, converted, importer_named, recognised
from assay.service.row_files.column_map import ColumnMap
from tests.support.tool_files import Row
from tests.support.tool_files import annotation_tools as people
from tests.support.tool_files import evaluations as runs
from tests.support.tool_files import preferences as judges

#: First rows of every form that each tool writes.
FORMS: dict[str, list[Row]] = {
    "lm-eval": [
        runs.lm_eval_sample(1, ["2"]),
        runs.lm_eval_choice(1, [-1.0, -2.0]),
        {
            **runs.lm_eval_sample(1, ["2"]),
            "arguments": [["p", {}]],
        },
    ],
    "lighteval": [
        runs.lighteval_detail("1", ["2"], {"em": 1.0}, True),
        runs.lighteval_detail("1", ["2"], {"em": 1.0}, False),
        runs.lighteval_choice("1", [-1.0, -2.0, -3.0]),
        runs.lighteval_flat("1+1?", ["2"]),
    ],
    "rewardbench": [
        judges.reward_bench_columns(),
        judges.reward_bench_output("p", 1.0, 0.0),
        judges.reward_bench_2("7", [1.0, 0.0]),
        {"chosen": 1.5, "rejected": 2.5},
    ],
    "alpaca-eval": [
        judges.alpaca_annotation("Hi", 1.5),
        judges.alpaca_annotation("Hi", None, annotator=12),
    ],
    "mt-bench": [
        judges.mt_rating(81, "m", 9),
        judges.mt_comparison(81, ("a", "b"), ("tie", "tie")),
        judges.mt_human(81, "tie"),
        judges.mt_question(81),
        judges.mt_answer(81, "m", "4"),
    ],
    "inspect": [
        runs.inspect_log([]),
        runs.inspect_sample(1, "4", {"match": "C"}),
    ],
    "openai-batch": [
        runs.batch_request("a", runs.chat("hi")),
        runs.batch_reply("a", ["4"]),
    ],
    "label-studio": [
        people.studio_task([]),
        people.studio_task([people.studio_annotation([])]),
        people.studio_flat(people.QA, verdict="yes"),
    ],
    "argilla": [
        people.argilla_1_columns([]),
        people.argilla_1_record({"verdict": "yes"}),
        people.argilla_2_record({}),
        people.argilla_2_columns([], []),
    ],
}
#: Rows of our own, and of files that people write by hand.
OWN: dict[str, Row] = {
    "a ranking": {"query": "q", "candidates": ["a", "b"], "labels": [1, 0], "reference": "a"},
    "a chat ranking": {"messages": [{"role": "user", "content": "q"}], "candidates": ["a"]},
    "a pair": {"prompt": "q", "chosen": "a", "rejected": "b"},
    "a pair of flags": {"chosen": "1", "rejected": "0"},
    "an answer of rank": {"line": 1, "id": "x", "results": [], "usage": {}, "model": "m"},
    "a row of batch": {"file": "f", "row": 0, "query": "q", "score": [0.5], "raw": {"v": [0.5]}},
    "a score table": {"query_id": "q", "v": 0.5, "w": 1.5, "label": 1, "text": "a"},
    "a table with scores": {"query_id": "q", "scores": {"v": 0.5}, "label": 1},
    "a table with a list of scores": {"query_id": "q", "scores": [0.5], "verifier_names": ["v"]},
    "a label": {"query": "q", "candidate": "a", "correct": 1, "who": "x", "at": 5},
    "an exported label": {"key": "k", "correct": 1, "annotator": "x", "random": True},
    "a prediction": {"query_id": "q", "candidate": "0", "probability": 0.5, "log_odds": 0.0},
    "responses of a chat": {"prompt": "q", "responses": ["a", "b"]},
    "a document": {"doc": "a text", "doc_id": 5, "target": "x"},
    "a record with metadata": {"id": 1, "metadata": {}, "fields": "x"},
    "a judge's file": {"question_id": 1, "model": "m", "score": 5},
}


@pytest.mark.parametrize(
    ("tool", "row"), [(tool, row) for tool, rows in FORMS.items() for row in rows]
)
def test_each_form_is_recognised_by_exactly_its_tool(tool: str, row: Row) -> None:
    """No other importer takes it."""
    assert [importer.name for importer in IMPORTERS if importer.recognises(row)] == [tool]


@pytest.mark.parametrize("name", OWN)
def test_rows_of_our_own_are_recognised_by_none(name: str) -> None:
    """Nor are those that people write by hand."""
    assert recognised(OWN[name]) is None


def test_every_importer_has_forms() -> None:
    """A new one is in the matrix."""
    assert set(FORMS) == {importer.name for importer in IMPORTERS}


def test_rows_of_our_own_stay_as_they_are() -> None:
    """Also where there are none."""
    rows = [(1, OWN["a ranking"]), (3, OWN["a chat ranking"])]

    ours = converted(iter(rows), "rankings")

    assert (list(ours.rows), ours.title) == (rows, None)
    assert list(converted((), "labels").rows) == []


def test_rows_of_a_tool_are_converted_and_named() -> None:
    """What was skipped and understood is there after the rows."""
    rows = [(1, runs.lm_eval_sample(1, ["2"])), (2, runs.lm_eval_sample(1, ["2"], 0.0, "other"))]

    tools = converted(rows, "rankings", columns=ColumnMap({"query": "doc.question"}))
    read = list(tools.rows)

    assert tools.title == "lm-evaluation-harness samples"
    assert [(line, row["query"]) for line, row in read] == [(1, "What is 1+1?")]
    assert tools.skipped == {"samples of a further filter": 1}
    assert tools.understood["query"] == "doc.question"


def test_a_tool_may_be_forced_or_turned_off() -> None:
    """An unknown name lists the known ones."""
    rows = [(1, runs.lm_eval_sample(1, ["2"]))]

    off = converted(rows, "rankings", "none")
    assert (list(off.rows), off.title) == (rows, None)
    assert converted(rows, "rankings", "auto").title == "lm-evaluation-harness samples"
    with pytest.raises(StartupError, match=r"f\.jsonl:1: doc: must be an object"):
        list(converted([(1, OWN["a document"])], "rankings", "lighteval", file="f.jsonl").rows)
    with pytest.raises(StartupError, match=r"no tool is named 'lm_eval'; there are lm-eval, "):
        importer_named("lm_eval")


def test_a_shape_that_the_tool_does_not_give_is_refused() -> None:
    """With the shapes that it gives."""
    task = people.studio_task([])

    with pytest.raises(StartupError, match="f: holds Label Studio exports, which give labels, not"):
        converted([(1, task)], "scores", file="f")
