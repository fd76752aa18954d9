"""The findings of a verifier's examination."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How a check ended; only `FAILED` means that the verifier's scores cannot be trusted."""

    OK = "ok"
    SKIPPED = "skipped"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: the observation, and the remedy if it is wrong."""

    check: str
    grade: Grade
    seen: str
    advice: str | None = None


def ok(check: str, seen: str) -> Finding:
    """Return a check that passed."""
    return Finding(check, Grade.OK, seen)


def warning(check: str, seen: str, advice: str | None = None) -> Finding:
    """Return a check that found something to know."""
    return Finding(check, Grade.WARNING, seen, advice)


def failed(check: str, seen: str, advice: str) -> Finding:
    """Return a check that failed."""
    return Finding(check, Grade.FAILED, seen, advice)


def skipped(check: str, why: str) -> Finding:
    """Return a check that could not be made."""
    return Finding(check, Grade.SKIPPED, why)


def any_failed(findings: Iterable[Finding]) -> bool:
    """Return whether one of the checks failed: later checks would only fail by it."""
    return any(finding.grade is Grade.FAILED for finding in findings)
