"""A check that needs no model: patterns of your own that must be found, or must not."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from .base import Pair, Status, Verdict
from .errors import MissingExtraError
from .local import LocalVerifier, readable
from .settings import VerifierSettings

TIME_LIMIT_S = 0.25  # for one candidate: a pattern that backtracks for ever says nothing


class RegexSettings(VerifierSettings):
    """Patterns, in the syntax of Python's `re`."""

    kind: Literal["regex"] = "regex"
    must: tuple[str, ...] = Field((), max_length=100, description="Patterns that must be found in a candidate.")
    must_not: tuple[str, ...] = Field((), max_length=100, description="Patterns that must not be found.")
    whole: bool = Field(False, description="A pattern must match the whole candidate, blanks around it left out.")
    ignore_case: bool = False

    @field_validator("must", "must_not")
    @classmethod
    def _are_patterns(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as exc:
                raise ValueError(f"{pattern!r} is no pattern: {exc}") from None
        return patterns

    @model_validator(mode="after")
    def _has_one(self) -> RegexSettings:
        if not self.must and not self.must_not:
            raise ValueError("give a pattern in `must` or `must_not`")
        return self


class Regex(LocalVerifier):
    """The share of the patterns that are as they should be."""

    def __init__(self, settings: RegexSettings) -> None:
        super().__init__(settings)
        self.patterns = settings

    async def check(self) -> None:
        """Return when the library that bounds a pattern's time is there."""
        _library()

    def _score_one(self, pair: Pair) -> Verdict:
        text, left_out = readable(pair.candidate)
        try:
            right = [self._found(pattern, text) for pattern in self.patterns.must]
            right += [not self._found(pattern, text) for pattern in self.patterns.must_not]
        except TimeoutError:
            return Verdict(None, Status.ERROR, f"timeout: a pattern took more than {TIME_LIMIT_S:g} s")
        return Verdict(sum(right) / len(right), truncated_tokens=left_out)

    def _found(self, pattern: str, text: str) -> bool:
        library = _library()
        flags = library.IGNORECASE if self.patterns.ignore_case else 0
        if self.patterns.whole:
            return library.fullmatch(pattern, text.strip(), flags, timeout=TIME_LIMIT_S) is not None
        return library.search(pattern, text, flags, timeout=TIME_LIMIT_S) is not None


def _library() -> Any:
    """Return the library: Python's own patterns, with a time limit."""
    try:
        import regex
    except ImportError:
        raise MissingExtraError("the library `regex` is missing; install the extra `cpu`") from None
    return regex
