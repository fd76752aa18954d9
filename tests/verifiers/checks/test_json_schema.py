"""Candidates that are JSON, held to a schema."""

from __future__ import annotations

import time

import pytest
from pydantic import ValidationError

from assay.verifiers import Pair, Query, Status, Verdict, VerifierSettings
from assay.verifiers.checks.base import LocalVerifier
from assay.verifiers.checks.json_schema import fenced
from tests.support.verifiers.check_verdicts import verdict_of, verdicts_of
from tests.support.verifiers.kinds import made


@pytest.mark.parametrize(
    "hostile",
    [
        "1e400",
        "-1e400",
        "9" * 4000,
        "[1e999]",
        "1" + "0" * 400 + ".5",
        '{"a": ' * 70 + "1" + "}" * 70,
    ],
)
async def test_a_number_out_of_range_takes_no_score_from_other_candidates(hostile: str) -> None:
    """It is too large to compare: an error of its own, or no JSON."""
    bad, good, wrong = await verdicts_of(
        "json_schema", [hostile, "1", "0.005"], schema={"multipleOf": 0.01}
    )

    assert bad.score in (None, 0.0, 1.0)
    assert bad.score is not None or bad.reason == "error: OverflowError"
    assert (good.score, wrong.score) == (1.0, 0.0)


@pytest.mark.parametrize(
    "candidate",
    [
        "```" + "\n" * 30_000,
        "```json" + " \n" * 30_000,
        "```\n" * 15_000,
        "```" * 20_000 + "\n",
        "`" * 65_000,
    ],
)
async def test_fences_that_do_not_close_take_no_time(candidate: str) -> None:
    """The first of them took twenty seconds."""
    started = time.process_time()

    blocks = list(fenced(candidate))

    assert time.process_time() - started < 5
    assert all("```" not in block for block in blocks)


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("```json\n{}\n```", ["{}"]),
        ("```\n1\n```\n```\n2```", ["1", "2"]),
        ("``` json\n1\n```", []),
        ("```\n1", []),
        ("```x\n1\n```", []),
        ("a ```json  \n\n [1]\n``` b", ["\n [1]"]),
        ("````\n1\n````", ["1"]),
    ],
)
def test_blocks_are_read_between_fences(text: str, blocks: list[str]) -> None:
    """As they always were."""
    assert list(fenced(text)) == blocks


async def test_a_reason_names_the_schemas_words_and_none_of_the_candidates() -> None:
    """A place in the candidate would be in its own words."""
    schema = {"additionalProperties": {"type": "integer"}}
    [verdict] = await verdicts_of("json_schema", ['{"SECRET \\u001b[31m": "x"}'], schema=schema)

    assert (verdict.score, verdict.reason) == (0.0, "#/additionalProperties/type does not hold")


class _Picky(LocalVerifier):
    """A check with a bug."""

    def _score_one(self, pair: Pair) -> Verdict:
        return Verdict(1 / len(pair.candidate))


async def test_an_error_in_a_check_costs_the_candidate_that_found_it() -> None:
    """Others keep their scores; also where much is read, in a thread."""
    for long in ("b", "b" * 50_000):
        verdicts = (
            await _Picky(VerifierSettings(name="p", kind="p")).score(
                [Pair(Query.of("q"), text) for text in ("", "a", long)]
            )
        ).items

        assert [verdict.score for verdict in verdicts] == [None, 1.0, 1 / len(long)]
        assert (verdicts[0].status, verdicts[0].reason) == (
            Status.ERROR,
            "error: ZeroDivisionError",
        )


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
    assert (await verdict_of("json_schema", candidate, schema=SCHEMA)).score == expected


async def test_a_wrong_schema_or_one_from_elsewhere_is_refused_at_the_start() -> None:
    """Nothing is fetched for a candidate."""
    with pytest.raises(ValidationError, match="no JSON Schema"):
        made("json_schema", schema={"type": "objekt"})
    with pytest.raises(ValidationError, match="leads outside"):
        made("json_schema", schema={"properties": {"a": {"$ref": "http://169.254.169.254/x"}}})
