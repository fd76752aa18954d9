"""The least a Python server can do with a request: a bare ASGI application that parses it and
sends it back.
"""

from __future__ import annotations

import sys
from typing import Any

import orjson
import uvicorn


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Echo a JSON body."""
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    reply = orjson.dumps(orjson.loads(body or b"{}"))
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-length", str(len(reply)).encode())],
        }
    )
    await send({"type": "http.response.body", "body": reply})


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False, lifespan="off")
