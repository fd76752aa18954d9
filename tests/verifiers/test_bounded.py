"""Patterns and schemas of an operator's over hostile candidates: nothing waits for them, and
each candidate is on its own.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import ValidationError

from assay.verifiers import Pair, Query, Status, Verdict, VerifierSettings
from assay.verifiers.checks.base import LocalVerifier
from assay.verifiers.checks.bounded import BoundedVerifier, Judge, Make
from assay.verifiers.checks.json_schema import fenced
from tests.verifiers.kinds import made
from tests.verifiers.stalls import longest_stall_s


async def said(kind: str, candidates: Sequence[str], **options: Any) -> list[Verdict]:
    """Return what a kind says of candidates, its worker started before."""
    verifier = made(kind, **options)
    await verifier.warm_up()
    return (await verifier.score([Pair(Query.of("q"), text) for text in candidates])).items


BACKTRACKING = ["a" * 60 + "b" + str(place) for place in range(24)]


async def test_a_pattern_that_backtracks_over_many_candidates_neither_stops_the_loop_nor_takes_honest_scores() -> (
    None
):
    """All together have a limit, each has a share of it, and a quick one is scored wherever it
    stands.
    """
    verifier = made("regex", must=[r"(a|aa)+$"], must_not=[])
    await verifier.warm_up()
    texts = [*BACKTRACKING, "aaa", "no"]
    started = time.monotonic()

    verdicts, stall = await longest_stall_s(
        verifier.score([Pair(Query.of("q"), text) for text in texts])
    )

    assert [verdict.score for verdict in verdicts.items[-2:]] == [1.0, 0.0]
    assert {verdict.score for verdict in verdicts.items[:-2]} <= {None, 0.0}
    assert stall < 1
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("schema", [
    {"type": "string", "pattern": "^(a+)+$"},
    {"type": "object", "patternProperties": {"^(a+)+$": {"type": "integer"}}, "additionalProperties": False},
    {"anyOf": [{"type": "object", "propertyNames": {"pattern": "^(a|aa)+$"}, "minProperties": 1}, {"pattern": "^(a|aa)+$", "type": "string"}]},
])  # fmt: skip
async def test_a_schemas_pattern_that_backtracks_costs_the_candidate_that_does_it_alone(
    schema: dict[str, Any],
) -> None:
    """Over a string, over names, over names of properties."""
    bad = ['"' + "a" * 40 + 'b"', '{"' + "a" * 40 + 'b": 1}']
    verifier = made("json_schema", schema=schema)
    await verifier.warm_up()
    started = time.monotonic()

    verdicts, stall = await longest_stall_s(
        verifier.score([Pair(Query.of("q"), text) for text in (*bad, '"aaa"', '{"aaa": 1}')])
    )

    assert any(
        verdict.reason and verdict.reason.startswith("timeout") for verdict in verdicts.items[:2]
    )
    assert all(verdict.score is not None for verdict in verdicts.items[2:])
    assert 1.0 in [verdict.score for verdict in verdicts.items[2:]]
    assert stall < 1
    assert time.monotonic() - started < 30


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
    """Too large for what compares it: an error of its own, or no JSON."""
    bad, good, wrong = await said(
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


@pytest.mark.parametrize(("schema", "told"), [
    ({"$dynamicRef": "http://127.0.0.1:9/x"}, "http://127.0.0.1:9/x"),
    ({"$recursiveRef": "https://e.example/s"}, "leads outside"),
    ({"$id": "http://127.0.0.1:9/base/", "properties": {"a": {"$ref": "other.json"}}}, "other.json"),
    ({"allOf": [{"$ref": "file:///etc/passwd"}]}, "file:///etc/passwd"),
    ({"$ref": "#"}, "never end"),
    ({"allOf": [{"$ref": "#"}]}, "never end"),
    ({"$dynamicAnchor": "x", "$dynamicRef": "#x"}, "never end"),
    ({"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/b"}]}, "b": {"not": {"$ref": "#/$defs/a"}}}}, "never end"),
    ({"if": {"required": ["a"]}, "then": {"$ref": "#"}}, "never end"),
    ({"$ref": "#/$defs/none"}, "leads nowhere"),
    ({"$ref": "#none"}, "leads nowhere"),
    ({"properties": {"a": {"pattern": "("}}}, "no pattern"),
    ({"patternProperties": {"[": {}}}, "no pattern"),
])  # fmt: skip
def test_a_schema_that_fetches_or_never_ends_is_refused_at_the_start(
    schema: dict[str, Any], told: str
) -> None:
    """With the value."""
    with pytest.raises(ValidationError, match=re.escape(told)):
        made("json_schema", schema=schema)


async def test_a_schema_of_trees_is_no_endless_one() -> None:
    """A reference to itself for what lies within a value ends where the value does."""
    tree = {
        "type": "object",
        "properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}},
        "additionalProperties": False,
    }
    anchored = {
        "$defs": {"n": {"$anchor": "node", "type": "array", "items": {"$ref": "#node"}}},
        "$ref": "#node",
    }

    assert [
        each.score
        for each in await said(
            "json_schema", ['{"left": {"right": {}}}', '{"left": 1}'], schema=tree
        )
    ] == [1.0, 0.0]
    assert [
        each.score for each in await said("json_schema", ["[[], [[]]]", "[1]"], schema=anchored)
    ] == [1.0, 0.0]


async def test_a_schemas_base_is_never_fetched() -> None:
    """Names that look like addresses are names."""
    schema = {
        "$schema": "http://127.0.0.1:9/meta",
        "$id": "http://127.0.0.1:9/s",
        "$ref": "#/$defs/a",
        "$defs": {"a": {"type": "integer"}},
    }

    assert [each.score for each in await said("json_schema", ["1", '"x"'], schema=schema)] == [
        1.0,
        0.0,
    ]


async def test_a_reason_names_the_schemas_words_and_none_of_the_candidates() -> None:
    """A place in the candidate would be in its own words."""
    schema = {"additionalProperties": {"type": "integer"}}
    [verdict] = await said("json_schema", ['{"SECRET \\u001b[31m": "x"}'], schema=schema)

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


class _Dying(BoundedVerifier):
    """A check whose library dies of a text, or hangs where no timer of its own reaches it."""

    @property
    def rule(self) -> tuple[Make, None]:
        """Return what dies."""
        return dying, None


def dying(_: None) -> Judge:
    """Return a check that ends its process over one text, and blocks all signals over another."""
    import os
    import signal

    def judge(text: str, seconds: float) -> Verdict:
        if text == "die":
            os._exit(1)
        if text == "hang":
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
            time.sleep(60)
        return Verdict(1.0)

    return judge


@pytest.mark.parametrize("hostile", ["die", "hang"])
async def test_a_worker_that_dies_or_hangs_takes_only_the_score_of_its_text(hostile: str) -> None:
    """The lot is halved until it stands alone."""
    verifier = _Dying(VerifierSettings(name="d", kind="d", timeout_s=60))
    await verifier.warm_up()
    verifier.all_s = 0.5
    texts = ["a", "bb", hostile]

    verdicts = (await verifier.score([Pair(Query.of("q"), text) for text in texts])).items

    assert [verdict.score for verdict in verdicts] == [1.0, 1.0, None]
