"""The checks that need no model: by reference, schema, pattern and signal."""

from __future__ import annotations

import time
from typing import Any

import pytest
from pydantic import ValidationError

from assay.verifiers import Pair, Query, Status, Verdict
from tests.verifiers.kinds import made


async def one(kind: str, candidate: str, query: Query | None = None, **options: Any) -> Verdict:
    """Return what a kind says of one candidate."""
    verifier = made(kind, **options)
    await verifier.warm_up()
    return (await verifier.score([Pair(query or Query.of("?"), candidate)])).items[0]


@pytest.mark.parametrize(("reference", "candidate", "expected"), [
    ("7", "So it is \\boxed{7}.", 1.0), ("0.5", "The answer is 1/2.", 1.0), ("\\frac{1}{2}", "The answer is $0.5$.", 1.0),
    ("7", "The answer is 8.", 0.0), ("1,200", "The answer is 1200", 1.0), ("Paris", "The answer is Paris.", 1.0),
    ("Paris", "The answer is London.", 0.0), ("7", "", 0.0), ("x^2 - 1", "It is $(x-1)(x+1)$.", 1.0),
])  # fmt: skip
async def test_an_answer_is_compared_by_value(
    reference: str, candidate: str, expected: float
) -> None:
    """Fractions, forms and separators do not matter; words are compared as text."""
    assert (await one("math_answer", candidate, Query.of("?", reference))).score == expected


async def test_without_a_reference_there_is_nothing_to_compare_with() -> None:
    """Missing, not wrong."""
    verdict = await one("math_answer", "7")

    assert (verdict.score, verdict.status) == (None, Status.NOT_APPLICABLE)


async def test_a_comparison_that_hangs_takes_only_its_own_score() -> None:
    """The worker is killed; the other candidates are compared by themselves."""
    verifier = made("math_answer", time_limit_s=2)
    await verifier.warm_up()
    query = Query.of("?", "7")
    hanging = "The answer is $" + "9" * 5 + "^{" * 40 + "9" + "}" * 40 + "$"

    verdicts = (
        await verifier.score(
            [Pair(query, "The answer is 7."), Pair(query, hanging), Pair(query, "The answer is 8.")]
        )
    ).items

    assert (verdicts[0].score, verdicts[2].score) == (1.0, 0.0)
    assert verdicts[1].score in (None, 0.0)


SCHEMA = {
    "type": "object",
    "properties": {"age": {"type": "integer", "minimum": 0}},
    "required": ["age"],
}


@pytest.mark.parametrize(("candidate", "expected"), [
    ('{"age": 3}', 1.0), ('  {"age": 3}\n', 1.0), ('```json\n{"age": 3}\n```', 1.0), ('Here: ```\n{"age": 3}\n``` Done.', 1.0),
    ('{"age": -1}', 0.0), ('{"age": "3"}', 0.0), ("{}", 0.0), ("age 3", 0.0), ("", 0.0), ('{"age": NaN}', 0.0), ('{"age": 3', 0.0),
    ("[" * 3000 + "]" * 3000, 0.0), ('{"age": ' + "9" * 5000 + "}", 0.0),
])  # fmt: skip
async def test_json_is_held_to_its_schema(candidate: str, expected: float) -> None:
    """As a whole or as the only code block; depth and size are bounded."""
    assert (await one("json_schema", candidate, schema=SCHEMA)).score == expected


async def test_a_wrong_schema_or_one_from_elsewhere_is_refused_at_the_start() -> None:
    """Nothing is fetched for a candidate."""
    with pytest.raises(ValidationError, match="no JSON Schema"):
        made("json_schema", schema={"type": "objekt"})
    with pytest.raises(ValidationError, match="leads outside"):
        made("json_schema", schema={"properties": {"a": {"$ref": "http://169.254.169.254/x"}}})


async def test_patterns_must_be_found_or_must_not() -> None:
    """The share that are as they should be."""
    assert (
        await one("regex", "42 apples", must=[r"\d+", "pears"], must_not=["sorry"])
    ).score == pytest.approx(2 / 3)
    assert (await one("regex", " 42 ", must=[r"\d+"], must_not=[], whole=True)).score == 1.0
    assert (await one("regex", "42 apples", must=[r"\d+"], must_not=[], whole=True)).score == 0.0
    assert (await one("regex", "SORRY", must=[], must_not=["sorry"], ignore_case=True)).score == 0.0


async def test_a_pattern_that_backtracks_for_ever_is_stopped() -> None:
    """It says nothing of that candidate, and takes no time from others."""
    started = time.process_time()

    verdict = await one("regex", "a" * 40 + "!", must=[r"^(a|a)*$"], must_not=[])

    assert (verdict.score, verdict.status) == (None, Status.ERROR)
    assert time.process_time() - started < 20


@pytest.mark.parametrize("options", [{"must": ["("]}, {"must": [], "must_not": []}])
def test_wrong_patterns_are_refused_at_the_start(options: dict[str, Any]) -> None:
    """With the pattern."""
    with pytest.raises(ValidationError, match="pattern"):
        made("regex", **{"must": [], "must_not": [], **options})


@pytest.mark.parametrize(("text", "expected"), [
    ("I'm sorry, but I can't help with that.", 0.0), ("As an AI language model, I do not have opinions.", 0.0), ("", 0.0),
    ("I cannot provide instructions for that.", 0.0), ("Es tut mir leid, das geht nicht.", 0.0), ("The answer is 7.", 1.0),
    ("I do not know that song well, but it is by Abba.", 1.0), ("You cannot divide by zero.", 1.0), ("Nope. Not today.", 1.0),
])  # fmt: skip
async def test_a_refusal_is_seen_by_how_it_begins(text: str, expected: float) -> None:
    """In several languages; "cannot" alone refuses nothing."""
    assert (await one("refusal", text)).score == expected


async def test_phrases_of_ones_own_refuse_too() -> None:
    """As plain text, not minding case."""
    assert (await one("refusal", "NOPE. Not today.", phrases=["nope"])).score == 0.0


@pytest.mark.parametrize(
    ("words", "expected"), [(0, 0.0), (5, 0.5), (10, 1.0), (20, 1.0), (40, 0.5)]
)
async def test_length_is_right_within_its_range(words: int, expected: float) -> None:
    """And falls off on both sides."""
    assert (await one("length", "w " * words, min_words=10, max_words=20)).score == expected
