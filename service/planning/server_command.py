"""The command that serves a placed model."""

from __future__ import annotations

from collections.abc import Sequence

from assay.service.planning.placement import Placed

#: The words of `vllm serve MODEL`, with `vllm` on the PATH.
SERVE = ("vllm", "serve")


def command_of(placed: Placed, vllm: Sequence[str] = SERVE) -> list[str]:
    """Return the words that start a server on this machine's loopback.

    `vllm` stands before the model's name.
    """
    server = placed.server
    where = ["--host", "127.0.0.1", "--port", str(server.port)]
    if server.program == "sidecar":
        return ["assay", "sidecar", server.weights, *where, *server.flags]
    words = [*vllm, server.weights, "--served-model-name", server.served_as, *where]
    if placed.gpus:
        words += ["--gpu-memory-utilization", f"{placed.share:.2f}"]
    if placed.tensor_parallel > 1:
        words += ["--tensor-parallel-size", str(placed.tensor_parallel)]
    return [*words, *server.flags]


def environment_of(placed: Placed) -> dict[str, str]:
    """Return the environment variables of a server: its GPUs, and the configuration's."""
    gpus = (
        {"CUDA_VISIBLE_DEVICES": ",".join(str(gpu.number) for gpu in placed.gpus)}
        if placed.gpus
        else {}
    )
    return {**gpus, **placed.server.environment}
