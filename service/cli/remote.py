"""A running service, as the commands that teach it ask it."""

from __future__ import annotations

import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec
from urllib.parse import quote, urlsplit

from assay.service.domain.errors import StartupError
from assay.service.domain.hosts import address_of

TIMEOUT_S = 300
SHOWN_LENGTH = 200
#: Characters that a path may hold unquoted; the rest of a task's name is quoted.
IN_PATHS = "/?&=%.:~-_"
UNUSABLE_KEY = "ASSAY_API_KEY: holds a character that no key has"
Asking = ParamSpec("Asking")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the next request would have the key with it, wherever it leads."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Let the redirect be an answer."""
        return


class ApiRefusedError(StartupError):
    """The service refused a request: `detail` is its message, `param` the wrong field, if named."""

    def __init__(self, message: str, param: str, detail: str) -> None:
        super().__init__(message)
        self.param, self.detail = param, detail


class Api:
    """A running service; its key comes from ASSAY_API_KEY."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise StartupError(
                f"--url: must be a URL such as http://127.0.0.1:8080; got {url[:SHOWN_LENGTH]!r}"
            )
        self._url = url.rstrip("/")
        # A proxy is for other machines, and would see the key.
        address = address_of(parts.hostname)
        here = parts.hostname == "localhost" or (address is not None and address.is_loopback)
        self._open = urllib.request.build_opener(
            _NoRedirect, *([urllib.request.ProxyHandler({})] if here else [])
        ).open

    def call(self, path: str, body: Any = None) -> Any:
        """Return the service's answer.

        Raises `StartupError` with the service's message.
        """
        raw = self.read(path, body)
        try:
            return json.loads(raw)
        except (ValueError, RecursionError):
            raise StartupError(
                f"{self._url}{path} did not answer with JSON: {_shown(raw)}; does Assay run there?"
            ) from None

    def read(self, path: str, body: Any = None) -> bytes:
        """Return the answer as it came."""
        return self.answer(path, body)[0]

    def answer(self, path: str, body: Any = None) -> tuple[bytes, Mapping[str, str]]:
        """Return the answer as it came, and its headers, whose names are read in any case."""
        headers = {"Content-Type": "application/json"} | (
            {"Authorization": f"Bearer {key}"} if (key := _key()) else {}
        )
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + quote(path, IN_PATHS), data, headers)  # noqa: S310 - the operator's own URL
        try:
            with self._open(request, timeout=TIMEOUT_S) as reply:
                return bytes(reply.read()), reply.headers
        except urllib.error.HTTPError as exc:
            param, detail = _message(exc)
            raise ApiRefusedError(
                f"{self._url}{path} answered {exc.code}: {detail}", param, detail
            ) from None
        except (OSError, ValueError, http.client.HTTPException) as exc:
            raise StartupError(
                f"{self._url} does not answer ({exc}); is the service running? name another with"
                " --url"
            ) from None


def asks_assay(command: Callable[Asking, None]) -> Callable[Asking, None]:
    """Return a command that reports it when the server is not Assay, or answers in another form."""

    @wraps(command)
    def asking(*args: Asking.args, **kwargs: Asking.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except (LookupError, TypeError, AttributeError, ValueError) as exc:
            # Answers are read as they are documented: what another server says fails in any of
            # these ways.
            problem = f"{type(exc).__name__}: {exc}"[:SHOWN_LENGTH]
            raise StartupError(
                f"the answer is not an Assay's of this version ({problem}); look at --url"
            ) from exc

    return asking


def _key() -> str:
    key = os.environ.get("ASSAY_API_KEY", "").strip()
    if not (key.isascii() and key.isprintable()):
        raise StartupError(UNUSABLE_KEY)
    return key


def _message(exc: urllib.error.HTTPError) -> tuple[str, str]:
    """Return the field that a refusal names, and its message."""
    if 300 <= exc.code < 400:
        where = str(exc.headers.get("Location"))[:SHOWN_LENGTH]
        return (
            "",
            (
                f"it leads to {where!r}, which is not followed, as your key would go along; name"
                " the service itself with --url"
            ),
        )
    raw = exc.read(1 << 16)
    try:
        error = json.loads(raw)["error"]
        return str(error.get("param") or ""), str(error["message"])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return "", _shown(raw)


def _shown(raw: bytes) -> str:
    return raw[:SHOWN_LENGTH].decode(errors="replace")
