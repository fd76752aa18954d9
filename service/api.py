"""A running service, as the commands that teach it ask it."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from typing import Any

from .startup import StartupError

TIMEOUT_S = 300


class Api:
    """A running service; its key comes from ASSAY_API_KEY."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def call(self, path: str, body: Any = None) -> Any:
        """Return what the service answers; raise `StartupError` with what it says is wrong."""
        return json.loads(self.read(path, body))

    def read(self, path: str, body: Any = None) -> bytes:
        """Return the answer as it came."""
        key = os.environ.get("ASSAY_API_KEY")
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, headers)  # noqa: S310 - the operator's own URL
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as reply:  # noqa: S310 - as above
                return bytes(reply.read())
        except urllib.error.HTTPError as exc:
            raise StartupError(f"{self._url}{path} answered {exc.code}: {_message(exc.read())}") from None
        except (OSError, ValueError) as exc:
            raise StartupError(f"{self._url} does not answer ({exc}); is the service running? name another with --url") from None


def _message(raw: bytes) -> str:
    try:
        return str(json.loads(raw)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return raw[:200].decode(errors="replace")
