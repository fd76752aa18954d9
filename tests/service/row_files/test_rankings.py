"""Rows of any names as rankings."""

from __future__ import annotations

import json
from typing import Any

import pytest

from assay.service.domain.errors import StartupError
from assay.service.row_files.column_map import ColumnMap
from assay.service.row_files.field_values import RowFieldError
from assay.service.row_files.rankings import check_ranking_map, read_ranking
from assay.service.row_files.understood import Understood

USER = {"role": "user", "content": "2+2?"}
FOUR, FIVE = {"role": "assistant", "content": "4"}, {"role": "assistant", "content": "5"}
PLAIN = {"query": "2+2?", "candidates": ["4", "5"]}


def ranking(row: dict[str, Any], columns: str | None = None) -> dict[str, Any]:
    """Return a row as a ranking."""
    return read_ranking(row, ColumnMap.parse(columns))


@pytest.mark.parametrize(
    "row",
    [
        PLAIN,
        {"prompt": "2+2?", "responses": ["4", "5"]},
        {"question": "2+2?", "completions": [[FOUR], [FIVE]]},
        {"instruction": "2+2?", "input": "", "outputs": [{"text": "4"}, {"text": "5"}]},
        {"problem": "2+2?", "generations": [{"generated_text": "4"}, {"generated_text": "5"}]},
        {"input": "2+2?", "samples": [FOUR, FIVE]},
        {"question": "2+2?", "answers": '["4", "5"]'},
        {"question": "2+2?", "answers": "['4', '5']"},
        {"prompt": "2+2?", "choices": [{"index": 0, "message": FOUR}, {"index": 1, "message": FIVE}]},
        {"prompt": "2+2?", "choices": [{"message": {"content": [{"type": "text", "text": "4"}]}}, {"text": "5"}]},
    ],
)  # fmt: skip
def test_known_names_and_forms_of_candidates_are_understood(row: dict[str, Any]) -> None:
    """Texts, objects with a text, messages, OpenAI's choices, lists in cells of CSV."""
    read = ranking(row)

    assert {name: read[name] for name in PLAIN} == PLAIN


@pytest.mark.parametrize(
    ("row", "asked"),
    [
        ({"messages": [USER]}, [USER]),
        ({"prompt": [USER]}, [USER]),
        ({"prompt": USER}, [USER]),
        ({"query": json.dumps([USER])}, [USER]),
        ({"conversations": [{"from": "human", "value": "2+2?"}]}, [USER]),
        (
            {"conversation": [USER, FOUR, {"role": "user", "content": [{"text": "Sure?"}]}]},
            [USER, FOUR, {"role": "user", "content": "Sure?"}],
        ),
    ],
)
def test_conversations_are_messages(row: dict[str, Any], asked: list[Any]) -> None:
    """Of TRL, OpenAI and ShareGPT, also as JSON in a cell."""
    assert ranking({**row, "responses": ["4"]})["messages"] == asked


@pytest.mark.parametrize(
    ("row", "asked"),
    [
        ({"prompt": "2+2?", "chosen": "4", "rejected": "5"}, {"query": "2+2?"}),
        ({"prompt": "2+2?", "chosen": [FOUR], "rejected": [FIVE]}, {"query": "2+2?"}),
        ({"prompt": [USER], "chosen": [FOUR], "rejected": [FIVE]}, {"messages": [USER]}),
        ({"chosen": [USER, FOUR], "rejected": [USER, FIVE]}, {"messages": [USER]}),
        (
            {"prompt": "2+2?", "messages": [USER, FOUR], "chosen": [USER, FOUR], "rejected": [USER, FIVE]},
            {"messages": [USER]},
        ),
        (
            {"chosen": "\n\nHuman: 2+2?\n\nAssistant: 4", "rejected": "\n\nHuman: 2+2?\n\nAssistant: 5"},
            {"messages": [USER]},
        ),
    ],
)  # fmt: skip
def test_a_chosen_and_a_rejected_answer_are_labelled(
    row: dict[str, Any], asked: dict[str, Any]
) -> None:
    """As texts or conversations, with a prompt or without (TRL, UltraFeedback, HH-RLHF)."""
    understood = Understood()

    read = read_ranking(row, ColumnMap(), understood)

    assert read.items() >= {**asked, "candidates": ["4", "5"], "labels": [1.0, 0.0]}.items()
    assert "labels: chosen is 1, rejected is 0" in " ".join(understood.lines())


@pytest.mark.parametrize(
    ("chosen", "rejected"),
    [("[1, 2]", "[1, 3]"), ('{"a": 1}', '{"a": 2}'), ("['a' 'b']", "['b']"), ("a", "[1 2]")],
)
def test_an_answer_may_itself_be_a_list(chosen: str, rejected: str) -> None:
    """It stays the text that it is."""
    assert ranking({"prompt": "q", "chosen": chosen, "rejected": rejected})["candidates"] == [
        chosen,
        rejected,
    ]


