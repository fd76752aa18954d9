#!/usr/bin/env python3
"""Pack vLLM 0.26.0 and Assay's dependencies into one archive for a GPU machine without a network.

    python -m tests.benchmarks.gpu.pack OUT           (or `make gpu-pack`, which takes .gpu)
    python -m tests.benchmarks.gpu.pack OUT --whole

Writes OUT/run.py, the driver, and OUT/p0.tar.xz, about 45 MiB. With `--whole`, OUT/w0.tar.xz and
OUT/w1.tar.xz hold the same with vLLM's kernel library as its wheel has it. The machine: x86-64,
Python 3.12, torch 2.11.0 with CUDA 13.0, transformers 5.17.0, an H100 or H200 (sm_90). Takes pip,
330 MB of wheels, 1 GB of disk and 3 minutes on two idle cores.

The archive leaves out of vLLM's wheel what nothing here loads (README.md): FlashAttention 2 (Hopper
uses 3), MoE, FlashMLA, qutlass and DeepGEMM kernels, the Rust frontend. Of each fat binary in the
kernel library it keeps only what an sm_90 GPU loads: its machine code, or PTX where there is none.
Host code, offsets and symbols stay as they are.
"""

from __future__ import annotations

import argparse
import lzma
import shutil
import struct
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

LIMIT = 60 * 2**20  # a transfer of 64 MiB carries the archive and the repository, some 3
KERNELS = "vllm/_C_stable_libtorch.abi3.so"
TAGS = [39, 35, 34, 31, 28, 27, 26, 24, 18, 17, 12, 5]
UNUSED = [
    "vllm/vllm_flash_attn/_vllm_fa2_C.abi3.so",
    "vllm/_moe_C_stable_libtorch.abi3.so",
    "vllm/_flashmla_C.abi3.so",
    "vllm/_flashmla_extension_C.abi3.so",
    "vllm/_qutlass_C.abi3.so",
    "vllm/vllm-rs",
    "vllm/third_party/deep_gemm",
    "vllm/third_party/fmha_sm100",
    "vllm/third_party/flashmla",
    "vllm/model_executor/layers/fused_moe/configs",
    "pycountry/locales",
    "mistral_common/data",
]
ELF, PTX, SM = 2, 1, 90


def main() -> None:
    """Download, unpack, slim, pack."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument(
        "--keep", action="store_true", help="leave OUT/wheels and OUT/site for another look"
    )
    args = parser.parse_args()
    wheels, site = args.out / "wheels", args.out / "site"
    download(wheels)
    shutil.copy(Path(__file__).with_name("run.py"), args.out / "run.py")
    unpack(wheels, site)
    kernels = site / KERNELS
    if args.whole:
        write(args.out / "w0.tar.xz", site, [path for path in files(site) if path != kernels])
        write(args.out / "w1.tar.xz", site, [kernels])
    else:
        kept, before, count = slim(kernels)
        print(f"kernel library: {kept:.1f} of {before:.1f} MB of code kept in {count} fat binaries")
        write(args.out / "p0.tar.xz", site, files(site))
    if not args.keep:
        shutil.rmtree(wheels)
        shutil.rmtree(site)


def download(wheels: Path) -> None:
    """Download the wheels of pack.txt for the GPU machine's Python, from any other Python."""
    wheels.mkdir(parents=True, exist_ok=True)
    platforms = [f"--platform=manylinux_2_{n}_x86_64" for n in TAGS]
    platforms += [
        f"--platform={p}"
        for p in ("manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64", "any")
    ]
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "--only-binary=:all:",
        "--python-version=3.12",
    ]
    command += [
        "--implementation=cp",
        "--abi=cp312",
        "--abi=abi3",
        "--abi=none",
        *platforms,
        "-d",
        str(wheels),
    ]
    subprocess.run([*command, "-r", str(Path(__file__).with_name("pack.txt"))], check=True)


