"""How long a vLLM server's queue is."""

from __future__ import annotations

import time

import pytest

from assay.verifiers.http.vllm_load import MAX_GAUGE_BYTES, Queue, queue_of

METRICS = b"""# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} 12.0
vllm:num_requests_running{engine="1",model_name="m"} 4.0
vllm:num_requests_waiting{engine="0",model_name="m"} 17.0
vllm:num_requests_waiting_by_reason{engine="0",reason="capacity"} 17.0
process_start_time_seconds 1.7e9
"""


def test_a_queue_is_read_from_vllms_metrics() -> None:
    """Of all engines together; other metrics say nothing."""
    assert queue_of(METRICS) == Queue(16, 17)
    assert Queue(16, 17).too_long
    assert not Queue(16, 16).too_long
    assert not Queue(0, 8).too_long
    assert queue_of(b"up 1\n") is None
    assert queue_of(b"vllm:num_requests_waiting{} 1e999e9\n") is None
    assert queue_of(b"\x00\xff") is None


def test_a_label_may_hold_any_character() -> None:
    """Braces and quotes are a model's name to the format."""
    line = b'vllm:num_requests_waiting{model_name="a}{\\"b"} 3\n'

    assert queue_of(line) == Queue(0, 3)


def test_a_malformed_line_of_the_gauges_says_nothing() -> None:
    """One of another metric is not even read."""
    good = b"vllm:num_requests_waiting 3\n"

    assert queue_of(b"other{ 1\n" + good) == Queue(0, 3)
    assert queue_of(good + b"vllm:num_requests_running{ x\n") == Queue(0, 3)
    assert queue_of(good + b"vllm:num_requests_running " + b"9" * 400 + b"\n") == Queue(0, 3)


@pytest.mark.parametrize("number", [b"NaN", b"+Inf", b"-Inf", b"many", b"9" * 400, b""])
def test_an_engine_without_a_number_hides_no_other(number: bytes) -> None:
    """It is not known, and it is neither nothing nor an endless queue."""
    other = b'vllm:num_requests_waiting{engine="1"} 100\n'
    bad = b'vllm:num_requests_waiting{engine="0"} ' + number + b"\n"

    assert queue_of(bad) is None
    assert queue_of(bad + other) == queue_of(other + bad) == Queue(0, 100)


def test_a_load_that_cannot_be_read_whole_is_unknown() -> None:
    """A part of it would be a shorter queue; a model's name may be long."""
    good = b"vllm:num_requests_waiting 3\n"
    named = b'vllm:num_requests_waiting{model_name="%s"} 5\n'

    assert queue_of(named % (b"m" * 600)) == Queue(0, 5)
    assert queue_of(good + named % (b"m" * 2000)) is None
    assert queue_of(good * (MAX_GAUGE_BYTES // len(good) - 1)) is not None
    assert queue_of(good * (MAX_GAUGE_BYTES // len(good) * 2)) is None


def test_hostile_metrics_take_no_time() -> None:
    """The parser takes quadratic time for a line, so Assay reads few and short lines only."""
    begin = b"vllm:num_requests_waiting"
    for line in (b"\n", begin, begin + b'{a="' + b"\\\\" * 480 + b'"} 1\n', begin + b" 1\n"):
        started = time.process_time()
        queue_of(line * (4_000_000 // len(line)))
        queue_of(line * (MAX_GAUGE_BYTES // len(line)))
        assert time.process_time() - started < 2
