"""Places servers on GPUs: the largest first, on few GPUs, into the smallest fitting gap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from assay.service.domain.errors import StartupError
from assay.service.planning.gpus import Gpu, parse_gpus
from assay.service.planning.memory_estimate import Load, Server

#: The share of a GPU's memory for all servers: the driver and other processes have the rest.
USABLE = 0.92
PARALLEL_SIZES = (1, 2, 4, 8)
SHARE_ROUNDING = 1e-9
#: GPUs to suggest if a model does not fit, smallest first.
COMMON = ("L4-24G", "A100-40G", "L40S-48G", "H100-80G", "H200-141G", "B200-180G")


class DoesNotFitError(StartupError):
    """The models do not fit the GPUs; the message gives the missing memory and a remedy."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A server with its GPUs, and the share of each that it may take
    (`--gpu-memory-utilization`).
    """

    server: Server
    gpus: tuple[Gpu, ...]
    gib: float  # on each of them, as needed
    share: float  # of each of them, room to spare included

    @property
    def tensor_parallel(self) -> int:
        """Return over how many GPUs it is split."""
        return len(self.gpus)


@dataclass(frozen=True, slots=True)
class Plan:
    """Servers in the order of their start, and all the GPUs."""

    placed: tuple[Placed, ...]
    gpus: tuple[Gpu, ...]
    load: Load


def place(servers: Sequence[Server], gpus: Sequence[Gpu], load: Load) -> Plan:
    """Return the place of each server.

    Servers that share a GPU start one after another: vLLM measures the free memory when it
    starts. The largest begins. Raises `DoesNotFitError`.
    """
    free_gib = {gpu.number: gpu.gib * USABLE for gpu in gpus}
    placements: list[tuple[Server, tuple[Gpu, ...], float]] = []
    for server in sorted(servers, key=lambda candidate: -candidate.gib(load, 1)):
        chosen = next((some for some in _choices(server, gpus, free_gib, load)), None)
        if chosen is None:
            raise DoesNotFitError(
                _why(server, gpus, free_gib, load, [earlier for earlier, _, _ in placements])
            )
        need = server.gib(load, len(chosen))
        for gpu in chosen:
            free_gib[gpu.number] -= _taken(need, gpu)
        placements.append((server, chosen, need))
    return Plan(tuple(_with_room(placements, free_gib, load)), tuple(gpus), load)


def _choices(
    server: Server, gpus: Sequence[Gpu], free_gib: dict[int, float], load: Load
) -> list[tuple[Gpu, ...]]:
    """Return the GPUs that a server can have, best first: as few as hold it, of one kind, with
    the least room to spare.
    """
    splits = (server.tensor_parallel,) if server.tensor_parallel else PARALLEL_SIZES
    choices = []
    for split in splits:
        if not server.splits_over(split):
            continue
        need = server.gib(load, split)
        for kind in dict.fromkeys((gpu.name, gpu.gib) for gpu in gpus):
            fit = [
                gpu
                for gpu in gpus
                if (gpu.name, gpu.gib) == kind and free_gib[gpu.number] >= _taken(need, gpu)
            ]
            fit.sort(key=lambda gpu: (free_gib[gpu.number], gpu.number))
            if len(fit) >= split:
                choices.append(tuple(sorted(fit[:split], key=lambda gpu: gpu.number)))
        if choices:
            return sorted(choices, key=lambda some: sum(free_gib[gpu.number] for gpu in some))
    return []


def _taken(need: float, gpu: Gpu) -> float:
    """Return the least GiB of a server: a whole percentage of the GPU."""
    return math.ceil(100 * need / gpu.gib) / 100 * gpu.gib


def _with_room(
    placements: Sequence[tuple[Server, tuple[Gpu, ...], float]],
    free_gib: dict[int, float],
    load: Load,
) -> list[Placed]:
    """Return the placed servers, each with free memory in proportion to its cache."""
    caches: dict[int, float] = {}
    for server, gpus, _ in placements:
        for gpu in gpus:
            caches[gpu.number] = caches.get(gpu.number, 0.0) + server.kv_gib(load, len(gpus))
    placed = []
    for server, gpus, need in placements:
        cache_gib = server.kv_gib(load, len(gpus))
        extra = min(
            free_gib[gpu.number] * cache_gib / caches[gpu.number] if caches[gpu.number] else 0.0
            for gpu in gpus
        )
        smallest = min(gpus, key=lambda gpu: gpu.gib)
        share = (
            math.floor(100 * (_taken(need, smallest) + extra) / smallest.gib + SHARE_ROUNDING) / 100
        )
        placed.append(Placed(server, gpus, need, share))
    return placed


def _why(
    server: Server,
    gpus: Sequence[Gpu],
    free_gib: dict[int, float],
    load: Load,
    before: Sequence[Server],
) -> str:
    """Return the missing memory, and a remedy."""
    splits = [
        split
        for split in ((server.tensor_parallel,) if server.tensor_parallel else PARALLEL_SIZES)
        if server.splits_over(split)
    ]
    if not splits:
        heads = (
            f"{server.shape.heads} attention heads and {server.shape.kv_heads} KV heads"
            if server.shape
            else "unknown heads"
        )
        return (
            f"{server.name} ({server.weights}) cannot be split over {server.tensor_parallel} GPUs:"
            f" {heads}"
        )
    room = sorted(free_gib.values(), reverse=True)
    # The split that comes nearest: with fewer GPUs than it needs, all that is on the others is
    # missing.
    missing = {
        split: sum(
            max(0.0, server.gib(load, split) - free) for free in (*room, *[0.0] * split)[:split]
        )
        for split in splits
    }
    split = min(missing, key=lambda size: missing[size])
    need, where = server.gib(load, split), f"on each of {split} GPUs" if split > 1 else "on one GPU"
    after = f" beside {', '.join(earlier.name for earlier in before)}" if before else ""
    problem = (
        f"{server.name} ({server.weights}) does not fit{after}: it needs {need:.1f} GiB {where}"
    )
    return f"{problem}, {missing[split]:.1f} GiB are missing; {_advice(server, load)}"


def _advice(server: Server, load: Load) -> str:
    """Return the GPUs that would hold a server alone."""
    options = []
    for name in COMMON:
        for split in PARALLEL_SIZES:
            gpus = parse_gpus(f"{split}x{name}")
            if _choices(
                server, gpus, {gpu.number: gpu.gib * USABLE for gpu in gpus}, load
            ) and server.splits_over(split):
                options.append(f"{split}x{name}")
                break
    by_itself = (
        f"by itself it fits {' or '.join(options[:3])}"
        if options
        else "no machine of up to 8 GPUs holds it"
    )
    return (
        f"{by_itself}; or ask for less with --length ({load.length}) and --concurrency"
        f" ({load.concurrency}), or take fp8 weights"
    )
