"""Background loops: nothing that a step raises ends one; it is counted, said once, and tried
again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from assay.service.domain.errors import StoreDownError, StoreRefusedError
from assay.service.runtime.background import Background, Loop, pause_after, reason_of
from assay.service.telemetry.metrics import Metrics

FAILURES = [
    ValueError("bad"), KeyError("k"), AssertionError(), RecursionError("deep"), MemoryError(), StoreDownError("away"),
    StoreRefusedError("READONLY", "read_only"), ExceptionGroup("several", [TypeError("t")]), asyncio.CancelledError(),
    TimeoutError(), StopAsyncIteration(),
]  # fmt: skip


class Steps:
    """Raises the prepared errors, one a step, and then succeeds."""

    def __init__(self, *raises: BaseException) -> None:
        self.left = list(raises)
        self.well = asyncio.Event()

    async def __call__(self) -> None:
        """Take a step."""
        if self.left:
            raise self.left.pop(0)
        self.well.set()


@pytest.mark.parametrize("failure", FAILURES, ids=lambda each: type(each).__name__)
async def test_no_exception_of_a_step_ends_its_loop(failure: BaseException) -> None:
    """Not even a cancellation of something inside; it is counted under the loop's name."""
    metrics, steps = Metrics(), Steps(failure, failure)
    background = Background(metrics)

    async with background.beside(Loop("fitter", steps, longest_pause_s=0.01)):
        await asyncio.wait_for(steps.well.wait(), 30)

    assert b'assay_background_failures_total{loop="fitter"} 2.0' in metrics.text()


async def test_a_loop_that_is_cancelled_ends() -> None:
    """Also in the middle of a step, and while it waits after a failure."""
    never, failing = asyncio.Event(), Steps(*[ValueError("bad")] * 1000)
    background = Background(Metrics())

    async with asyncio.timeout(30):
        async with Background(Metrics()).beside(Loop("waits", never.wait)):
            await asyncio.sleep(0)
        async with background.beside(Loop("fails", failing, longest_pause_s=600)):
            while not background.failing:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0)

    assert len(failing.left) == 999


async def test_a_streak_is_said_once_and_its_end_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Another reason is logged again, other words are not. Readiness reads `failing`."""
    steps = Steps(ValueError("bad 1"), ValueError("bad 2"), StoreDownError("away"))
    background = Background(Metrics())
    seen: list[dict[str, str]] = []

    async def step() -> None:
        seen.append(dict(background.failing))
        await steps()

    async with background.beside(Loop("drift", step, longest_pause_s=0.01, of="math")):
        await asyncio.wait_for(steps.well.wait(), 30)
        await asyncio.sleep(0)

    printed = "".join(capsys.readouterr())
    assert printed.count("background_failing") == 2
    assert printed.count("background_works_again") == 1
    assert seen[:4] == [
        {},
        {"drift (math)": "ValueError: bad 1"},
        {"drift (math)": "ValueError: bad 2"},
        {"drift (math)": "away: away"},
    ]
    assert background.failing == {}


async def test_what_is_done_once_is_tried_until_it_is_done() -> None:
    """And then never again."""
    steps = Steps(OSError("not yet"), OSError("not yet"))

    await asyncio.wait_for(
        Background(Metrics()).run(Loop("warm_up", steps, longest_pause_s=0.01), once=True), 30
    )

    assert steps.well.is_set()


@pytest.mark.parametrize(
    ("failures", "draw", "expected"),
    [
        (0, lambda: 0.0, 1.0),
        (1, lambda: 0.0, 2.0),
        (3, lambda: 1.0, 6.0),
        (5, lambda: 0.0, 30.0),
        (10**6, lambda: 1.0, 22.5),
    ],
)
def test_pauses_double_up_to_the_longest_and_are_jittered(
    failures: int, draw: Callable[[], float], expected: float
) -> None:
    """However long it has failed."""
    assert pause_after(failures, 1.0, 30.0, draw) == expected


def test_a_reason_is_one_short_line() -> None:
    """For any error's text."""
    assert reason_of(ValueError("one\ntwo")) == "ValueError: one"
    assert reason_of(ExceptionGroup("g", [ExceptionGroup("h", [KeyError("k")])])) == "KeyError: 'k'"
    assert len(reason_of(ValueError("x" * 10**6))) == 200
    assert reason_of(AssertionError()) == "AssertionError: "


def test_a_loop_that_fails_tells_no_password_in_readiness() -> None:
    """The reason is in the log as well as in `/readyz`."""
    assert "s3cr3t" not in reason_of(
        ExceptionGroup("g", [ConnectionError("no answer of redis://:s3cr3t@h:6379/0")])
    )
