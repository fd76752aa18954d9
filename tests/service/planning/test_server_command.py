"""The command that serves a placed model."""

from __future__ import annotations

from dataclasses import replace

from assay.service.planning.gpus import Gpu
from assay.service.planning.memory_estimate import Server
from assay.service.planning.placement import Placed
from assay.service.planning.server_command import command_of, environment_of

GPUS = (Gpu(2, "L4", 24.0), Gpu(5, "L4", 24.0))
SERVER = Server(
    name="judge",
    verifiers=("judge",),
    served_as="short",
    weights="org/model",
    program="vllm",
    port=9000,
    flags=("--max-model-len", "4096"),
    environment={"HF_HUB_OFFLINE": "1"},
    weights_gib=8.0,
    shape=None,
    max_length=4096,
    tensor_parallel=None,
)


def test_a_model_is_served_on_this_machine_with_its_share() -> None:
    """Under the name that verifiers ask for; its own flags come last, and so win."""
    assert command_of(Placed(SERVER, GPUS[:1], 10.0, 0.456)) == [
        *("vllm", "serve", "org/model", "--served-model-name", "short"),
        *("--host", "127.0.0.1", "--port", "9000", "--gpu-memory-utilization", "0.46"),
        *("--max-model-len", "4096"),
    ]


def test_a_split_is_stated() -> None:
    """Over as many GPUs as it has; one GPU needs no option."""
    split = command_of(Placed(SERVER, GPUS, 10.0, 0.5))

    assert split[split.index("--tensor-parallel-size") + 1] == "2"
    assert "--tensor-parallel-size" not in command_of(Placed(SERVER, GPUS[:1], 10.0, 0.5))


def test_without_gpus_there_is_no_share() -> None:
    """On a CPU vLLM takes the memory that it needs."""
    placed = Placed(SERVER, (), 0.0, 0.0)

    assert "--gpu-memory-utilization" not in command_of(placed)
    assert environment_of(placed) == {"HF_HUB_OFFLINE": "1"}


def test_a_sidecar_is_ours() -> None:
    """It takes no share, and no other name."""
    sidecar = replace(SERVER, program="sidecar", flags=("--head", "mlp"))

    assert command_of(Placed(sidecar, GPUS[:1], 10.0, 0.5)) == [
        *("assay", "sidecar", "org/model", "--host", "127.0.0.1", "--port", "9000"),
        *("--head", "mlp"),
    ]


def test_another_program_may_come_before_the_models_name() -> None:
    """As where vLLM has an environment of its own."""
    words = command_of(Placed(SERVER, (), 0.0, 0.0), ("python", "-m", "vllm", "--model"))

    assert words[:5] == ["python", "-m", "vllm", "--model", "org/model"]


def test_a_server_sees_its_gpus_only() -> None:
    """The configuration's own variables beside them, and over them."""
    placed = Placed(SERVER, GPUS, 10.0, 0.5)

    assert environment_of(placed) == {"CUDA_VISIBLE_DEVICES": "2,5", "HF_HUB_OFFLINE": "1"}
