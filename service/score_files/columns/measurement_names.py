"""Names of columns that measure a candidate's making, or its size: no verifiers by themselves."""

from __future__ import annotations

from collections.abc import Sequence

_UNITS_OF_TIME = (
    *("s", "ms", "ns", "sec", "secs", "second", "seconds", "msec", "millis", "milliseconds"),
    *("minute", "minutes", "hour", "hours"),
)
_DURATIONS = ("latency", "latencies", "elapsed", "duration", "durations", "runtime", "walltime")
_DATES = ("year", "month", "day", "weekday", "quarter")
_COSTS = ("cost", "costs", "price", "prices", "usd", "eur", "dollars", "cents")
_LENGTHS = ("length", "lengths", "len", "chars", "characters", "bytes", "kb", "mb", "gb")
_COUNTED = frozenset(
    (
        *("token", "tokens", "char", "chars", "character", "characters", "word", "words"),
        *("line", "lines", "sentence", "sentences", "step", "steps", "turn", "turns"),
        *("call", "calls", "message", "messages", "retry", "retries", "sample", "samples"),
        *("candidate", "candidates", "completion", "completions", "byte", "bytes"),
    )
)
_SETTINGS = frozenset(
    ("temperature", "temp", "top_p", "top_k", "max_tokens", "max_new_tokens", "num_beams")
)


def measurement_of(words: Sequence[str]) -> str | None:
    """Return what a column of this name measures that is no score; None where the name says none.

    `words`: the name's, in lower case.
    """
    joined, first, last = "_".join(words), words[0], words[-1]
    if joined in _SETTINGS or last in ("temperature", "temp"):
        return "a setting of the run"
    if any(word in _DURATIONS for word in words) or (len(words) > 1 and last in _UNITS_OF_TIME):
        return "a duration"
    if last in _DATES:
        return "a time"
    if first in _COSTS or last in _COSTS:
        return "a cost"
    if last == "tokens" or joined.endswith(("token_count", "tokens_count")):
        return "a count of tokens"
    if last in _LENGTHS:
        return "a length"
    counts = first in ("n", "num", "nb", "count") or last in ("count", "counts")
    return "a count" if counts and not _COUNTED.isdisjoint(words) else None
