"""Answers without a judgement over HTTP: nulls of scorers, fits that saw other queries, form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.aggregation import LabelModel
from assay.aggregation.label_model.saved.artifact import save
from tests.support.http.scoring_server import scoring
from tests.support.servers.processes import Server, service, write_config

PLAIN = ["Canberra", "It is Sydney.", "Perth, I think."]


def scorer(url: str, name: str = "s", **options: Any) -> dict[str, Any]:
    """Return the entry of a scorer."""
    return {"name": name, "kind": "http", "model": name, "endpoint": url, **options}


RANGED: dict[str, Any] = {"lowest": 0, "highest": 1}


def ranking(running: Server, texts: list[str], **options: Any) -> dict[str, Any]:
    """Return the answer of a ranking of plain answers."""
    body = {"query": "What is the capital of Australia?", "candidates": texts, "explain": True}
    answer = running.post("/v1/rank", {**body, **options})
    assert answer.status == 200, answer.raw
    ranked: dict[str, Any] = answer.json
    return ranked


def codes(answer: dict[str, Any]) -> list[str]:
    """Return the codes of an answer's warnings."""
    return [warning.split(":")[0] for warning in answer["warnings"]]


@pytest.mark.parametrize("text", ["0.9 busy", "0.2 very busy", "0 busy"])
def test_a_null_for_now_is_asked_for_again(tmp_path: Path, text: str) -> None:
    """The answer is partial, and says the reason, until the score is there; then it is kept."""
    with scoring(0) as judge:
        config = write_config(tmp_path / "c.yaml", {"verifiers": [scorer(judge.url, **RANGED)]})
        with service(config, tmp_path) as running:
            before = ranking(running, [text, "0.5 at once"])
            after = [ranking(running, [text, "0.5 at once"]) for _ in range(2)]

    verdict = {row["index"]: row["verifiers"]["s"] for row in before["results"]}[0]
    assert (verdict["status"], verdict["reason"]) == ("no_score", "out of places")
    assert before["partial"]
    assert "partial: s: out of places (1 of 2 candidates)" in before["warnings"]
    assert codes(before) == ["partial", "nothing_judged", "unordered"]
    for answer in after:
        raws = {row["index"]: row["verifiers"]["s"]["raw"] for row in answer["results"]}
        assert raws == {0: float(text.split()[0]), 1: 0.5}
        assert not answer["partial"]
        assert answer["warnings"] == []
    assert judge.asked[text] == 2


@pytest.mark.parametrize("text", ["0.9 never", "0.1 never ever", "1 never"])
def test_a_null_for_good_is_kept(tmp_path: Path, text: str) -> None:
    """The scorer says which null it is: nothing failed, and nothing is asked again."""
    with scoring(0) as judge:
        config = write_config(tmp_path / "c.yaml", {"verifiers": [scorer(judge.url, **RANGED)]})
        with service(config, tmp_path) as running:
            answers = [ranking(running, [text, "0.5 at once"]) for _ in range(2)]

    assert judge.asked[text] == 1
    for answer in answers:
        assert not answer["partial"]
        assert codes(answer) == ["nothing_judged", "unordered"]
        assert answer["results"][-1]["score"] is None


def of_one_check(names: list[str], labels: bool) -> LabelModel:
    """Return a model of scores in which the first check varies, and the others say 1."""
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 240)
    scores = np.ones((240, len(names)))
    scores[:, 0] = np.where(random.random(240) < 0.8, truth, 1 - truth)
    return LabelModel().fit(
        scores, np.repeat(np.arange(60), 4), truth if labels else None, verifier_names=names
    )


@pytest.mark.parametrize(
    ("check", "labels"), [("arithmetic", True), ("arithmetic", False), ("math_answer", True)]
)
def test_a_model_that_learned_from_one_check_says_where_it_knows_nothing(
    tmp_path: Path, check: str, labels: bool
) -> None:
    """Candidates that this check does not concern get an order by the others, and a warning."""
    names = [check, "completeness", "length"]
    save(of_one_check(names, labels), tmp_path / "model.json")
    verifiers = [{"name": name, "kind": name} for name in names]
    tasks = {"t": {"model": "model.json"}}
    config = write_config(tmp_path / "c.yaml", {"verifiers": verifiers, "tasks": tasks})
    with service(config, tmp_path) as running:
        answer = ranking(running, PLAIN, task="t")

    assert "nothing_judged" in codes(answer)
    assert {row["probability"] for row in answer["results"]} == {None}
    assert all(row["score"] is not None for row in answer["results"])


@pytest.mark.parametrize("query", ["What is 3 + 9?", "What is 144 / 12?", "How much is 17 - 5?"])
def test_a_check_that_had_nothing_to_say_so_far_still_counts(tmp_path: Path, query: str) -> None:
    """A fit of fifty other questions does not silence the one verifier that knows this answer."""
    random = np.random.default_rng(0)
    names = ["arithmetic", "relevance", "completeness"]
    scores = random.random((200, 3))
    scores[:, 0] = np.nan
    save(
        LabelModel().fit(scores, np.repeat(np.arange(50), 4), verifier_names=names),
        tmp_path / "model.json",
    )
    arithmetic = {"name": "arithmetic", "kind": "arithmetic", "counts": "answer"}
    others = [{"name": name, "kind": name} for name in names[1:]]
    tasks = {"t": {"model": "model.json"}}
    config = write_config(tmp_path / "c.yaml", {"verifiers": [arithmetic, *others], "tasks": tasks})
    with service(config, tmp_path) as running:
        answer = ranking(running, ["It is 13.", "It is 12.", "It is 11."], task="t", query=query)

    assert answer["results"][0]["index"] == 1
    assert answer["warnings"] == []


@pytest.mark.parametrize("texts", [["7 a"], ["0 tie", "0 other"], ["-3 x", "-3 y", "-3 z"]])
def test_no_probability_comes_from_form_alone(tmp_path: Path, texts: list[str]) -> None:
    """With a stated base rate, and judges without a range that say the same of all."""
    with scoring(0) as judge:
        verifiers = [scorer(judge.url, f"j{place}") for place in range(3)]
        verifiers.append({"name": "len", "kind": "length"})
        tasks = {"br": {"base_rate": 0.5}}
        config = write_config(tmp_path / "c.yaml", {"verifiers": verifiers, "tasks": tasks})
        with service(config, tmp_path) as running:
            answer = ranking(running, texts, task="br")
            body = {"model": "assay/br", "query": "q", "documents": texts}
            reranked = running.post("/rerank", body)

    assert {row["probability"] for row in answer["results"]} == {None}
    assert (answer["p_best"], answer["p_any_correct"]) == (None, None)
    assert codes(answer) == ["nothing_judged", "unordered"][: len(texts)]
    assert [row["index"] for row in answer["results"]] == list(range(len(texts)))
    assert reranked.headers["x-assay-nothing-judged"] == str(len(texts))
