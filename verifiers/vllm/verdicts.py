"""Verdicts and usage from the numbers of a reply."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assay.verifiers.contract.bounds import all_within, within
from assay.verifiers.contract.errors import BadReplyError
from assay.verifiers.contract.verifier import Status, Usage, Verdict
from assay.verifiers.http.reply import Tokens


def score_verdicts(
    values: Sequence[float], name: str = "score", bounds: tuple[float, float] | None = None
) -> list[Verdict]:
    """Return the verdicts of a model's numbers; a number outside the bounds is no score."""
    if all_within(values, bounds):
        return [Verdict(value) for value in values]
    return [score_verdict(value, name, bounds) for value in values]


def score_verdict(
    value: float, name: str = "score", bounds: tuple[float, float] | None = None
) -> Verdict:
    """Return the verdict of a model's number; a number outside the bounds is no score."""
    try:
        return Verdict(within(value, bounds, name))
    except ValueError as exc:
        return Verdict(None, Status.ERROR, f"bad_reply: {exc}")


def in_order(rows: Sequence[Any], count: int) -> Sequence[Any]:
    """Return a reply's rows by their index.

    Raises `BadReplyError` unless each input has exactly one.
    """
    if len(rows) != count:
        raise BadReplyError(f"{len(rows)} rows for {count} inputs")
    if [row.index for row in rows] == list(range(count)):
        return rows
    ordered = sorted(rows, key=lambda row: row.index)
    if [row.index for row in ordered] != list(range(count)):
        raise BadReplyError(f"the rows' indices are not 0 to {count - 1}")
    return ordered


def usage_of(tokens: Tokens | None, calls: int = 1) -> Usage:
    """Return the usage that a reply states."""
    if tokens is None:
        return Usage(calls)
    return Usage(calls, tokens.prompt_tokens, tokens.completion_tokens, int(tokens.misread))
