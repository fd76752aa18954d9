"""What a terminal would obey, and a service that says it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

#: Clipboard, screen, title, colours, C1's short forms, direction overrides, hyperlinks; and Rich's
#: own markup.
HOSTILE = "\x1b]52;c;cm0gLXJmIH4K\x07\x1b[2J\x1b]0;X\x07\x9b31mred\u202eevil\u2066\x7f\x08\x08\r\x00\u200b\U000e0041[red]a[/] [/no] [link=http://e]b[/link] :bug:"


OBEYED = [
    chr(code)
    for code in (*range(9), *range(11, 32), *range(127, 160), 0x202E, 0x2066, 0x200B, 0xE0041)
]


def harmless(shown: str) -> bool:
    """Return whether a text holds nothing that a terminal obeys, and shows the hidden part."""
    return not [each for each in OBEYED if each in shown] and "\\x1b" in shown


@contextmanager
def hostile_service(answers: dict[str, Any], status: int = 200) -> Iterator[str]:
    """Run a service that gives a test's answer to every request; yield its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            self.rfile.read(length)
            path = self.path.partition("?")[0]
            raw = json.dumps(answers.get(path, answers.get("*", {}))).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_POST = do_GET  # noqa: N815 - http.server's name

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