def unpack(wheels: Path, site: Path) -> None:
    """Unpack wheels into a folder without the unused parts; no wheel has files elsewhere."""
    shutil.rmtree(site, ignore_errors=True)
    site.mkdir(parents=True)
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as packed:
            packed.extractall(site)  # noqa: S202 - zipfile drops `..` and absolute names
            # It forgets modes, and Assay's store is a program inside a wheel.
            for info in packed.infolist():
                if info.external_attr >> 16 & 0o100 and not info.is_dir():
                    (site / info.filename).chmod(0o755)
    for data in site.glob("*.data"):
        for part in ("purelib", "platlib"):
            if (data / part).exists():
                shutil.copytree(data / part, site, dirs_exist_ok=True)
        shutil.rmtree(data)
    for name in UNUSED:
        path = site / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def files(site: Path) -> list[Path]:
    """Return the files, libraries first and similar files side by side, which packs best."""
    paths = [path for path in site.rglob("*") if path.is_file()]
    return sorted(paths, key=lambda path: (path.suffix != ".so", path.suffix, str(path)))


def write(target: Path, site: Path, paths: list[Path]) -> None:
    """Write a compressed archive; exit where it would not travel."""
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 64 * 1024 * 1024}]
    with (
        lzma.open(target, "wb", filters=filters) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for path in paths:
            info = tar.gettarinfo(path, str(path.relative_to(site)))
            info.uid = info.gid = 0
            info.uname = info.gname = ""
            info.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            with path.open("rb") as source:
                tar.addfile(info, source)
    size = target.stat().st_size
    print(f"{target}: {size / 2**20:.1f} MiB, {len(paths)} files")
    if size > LIMIT:
        sys.exit(f"{target} does not fit a transfer: {size / 2**20:.1f} MiB of {LIMIT / 2**20:.0f}")


def sections(raw: bytes) -> Iterator[tuple[str, int, int]]:
    """Yield the name, offset and size of each section of a 64-bit ELF file."""
    (start,) = struct.unpack_from("<Q", raw, 0x28)
    size, count, names = struct.unpack_from("<HHH", raw, 0x3A)
    heads = [struct.unpack_from("<IIQQQQ", raw, start + place * size) for place in range(count)]
    for name, _, _, _, offset, length in heads:
        at = heads[names][4] + name
        yield raw[at : raw.index(b"\0", at)].decode(), offset, length


def fat_binaries(
    raw: bytes, offset: int, size: int
) -> Iterator[tuple[int, int, int, list[tuple[int, int, int, int]]]]:
    """Yield each fat binary's place, header length and size, and its entries: kind, architecture, place, length."""
    place = offset
    while place < offset + size - 16:
        magic, _, head, length = struct.unpack_from("<IHHQ", raw, place)
        if magic != 0xBA55ED50:
            place += 8
            continue
        entries, at = [], place + head
        while at < place + head + length:
            kind, _, own, payload = struct.unpack_from("<HHIQ", raw, at)
            (arch,) = struct.unpack_from("<I", raw, at + 28)
            entries.append((kind, arch, at, own + payload))
            at += own + payload
        yield place, head, length, entries
        place += head + length


def slim(library: Path) -> tuple[float, float, int]:
    """Keep, of each fat binary, the parts for an sm_90 GPU; return megabytes and the count.

    The result holds the megabytes kept, the megabytes before, and the number of fat binaries.
    The kept entries move to the front, the header gets the new length, and the rest is zeros. A
    binary without any such entry keeps its smallest, so that it stays valid; none of its
    kernels ran on such a GPU before either.
    """
    raw = library.read_bytes()
    new = bytearray(raw)
    before = kept = count = 0
    for name, offset, size in sections(raw):
        if name != ".nv_fatbin":
            continue
        for place, head, length, entries in fat_binaries(raw, offset, size):
            native = [entry for entry in entries if entry[0] == ELF and entry[1] == SM]
            stay = (
                native
                or [entry for entry in entries if entry[0] == PTX and entry[1] <= SM]
                or [min(entries, key=lambda entry: entry[3])]
            )
            body = b"".join(raw[at : at + whole] for _, _, at, whole in stay)
            new[place + head : place + head + length] = body + bytes(length - len(body))
            struct.pack_into("<Q", new, place + 8, len(body))
            before, kept, count = before + length, kept + len(body), count + 1
    library.write_bytes(new)
    return kept / 1e6, before / 1e6, count


if __name__ == "__main__":
    main()
