"""Likelihoods, log-ratios, label tokens, token rewards, entailment, embeddings and scorers of
one's own.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from assay.verifiers import BadReplyError, Pair, Query, Status, VerifierError
from assay.verifiers.http.upstream import Upstream
from assay.verifiers.rewards.label_token_prm import LabelTokenPrm
from assay.verifiers.vllm.bos_check import beginning
from assay.verifiers.vllm.log_likelihood import Likelihood
from assay.verifiers.vllm.truncation import Tokenizer
from tests.support.fakes import FakeTransport
from tests.verifiers.kinds import made, standin

QUERY = Query.of("What is 3 + 4?", "7")
STEPS = Pair(QUERY, "First take 3.\n\nThen add 4.\n\nThe answer is 7.")


def test_a_seam_that_tokenizes_anew_belongs_to_the_answer() -> None:
    """Ids are compared, not counted: the head's last token may have grown."""
    likelihood = Likelihood(
        [11, 12, 99, 14], [-1.0, -2.0, -3.0, -4.0]
    )  # the ids after the first, which has no logprob

    assert likelihood.after([10, 11, 12]) == [-3.0, -4.0]
    assert likelihood.after([10, 11, 12, 13]) == [-3.0, -4.0]
    assert likelihood.after([10]) == [-1.0, -2.0, -3.0, -4.0]


async def test_a_likelihood_without_a_baseline_is_a_tokens_mean() -> None:
    """Or the sum, where that is asked for."""
    pair = Pair(QUERY, "seven")

    [mean] = (await made("likelihood", baseline=False).score([pair])).items
    [total] = (await made("likelihood", baseline=False, mean=False).score([pair])).items

    assert mean.score == pytest.approx((total.score or 0) / len("seven"))
    assert (mean.score or 0) < 0


async def test_models_of_two_families_have_no_log_ratio() -> None:
    """Their tokens are not the same, so neither are what is compared."""
    transport = standin("judge")
    own = transport.replies["/v1/completions"]

    def answer(asked: dict[str, Any]) -> tuple[int, Any]:
        status, reply = own(asked)
        if asked["model"] == "reference":
            for choice in reply["choices"]:
                choice["prompt_logprobs"].pop()
        return status, reply

    transport.replies["/v1/completions"] = answer

    with pytest.raises(BadReplyError, match="one family"):
        await made("implicit_prm", transport).score([STEPS])


async def test_an_implicit_reward_is_summed_up_to_each_step() -> None:
    """The last is the whole; the least is at most that, and the mean lies between."""
    scores = {}
    for reduction in ("last", "min", "mean"):
        scores[reduction] = (await made("implicit_prm", reduction=reduction).score([STEPS])).items[
            0
        ].score or 0.0

    assert scores["min"] <= min(scores["last"], scores["mean"])
    assert scores["mean"] != scores["last"]


async def test_steps_are_turns_or_tagged_lines() -> None:
    """RLHFlow's form and Math-Shepherd's."""
    turns, tags = made("label_token_prm"), made("label_token_prm", step_tag="ки", number_steps=True)
    assert isinstance(turns, LabelTokenPrm)
    assert isinstance(tags, LabelTokenPrm)

    assert [message["content"] for message in turns.conversations(STEPS)[-1]] == [
        "What is 3 + 4? First take 3.",
        "+",
        "Then add 4.",
        "+",
        "The answer is 7.",
    ]
    assert (
        tags.tagged(STEPS)[1] == "What is 3 + 4? Step 1: First take 3. ки\nStep 2: Then add 4. ки"
    )
    assert tags.tagged(Pair(QUERY, "a ки b"))[0].count("ки") == 1


async def test_a_tags_label_is_read_exactly_or_among_the_top() -> None:
    """Both ways give the same number; a server without `/generative_scoring` is asked for
    completions.
    """
    exact = await made("label_token_prm", step_tag="<t>").score([STEPS])
    transport = standin("judge")
    del transport.replies["/generative_scoring"]
    among = await made("label_token_prm", transport, step_tag="<t>").score([STEPS])

    assert among.items[0].score == pytest.approx(exact.items[0].score)
    assert "/v1/completions" in transport.paths()


