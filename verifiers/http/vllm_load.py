"""How many requests wait in a vLLM server, as its own metrics say."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

RUNNING, WAITING = "vllm:num_requests_running", "vllm:num_requests_waiting"
#: How the lines of both gauges begin.
GAUGE_PREFIX = b"\nvllm:num_requests_"
#: Bytes of such lines that are read, and of one of them; an engine or a data-parallel rank has one
#: line of each gauge, of about 100 bytes.
MAX_GAUGE_BYTES, MOST_LINE_BYTES = 64 * 1024, 512
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
    """Return the load in metrics of Prometheus' text format; None if they are not vLLM's."""
    sums: dict[str, float] = {}
    try:
        for family in text_string_to_metric_families(_lines_of_gauges(metrics)):
            for sample in family.samples:
                sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
    except (ValueError, OverflowError):  # a line that is not of the format, a number beyond all
        return None
    return Queue(sums.get(RUNNING, 0.0), sums[WAITING]) if WAITING in sums else None


def _lines_of_gauges(metrics: bytes) -> str:
    """Return the few short lines that matter.

    The parser takes 60 us a line, where vLLM has a thousand lines and each server is polled
    every other second; and its time grows with the square of a line's length.
    """
    metrics = b"\n" + metrics + b"\n"
    lines, size, at = [], 0, 0
    while size < MAX_GAUGE_BYTES and (at := metrics.find(GAUGE_PREFIX, at)) >= 0:
        at += 1
        end = metrics.find(b"\n", at, at + MOST_LINE_BYTES)
        if end >= 0:
            lines.append(metrics[at:end])
            size += end - at
    return b"\n".join(lines).decode(errors="replace")
