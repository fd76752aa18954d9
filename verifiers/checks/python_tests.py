"""Unit tests: runs a candidate's code, and the request's tests against it, in a sandbox."""

from __future__ import annotations

import asyncio
import builtins
import math
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field

from assay.verifiers.checks.base import LocalVerifier
from assay.verifiers.contract.errors import VerifierError
from assay.verifiers.contract.findings import Finding, failed, ok, skipped, warning
from assay.verifiers.contract.settings import VerifierSettings
from assay.verifiers.contract.verifier import Pair, Status, Verdict, Verdicts, not_applicable
from assay.verifiers.http.gather import gather_or_cancel
from assay.verifiers.safety.sandbox import Ran, run_sandboxed, supported

PYTHON_FENCE = re.compile(
    r"```(?:python|py|python3)?[ \t]*\n(?P<code>.*?)(?:\n```|\Z)", re.DOTALL | re.IGNORECASE
)
OFF = Verdict(
    None,
    Status.SKIPPED,
    "off: running candidates' code is allowed by `run_code: true`",
    called=False,
)
TRYING = """
x = 1
def write():
    open('/tmp/x', 'w')
def fork():
    import os
    os.fork()
def own():
    import fcntl, os
    fcntl.fcntl(0, 8, os.getppid())
def read():
    open('/etc/passwd').read()
"""
TRIED = ("assert x == 1", "assert x == 2", "write()", "fork()", "own()", "read()")
HELD = ["ok", "AssertionError", "PermissionError", "PermissionError", "PermissionError"]
UNLOCKED = (
    "this kernel has no Landlock: code can read its user's files, and reveal them by passing a"
    " test or not"
)
UNTHREADED = (
    "code can start no threads: this kernel neither has a supervisor asked about them nor counts"
    " them apart"
)
FORGEABLE = "run beside the code, which could fool it: "
NO_TESTS = not_applicable("the request has no `tests`")


#: Where not all candidates can have their longest time, each has this part of it first: those that
#: need little get done.
FIRST_SHARE, SHORTEST_RUN_S = 0.2, 0.5
#: Seconds for the start of a candidate's processes.
STARTING_S = 0.5


class PythonTestsSettings(VerifierSettings):
    """The resources of candidates' code."""

    is_check: ClassVar[bool] = True
    kind: Literal["python_tests"] = "python_tests"
    run_code: bool = Field(
        False, description="Run candidates' code; nothing is run unless this is true."
    )
    time_limit_s: float = Field(
        5.0, gt=0, le=300, description="Longest that a candidate with all its tests may run."
    )
    memory_mb: int = Field(1024, ge=64, le=65_536, description="Most memory that it may reserve.")
    processes: int = Field(2, ge=1, le=256, description="Candidates run at once.")