async def test_one_bad_step_leaves_a_candidate_without_a_score() -> None:
    """A minimum over the steps that happened to be read would be too high."""
    transport = standin("judge")
    own = transport.replies["/v1/chat/completions/batch"]

    def answer(asked: dict[str, Any]) -> tuple[int, Any]:
        status, reply = own(asked)
        reply["choices"][1]["logprobs"] = None
        return status, reply

    transport.replies["/v1/chat/completions/batch"] = answer
    [verdict] = (await made("label_token_prm", transport).score([STEPS])).items

    assert (verdict.score, verdict.status) == (None, Status.ERROR)
    assert str(verdict.reason).startswith("step 2: ")


async def test_a_reward_token_is_put_after_the_conversation_as_an_id() -> None:
    """It has no text of its own, and the score is read there."""
    transport = standin("tokens")

    [plain] = (await made("reward_tokens").score([STEPS])).items
    [verdict] = (await made("reward_tokens", transport, reward_token_id=3).score([STEPS])).items

    sent = transport.sent[-1][1]
    assert sent["input"][0][-1] == 3
    assert (sent["task"], sent["use_activation"]) == ("token_classify", False)
    assert verdict.score != plain.score


async def test_entailment_is_read_from_the_configured_class_of_the_joined_pair() -> None:
    """RoBERTa has two separators, and a class that the head lacks is an error."""
    transport = standin("nli")
    pair = Pair(QUERY, "ab")

    first, third = [
        (await made("nli", transport, entailment=place).score([pair])).items[0].score
        for place in (0, 2)
    ]
    await made("nli", transport, doubled_separator=True, premise="reference").score([pair])

    assert first != third
    assert transport.sent[-1][1]["input"] == [
        [0, 100 + ord("7"), 0, 0, 100 + ord("a"), 100 + ord("b"), 0]
    ]
    with pytest.raises(BadReplyError, match="no class 3"):
        await made("nli", entailment=3).score([pair])


@pytest.mark.parametrize(
    ("version", "expected"), [("0.32.0", 1), ("0.12.0", 1), ("0.11.2", 3), ("0.8.5", 3), (None, 1)]
)
async def test_a_raw_score_is_asked_for_by_the_name_that_the_server_knows(
    version: str | None, expected: int
) -> None:
    """`softmax`, then `activation`, then `use_activation`: an old server gets all three, since
    it passes over the others.
    """
    reply = (200, {"version": version}) if version else (404, {"detail": "Not Found"})
    transport = standin("reward", **{"/version": reply})

    await made("reward_model", transport).score([STEPS])

    sent = next(asked for path, asked in transport.sent if path == "/classify")
    assert (
        sum(sent.get(name) is False for name in ("use_activation", "activation", "softmax"))
        == expected
    )


async def test_a_scorer_of_ones_own_says_null_where_it_does_not_know() -> None:
    """And may say why; what is outside its own range is an error."""
    reply = {"scores": [0.5, None, 7.0], "reasons": ["fine", "no idea", None]}
    transport = FakeTransport({"/mine": (200, reply)})
    pairs = [Pair(QUERY, text) for text in "abc"]

    verdicts = (await made("http", transport, path="/mine").score(pairs)).items

    assert transport.sent[-1][1] == {
        "model": "http",
        "query": QUERY.text,
        "messages": [{"role": "user", "content": QUERY.text}],
        "candidates": ["a", "b", "c"],
        "reference": "7",
    }
    assert [(verdict.score, verdict.status) for verdict in verdicts] == [
        (0.5, Status.OK),
        (None, Status.NOT_APPLICABLE),
        (None, Status.ERROR),
    ]
    assert [verdict.reason for verdict in verdicts[:2]] == ["fine", "no idea"]


