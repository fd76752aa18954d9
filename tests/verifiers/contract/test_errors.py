"""The ways in which asking a verifier fails."""

from __future__ import annotations

from assay.verifiers import RefusedError, Status, UnreachableError, UpstreamFailedError
from assay.verifiers.contract.errors import LostError


def test_an_error_becomes_the_verdict_of_each_candidate() -> None:
    """With its code and the observed text, and no colon without one."""
    assert UpstreamFailedError("503").verdict().reason == "upstream_5xx: 503"
    verdict = UpstreamFailedError().verdict()
    assert (verdict.score, verdict.status, verdict.reason) == (None, Status.ERROR, "upstream_5xx")


def test_a_call_costs_only_what_was_sent() -> None:
    """No connection, no cost; a connection that broke later may have cost."""
    assert not UnreachableError("x").verdict().called
    assert LostError("x").verdict().called


def test_a_refusal_keeps_the_servers_status_and_parameter() -> None:
    """A gateway's client can act on them."""
    error = RefusedError("no", 422, "input")

    assert (error.status_code, error.param) == (422, "input")