@pytest.mark.parametrize("query", ["[1, 2, 3]", "[3 1 2]", "['a' 'b']", '["a"]'])
def test_a_query_may_itself_be_a_list(query: str) -> None:
    """Only a list of objects is a list of messages."""
    assert ranking({"prompt": query, "responses": ["4"]})["query"] == query


@pytest.mark.parametrize(
    ("cell", "candidates"),
    [
        ("['four' 'five']", ["four", "five"]),
        ("['a b c'\n 'd e f']", ["a b c", "d e f"]),
        ("['it' \"it's\"\n ',']", ["it", "it's", ","]),
        ("[{'content': '4', 'role': 'assistant'}\n {'content': '5', 'role': 'assistant'}]", ["4", "5"]),
    ],
)  # fmt: skip
def test_a_list_that_numpy_printed_has_each_of_its_texts(cell: str, candidates: list[str]) -> None:
    """Adjacent texts are never one."""
    assert ranking({"prompt": "q", "responses": cell})["candidates"] == candidates


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("['a' 'b', 'c']", "responses: commas separate some of its values, .*as JSON, such as df"),
        ("['a''b']", "responses: two values stand side by side"),
        ("['a' ... 'z']", "responses: numpy left elements out"),
        ("[array(['x'], dtype=object) 'b']", r"responses: numpy printed array\(…\) in it: write"),
        ("array(['x', 'y'], dtype=object)", "candidates: numpy printed the list in 'responses'"),
    ],
)
def test_a_list_that_numpy_printed_is_refused_where_its_texts_are_not_certain(
    cell: str, message: str
) -> None:
    """With how to write it as JSON."""
    with pytest.raises(RowFieldError, match=message):
        ranking({"prompt": "q", "responses": cell})


@pytest.mark.parametrize(
    "responses",
    [
        [{"from": "gpt", "value": "4"}, {"from": "gpt", "value": "5"}],
        [[{"from": "gpt", "value": "4"}], [{"from": "gpt", "value": "5"}]],
        '[{"from": "gpt", "value": "4"}, {"from": "gpt", "value": "5"}]',
    ],
)
def test_messages_of_sharegpt_are_candidates(responses: Any) -> None:
    """Also as a chosen and a rejected one; nothing of them is left out."""
    understood = Understood()
    row = {"prompt": "2+2?", "responses": responses}

    assert read_ranking(row, ColumnMap(), understood)["candidates"] == ["4", "5"]
    assert understood.left_out == {}
    pair = {"chosen": {"from": "gpt", "value": "4"}, "rejected": {"from": "gpt", "value": "5"}}
    assert ranking({"prompt": "2+2?", **pair})["candidates"] == ["4", "5"]


def test_the_context_of_helpsteer_is_what_was_asked() -> None:
    """Where no column of a query has a value, and only as a conversation."""
    assert ranking({"context": [USER], "responses": ["4"]})["messages"] == [USER]
    both = ranking({"prompt": "q", "context": [USER], "responses": ["4"]})
    assert (both["query"], both["context"]) == ("q", [USER])
    with pytest.raises(RowFieldError, match="query: no column has it; there are context"):
        ranking({"context": "a text", "responses": ["4"]})


def test_several_rejected_answers_are_candidates_each() -> None:
    """Of one chosen answer."""
    read = ranking({"prompt": "2+2?", "chosen": "4", "rejected": ["5", "6"]})

    assert (read["candidates"], read["labels"]) == (["4", "5", "6"], [1.0, 0.0, 0.0])


def test_ids_of_candidates_and_queries_survive() -> None:
    """Whole numbers of any length, texts, keys of an object."""
    ids = [{"id": 2**63 + 1, "text": "4"}, {"id": "b", "text": "5"}]

    assert ranking({"id": 2**70, "query": "q", "candidates": ids}) == {
        "query": "q",
        "candidates": [{"id": str(2**63 + 1), "text": "4"}, {"id": "b", "text": "5"}],
        "id": str(2**70),
    }
    assert ranking({"question_id": 7, "idx": 3, "query": "q", "responses": {"m1": "4"}}) == {
        "query": "q",
        "candidates": [{"id": "m1", "text": "4"}],
        "id": "7",
        "idx": 3,
    }


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"prompt": "a", "question": "b", "responses": ["4"]}, "'prompt' and 'question' could each .* --map query=prompt"),
        ({"instruction": "a", "input": "b", "responses": ["4"]}, "--map query=instruction"),
        ({"query": "a", "responses": ["4"], "samples": ["5"]}, "'responses' and 'samples'.* --map candidates=responses"),
        ({"query": "a", "choices": ["4"], "generations": ["5"], "outputs": ["6"]}, "could each"),
        ({"prompt": "a", "conversation": [USER], "responses": ["4"]}, "--map query=prompt or --map messages=conversation"),
    ],
)  # fmt: skip
def test_two_likely_columns_are_no_silent_choice(row: dict[str, Any], message: str) -> None:
    """The error names both, and the option."""
    with pytest.raises(RowFieldError, match=message):
        ranking(row)