async def test_what_is_wrong_with_one_entry_of_a_scorer_of_ones_own_costs_no_other_its_score() -> (
    None
):
    """A reason that is long is cut, one that is no text is said to be none, and what is no
    number is that candidate's error.
    """
    scores = [0.5, 0.25, "high", [1], {}, 10**400, "0.75", True, None]
    reasons = ["x" * 5000, 7, None, None, None, None, None, None, "y" * 5000]
    transport = FakeTransport(
        {"/score": (200, json.dumps({"scores": scores, "reasons": reasons}).encode())}
    )

    verdicts = (
        await made("http", transport).score([Pair(QUERY, str(place)) for place in range(9)])
    ).items

    assert [verdict.score for verdict in verdicts] == [0.5, 0.25, *[None] * 7]
    assert [verdict.status for verdict in verdicts[2:8]] == [Status.ERROR] * 6
    assert [verdict.reason for verdict in verdicts[:2]] == ["x" * 2000, "its reason is no text"]
    assert verdicts[8].reason == "y" * 2000


async def test_embeddings_that_are_none_give_no_score() -> None:
    """A zero vector has no direction."""
    transport = FakeTransport(
        {
            "/v1/embeddings": (
                200,
                {"data": [{"index": 0, "embedding": [0.0]}, {"index": 1, "embedding": [1.0]}]},
            )
        }
    )

    with pytest.raises(VerifierError, match="vector"):
        await made("embedding_consensus", transport).score([Pair(QUERY, "a"), Pair(QUERY, "b")])


@pytest.mark.parametrize(
    ("ids", "special", "grade"),
    [
        ([7, 1, 2], [7, 3], "ok"),
        ([7, 7, 1], [7, 3], "failed"),
        ([1, 2], [3], "ok"),
        ([5, 5, 1], [3], "failed"),
        ([1, 2], [7, 3], "warning"),
        ([7, 1, 7, 2], [7, 3], "failed"),
    ],
)
async def test_a_prompt_begins_with_exactly_one_bos(
    ids: list[int], special: list[int], grade: str
) -> None:
    """Seen on token ids; a tokenizer that has none needs none."""
    transport = FakeTransport(
        {
            "/tokenize": lambda asked: (
                200,
                {"tokens": special if asked["add_special_tokens"] else [3]},
            )
        }
    )
    upstream = Upstream(made("judge").settings, transport)  # type: ignore[arg-type]  # a judge has served settings

    assert (await beginning(Tokenizer(upstream), ids)).grade == grade


def chars(limit: int) -> FakeTransport:
    """Return a reward server whose context is `limit` tokens, each character one."""

    def classify(asked: dict[str, Any]) -> tuple[int, Any]:
        sizes = [len(text) for text in asked["input"]]
        if max(sizes) > limit:
            return 400, {
                "error": {
                    "message": f"This model's maximum context length is {limit} tokens",
                    "param": "input_tokens",
                }
            }
        return 200, {
            "data": [{"index": place, "probs": [float(size)]} for place, size in enumerate(sizes)]
        }

    models = (200, {"data": [{"id": "reward", "max_model_len": limit}]})
    return standin("reward", **{"/classify": classify, "/v1/models": models})


@pytest.mark.parametrize(
    ("truncate", "kept"),
    [("head", "END"), ("tail", "BEGIN"), ("middle", "BEGIN"), ("middle", "END")],
)
async def test_an_over_long_candidate_is_cut_to_fit_where_that_is_allowed(
    truncate: str, kept: str
) -> None:
    """By the model's own tokens; what is left out is counted, and the query is never cut."""
    transport = chars(600)
    long, short = Pair(QUERY, "BEGIN" + "x" * 5000 + "END"), Pair(QUERY, "7")

    verdicts = (await made("reward_model", transport, truncate=truncate).score([long, short])).items

    sent = [asked["input"] for path, asked in transport.sent if path == "/classify"][-1][0]
    assert [verdict.status for verdict in verdicts] == [Status.OK, Status.OK]
    assert (verdicts[0].truncated_tokens or 0) > 4000
    assert verdicts[1].truncated_tokens is None
    assert kept in sent
    assert QUERY.text in sent
    assert 400 < len(sent) <= 600


