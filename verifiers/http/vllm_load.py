"""How many requests wait in a vLLM server, as its own metrics say."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: The gauges of vLLM 0.26 to 0.32; an engine or a data-parallel rank each has a line of its own.
GAUGE = re.compile(
    rb"^vllm:num_requests_(running|waiting)(?:\{[^}\n]*\})? ([0-9.eE+-]{1,40})\s*$", re.MULTILINE
)
#: Fewer are a batch that is about to start.
FEW = 8


@dataclass(frozen=True, slots=True)
class Queue:
    """A server's load."""

    running: float
    waiting: float

    @property
    def too_long(self) -> bool:
        """Return whether more wait than are worked on: each would wait for the whole batch
        before it, and then for another.
        """
        return self.waiting > max(FEW, self.running)


def queue_of(metrics: bytes) -> Queue | None:
    """Return what metrics in Prometheus' text format say; None where they are not vLLM's."""
    found: dict[bytes, float] = {}
    for name, value in GAUGE.findall(metrics):
        try:
            found[name] = found.get(name, 0.0) + float(value)
        except ValueError:
            return None
    return Queue(found.get(b"running", 0.0), found[b"waiting"]) if b"waiting" in found else None
