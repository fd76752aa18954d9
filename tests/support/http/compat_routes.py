"""Requests to compatibility routes in tests."""

from __future__ import annotations

from assay.service.api.compat.routes import COMPAT_ROUTES, QUERY, TEXTS

#: All but the gateway, which has tests of its own.
SCORED = {path: route for path, route in COMPAT_ROUTES.items() if path != "/v1/chat/completions"}

CONVERSATION = [{"role": "user", "content": QUERY}, {"role": "assistant", "content": TEXTS[0]}]
