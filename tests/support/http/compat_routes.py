"""Requests to compatibility routes in tests."""

from __future__ import annotations

from assay.service.api.compat.routes import DOORS, QUERY, TEXTS

#: All but the gateway, which has tests of its own.
SCORED = {path: door for path, door in DOORS.items() if path != "/v1/chat/completions"}

CONVERSATION = [{"role": "user", "content": QUERY}, {"role": "assistant", "content": TEXTS[0]}]
