"""Candidates that are code, run against tests."""

from __future__ import annotations

import pytest

from assay.verifiers import MissingExtraError, Pair, Query, Status
from assay.verifiers.checks.python_tests import (
    PythonTests,
    PythonTestsSettings,
    code_of,
    verdict_of_run,
)
from assay.verifiers.safety.sandbox import Ran, supported
from tests.support.verifiers.kinds import made

try:
    supported()
except MissingExtraError as missing:
    # another system than Linux: the verifier says the same
    pytest.skip(str(missing), allow_module_level=True)


async def test_nothing_is_run_unless_the_operator_allows_it() -> None:
    """The verdict is skipped and names the setting; without tests it does not apply."""
    query = Query.of("?", None, ("assert True",))

    [off] = (await made("python_tests", run_code=False).score([Pair(query, "x = 1")])).items
    [none] = (await made("python_tests").score([Pair(Query.of("?"), "x = 1")])).items

    assert (off.score, off.status) == (None, Status.SKIPPED)
    assert "run_code" in str(off.reason)
    assert (none.score, none.status) == (None, Status.NOT_APPLICABLE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 1", "x = 1"),
        ("Here:\n```python\nx = 1\n```\nand\n```py\ny = 2\n```\nDone.", "x = 1\n\ny = 2"),
        ("```\nx = 1\n```", "x = 1"),
        ("```python\nx = 1", "x = 1"),
        ("```js\nlet x\n```", "```js\nlet x\n```"),
    ],
)
def test_code_is_what_stands_in_fences(text: str, expected: str) -> None:
    """All Python blocks together, or the whole text."""
    assert code_of(text) == expected


LOOPS = "def f():\n    while True:\n        pass  # %d"


async def test_code_that_loops_is_wrong_wherever_there_is_time_to_see_it() -> None:
    """With a missing score other verifiers would decide, and they may like its looks."""
    verifier = PythonTests(
        PythonTestsSettings(name="t", run_code=True, timeout_s=14.0, time_limit_s=3.0)
    )
    query = Query.of("q", None, ("assert f() == 1",))
    texts = [*(LOOPS % place for place in range(5)), "def f(): return 1"]

    verdicts = (await verifier.score([Pair(query, text) for text in texts])).items

    assert [(verdict.score, verdict.status) for verdict in verdicts] == [(0.0, Status.OK)] * 5 + [
        (1.0, Status.OK)
    ]


@pytest.mark.parametrize(
    "outcome",
    [
        "SECRET -1 \x1b[31m" + "x" * 200_000,
        "print",
        "os",
        "ValueError: secret",
        "",
        "__name__",
        "ok\x1b",
    ],
)
def test_an_outcome_that_the_code_made_up_is_no_reason(outcome: str) -> None:
    """The code can write to the report; reasons hold only names of Python's own exceptions."""
    told = [
        verdict_of_run(Ran(outcome, [])).reason,
        verdict_of_run(Ran("ok", ["ok", outcome])).reason,
    ]

    assert all(str(each).endswith(("Error", "ended the process")) for each in told)
    assert (
        verdict_of_run(Ran("ok", ["AssertionError"])).reason
        == "0 of 1 pass; test 1: AssertionError"
    )
    assert verdict_of_run(Ran("SystemExit", [])).reason == "the code: SystemExit"
