"""What candidates repeat of their query."""

from __future__ import annotations

import pytest

from assay.verifiers import Query
from assay.verifiers.safety.echo import is_echo, without_echo

CAPITAL = "What is the capital of Canada?"


@pytest.mark.parametrize(("query", "candidate", "echo"), [
    (CAPITAL, CAPITAL, True), (CAPITAL, CAPITAL.lower() + " " + CAPITAL, True), (CAPITAL, "The capital of Canada?", True),
    (CAPITAL, "Ottawa", False), (CAPITAL, "The capital of Canada is Ottawa.", False), (CAPITAL, "", False), ("", "a", False),
    ("Translate: The cat sleeps on the sofa.", "The cat sleeps on the sofa.", True),
    ("Correct the sentence: He goes to school.", "He goes to school.", False),
    ("Which is heavier, a kilogram of iron or a feather?", "a kilogram of iron", False),
])  # fmt: skip
def test_an_echo_says_nothing_but_its_query(query: str, candidate: str, echo: bool) -> None:
    """A part of a question may be its answer, unless it asks back."""
    assert is_echo(Query.of(query), candidate) is echo


def test_what_stands_beside_an_echo_stays() -> None:
    """Whatever the case of its letters; short words are no echo."""
    query = Query.of("Tom has 3 apples. How many are left?")

    assert without_echo(query, "how many are left? It is 2.") == "It is 2."
    assert without_echo(query, "3 apples") == "3 apples"


def test_hostile_texts_are_read_in_linear_time() -> None:
    """A query beyond the bound is not searched for."""
    assert without_echo(Query.of("a" * 30_000), "a" * 30_000) == "a" * 30_000
    assert not is_echo(Query.of("a b " * 5_000), "b" * 1_000_000)