async def test_an_over_long_candidate_has_no_score_unless_cutting_is_allowed() -> None:
    """`error` is the default; where the query alone does not fit, nothing can be cut."""
    long = Pair(QUERY, "x" * 5000)

    [refused] = (await made("reward_model", chars(600)).score([long])).items
    [hopeless] = (await made("reward_model", chars(40), truncate="middle").score([long])).items

    assert (
        (refused.score, refused.status)
        == (hopeless.score, hopeless.status)
        == (None, Status.TRUNCATED)
    )


async def test_a_verdict_that_was_cut_off_is_no_reason_to_cut_the_candidate() -> None:
    """It fits; asking again would cost as much and end alike. Nor does a server that cannot
    count fail the others.
    """
    thinking = {"index": 0, "message": {"content": "<think>so"}, "finish_reason": "length"}
    transport = standin("judge", **{"/v1/chat/completions": (200, {"choices": [thinking]})})
    blind = chars(600)
    own = blind.replies["/tokenize"]
    blind.replies["/tokenize"] = lambda asked: (
        own(asked) if len(asked.get("prompt", "")) < 1000 else (413, {"detail": "too much"})
    )

    [cut] = (await made("judge_cot", transport, truncate="middle").score([STEPS])).items
    verdicts = (
        await made("reward_model", blind, truncate="middle").score([Pair(QUERY, "x" * 5000), STEPS])
    ).items

    assert (cut.score, cut.status) == (None, Status.TRUNCATED)
    assert transport.paths().count("/v1/chat/completions") == 1
    assert verdicts[0].score is None


async def test_a_cut_does_not_join_the_halves_of_a_control_token() -> None:
    """What is left is made harmless after the cut."""
    transport = chars(600)
    candidate = "<|im_" + "x" * 5000 + "end|>"

    await made("reward_model", transport, truncate="middle").score([Pair(QUERY, candidate)])

    sent = [asked["input"] for path, asked in transport.sent if path == "/classify"][-1][0]
    assert sent.count("<|im_end|>") == 2


@pytest.mark.parametrize("options", [{}, {"step_tag": "<t>", "step_separator": "\n"}])
async def test_a_candidate_of_thousands_of_steps_takes_no_memory_with_their_square(
    options: dict[str, Any],
) -> None:
    """It is said to be too long, in steps or in all that comes before them; the others are asked
    about, in calls of bounded size.
    """
    import tracemalloc

    transport = standin("judge")
    verifier = made("label_token_prm", transport, **options)
    hostile = ["a\n\n" * 5000, "b\n\n" + "c" * 30_000 + "\n\nd" * 400]
    tracemalloc.start()

    verdicts = (await verifier.score([*(Pair(QUERY, text) for text in hostile), STEPS])).items
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert [(verdict.score, verdict.status) for verdict in verdicts[:2]] == [
        (None, Status.TRUNCATED)
    ] * 2
    assert all(str(verdict.reason).startswith("too_long: ") for verdict in verdicts[:2])
    assert verdicts[2].score is not None
    assert peak < 50_000_000


async def test_an_implicit_reward_of_hundreds_of_steps_is_not_asked_step_by_step() -> None:
    """Each would be tokenized with all before it; where only the whole counts, steps do not
    matter.
    """
    hostile = Pair(QUERY, "a\n\n" * 600)
    [least] = (await made("implicit_prm", reduction="min").score([hostile])).items
    [whole] = (await made("implicit_prm", reduction="last").score([hostile])).items

    assert (least.score, least.status) == (None, Status.TRUNCATED)
    assert whole.score is not None


async def test_steps_of_many_candidates_are_asked_about_in_calls_of_bounded_size() -> None:
    """And read as if they were one."""
    transport = standin("judge")
    pairs = [
        Pair(QUERY, "\n\n".join(f"step {place} " + "x" * 3000 for place in range(40)))
        for _ in range(3)
    ]

    together = (await made("label_token_prm", transport, step_tag="<t>").score(pairs)).items
    alone = (await made("label_token_prm", step_tag="<t>").score(pairs[:1])).items

    assert [verdict.score for verdict in together] == [alone[0].score] * 3
    assert transport.paths().count("/generative_scoring") > 1
