"""Candidates that are cut off, or not in the form asked for."""

from __future__ import annotations

from assay.verifiers.checks.completeness import answers, as_asked, cut_off
from tests.support.verifiers.check_verdicts import MATHS, verdicts_of


async def test_a_finished_answer_in_the_asked_form_is_complete() -> None:
    """Cut off, without an answer, empty: each costs its share."""
    good, cut, empty = await verdicts_of(
        "completeness",
        ["3 + 4 = 7. The answer is 7.", "Let us see. " * 20 + "Then we add", ""],
        MATHS,
    )

    assert (good.score, empty.score) == (1.0, 0.0)
    assert cut.score is not None
    assert cut.score < 0.5


def test_forms_are_read_from_the_query() -> None:
    """A named form is required; an unnamed form is not."""
    assert as_asked("Put it in \\boxed{}.", "so \\boxed{3}")
    assert not as_asked("Put it in \\boxed{}.", "so 3")
    assert as_asked("Answer in JSON.", '```json\n{"a": 1}\n```')
    assert not as_asked("Answer in JSON.", "a is 1")
    assert as_asked("Tell me.", "anything")
    assert not answers("Let me think about it. " * 10)
    assert cut_off("```python\nprint(1)")
