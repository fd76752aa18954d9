#!/usr/bin/env python3
"""The whole measurement on a GPU machine without a network, in one command.

    python3 .gpu/run.py [--stages install,look,kernels,sidecar,timed] [--limit 570]
    (in the repository's root; `make gpu-pack` puts it there beside the archive)

Every stage writes a log and ends by itself. A stage that fails does not stop the next; `timed`
needs `install`. Stages write rows as they measure them ($OUT/STAGE.jsonl), so a run that is cut
off leaves what it has. A summary comes last. This file needs nothing but Python.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import lzma
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

STARTED = time.monotonic()
HERE = Path(__file__).resolve().parent
ROOT = Path.cwd()
OUT = Path(os.environ.get("OUT") or ROOT / "gpu-out").resolve()
HOME = Path(os.environ.get("ASSAY_GPU_HOME") or Path(tempfile.gettempdir()) / "assay-gpu")
PYTHON = HOME / "bin" / "python"
SITE = HOME / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
LOGS = HOME / "logs"  # one archive of them goes to $OUT
#: The longest a stage may take, in seconds. We expect 15, 2, 20, 95 and 360 on an H100.
MOST = {"install": 120, "look": 30, "kernels": 90, "sidecar": 170, "timed": 570}
LEAST_S = 20
VERSIONS = (
    "import vllm, torch, pydantic, transformers, assay.service; "
    "print(vllm.__version__, torch.__version__, pydantic.VERSION, transformers.__version__)"
)
SETTINGS = {
    # vLLM 0.26.0's sampler imports FlashInfer at start unless this says no; the archive has none.
    "VLLM_USE_FLASHINFER_SAMPLER": "0",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    # Without a network, only the loopback interface connects a server's processes.
    "VLLM_HOST_IP": "127.0.0.1",
    "GLOO_SOCKET_IFNAME": "lo",
    "NCCL_SOCKET_IFNAME": "lo",
    "VLLM_CACHE_ROOT": str(HOME / "cache" / "vllm"),
    "TRITON_CACHE_DIR": str(HOME / "cache" / "triton"),
    "XDG_CACHE_HOME": str(HOME / "cache"),
    "TVM_FFI_DISABLE_TORCH_C_DLPACK": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONUNBUFFERED": "1",
}


def left(limit: float) -> float:
    """Return the seconds that are left."""
    return limit - (time.monotonic() - STARTED)


def say(text: str) -> None:
    """Print with the time since the start."""
    print(f"[{time.monotonic() - STARTED:6.1f} s] {text}", flush=True)


def environment() -> dict[str, str]:
    """Return the environment of every stage."""
    for name in ("vllm", "triton"):
        (HOME / "cache" / name).mkdir(parents=True, exist_ok=True)
    return {**SETTINGS, **os.environ, "OUT": str(OUT), "LOGS": str(LOGS)}


def make_environment() -> None:
    """Make a Python environment whose packages come before the machine's.

    PYTHONPATH would not do: Assay's tests give the service one of their own.
    """
    base = Path(getattr(sys, "_base_executable", sys.executable))
    SITE.mkdir(parents=True, exist_ok=True)
    PYTHON.parent.mkdir(parents=True, exist_ok=True)
    for name in ("python", "python3"):
        (PYTHON.parent / name).symlink_to(base)
    version = sys.version.split()[0]
    (HOME / "pyvenv.cfg").write_text(
        f"home = {base.parent}\ninclude-system-site-packages = false\nversion = {version}\n"
    )
    machine = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    lines = [f"import site; site.addsitedir({path!r})\n" for path in machine]
    (SITE / "zz-machine.pth").write_text("".join(lines))


def unpack() -> None:
    """Unpack every archive that lies here, once."""
    mark = HOME / "unpacked.json"
    unpacked = json.loads(mark.read_text()) if mark.exists() else {}
    for archive in sorted(HERE.glob("[pw][0-9].tar.xz")):
        size = archive.stat().st_size
        if unpacked.get(archive.name) == size:
            continue
        begun = time.monotonic()
        with lzma.open(archive) as packed, tarfile.open(fileobj=packed, mode="r|") as tar:
            tar.extractall(SITE, filter="tar")
        unpacked[archive.name] = size
        mark.write_text(json.dumps(unpacked))
        took = time.monotonic() - begun
        say(f"{archive.name}: {size / 2**20:.1f} MiB unpacked in {took:.1f} s")


def install() -> bool:
    """Install the archives into an environment; compile them in the background."""
    if not PYTHON.exists():
        make_environment()
    unpack()
    with (LOGS / "compileall.log").open("wb") as log:
        command = [str(PYTHON), "-m", "compileall", "-q", "-j", "8", str(SITE)]
        subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    check = [str(PYTHON), "-c", VERSIONS]
    try:
        done = subprocess.run(
            check, capture_output=True, text=True, env=environment(), cwd=ROOT, timeout=90
        )
    except subprocess.TimeoutExpired:
        say("imports took more than 90 s")
        return False
    if done.returncode:
        say(f"an import failed:\n{done.stderr[-2000:]}")
    else:
        say(f"vllm, torch, pydantic, transformers: {done.stdout.strip()}")
    return done.returncode == 0


def look() -> None:
    """Write a description of this machine."""
    gpu = "name,memory.total,memory.used,driver_version,clocks.sm,clocks.mem"
    system = "uname -r; nproc; free -g | sed -n 2p; df -h /tmp /dev/shm | tail -n +2; which gcc cc nvcc; ulimit -n"
    commands = {
        "gpu": ["nvidia-smi", f"--query-gpu={gpu}", "--format=csv,noheader"],
        "system": ["sh", "-c", system],
        "packages": [sys.executable, "-m", "pip", "list", "--format=freeze"],
    }
    for name, command in commands.items():
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            done = subprocess.run(command, capture_output=True, text=True, timeout=25)
            (LOGS / f"{name}.txt").write_text(done.stdout)
            if name != "packages":
                say(f"{name}: {' | '.join(done.stdout.splitlines())}")


def end_all(process: subprocess.Popen[bytes]) -> None:
    """Kill the processes that a stage left: its group, and the servers, which have sessions of
    their own.
    """
    pids = LOGS / "servers.pids"
    servers = map(int, pids.read_text().split() if pids.exists() else ())
    for group in (process.pid, *servers):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    pids.unlink(missing_ok=True)


def script(name: str, seconds: float, *words: str) -> None:
    """Run a stage's module with its output in a log; show the log's end, and end all it started."""
    log = LOGS / f"{name}.log"
    code: int | None = None
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(PYTHON), "-m", f"tests.benchmarks.gpu.{name}", *words],
            stdout=out,
            stderr=out,
            env=environment(),
            cwd=ROOT,
            start_new_session=True,
        )
        try:
            code = process.wait(max(5, seconds))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGTERM)  # the stage ends what it started
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
        end_all(process)
    outcome = "done" if code == 0 else "out of time" if code is None else f"failed ({code})"
    say(f"{name}: {outcome}")
    lines = log.read_text(errors="replace").splitlines()[-(14 if code == 0 else 45) :]
    print("\n".join("    " + line[:220] for line in lines), flush=True)


def summary() -> None:
    """Print the rows of all stages."""
    print("\n== summary ==")
    for name in ("kernels", "sidecar", "timed"):
        path = OUT / f"{name}.jsonl"
        for line in path.read_text().splitlines() if path.exists() else []:
            print(f"{name}: {line[:400]}")


def keep_logs() -> None:
    """Put the logs, as they are now, beside the rows."""
    with tarfile.open(OUT / "logs.tar.gz", "w:gz") as tar:
        tar.add(LOGS, "logs")


def run_stage(stage: str, args: argparse.Namespace) -> None:
    """Run one stage in the time that is left for it."""
    seconds = min(MOST[stage], left(args.limit))
    size = ["--size", args.size, "--candidates", str(args.candidates)]
    if seconds < LEAST_S:
        say(f"{stage}: no time left")
    elif stage == "install":
        if not install():
            say("install failed: the stages after it may fail too")
    elif stage == "look":
        look()
    elif stage == "kernels":
        script(stage, seconds)
    elif stage == "sidecar":
        script(stage, seconds, *size, "--device", args.device, *args.sidecar.split())
    else:
        words = ["--queries", str(args.queries), "--gpus", args.gpus]
        words += ["--seconds", str(int(seconds - 12)), *args.timed.split()]
        script(stage, seconds, *size, *words)


def main() -> None:
    """Run the stages."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stages", default=",".join(MOST))
    parser.add_argument("--limit", type=float, default=570, help="seconds for all stages")
    parser.add_argument("--size", choices=("full", "tiny"), default="full")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="of the sidecar")
    parser.add_argument("--gpus", default="auto", help="as for assay plan")
    parser.add_argument("--queries", type=int, default=16)
    parser.add_argument("--candidates", type=int, default=32)
    parser.add_argument("--sidecar", default="", help="more options of sidecar.py: '--queries 16'")
    parser.add_argument("--timed", default="", help="more options of timed.py: '--compiled'")
    args = parser.parse_args()
    stages = args.stages.split(",")
    if unknown := [stage for stage in stages if stage not in MOST]:
        parser.error(f"no such stage: {', '.join(unknown)}")
    for folder in (OUT, LOGS):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        for stage in stages:
            run_stage(stage, args)
            keep_logs()
    finally:
        summary()
        keep_logs()
        say("end")


if __name__ == "__main__":
    main()
