"""The verifiers that need no server."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest

from assay.verifiers import KINDS, HttpPool, Pair, Query, Status, Verdict, build, fingerprint
from assay.verifiers.checks.answer_equality import plain_answer, same_plain_answers
from assay.verifiers.checks.arithmetic import STATEMENT, evaluate, holds, statements
from assay.verifiers.checks.completeness import answers, as_asked, cut_off
from assay.verifiers.checks.consensus import Consensus, ConsensusSettings
from assay.verifiers.safety.sanitize import WORD_JOINER, neutralise

MATHS = Query.of("What is 3 + 4? End with 'The answer is N.'")


async def said(kind: str, candidates: Sequence[str], query: Query = MATHS) -> list[Verdict]:
    """Return what a kind says of candidates."""
    verifier = build(KINDS[kind].settings(name=kind, kind=kind), HttpPool())
    await verifier.warm_up()
    return (await verifier.score([Pair(query, candidate) for candidate in candidates])).items


@pytest.mark.parametrize(("left", "right", "expected"), [
    ("3 + 4", "7", True), ("3 + 4", "8", False), ("2 + 3 * 4", "14", True), ("10 / 4", "2.5", True), ("10 / 3", "3.33", True),
    ("10 / 3", "3.34", False), ("1,200 - 200", "1,000", True), ("$5 + $5", "$10", True), ("5 × 6", "30", True),
    ("6 x 7", "42", True), ("3 apples + 4 apples", "7", True), ("8 - 3 - 2", "3", True), ("-3 + 5", "2", True), ("4 / 0", "1", None),
    ("2 \\times 3", "6", True), ("8 - 10", "-2", True), ("12 ÷ 4 + 1", "4", True),
])  # fmt: skip
def test_arithmetic_is_computed_again(left: str, right: str, expected: bool | None) -> None:
    """Products first, rounded results to the digits given; a division by zero says nothing."""
    assert holds(left, right) is expected


def test_numbers_are_exact() -> None:
    """0.1 + 0.2 is 0.3."""
    assert holds("0.1 + 0.2", "0.3") is True
    assert evaluate("7") == 7


async def test_the_share_of_true_statements_is_the_score() -> None:
    """None where nothing is computed: missing, not low."""
    right, half, none, empty = await said(
        "arithmetic", ["3 + 4 = 7.", "3 + 4 = 7 and 2 * 3 = 5", "It is seven.", ""]
    )

    assert (right.score, half.score) == (1.0, 0.5)
    assert (none.score, none.status) == (empty.score, empty.status) == (None, Status.NOT_APPLICABLE)


@pytest.mark.parametrize(
    "text", ["1 + 2 = 3 = 4", "x = 3 + 4", "2^3 + 1 = 9", "f(2) + 3 = 5", "1.5.2 + 1 = 3"]
)
async def test_what_is_no_plain_statement_does_not_count_against_a_candidate(text: str) -> None:
    """Powers, functions and odd numbers are left alone."""
    [verdict] = await said("arithmetic", [text])

    assert verdict.score in (None, 1.0)


@pytest.mark.parametrize(
    "text", ["1 + " * 50_000, "9" * 200_000, "1 + 1 = " * 20_000, "- " * 100_000, "1,000" * 40_000]
)
async def test_hostile_text_takes_no_time(text: str) -> None:
    """The patterns are linear; a quadratic one would take minutes here."""
    started = time.process_time()

    await said("arithmetic", [text])
    await said("completeness", [text])

    assert time.process_time() - started < 20


@pytest.mark.parametrize(("text", "expected"), [
    ("3 + 4 = 7. The answer is 7.", "7"), ("so \\boxed{12} it is", "12"), ("#### 42", "42"), ("The answer is **Paris**.", "paris"),
    ("First.\nThe Eiffel Tower", "eiffel tower"), ("The answer is 3. No: the answer is 4.", "4"), ("", None), ("...", None),
    ("Answer: 3.5 metres", "3 5 metres"),
])  # fmt: skip
def test_the_last_stated_answer_counts(text: str, expected: str | None) -> None:
    """As normalised text."""
    assert plain_answer(text) == expected


def test_texts_without_an_answer_are_in_no_group() -> None:
    """None, which is not a group of its own."""
    assert same_plain_answers(["The answer is 7.", "so 7", "", "answer: 7"]) == [0, 1, None, 0]


async def test_consensus_counts_those_that_agree_by_value() -> None:
    """0.5 and 1/2 are one answer; the candidates' order does not matter."""
    verdicts = await said(
        "consensus", ["The answer is 0.5.", "\\boxed{\\frac{1}{2}}", "The answer is 3.", ""]
    )

    assert [verdict.score for verdict in verdicts] == [
        pytest.approx(1.4 / 5),
        pytest.approx(1.4 / 5),
        pytest.approx(0.4 / 5),
        None,
    ]
    assert verdicts[3].status is Status.NOT_APPLICABLE


async def test_consensus_means_the_same_for_few_and_many() -> None:
    """Two of two say less than eight of eight, and more than two of eight."""
    tops = [
        (await said("consensus", texts))[0].score
        for texts in (
            ["it is 7"] * 2,
            ["it is 7"] * 8,
            ["it is 7"] * 2 + [f"it is {place}" for place in range(10, 16)],
        )
    ]

    two, eight, few = (top or 0.0 for top in tops)
    assert few < two < eight < 1


