"""The contract with vLLM for further kinds: a score through Assay equals the server's, read by
hand.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

from assay.verifiers.judges.prompt import Prompt, bundled
from tests.conftest import Servers
from tests.support.servers.processes import Server, service, write_config
from tests.support.verifiers.contract import CANDIDATES, QUERY, ids_of

SERVERS = ("judge", "reference", "tokens", "nli", "embed")
REFERENCE = "42"
CRITERIA = [{"name": "right", "text": "It is right."}, {"name": "short", "text": "It is short."}]
SOME = CANDIDATES[:12]
VERIFIERS: dict[str, dict[str, Any]] = {
    "generative_scoring": {"on": "judge"},
    "implicit_prm": {"on": "judge", "beta": 1.0},
    "judge_debate": {"on": "judge", "max_tokens": 120},
    "judge_pairwise": {"on": "judge"},
    "judge_reference": {"on": "judge"},
    "judge_rubric": {"on": "judge", "criteria": CRITERIA},
    "judge_scale": {"on": "judge"},
    "label_token_prm": {"on": "judge"},
    "likelihood": {"on": "judge"},
    "nli": {"on": "nli", "premise": "reference"},
    "reward_tokens": {"on": "tokens"},
    "embedding_consensus": {"on": "embed"},
}


@pytest.fixture(scope="module")
def said(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, list[Any]]]:
    """Return each kind's scores of the candidates, in the request's order, from a running service."""
    folder = tmp_path_factory.mktemp("kinds")
    verifiers = []
    for kind, given in VERIFIERS.items():
        options = {key: value for key, value in given.items() if key != "on"}
        if kind == "implicit_prm":
            options |= {
                "reference_model": "reference",
                "reference_endpoint": servers["reference"].url,
            }
        verifiers.append(
            {
                "name": kind,
                "kind": kind,
                "model": given["on"],
                "endpoint": servers[given["on"]].url,
                "timeout_s": 240,
                **options,
            }
        )
    with service(write_config(folder / "ensemble.yaml", {"verifiers": verifiers}), folder) as assay:
        body = {
            "query": QUERY,
            "candidates": SOME,
            "reference": REFERENCE,
            "explain": True,
            "deadline_ms": 240_000,
        }
        answer = assay.post("/v1/rank", body, timeout_s=300)
        assert answer.status == 200, answer.raw
        results = sorted(answer.json["results"], key=lambda result: result["index"])
        yield {kind: [result["verifiers"][kind] for result in results] for kind in VERIFIERS}


def raw(said: dict[str, list[Any]], kind: str) -> list[float]:
    """Return a kind's scores, which must be complete and not all equal."""
    assert {cell["status"] for cell in said[kind]} == {"ok"}, said[kind][0]
    scores = [cell["raw"] for cell in said[kind]]
    assert len({round(score, 9) for score in scores}) > 3, (
        f"{kind} hardly tells candidates apart, so a mix-up would not be seen"
    )
    return scores


def labels(server: Server, prompt: str | list[dict[str, str]], names: str) -> list[float]:
    """Return the probabilities of labels of one token among themselves, straight from the
    server.
    """
    messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
    ids = [ids_of(server, prompt=name, add_special_tokens=False)[0] for name in names.split()]
    body = {
        "model": "judge",
        "messages": messages,
        "max_tokens": 1,
        "temperature": 0,
        "logprobs": True,
        "top_logprobs": 0,
        "logprob_token_ids": ids,
        "return_tokens_as_token_ids": True,
    }
    position = server.post("/v1/chat/completions", body).json["choices"][0]["logprobs"]["content"][
        0
    ]
    seen = {entry["token"]: math.exp(entry["logprob"]) for entry in position["top_logprobs"]}
    mass = [seen[f"token_id:{each}"] for each in ids]
    return [each / sum(mass) for each in mass]


def filled(name: str, places: str, **texts: str) -> str:
    """Return a bundled prompt with its places filled."""
    return Prompt(bundled(name), places.split()).fill(**texts)


def test_generative_scoring_is_the_judge_read_another_way(
    servers: Servers, said: dict[str, list[Any]]
) -> None:
    """P(Yes) / (P(Yes) + P(No)), on the same tokens."""
    straight = [
        labels(
            servers["judge"],
            filled("judge", "query candidate", query=QUERY, candidate=each),
            "Yes No",
        )[0]
        for each in SOME
    ]

    assert raw(said, "generative_scoring") == pytest.approx(straight, abs=1e-4)


def test_a_rating_is_the_expected_one(servers: Servers, said: dict[str, list[Any]]) -> None:
    """Over the label tokens 1 to 5."""
    straight = []
    for each in SOME:
        prompt = filled(
            "judge_scale",
            "query candidate worst best",
            query=QUERY,
            candidate=each,
            worst="1",
            best="5",
        )
        straight.append(
            sum(
                place * p
                for place, p in enumerate(labels(servers["judge"], prompt, "1 2 3 4 5"), 1)
            )
        )

    assert raw(said, "judge_scale") == pytest.approx(straight, abs=1e-3)


def test_a_reference_is_compared_with(servers: Servers, said: dict[str, list[Any]]) -> None:
    """The request's reference is in the prompt."""
    places = "query reference candidate"
    prompts = [
        filled("judge_reference", places, query=QUERY, reference=REFERENCE, candidate=each)
        for each in SOME
    ]

    assert raw(said, "judge_reference") == pytest.approx(
        [labels(servers["judge"], prompt, "Yes No")[0] for prompt in prompts], abs=1e-4
    )


