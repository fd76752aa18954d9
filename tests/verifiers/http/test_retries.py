"""Another try of a call that failed for a while."""

from __future__ import annotations

import pytest

from assay.verifiers import VerifierError
from assay.verifiers.contract.errors import BadReplyError, LostError, OverloadedError
from assay.verifiers.http import retries
from assay.verifiers.http.retries import with_retries


class Failing:
    """A call that raises the given errors in turn, and then answers."""

    def __init__(self, *errors: VerifierError) -> None:
        self.errors = list(errors)
        self.tries = 0

    async def __call__(self) -> bytes:
        """Raise the next error, or answer."""
        self.tries += 1
        if self.errors:
            raise self.errors.pop(0)
        return b"reply"


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait a millisecond instead of a tenth of a second."""
    monkeypatch.setattr(retries, "FIRST_WAIT_S", 0.001)


@pytest.mark.parametrize(("failures", "tries"), [(0, 1), (1, 2), (2, 3)])
async def test_a_call_that_recovers_answers(failures: int, tries: int) -> None:
    """After as many tries as it failed, and one."""
    call = Failing(*[OverloadedError("busy") for _ in range(failures)])

    assert await with_retries(call, 2) == b"reply"
    assert call.tries == tries


async def test_the_last_error_is_raised_after_all_tries() -> None:
    """Two retries are three tries."""
    call = Failing(*[OverloadedError(f"busy {number}") for number in range(9)])

    with pytest.raises(OverloadedError, match="busy 2"):
        await with_retries(call, 2)
    assert call.tries == 3


async def test_no_retries_are_one_try() -> None:
    """The first error is the last."""
    call = Failing(OverloadedError("busy"))

    with pytest.raises(OverloadedError):
        await with_retries(call, 0)
    assert call.tries == 1


async def test_a_bad_reply_is_not_worth_another_try() -> None:
    """The same question would bring the same reply."""
    call = Failing(BadReplyError("no number"))

    with pytest.raises(BadReplyError):
        await with_retries(call, 2)
    assert call.tries == 1


async def test_a_lost_reply_is_worth_one_more_try() -> None:
    """A server that hangs up twice may be ended by this very call."""
    call = Failing(LostError("gone"), LostError("gone again"), LostError("and again"))

    with pytest.raises(LostError, match="gone again"):
        await with_retries(call, 5)
    assert call.tries == 2