def test_a_map_chooses_and_the_other_column_is_carried() -> None:
    """Also with paths, and where the field's own name is another column."""
    row = {"prompt": "a", "question": "b", "responses": ["4"], "doc": {"gold": "4"}}

    assert ranking(row, "query=question,reference=doc.gold") == {
        "query": "b",
        "candidates": ["4"],
        "reference": "4",
        "prompt": "a",
        "doc": {"gold": "4"},
    }
    assert ranking({"query": "SELECT 1", "ask": "b", "candidates": ["4"]}, "query=ask") == {
        "query": "b",
        "candidates": ["4"],
    }


def test_own_names_win() -> None:
    """Other columns are carried over, and what was understood names them."""
    understood = Understood()

    read = read_ranking({**PLAIN, "prompt": "other", "topic": "sums"}, ColumnMap(), understood)

    assert read == {**PLAIN, "prompt": "other", "topic": "sums"}
    assert list(understood.carried) == ["prompt", "topic"]


@pytest.mark.parametrize(
    ("beside", "fields"),
    [
        ({"answer": "4"}, {"reference": "4"}),
        ({"ground_truth": 4, "answer": "other"}, {"reference": "4", "answer": "other"}),
        ({"answer": "4", "solution": "so 4"}, {"answer": "4", "solution": "so 4"}),
        ({"test_list": ["assert f()"]}, {"tests": ["assert f()"]}),
        ({"correct": [True, False]}, {"labels": [1.0, 0.0]}),
        ({"labels": [1, None]}, {"labels": [1.0, None]}),
        ({"labels": 2}, {"labels": 2}),
        ({"labels": [1, 0, 1]}, {"labels": [1, 0, 1]}),
        ({"label": 1}, {"label": 1}),
    ],
)
def test_what_belongs_to_a_query_is_understood_where_it_is_clear(
    beside: dict[str, Any], fields: dict[str, Any]
) -> None:
    """Other columns are carried over as they are."""
    assert ranking({**PLAIN, **beside}) == {**PLAIN, **fields}


@pytest.mark.parametrize(
    ("row", "columns", "message"),
    [
        ({"responses": ["4"]}, None, "query: no column has it; there are no others: name it by --map query=COLUMN"),
        ({"query": "q", "choices": 4}, None, "candidates: 'choices' is no list: write it as JSON"),
        ({"query": 5, "candidates": ["4"]}, None, r"query: must be a text or a list of messages \(got '5'\)"),
        ({"query": None, "candidates": ["4"]}, None, "query: must be a text .*null"),
        ({"messages": "hello", "candidates": ["4"]}, None, "messages: must be a list of messages"),
        ({"messages": [{"content": "x"}], "candidates": ["4"]}, None, "messages.0: has no role"),
        ({"messages": [{"role": "user", "content": 5}], "candidates": ["4"]}, None, "messages.0.content: must be a text"),
        ({"query": "q", "candidates": []}, None, "candidates: must be a list of candidates"),
        ({"query": "q", "candidates": "4"}, "candidates=candidates", "candidates: must be a list"),
        ({"query": "q", "candidates": ["4", 5]}, None, r"candidates.1: has no text \(got '5'\)"),
        ({"query": "q", "responses": [{"words": "4"}]}, None, "responses.0: has no text; its keys: words"),
        ({"query": "q", "responses": [{"text": "4", "answer": "5"}]}, None, "responses.0: has no text"),
        ({"query": "q", "candidates": [{"id": True, "text": "4"}]}, None, "candidates.0.id: must be a text"),
        ({"query": "q", "candidates": ["4"]}, "query=asked", "query: --map says 'asked'"),
        ({"query": "q", "candidates": ["4"], "labels": [7]}, "labels=labels", r"labels.0: .* \(got '7'\)"),
        ({"query": "q", "candidates": ["4"], "reference": ["4"]}, None, "reference: a reference must be a text"),
        ({"query": "q", "candidates": ["4"], "tests": "assert f()"}, None, "tests: must be a list"),
        ({"query": "q", "candidates": ["4"], "id": [1]}, None, "id: must be a text or a whole number"),
        ({"chosen": [USER, FOUR], "rejected": [FIVE, FIVE]}, None, "rejected: answers another conversation"),
        ({"prompt": "q", "chosen": "4", "rejected": 5}, None, "rejected.0: has no text"),
    ],
)  # fmt: skip
def test_a_field_that_cannot_be_read_is_named_with_its_value(
    row: dict[str, Any], columns: str | None, message: str
) -> None:
    """And with what there is instead."""
    with pytest.raises(RowFieldError, match=message):
        ranking(row, columns)


def test_what_is_not_read_of_candidates_is_stated() -> None:
    """Such as scores within them."""
    understood = Understood()

    read_ranking({"query": "q", "samples": [{"text": "4", "logprob": -1}]}, ColumnMap(), understood)

    assert "samples.logprob" in understood.left_out


def test_a_map_of_another_field_is_refused() -> None:
    """With the fields that there are."""
    check_ranking_map(ColumnMap.parse("query=prompt,labels=correct"))
    with pytest.raises(StartupError, match=r"no field 'queries'; there are query, messages"):
        check_ranking_map(ColumnMap.parse("queries=prompt"))
