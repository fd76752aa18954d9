"""Rewards, as their clients read them."""

from __future__ import annotations

import base64
import math
import struct
import time
from types import SimpleNamespace
from typing import Any

import pytest

from assay.service.api.compat.chat_templates import split_answer
from assay.service.api.compat.reward import _values as reward_values
from assay.service.api.compat.reward import pair_of
from assay.service.api.compat.routes import COMPAT_ROUTES, QUERY, TEMPLATED, TEXTS
from assay.service.api.errors import ApiError
from assay.verifiers import Status
from tests.service.api.compat.test_common import result_of
from tests.support.http.compat_routes import CONVERSATION
from tests.support.servers.processes import Server


def alone(running: Server, **more: Any) -> list[dict[str, Any]]:
    """Return our own scores of the pairs, one by one."""
    pairs = [{"query": QUERY, "candidate": text, **more} for text in TEXTS]
    return list(
        running.post("/v1/score_pairs", {"pairs": pairs, "uncalibrated": "number"}).json["results"]
    )


def test_pair_and_reward_doors_say_what_score_pairs_says(running: Server) -> None:
    """The head for a candidate alone, without verifiers that compare; log-odds where a reward is
    asked for.
    """
    expected = alone(running)
    chances = [entry["probability"] for entry in expected]

    for names in (
        ("queries", "documents"),
        ("queries", "items"),
        ("text_1", "text_2"),
        ("data_1", "data_2"),
    ):
        for left in (QUERY, [QUERY], [QUERY, QUERY]):
            data = running.post("/v1/score", dict(zip(names, (left, TEXTS), strict=True))).json[
                "data"
            ]
            assert [entry["score"] for entry in data] == pytest.approx(chances, abs=1e-9)
    logit = expected[0]["score"]
    logits = [
        running.post("/classify", {"input": TEMPLATED, "use_activation": False}).json["data"][-1]["probs"][-1],
        running.post("/classify", {"messages": CONVERSATION, "activation": False}).json["data"][-1]["probs"][-1],
        running.post("/v1/embeddings", {"input": [TEMPLATED]}).json["data"][-1]["embedding"][-1],
        running.post("/get_reward", {"query": [TEMPLATED], "prompts": [TEMPLATED[: TEMPLATED.index(TEXTS[0])]]}).json["rewards"][0],
        running.post("/get_reward", {"query": [QUERY + TEXTS[0]], "prompts": [QUERY], "labels": []}).json["rewards"][0],
    ]  # fmt: skip
    assert logits == pytest.approx([logit] * 5, abs=1e-9)
    packed = running.post("/v1/embeddings", {"input": TEMPLATED, "encoding_format": "base64"}).json[
        "data"
    ][0]["embedding"]
    assert struct.unpack("<f", base64.b64decode(packed))[0] == pytest.approx(logit, rel=1e-6)
    assert running.post("/classify", {"input": TEMPLATED}).json["data"][0][
        "probs"
    ] == pytest.approx([chances[0]], abs=1e-9)
    assert running.post("/rm", {"prompt": QUERY, "response": TEXTS[0]}).json == pytest.approx(
        chances[0], abs=1e-9
    )
    detail = running.post("/rm?detail=1", {"prompt": CONVERSATION[:1], "response": TEXTS[0]}).json
    assert (detail["reward"], detail["score"]) == pytest.approx((chances[0], logit), abs=1e-9)
    assert detail["verifiers"]["vote"] is None


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/classify", {"input": TEMPLATED}),
        ("/v1/embeddings", {"input": TEMPLATED}),
        ("/get_reward", {"query": [QUERY + TEXTS[0]], "prompts": [QUERY]}),
        ("/rm", {"prompt": QUERY, "response": TEXTS[0]}),
    ],
)
def test_rewards_before_calibration_are_marked_numbers(
    running: Server, path: str, body: dict[str, Any]
) -> None:
    """Their forms have no null."""
    answer = running.post(path, body)

    assert (answer.status, answer.headers["x-assay-calibrated"]) == (200, "false")


def test_openrlhf_reads_all_of_a_reward(running: Server) -> None:
    """Field by field: rewards unbounded, scores 0 to 1, the same names in extra_logs for any
    failure.
    """
    texts = [TEMPLATED, QUERY + TEXTS[1]]

    answer = running.post(
        "/get_reward", {"query": texts, "prompts": [TEMPLATED[:-40], QUERY], "labels": ["5", ""]}
    ).json

    assert answer.keys() == {"rewards", "scores", "extra_logs"}
    assert [1 / (1 + math.exp(-reward)) for reward in answer["rewards"]] == pytest.approx(
        answer["scores"]
    )
    logs = answer["extra_logs"]
    assert set(logs) == {"reward", "reward_known", "arithmetic", "arithmetic_known"}
    assert all(len(values) == 2 and None not in values for values in logs.values())
    silent = running.post(
        "/get_reward", {"query": [QUERY + " Nobody knows."], "prompts": [QUERY]}
    ).json["extra_logs"]
    assert silent.keys() == logs.keys()
    assert (silent["arithmetic"], silent["arithmetic_known"], silent["reward_known"]) == (
        [0.0],
        [0.0],
        [1.0],
    )


