"""Outputs of OpenAI's Batch API."""

from __future__ import annotations

import pytest

from assay.service.domain.errors import StartupError
from tests.support.tool_files import imported
from tests.support.tool_files.evaluations import batch_reply, batch_request, chat


def test_the_choices_of_a_reply_are_the_candidates_of_its_request() -> None:
    """Whatever the order of the lines."""
    rows, _ = imported(
        "openai-batch",
        [
            batch_reply("b", ["5"]),
            batch_reply("a", ["4", "", "vier"]),
            batch_request("a", chat("2+2?")),
            batch_request("b", chat("2+3?")),
        ],
        "rankings",
    )

    assert rows[0]["candidates"] == [{"id": "b", "text": "5"}]
    assert rows[1]["id"] == "a"
    assert rows[1]["messages"] == [{"role": "user", "content": "2+2?"}]
    assert rows[1]["candidates"] == [
        {"id": "a:0", "text": "4"},
        {"id": "a:1", "text": ""},
        {"id": "a:2", "text": "vier"},
    ]


def test_requests_with_the_same_conversation_are_one_query() -> None:
    """As where a batch draws several answers by several lines."""
    rows, _ = imported(
        "openai-batch",
        [batch_request(name, chat("2+2?")) for name in ("a-0", "a-1")]
        + [batch_reply("a-0", ["4"]), batch_reply("a-1", ["5"])],
        "rankings",
    )

    assert len(rows) == 1
    assert rows[0]["candidates"] == [{"id": "a-0", "text": "4"}, {"id": "a-1", "text": "5"}]


@pytest.mark.parametrize(
    ("body", "reply", "asked"),
    [
        ({"prompt": "2+2="}, {"choices": [{"index": 0, "text": "4"}]}, {"query": "2+2="}),
        (
            {"input": "2+2?"},
            {
                "output": [
                    {"type": "reasoning", "summary": []},
                    {"type": "message", "content": [{"type": "output_text", "text": "4"}]},
                ]
            },
            {"query": "2+2?"},
        ),
        (
            {"instructions": "Be brief.", "input": "2+2?"},
            {"output": [{"type": "message", "content": [{"type": "output_text", "text": "4"}]}]},
            {
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": "2+2?"},
                ]
            },
        ),
    ],
)
def test_other_routes(
    body: dict[str, object], reply: dict[str, object], asked: dict[str, object]
) -> None:
    """Completions and responses."""
    answer = batch_reply("a", [])
    answer["response"]["body"] = reply

    rows, _ = imported("openai-batch", [batch_request("a", body), answer], "rankings")

    assert rows == [{"id": "a", **asked, "candidates": [{"id": "a", "text": "4"}]}]


def test_errors_are_skipped_by_reason() -> None:
    """Of the error file, of a status, of a refusal without a text, of a lost request."""
    rows, wish = imported(
        "openai-batch",
        [batch_request(name, chat(name)) for name in ("good", "late", "bad", "mute", "lost")]
        + [
            batch_reply("good", ["4"]),
            batch_reply("late", [], response=None, error={"code": "batch_expired", "message": "m"}),
            batch_reply("bad", [], response={"status_code": 400, "body": {"error": {}}}),
            batch_reply("mute", [None]),
            batch_reply("stray", ["x"]),
        ],
        "rankings",
    )

    assert [row["id"] for row in rows] == ["good"]
    assert wish.skipped == {
        "errors: batch_expired": 1,
        "errors: status 400": 1,
        "replies without a text": 1,
        "replies without a request in the input file": 1,
        "requests without a reply": 1,
    }


def test_without_the_input_there_are_no_queries() -> None:
    """The message names both ways to give it."""
    with pytest.raises(StartupError, match="give the batch's input file as well"):
        imported("openai-batch", [batch_reply("a", ["4"])], "rankings")


def test_two_replies_to_one_request_are_refused() -> None:
    """Of one file; two files are two models."""
    request = batch_request("a", chat("2+2?"))
    rows = [request, batch_reply("a", ["4"]), batch_reply("a", ["5"])]

    with pytest.raises(
        StartupError, match=r"f\.jsonl:3: custom_id: is on line 2 as well \(got 'a'\)"
    ):
        imported("openai-batch", rows, "rankings")
    files = {"in": [request], "x": [batch_reply("a", ["4"])], "y": [batch_reply("a", ["5"])]}
    merged, _ = imported("openai-batch", files, "rankings")
    assert [candidate["id"] for candidate in merged[0]["candidates"]] == ["x:a", "y:a"]


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        ({"response": {"status_code": 200}}, "response.body: must be an object"),
        (
            {"response": {"status_code": 200, "body": {"choices": [5]}}},
            "response.body.choices.0: must be an object (got '5')",
        ),
        ({"custom_id": 1.5}, "custom_id: must be a text or a whole number (got '1.5')"),
    ],
)
def test_a_bad_reply_is_named_with_its_place(reply: dict[str, object], problem: str) -> None:
    """File, line, field, value."""
    rows = [batch_request("a", chat("2+2?")), {**batch_reply("a", ["4"]), **reply}]

    with pytest.raises(StartupError) as refused:
        imported("openai-batch", rows, "rankings")

    assert f"f.jsonl:2: {problem}" in str(refused.value)
