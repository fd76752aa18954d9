"""Settings of checks that cost next to nothing."""

from __future__ import annotations

CHECKS = [
    {"name": "arithmetic", "kind": "arithmetic"},
    {"name": "completeness", "kind": "completeness"},
    {"name": "length", "kind": "length"},
    {"name": "consensus", "kind": "consensus", "answers": "text"},
]