def test_a_rubric_is_the_mean_of_its_criteria(servers: Servers, said: dict[str, list[Any]]) -> None:
    """Each asked by itself."""
    straight = []
    for each in SOME:
        prompts = [
            filled(
                "judge_rubric",
                "query candidate criterion",
                query=QUERY,
                candidate=each,
                criterion=one["text"],
            )
            for one in CRITERIA
        ]
        straight.append(
            sum(labels(servers["judge"], prompt, "Yes No")[0] for prompt in prompts) / 2
        )

    assert raw(said, "judge_rubric") == pytest.approx(straight, abs=1e-4)


def test_comparisons_and_debates_come_to_scores(said: dict[str, list[Any]]) -> None:
    """Many calls each; other tests check the results of each kind."""
    for kind in ("judge_pairwise", "judge_debate"):
        assert {cell["status"] for cell in said[kind]} == {"ok"}
        assert all(0 <= cell["raw"] <= 1 for cell in said[kind])


def likelihood(server: Server, model: str, query: str, candidate: str) -> tuple[float, int]:
    """Return the sum of the candidate's logprobs and their number, from ids put together here."""
    head = ids_of(
        server,
        model=model,
        messages=[{"role": "user", "content": query}],
        add_generation_prompt=True,
    )
    ids = [*head, *ids_of(server, model=model, prompt=candidate, add_special_tokens=False)]
    body = {"model": model, "prompt": ids, "max_tokens": 1, "temperature": 0, "prompt_logprobs": 0}
    listed = server.post("/v1/completions", body).json["choices"][0]["prompt_logprobs"]
    logprobs = [next(iter(entry.values()))["logprob"] for entry in listed[len(head) :]]
    return math.fsum(logprobs), len(logprobs)


def test_a_likelihood_is_that_of_the_candidates_own_tokens(
    servers: Servers, said: dict[str, list[Any]]
) -> None:
    """A token's mean given the query, less that without."""
    straight = []
    for each in SOME:
        (given, count), (without, _) = (
            likelihood(servers["judge"], "judge", query, each) for query in (QUERY, "")
        )
        straight.append((given - without) / count)

    assert raw(said, "likelihood") == pytest.approx(straight, abs=1e-3)


def test_an_implicit_reward_is_the_log_ratio_of_two_models(
    servers: Servers, said: dict[str, list[Any]]
) -> None:
    """Summed over the candidate's tokens."""
    straight = [
        likelihood(servers["judge"], "judge", QUERY, each)[0]
        - likelihood(servers["reference"], "reference", QUERY, each)[0]
        for each in SOME
    ]

    assert raw(said, "implicit_prm") == pytest.approx(straight, abs=1e-2)


def test_a_step_is_a_turn_whose_label_is_read(servers: Servers, said: dict[str, list[Any]]) -> None:
    """The least P(+) over the steps, each with the turns before it."""
    straight = []
    for each in SOME:
        turns: list[dict[str, str]] = []
        steps = []
        for place, step in enumerate(each.split("\n\n")):
            turns = [*turns, {"role": "user", "content": f"{QUERY} {step}" if place == 0 else step}]
            steps.append(labels(servers["judge"], turns, "+ -")[0])
            turns = [*turns, {"role": "assistant", "content": "+"}]
        straight.append(min(steps))

    assert raw(said, "label_token_prm") == pytest.approx(straight, abs=1e-4)


def test_a_token_reward_is_the_last_tokens(servers: Servers, said: dict[str, list[Any]]) -> None:
    """Raw, of the conversation in the model's own template."""
    straight = []
    for each in SOME:
        messages = [{"role": "user", "content": QUERY}, {"role": "assistant", "content": each}]
        body = {
            "model": "tokens",
            "messages": messages,
            "task": "token_classify",
            "use_activation": False,
        }
        straight.append(servers["tokens"].post("/pooling", body).json["data"][0]["data"][-1][0])

    assert raw(said, "reward_tokens") == pytest.approx(straight, abs=1e-4)


def test_entailment_is_the_first_class_of_the_joined_pair(
    servers: Servers, said: dict[str, list[Any]]
) -> None:
    """[CLS] reference [SEP] candidate [SEP]."""
    straight = []
    for each in SOME:
        premise, hypothesis = (ids_of(servers["nli"], prompt=text) for text in (REFERENCE, each))
        reply = servers["nli"].post(
            "/classify", {"model": "nli", "input": [[*premise, *hypothesis[1:]]]}
        )
        straight.append(reply.json["data"][0]["probs"][0])

    assert raw(said, "nli") == pytest.approx(straight, abs=1e-4)


def test_embedding_consensus_is_the_mean_cosine(
    servers: Servers, said: dict[str, list[Any]]
) -> None:
    """With the other candidates."""
    import numpy as np

    rows = servers["embed"].post("/v1/embeddings", {"model": "embed", "input": SOME}).json["data"]
    vectors = np.array([row["embedding"] for row in rows])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    straight = ((vectors @ vectors.T).sum(1) - 1) / (len(SOME) - 1)

    assert raw(said, "embedding_consensus") == pytest.approx(straight.tolist(), abs=1e-4)


def test_reasons_come_in_samples_that_end_or_are_cut_off(servers: Servers) -> None:
    """`n` choices, each with a `finish_reason`, as `judge_cot` needs."""
    body = {
        "model": "judge",
        "messages": [{"role": "user", "content": QUERY}],
        "max_tokens": 8,
        "temperature": 0.7,
        "n": 3,
    }

    choices = servers["judge"].post("/v1/chat/completions", body).json["choices"]

    assert [choice["index"] for choice in choices] == [0, 1, 2]
    assert all(isinstance(choice["message"]["content"], str) for choice in choices)
    assert {choice["finish_reason"] for choice in choices} <= {"stop", "length"}
