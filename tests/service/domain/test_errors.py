"""The failures that callers tell apart."""

from __future__ import annotations

import pytest

from assay.service.domain.errors import (
    DomainError,
    GeneratorError,
    GeneratorOverloadedError,
    LimitReachedError,
    NoVerifierError,
    StoreDownError,
    StoreError,
    StoreRefusedError,
    TooMuchWorkError,
)


def codes(kind: type[DomainError]) -> list[str]:
    """Return the codes of a failure's kinds."""
    return [code for each in kind.__subclasses__() for code in (each.code, *codes(each))]


def test_each_failure_has_a_code_of_its_own() -> None:
    """Clients tell them apart by it; base classes, and classes with variable codes, have none."""
    named = [code for code in codes(DomainError) if code]

    assert len(named) == len(set(named))
    assert codes(DomainError).count("") == 2


def test_a_failure_of_all_verifiers_lists_their_reasons() -> None:
    """And may be tried again at once."""
    error = NoVerifierError({"a": "timeout", "b": "unreachable"})

    assert str(error) == "no verifier could answer (a: timeout; b: unreachable)"
    assert error.reasons == {"a": "timeout", "b": "unreachable"}
    assert (error.code, error.retry_after_s, error.param) == ("no_verifier", 1, None)


def test_verifiers_that_answered_have_no_score_at_another_try_either() -> None:
    """The same code, without a time to come again."""
    error = NoVerifierError({"a": "null"}, failed=False)

    assert str(error) == "no verifier has a score for it (a: null)"
    assert (error.code, error.retry_after_s) == ("no_verifier", None)


@pytest.mark.parametrize("what", ["requests", "cost"])
def test_a_limits_code_says_what_is_used_up(what: str) -> None:
    """And when to come again."""
    error = LimitReachedError("this key may ask 3/minute", what, 42)

    assert (error.code, error.retry_after_s) == (f"{what}_limit_reached", 42)


def test_too_much_work_says_to_try_again() -> None:
    """The message goes to the client as it is."""
    error = TooMuchWorkError("64 requests are under way")

    assert str(error) == "64 requests are under way: try again shortly"
    assert error.retry_after_s == 1


def test_a_stores_failure_is_away_unless_it_says_why() -> None:
    """Both kinds are failures of the store."""
    assert StoreDownError("no answer").reason == "away"
    assert StoreRefusedError("no", "full").reason == "full"
    assert issubclass(StoreDownError, StoreError)
    assert issubclass(StoreRefusedError, StoreError)


def test_a_generators_failure_keeps_what_its_server_said() -> None:
    """Its status, the wrong field and when to try again."""
    error = GeneratorOverloadedError("busy", upstream_status=429, param="n", retry_after_s=7)

    assert isinstance(error, GeneratorError)
    assert (error.upstream_status, error.param, error.retry_after_s) == (429, "n", 7)
    assert GeneratorError("x").upstream_status is None