async def test_one_candidate_cannot_agree_with_others() -> None:
    """A candidate alone gets no score, not a perfect one."""
    [verdict] = await said("consensus", ["The answer is 7."])

    assert (verdict.score, verdict.status) == (None, Status.NOT_APPLICABLE)


async def test_a_comparison_that_overruns_is_killed_and_done_as_text() -> None:
    """The verdict comes, in about the time that was allowed."""
    verifier = Consensus(ConsensusSettings(name="c", time_limit_s=0.001))
    pairs = [Pair(MATHS, text) for text in ("The answer is 7.", "Answer: 7", "The answer is 8.")]

    verdicts = await verifier.score(pairs)

    assert [verdict.score for verdict in verdicts.items] == [
        pytest.approx(1.4 / 4),
        pytest.approx(1.4 / 4),
        pytest.approx(0.4 / 4),
    ]


async def test_relevance_ranks_the_topic_first() -> None:
    """An answer to the question lies nearer than one to another; an empty one is not scored."""
    query = Query.of("What is the capital of France?")

    on, off, empty = await said(
        "relevance",
        ["The capital of France is Paris.", "Bananas are rich in potassium.", " "],
        query,
    )

    assert on.score is not None
    assert off.score is not None
    assert on.score > off.score + 0.3
    assert empty.status is Status.NOT_APPLICABLE


async def test_relevance_of_a_pair_does_not_depend_on_its_batch() -> None:
    """Padding is masked out (int8 activations are quantised per tensor, hence the tolerance)."""
    texts = ["Paris.", "The capital is Paris, a city on the Seine. " * 6, "No idea"]

    together = [verdict.score for verdict in await said("relevance", texts)]
    alone = [(await said("relevance", [text]))[0].score for text in texts]

    assert together == pytest.approx(alone, abs=0.05)


async def test_a_finished_answer_in_the_asked_form_is_complete() -> None:
    """Cut off, without an answer, empty: each costs its share."""
    good, cut, empty = await said(
        "completeness", ["3 + 4 = 7. The answer is 7.", "Let us see. " * 20 + "Then we add", ""]
    )

    assert (good.score, empty.score) == (1.0, 0.0)
    assert cut.score is not None
    assert cut.score < 0.5


def test_forms_are_read_from_the_query() -> None:
    """What is named must be there; what is not named is not asked for."""
    assert as_asked("Put it in \\boxed{}.", "so \\boxed{3}")
    assert not as_asked("Put it in \\boxed{}.", "so 3")
    assert as_asked("Answer in JSON.", '```json\n{"a": 1}\n```')
    assert not as_asked("Answer in JSON.", "a is 1")
    assert as_asked("Tell me.", "anything")
    assert not answers("Let me think about it. " * 10)
    assert cut_off("```python\nprint(1)")


@pytest.mark.parametrize(
    "text",
    [
        "<|im_end|>",
        "<|start_header_id|>",
        "[INST]",
        "</s>",
        "<<SYS>>",
        "<start_of_turn>",
        "<extra_0>",
    ],
)
def test_control_tokens_are_broken_up(text: str) -> None:
    """They read the same and mean nothing."""
    safe = neutralise(f"a {text} b", "<extra_0>")

    assert text not in safe
    assert safe.replace(WORD_JOINER, "") == f"a {text} b"


@pytest.mark.parametrize(
    "text", ["a < b and c > d", "[1, 2]", "if x<y: pass", "<p>html</p>", "a|b"]
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    """Nothing is changed that a tokenizer would not misread."""
    assert neutralise(text, "<extra_0>") == text


def test_a_fingerprint_follows_what_determines_a_score() -> None:
    """Model, revision, prompt, parameters; not the name, the place, the limits, the family, the
    cost.
    """
    make = KINDS["judge"].settings
    base: dict[str, Any] = {"name": "a", "kind": "judge", "model": "m", "endpoint": "http://x:1"}
    same: list[dict[str, Any]] = [
        {"name": "b"},
        {"endpoint": "http://y:2"},
        {"timeout_s": 3},
        {"cost": 7},
        {"family": "f"},
        {"weight": 2},
        {"retries": 0},
    ]
    other: list[dict[str, Any]] = [
        {"model": "n"},
        {"revision": "2"},
        {"yes": ["True"]},
        {"max_chars": 9},
        {"prompt": "{query}{candidate}"},
    ]

    assert {fingerprint(make(**base | change)) for change in same} == {fingerprint(make(**base))}
    assert len({fingerprint(make(**base | change)) for change in [*other, {}]}) == len(other) + 1


@pytest.mark.parametrize("lead", [0, 8180, 8192, 8200, 16_380])
def test_statements_are_found_wherever_a_search_begins_anew(lead: int) -> None:
    """Also across the place where one ends and the next begins, and as one search would find
    them.
    """
    text = (
        "x" * lead + " 3 + 4 = 7. then 2 * 3 = 6 and 10 / 4 = 2.5, " + "-1 " * 3000 + " 1 + 1 = 2"
    )

    assert [found.group() for found in statements(text)] == [
        found.group() for found in STATEMENT.finditer(text)
    ]
