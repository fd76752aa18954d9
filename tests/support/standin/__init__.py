"""A fast stand-in for vLLM 0.32: replies, traps and errors as seen on the real server.

The contract suite (tests/test_contract.py) runs against this and against real vLLM, so tests
can trust it. Its scores follow from the token ids of the prompt alone, so a conversation
that is rendered, tokenized or ended in another way than the server's own template would do it gets
another score, as it would from a model.

    python -m tests.support.standin KIND [--port 0] [--latency-ms 0]

`POST /standin` sets a fault ({"fault": "hang", "latency_ms": 20}), `GET /standin` counts the
requests of each path.
"""

from __future__ import annotations

from tests.support.standin.app import KINDS, StandIn

__all__ = ["KINDS", "StandIn"]