class PythonTests(LocalVerifier):
    """The share of the request's tests that pass; 0 where the code itself does not run.

    Tests run in a process of their own and reach the code by calls: their expected values are
    out of the code's reach.
    """

    def __init__(self, settings: PythonTestsSettings) -> None:
        super().__init__(settings)
        self.tests = settings
        self._room = asyncio.Semaphore(settings.processes)

    async def score(self, pairs: Sequence[Pair]) -> Verdicts:
        """Return one verdict a pair, in order.

        Code that runs for ever costs no other its score, here or in another call.
        """
        if not self.tests.run_code:
            return Verdicts([OFF for _ in pairs])
        verdicts = [replace(NO_TESTS) if not pair.query.tests else self._late() for pair in pairs]
        waiting = [place for place, pair in enumerate(pairs) if pair.query.tests]
        whole_s, rounds = 0.9 * self.tests.timeout_s, math.ceil(len(waiting) / self.tests.processes)
        with suppress(TimeoutError):
            async with asyncio.timeout(whole_s):
                if (
                    rounds * (self.tests.time_limit_s + STARTING_S) > whole_s
                ):  # not all can have the longest
                    little_s = max(
                        SHORTEST_RUN_S,
                        min(FIRST_SHARE * self.tests.time_limit_s, whole_s / 2 / rounds),
                    )
                    waiting = await self._run_all(pairs, waiting, little_s, verdicts)
                await self._run_all(pairs, waiting, self.tests.time_limit_s, verdicts)
        return Verdicts(verdicts)

    async def _run_all(
        self, pairs: Sequence[Pair], places: Sequence[int], seconds: float, verdicts: list[Verdict]
    ) -> list[int]:
        """Enter the verdicts of candidates that end in time; return those that do not.

        A call has as many lanes as there are processes: between two of its candidates,
        others' calls have their turn.
        """
        overran: list[int] = []
        queue = iter(places)

        async def lane() -> None:
            for place in queue:
                verdict = await self._run(pairs[place], seconds)
                if verdict is None:
                    overran.append(place)
                else:
                    verdicts[place] = verdict

        await gather_or_cancel(*(lane() for _ in range(self.tests.processes)))
        return sorted(overran)

    async def _run(self, pair: Pair, seconds: float) -> Verdict | None:
        """Return a candidate's verdict; None if it overran less than its longest."""
        async with self._room:
            try:
                ran = await run_sandboxed(
                    code_of(pair.candidate),
                    pair.query.tests,
                    time_limit_s=seconds,
                    memory_mb=self.tests.memory_mb,
                )
            except (
                VerifierError
            ) as exc:  # of this candidate's processes: the others' have their own
                return Verdict(None, Status.ERROR, str(exc))
        return (
            None
            if ran.killed == "time" and seconds < self.tests.time_limit_s
            else verdict_of_run(ran)
        )

    def _late(self) -> Verdict:
        return Verdict(
            None,
            Status.TIMEOUT,
            f"timeout: no end within {self.tests.timeout_s:g} s, together with those beside it",
        )

    async def check(self) -> None:
        """Return where code can be sealed."""
        supported()

    async def examine(self) -> list[Finding]:
        """Return whether this machine can seal code and tell a right answer from a wrong one."""
        if not self.tests.run_code:
            return [skipped("sandbox", str(OFF.reason))]
        try:
            ran = await run_sandboxed(TRYING, TRIED, time_limit_s=10, memory_mb=256)
        except VerifierError as exc:
            return [failed("sandbox", str(exc), "leave this verifier out on this machine")]
        *outcomes, reading = ran.tests
        if outcomes != HELD:
            return [
                failed(
                    "sandbox",
                    f"outcomes {ran.tests}",
                    "the sandbox does not hold here: leave this verifier out",
                )
            ]
        findings = [
            ok(
                "sandbox",
                "runs code; no writing, processes or signals; beside the filter:"
                f" {', '.join(ran.walls)}",
            )
        ]
        if reading != "PermissionError":
            findings.append(warning("reading", UNLOCKED, "a kernel of 5.13 or later has it"))
        if "threads" not in ran.walls:
            findings.append(
                warning(
                    "threads",
                    UNTHREADED,
                    "a kernel of 5.5 or later, or a container that allows seccomp listeners",
                )
            )
        return findings


def code_of(text: str) -> str:
    """Return a candidate's code: all its fenced blocks of Python, else the whole text."""
    blocks = [match.group("code") for match in PYTHON_FENCE.finditer(text)]
    return "\n\n".join(blocks) if blocks else text


def verdict_of_run(ran: Ran) -> Verdict:
    """Return the share of passed tests, with the first failure as reason."""
    if ran.code != "ok":
        return Verdict(0.0, reason=f"the code: {named(ran.code) or _stopped(ran)}")
    passed = sum(outcome == "ok" for outcome in ran.tests)
    wrong = next((place for place, outcome in enumerate(ran.tests) if outcome != "ok"), None)
    remarks = []
    if wrong is not None:
        how = named(ran.tests[wrong]) or _stopped(ran)
        remarks.append(f"{passed} of {len(ran.tests)} pass; test {wrong + 1}: {how}")
    if ran.beside:
        remarks.append(
            FORGEABLE + ", ".join(f"test {place + 1}" for place in sorted(ran.beside)[:5])
        )
    return Verdict(passed / len(ran.tests), reason="; ".join(remarks) or None)


def named(outcome: str | None) -> str | None:
    """Return an outcome if it names an exception of Python's: the code can write any other."""
    builtin = getattr(builtins, outcome, None) if outcome and outcome.isidentifier() else None
    return (
        outcome
        if not outcome or (isinstance(builtin, type) and issubclass(builtin, BaseException))
        else "Error"
    )


def _stopped(ran: Ran) -> str:
    return {"time": "took too long", "output": "said too much", None: "ended the process"}[
        ran.killed
    ]
