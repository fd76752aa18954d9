"""A check that needs no model: patterns of your own that must be found, or must not."""

from __future__ import annotations

import importlib.util
import re
import time
from typing import ClassVar, Literal, NamedTuple

from pydantic import Field, field_validator, model_validator

from assay.verifiers.checks.bounded import BoundedVerifier, Make, TextJudge
from assay.verifiers.contract.errors import MissingExtraError
from assay.verifiers.contract.settings import About, VerifierSettings
from assay.verifiers.contract.verifier import Verdict
from assay.verifiers.safety.invisible import as_read


class RegexSettings(VerifierSettings):
    """Patterns, in the syntax of Python's `re`."""

    kind_is_about: ClassVar[About] = "form"
    kind: Literal["regex"] = "regex"
    must: tuple[str, ...] = Field(
        (), max_length=100, description="Patterns that must be found in a candidate."
    )
    must_not: tuple[str, ...] = Field(
        (), max_length=100, description="Patterns that must not be found."
    )
    whole: bool = Field(
        False, description="A pattern must match the whole candidate, blanks around it left out."
    )
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


class Regex(BoundedVerifier):
    """The share of the patterns that are as they should be."""

    def __init__(self, settings: RegexSettings) -> None:
        super().__init__(settings)
        self.patterns = settings

    @property
    def rule(self) -> tuple[Make, Rule]:
        """Return the maker of the patterns' check."""
        patterns = self.patterns
        return searching, Rule(
            patterns.must, patterns.must_not, patterns.whole, patterns.ignore_case
        )

    async def check(self) -> None:
        """Return when the library that bounds a pattern's time is installed."""
        if importlib.util.find_spec("regex") is None:
            raise MissingExtraError("the library `regex` is missing; install the extra `cpu`")


class Rule(NamedTuple):
    """The input of a worker."""

    must: tuple[str, ...]
    must_not: tuple[str, ...]
    whole: bool
    ignore_case: bool


def searching(rule: Rule) -> TextJudge:
    """Return a function that gives the share of a rule's patterns that hold.

    It raises `TimeoutError`. Runs in a worker.
    """
    import regex

    find = regex.fullmatch if rule.whole else regex.search
    flags = regex.IGNORECASE if rule.ignore_case else 0

    def share(candidate: str, seconds: float) -> Verdict:
        visible, ends = as_read(candidate), time.monotonic() + seconds
        written = candidate.strip() if rule.whole else candidate
        forms = (
            [written] if visible == candidate.strip() else [written, visible]
        )  # a pattern may be of characters that are unseen, too

        def matches(pattern: str, shown: str) -> bool:
            return (
                find(pattern, shown, flags, timeout=max(0.001, ends - time.monotonic())) is not None
            )

        right = [
            any(matches(pattern, form) for form in (forms if visible else [visible]))
            for pattern in rule.must
        ]
        right += [not any(matches(pattern, form) for form in forms) for pattern in rule.must_not]
        return Verdict(sum(right) / len(right))

    return share