def test_a_label_is_a_reference(running: Server) -> None:
    """For verifiers that compare with one; in the task that has such a verifier."""
    body = {"model": "assay/math", "prompt": QUERY, "response": "The answer is \\boxed{5}."}

    right, wrong = (
        running.post("/rm?detail=1", {**body, "label": label}).json for label in (5, "6")
    )

    assert right["verifiers"]["right"] == 1.0
    assert wrong["verifiers"]["right"] == 0.0
    assert right["reward"] > wrong["reward"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/get_reward", {"query": [QUERY + TEXTS[0]], "prompts": [QUERY]}),
        ("/rm", {"prompt": QUERY, "response": TEXTS[0]}),
        ("/classify", {"input": TEMPLATED}),
        ("/verify", COMPAT_ROUTES["/verify"].example),
    ],
)
def test_the_url_alone_chooses_the_task_and_is_not_misread(
    running: Server, path: str, body: dict[str, Any]
) -> None:
    """Some trainers can set nothing else."""
    chosen = [running.post(f"{path}?{how}", body) for how in ("task=math", "model=assay/math")]
    wrong = [running.post(f"{path}?{how}", body) for how in ("task=nope", "rnu=night")]

    for answer in chosen:
        assert answer.headers["x-assay-model-version"].startswith("math@")
    assert [answer.status for answer in wrong] == [404, 400 if path == "/classify" else 422]
    assert wrong[1].json["error"]["param"] == "rnu"


@pytest.mark.parametrize(
    "text",
    [
        "[INST]" * 50_000,
        "[INST][/INST]" * 30_000,
        "<|im_start|>user\n" * 30_000,
        "<|im_start|>" + "a" * 500_000,
    ],
)
def test_a_text_of_nothing_but_marks_takes_no_time(text: str) -> None:
    """A third of a megabyte; it took hours where each mark looked for its end as far as the text
    goes.
    """
    started = time.process_time()

    pair_of(text)
    pair_of(text, last=True)

    assert time.process_time() - started < 10


def test_a_whole_text_is_told_by_its_prompt_else_by_its_template_else_is_all_there_is() -> None:
    """The rest after the prompt, less special tokens; a prompt that is not its beginning is only
    the question.
    """
    prompt = TEMPLATED[: TEMPLATED.index(TEXTS[0])]

    assert pair_of(TEMPLATED, prompt) == pair_of(TEMPLATED) == pair_of(TEMPLATED, "something else")
    assert pair_of(QUERY + TEXTS[0] + "</s>", QUERY).candidate == TEXTS[0]
    whole = pair_of("no template here<|endoftext|>")
    assert (whole.query.text, whole.candidate) == ("", "no template here")
    assert pair_of("an answer", "a question").query.text == "a question"
    unanswered = "<|im_start|>user\nHi<|im_end|>\n"
    assert split_answer(unanswered) is None


@pytest.mark.parametrize("gap", [0, 1])
def test_one_unscored_text_of_a_batch_is_a_gap_where_the_url_says_so(gap: int) -> None:
    """The others keep their rewards; by default, and for a batch without any, it is refused."""
    values = [2.0, 2.0]
    values[gap] = math.nan
    wanting: Any = SimpleNamespace(query_params={"missing": "null"})
    plain: Any = SimpleNamespace(query_params={})

    kept = reward_values(wanting, result_of(values, Status.NO_SCORE), values)

    assert [math.isnan(value) for value in kept] == [place == gap for place in range(2)]
    with pytest.raises(ApiError, match=f"candidate {gap}"):
        reward_values(plain, result_of(values, Status.NO_SCORE), values)
    nothing = [math.nan] * 2
    with pytest.raises(ApiError, match="no verifier could"):
        reward_values(wanting, result_of(nothing, Status.NO_SCORE), nothing)


@pytest.mark.parametrize("word", ["zero", "", "NULL"])
def test_another_word_for_a_gap_is_refused(word: str) -> None:
    """With the two that there are."""
    asked: Any = SimpleNamespace(query_params={"missing": word})

    with pytest.raises(ApiError, match="must be refuse or null") as caught:
        reward_values(asked, result_of([1.0], Status.OK), [1.0])

    assert (caught.value.status, caught.value.param) == (422, "missing")


def test_a_parameter_of_another_route_is_refused(running: Server) -> None:
    """It would do nothing; each route takes its own."""
    texts, pair = {"input": TEXTS[:1]}, {"prompt": QUERY, "response": TEXTS[0]}
    bodies = {
        "/classify": texts,
        "/v1/embeddings": texts,
        "/get_reward": {"query": TEXTS[:1]},
        "/rm": pair,
    }
    own = {
        "/classify": ["answer=last", "missing=null"],
        "/v1/embeddings": ["answer=last"],
        "/get_reward": ["answer=first", "missing=refuse"],
        "/rm": ["detail=1"],
    }
    others = {
        "/classify": ["detail=1"],
        "/v1/embeddings": ["missing=null", "detail=1"],
        "/get_reward": ["detail=1"],
        "/rm": ["missing=null", "answer=last"],
    }
    for path, body in bodies.items():
        for parameter in own[path]:
            assert running.post(f"{path}?{parameter}&as=pooling", body).status == 200, parameter
        for parameter in others[path]:
            refused = running.post(f"{path}?{parameter}", body)
            assert (refused.status, refused.json["error"]["code"]) in (
                (400, "unknown_parameter"),
                (422, "unknown_parameter"),
            ), parameter
