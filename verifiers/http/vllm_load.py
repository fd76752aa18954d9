"""How many requests wait in a vLLM server, as its own metrics say."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

RUNNING, WAITING = "vllm:num_requests_running", "vllm:num_requests_waiting"
#: How the lines of both gauges begin.
GAUGE_PREFIX = b"\nvllm:num_requests_"
#: Bytes of such lines that are read, and of one of them; an engine or a data-parallel rank has one
#: line of each gauge, of about 100 bytes. With more, the load is unknown: a part of the lines would
#: show a shorter queue than there is.
MAX_GAUGE_BYTES, MOST_LINE_BYTES = 64 * 1024, 1024
#: Fewer are a batch that is about to start.
MIN_QUEUE = 8


@dataclass(frozen=True, slots=True)
class Queue:
    """A server's load."""

    running: float
    waiting: float

    @property
    def too_long(self) -> bool:
        """Return whether more requests wait than run."""
        return self.waiting > max(MIN_QUEUE, self.running)


def queue_of(metrics: bytes) -> Queue | None:
    """Return the load in metrics of Prometheus' text format; None if they do not tell it.

    An engine whose number is NaN, infinite or malformed counts as one without that gauge.
    """
    lines = _lines_of_gauges(metrics)
    if lines is None:
        return None
    sums: dict[str, float] = {}
    for line in lines:
        for sample in _samples(line):
            if math.isfinite(sample.value):
                sums[sample.name] = sums.get(sample.name, 0.0) + float(sample.value)
    return Queue(sums.get(RUNNING, 0.0), sums[WAITING]) if WAITING in sums else None


def _samples(line: bytes) -> Iterator[Sample]:
    """Yield a line's samples; none if it is not of the format, or its number is beyond all."""
    try:
        for family in text_string_to_metric_families(line.decode(errors="replace")):
            for sample in family.samples:
                float(sample.value)  # an integer may have more digits than a float can hold
                yield sample
    except (ValueError, OverflowError):
        return


def _lines_of_gauges(metrics: bytes) -> list[bytes] | None:
    """Return the few short lines that matter; None if they are too many or too long.

    The parser takes 60 us a line, where vLLM has a thousand lines and each server is polled
    every other second; and its time grows with the square of a line's length.
    """
    metrics = b"\n" + metrics + b"\n"
    lines: list[bytes] = []
    size, at = 0, 0
    while (at := metrics.find(GAUGE_PREFIX, at)) >= 0:
        at += 1
        end = metrics.find(b"\n", at, at + MOST_LINE_BYTES + 1)
        size += end - at
        if end < 0 or size > MAX_GAUGE_BYTES:
            return None
        lines.append(metrics[at:end])
    return lines
