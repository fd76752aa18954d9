"""NeMo Gym's roll-outs."""

from __future__ import annotations

from typing import Any

import pytest

from assay.service.api.compat.routes import COMPAT_ROUTES
from tests.support.http.refusals import refusal_of
from tests.support.servers.processes import Server


def test_nemo_gym_gets_its_body_back(running: Server) -> None:
    """With the reward and each verifier's score."""
    body = {
        **COMPAT_ROUTES["/verify"].example,
        "model": "Skywork/RM",
        "expected_answer": "5",
        "id": 10**30,
    }

    answer = running.post("/verify", body).json

    assert {key: answer[key] for key in body} == body
    assert 0 < answer["reward"] < 1
    assert {"reward", "arithmetic"} <= answer["reward_components"].keys()


@pytest.mark.parametrize(("change", "param"), [
    ({"response": {"output": 5}}, "response.output"), ({"response": {"output": None}}, "response.output"),
    ({"response": {}}, "response.output"), ({"response": {"output": [5]}}, "response.output.0"),
    ({"response": {"output": [{"type": "message", "content": 5}]}}, "response.output.0.content"),
    ({"response": {"output": [{"type": "message", "content": {}}]}}, "response.output.0.content"),
    ({"response": {"output": [{"type": "message", "content": [7]}]}}, "response.output.0.content.0"),
    ({"response": {"output": [{"type": "message", "content": [{"type": "output_text", "text": 7}]}]}}, "response.output.0.content.0.text"),
    ({"response": {"output": [{"type": 5}]}}, "response.output.0.type"), ({"response": {"output": [{}]}}, "response.output.0"),
    ({"responses_create_params": {}}, "responses_create_params.input"),
    ({"responses_create_params": {"input": 5}}, "responses_create_params.input"),
    ({"responses_create_params": {"input": [5]}}, "responses_create_params.input.0"),
    ({"responses_create_params": {"input": [{"role": "", "content": "q"}]}}, "responses_create_params.input.0.role"),
    ({"responses_create_params": {"input": [{"role": 5, "content": "q"}]}}, "responses_create_params.input.0.role"),
    ({"responses_create_params": {"input": [{"role": "user", "content": 5}]}}, "responses_create_params.input.0.content"),
    ({"responses_create_params": {"input": [{"role": "user", "content": {}}]}}, "responses_create_params.input.0.content"),
    ({"expected_answer": ["5"]}, "expected_answer.str"), ({"expected_answer": True}, "expected_answer.str"),
])  # fmt: skip
def test_a_roll_out_of_another_form_is_refused_with_field_and_value(
    running: Server, change: dict[str, Any], param: str
) -> None:
    """And is not scored as an empty answer."""
    answer = running.post("/verify", {**COMPAT_ROUTES["/verify"].example, **change})

    assert (answer.status, refusal_of(answer)[0]) == (422, param.removesuffix(".str")), answer.raw
    assert "got" in refusal_of(answer)[1] or "required" in refusal_of(answer)[1]


def test_what_else_a_roll_out_holds_is_let_be(running: Server) -> None:
    """Reasoning, calls of tools, refusals, a text for content, and a number for the answer."""
    asked = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "q"},
        {"type": "function_call", "name": "f"},
    ]
    output = [
        {"type": "reasoning", "content": None, "summary": []}, {"type": "function_call", "arguments": "{}"},
        {"type": "message", "content": [{"type": "refusal", "refusal": "no"}, {"type": "output_text", "text": "5", "annotations": []}]},
        {"type": "message", "content": "6"},
    ]  # fmt: skip
    body = {
        "responses_create_params": {"input": asked},
        "response": {"output": output},
        "expected_answer": 5,
        "id": 10**30,
    }

    answer = running.post("/verify", body)

    assert answer.status == 200, answer.raw
    assert {name: answer.json[name] for name in body} == body
