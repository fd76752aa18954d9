"""What equations say of an answer."""

from __future__ import annotations

from fractions import Fraction

import pytest

from assay.verifiers.checks.answers.bearing import asked_value, bearing_share, stated_value

BOOKS = "A book costs 12 dollars. How much do 5 books cost?"


@pytest.mark.parametrize(("query", "value"), [
    ("What is 3 + 9?", 12), ("3+9", 12), ("Calculate 12 * 11.", 132), ("How much is 10 / 4?", Fraction(5, 2)),
    ("What is 3 + 4? End with 'The answer is N.'", 7), ("What is 2 + 3 * 4 = ?", 14), ("What is 4 / 0?", None),
    (BOOKS, None), ("Is 3 + 4 = 8?", None), ("What is 3 + 9 in base 16?", None), ("What is 3 + 9, less the 2 of before?", None),
])  # fmt: skip
def test_a_query_may_be_a_sum_and_nothing_else(query: str, value: Fraction | None) -> None:
    """Words on the form of the answer do not matter; other numbers do."""
    assert asked_value(query) == value


@pytest.mark.parametrize(("text", "value"), [
    ("The answer is 12.", 12), ("3 + 9 = 12", 12), ("The answer is 12 apples.", 12), ("It is 12.", 12), ("Twelve.", None), ("", None),
])  # fmt: skip
def test_an_answer_states_a_number_or_none(text: str, value: int | None) -> None:
    """Units aside."""
    stated = stated_value(text)

    assert (None if stated is None else stated.value) == value


@pytest.mark.parametrize(("text", "share"), [
    ("12 * 5 = 60. The answer is 60.", 1.0),
    ("12 * 5 = 60. The answer is 61.", None),
    ("1 + 1 = 2. 2 + 2 = 4. The answer is 60.", None),
    ("1 + 1 = 2. The answer is 2.", None),
    ("12 * 5 = 65. The answer is 65.", 0.0),
    ("12 * 2 = 24. 24 * 2 = 48. 48 + 12 = 61. The answer is 61.", 0.5),
    ("The answer is 60.", None),
])  # fmt: skip
def test_only_equations_that_bear_on_the_answer_speak_for_it(
    text: str, share: float | None
) -> None:
    """They begin with the query's numbers and end at the answer; false ones speak against it."""
    assert bearing_share(BOOKS, text, stated_value(text)) == share


def test_repeating_true_equations_hides_no_false_one() -> None:
    """Each counts once, and no more than half where none leads to the answer."""
    text = "12 * 5 = 60. " * 50 + "1 + 1 = 3. The answer is 99."

    assert bearing_share(BOOKS, text, stated_value(text)) == 0.5


@pytest.mark.parametrize(("query", "text", "share"), [
    ("A shop sells 2 kinds of tea and 7 kinds of coffee. How many kinds are there?", "2 + 3 = 5. The answer is 5.", None),
    ("Each of 3 boxes holds 8 pens, and 2 pens are lost. How many pens are left?", "2 + 3 = 5. The answer is 5.", None),
    ("Each of 3 boxes holds 8 pens, and 2 pens are lost. How many pens are left?", "3 * 8 = 24. 24 - 2 = 22. The answer is 22.", 1.0),
    ("Eggs come in dozens. How many eggs are in 4 boxes?", "4 * 12 = 48. The answer is 48.", 1.0),
    ("Tom has 48 stamps and gives half of them away. How many are left?", "48 / 2 = 24. The answer is 24.", 1.0),
    ("In 2023 Anna earns 40 dollars a week. How much is that in 5 weeks?", "40 * 5 = 200. The answer is 200.", 1.0),
    ("Two pens cost 6 dollars. What does a pen cost?", "6 / 2 = 3. The answer is 3.", 1.0),
])  # fmt: skip
def test_an_equation_with_one_of_the_querys_numbers_leads_nowhere(
    query: str, text: str, share: float | None
) -> None:
    """All of them must be used, and no others but those that its words bring along."""
    assert bearing_share(query, text, stated_value(text)) == share
