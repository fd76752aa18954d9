"""The memory of each model's server: weights, room beside them, and a KV cache.

The cache fits the requested length and concurrency.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_address
from urllib.parse import urlsplit

from assay.service.config.model import Config
from assay.service.domain.errors import StartupError
from assay.verifiers.catalog.catalog import GIB_PER_BILLION_BYTES, Entry, catalog
from assay.verifiers.catalog.shapes import shape_of
from assay.verifiers.contract.model_shape import ModelShape
from assay.verifiers.contract.settings import ServedSettings, ServeSettings, VerifierSettings

#: GiB on each GPU beside weights and KV cache: CUDA's own and graphs; activations, which grow with
#: the model; NCCL if split.
CUDA_GIB, ACTIVATIONS, SPLIT_GIB = 1.5, 0.03, 0.5
GIB = 2**30


@dataclass(frozen=True, slots=True)
class Load:
    """The load that a server must hold: so many sequences of so many tokens at once."""

    length: int = 4096
    concurrency: int = 8


@dataclass(frozen=True, slots=True)
class Server:
    """One server: its callers, its model and the model's name, its endpoint and its size."""

    name: str
    verifiers: tuple[str, ...]
    served_as: str
    weights: str
    program: str  # vllm or sidecar
    port: int
    flags: tuple[str, ...]
    environment: dict[str, str]
    weights_gib: float
    shape: ModelShape | None
    max_length: int
    tensor_parallel: int | None

    def kv_gib(self, load: Load, tensor_parallel: int) -> float:
        """Return the GiB of KV cache on each of so many GPUs: as stated, at least one full
        sequence.
        """
        if self.shape is None or self.program == "sidecar":
            return 0.0
        tokens = max(load.concurrency * min(load.length, self.max_length), self.max_length)
        return tokens * self.shape.kv_bytes_per_token(tensor_parallel) / GIB

    def gib(self, load: Load, tensor_parallel: int) -> float:
        """Return the GiB that it needs on each of so many GPUs."""
        weights = self.weights_gib / tensor_parallel
        beside = CUDA_GIB + ACTIVATIONS * weights + (SPLIT_GIB if tensor_parallel > 1 else 0)
        return weights + beside + self.kv_gib(load, tensor_parallel)

    def splits_over(self, tensor_parallel: int) -> bool:
        """Return whether so many GPUs can share it.

        A model without a known shape, or without the option, stays on one.
        """
        if tensor_parallel == 1:
            return True
        return (
            self.program == "vllm"
            and self.shape is not None
            and self.shape.splits_over(tensor_parallel)
        )


def servers_of(config: Config) -> list[Server]:
    """Return the servers that a configuration's verifiers ask on this machine, each once, in its
    order.

    Raises `StartupError` for a model of unknown size, two models at one port, and a configuration
    without any.
    """
    by_port: dict[int, Server] = {}
    for settings, model, endpoint, serve in _asked(config):
        port = _port(endpoint)
        if port is None:
            continue
        new = _server(settings, model, port, serve)
        old = by_port.setdefault(port, new)
        if old is not new:
            if old.served_as != new.served_as:
                raise StartupError(
                    f"port {port} is both {old.served_as}'s ({old.name}) and {new.served_as}'s"
                    f" ({settings.name})"
                )
            by_port[port] = replace(
                old, verifiers=tuple(dict.fromkeys((*old.verifiers, *new.verifiers)))
            )
    if not by_port:
        raise StartupError(
            "no verifier of this configuration asks a model server on this machine (endpoint:"
            " http://127.0.0.1:PORT)"
        )
    return list(by_port.values())


def _asked(config: Config) -> Iterator[tuple[VerifierSettings, str, str, ServeSettings | None]]:
    for settings in config.verifiers:
        if not isinstance(settings, ServedSettings):
            continue
        for endpoint in settings.endpoints or (settings.endpoint or "",):
            yield settings, settings.model, endpoint, settings.serve
        reference, there = (
            getattr(settings, "reference_model", None),
            getattr(settings, "reference_endpoint", None),
        )
        if reference and there:
            yield settings, reference, there, None


def _port(endpoint: str) -> int | None:
    """Return a loopback endpoint's port; None for another machine's server."""
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    try:
        here = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        here = False
    return (parts.port or 80) if here else None


def _server(
    settings: VerifierSettings, model: str, port: int, serve: ServeSettings | None
) -> Server:
    serve = serve or ServeSettings()
    weights = serve.weights or model
    entry = next(
        (candidate for candidate in catalog().values() if candidate.model == weights), None
    )
    parameters = serve.parameters or (entry.parameters if entry else None)
    if parameters is None:
        how = "serve: {parameters: BILLIONS}, or serve: {weights: its name on the hub}"
        raise StartupError(f"{settings.name}: the size of {weights} is not known; say it: {how}")
    own = _without_split((*(entry.flags if entry else ()), *serve.flags))
    name = settings.name.replace(":", "-").replace(".", "-").lower()
    size = serve.bytes_per_parameter or (entry.bytes_per_parameter if entry else 2)
    return Server(
        name=name,
        verifiers=(settings.name,),
        served_as=model,
        weights=weights,
        program=entry.server if entry else "vllm",
        port=port,
        flags=own,
        environment=dict(serve.environment),
        weights_gib=parameters * size * GIB_PER_BILLION_BYTES,
        shape=serve.shape or shape_of(weights),
        max_length=_max_length(own, entry),
        tensor_parallel=serve.tensor_parallel,
    )


def _without_split(flags: tuple[str, ...]) -> tuple[str, ...]:
    """Return flags without the split over GPUs, which the plan decides."""
    remaining, words = [], iter(flags)
    for word in words:
        if word in ("--tensor-parallel-size", "-tp"):
            next(words, None)
        else:
            remaining.append(word)
    return tuple(remaining)


def _max_length(flags: tuple[str, ...], entry: Entry | None) -> int:
    for place in range(len(flags) - 2, -1, -1):
        if flags[place] == "--max-model-len" and flags[place + 1].isdigit():
            return int(flags[place + 1])
    return (entry.context if entry else None) or 4096
