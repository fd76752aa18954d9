"""python -m tests.support.standin KIND [--port 0] [--latency-ms 0]."""

from __future__ import annotations

import argparse

import uvicorn

from tests.support.standin import KINDS, StandIn


def main() -> None:
    """Serve until a signal; print the port first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    args = parser.parse_args()
    config = uvicorn.Config(
        StandIn(args.kind, args.latency_ms),
        port=args.port,
        log_level="warning",
        lifespan="on",
        timeout_graceful_shutdown=1,
    )
    socket = config.bind_socket()
    print(socket.getsockname()[1], flush=True)
    uvicorn.Server(config).run(sockets=[socket])


if __name__ == "__main__":
    main()
