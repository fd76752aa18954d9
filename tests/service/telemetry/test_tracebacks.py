"""Exceptions in the log: their frames and types, without their text."""

from __future__ import annotations

from collections.abc import Callable

from assay.service.telemetry.tracebacks import masked_traceback, without_text

TEXT = "my secret text"


def caught(trip: Callable[[], object]) -> BaseException:
    """Return a function's error."""
    try:
        trip()
    except Exception as exc:
        return exc
    raise AssertionError("nothing was raised")


def fail() -> None:
    """Raise an error with a text in it."""
    raise ValueError(TEXT)


def fail_because_of_another() -> None:
    """Raise an error that another one led to."""
    try:
        fail()
    except ValueError as exc:
        raise KeyError(TEXT) from exc


def fail_while_another_is_handled() -> None:
    """Raise an error beside another one."""
    try:
        fail()
    except ValueError:
        raise KeyError(TEXT)  # noqa: B904 - what Python notes by itself is tested


def fail_instead_of_another() -> None:
    """Raise an error in another one's place."""
    try:
        fail()
    except ValueError:
        raise KeyError(TEXT) from None


def types_in(text: str) -> list[str]:
    """Return the types that a traceback names, in order."""
    return [name for name in text.split() if name.endswith("Error")]


def test_the_first_cause_is_shown_first() -> None:
    """For Python's links and the code's own; a hidden cause stays hidden."""
    because, beside, instead = (
        masked_traceback(caught(trip))
        for trip in (
            fail_because_of_another,
            fail_while_another_is_handled,
            fail_instead_of_another,
        )
    )

    assert types_in(because) == types_in(beside) == ["ValueError", "KeyError"]
    assert types_in(instead) == ["KeyError"]
    assert because.startswith("Traceback (most recent call last):\n")
    assert "in fail_because_of_another" in because


def test_no_text_of_an_error_is_shown() -> None:
    """It may quote a prompt."""
    error = caught(fail_because_of_another)
    error.add_note(TEXT)

    assert TEXT not in masked_traceback(error)


def test_errors_that_lead_to_each_other_have_an_end() -> None:
    """Code may tie them into a ring."""
    one, other = ValueError(), KeyError()
    one.__cause__, other.__cause__ = other, one

    assert sorted(types_in(masked_traceback(one))) == ["KeyError", "ValueError"]


def test_a_log_line_has_the_frames_in_place_of_the_exception() -> None:
    """However the exception was handed over; a line without one stays as it is."""
    error = caught(fail)

    for form in (error, (type(error), error, error.__traceback__)):
        line = without_text(None, "", {"event": "verifier_bug", "exc_info": form})
        assert line == {"event": "verifier_bug", "exception": masked_traceback(error)}
    assert without_text(None, "", {"event": "ready"}) == {"event": "ready"}
    assert without_text(None, "", {"event": "x", "exc_info": False}) == {"event": "x"}


def test_true_stands_for_the_exception_that_is_handled() -> None:
    """And for nothing where none is."""
    try:
        fail()
    except ValueError as exc:
        error: BaseException = exc
        line = without_text(None, "", {"event": "x", "exc_info": True})

    assert line == {"event": "x", "exception": masked_traceback(error)}
    assert without_text(None, "", {"event": "x", "exc_info": True}) == {"event": "x"}
