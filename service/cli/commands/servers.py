"""`assay serve`, `plan`, `up` and `sidecar`: the processes that serve, their places and models."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from assay.service.cli.commands.options import ConfigOption, DataOption, JsonOption
from assay.service.domain.errors import StartupError

LengthOption = Annotated[int, typer.Option(min=1, help="Tokens of a prompt with its answer.")]

ConcurrencyOption = Annotated[
    int, typer.Option(min=1, help="Sequences of that length at once, for each model.")
]


class PlanForm(StrEnum):
    """The form that `assay plan -o` writes."""

    script = "script"
    compose = "compose"
    kubernetes = "kubernetes"
    helm = "helm"


def serve_command(
    config: ConfigOption = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on [127.0.0.1].", show_default=False)
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on [8080].", show_default=False)
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Worker processes [1].", show_default=False)
    ] = None,
    data_dir: DataOption = None,
    redis_url: Annotated[
        str | None,
        typer.Option(help="Redis or Valkey server; default: an embedded one.", show_default=False),
    ] = None,
    root_path: Annotated[
        str | None, typer.Option(help="Path prefix that a proxy strips.", show_default=False)
    ] = None,
    allowed_hosts: Annotated[
        str | None,
        typer.Option(
            help="Names by which clients may reach it without a key, with commas.",
            show_default=False,
        ),
    ] = None,
    log_level: Annotated[
        str | None, typer.Option(help="debug, info, warning or error.", show_default=False)
    ] = None,
) -> None:
    """Serve the API until Ctrl-C."""
    from assay.service.server.run import run_server

    flags = {
        "host": host,
        "port": port,
        "workers": workers,
        "data_dir": data_dir,
        "redis_url": redis_url,
        "root_path": root_path,
        "allowed_hosts": allowed_hosts,
        "log_level": log_level,
    }
    run_server(config, flags)


def plan_command(
    ensemble: Annotated[
        Path, typer.Argument(help="Configuration file.", exists=True, dir_okay=False)
    ],
    gpus: Annotated[
        str,
        typer.Option(
            help="COUNTxNAME-SIZEG, such as 1xH200-141G or 8xA100-80G; several with a comma."
        ),
    ] = "auto",
    length: LengthOption = 4096,
    concurrency: ConcurrencyOption = 8,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Write the plan to a file.", show_default=False),
    ] = None,
    form: Annotated[PlanForm, typer.Option("--format", help="What -o writes.")] = PlanForm.script,
    as_json: JsonOption = False,
) -> None:
    """Plan which GPU serves which model of a configuration.

    Writes the plan as a script, a compose file, manifests or values of the chart.
    """
    from assay.service.cli.plan import plan_ensemble
    from assay.service.planning.memory_estimate import Load

    plan_ensemble(ensemble, gpus, Load(length, concurrency), out, form.value, as_json)


def up_command(
    ensemble: Annotated[
        Path, typer.Argument(help="Configuration file.", exists=True, dir_okay=False)
    ],
    gpus: Annotated[
        str, typer.Option(help="As for `assay plan`; none: serve on the CPU, without a placement.")
    ] = "auto",
    length: LengthOption = 4096,
    concurrency: ConcurrencyOption = 8,
    vllm_venv: Annotated[
        Path | None,
        typer.Option(
            help="Environment that has vLLM; default: `vllm` on the PATH.", show_default=False
        ),
    ] = None,
    logs: Annotated[
        Path | None,
        typer.Option(help="Folder of their output; default: logs in data_dir.", show_default=False),
    ] = None,
    start_timeout: Annotated[
        float, typer.Option(min=1, help="Longest wait for a model, in seconds.")
    ] = 1800,
) -> None:
    """Start the model servers of a configuration and the service.

    Keeps them running, and ends all at Ctrl-C.
    """
    from assay.service.cli.up import start_all as start
    from assay.service.planning.memory_estimate import Load

    start(ensemble, gpus, Load(length, concurrency), vllm_venv, logs, start_timeout)


def sidecar_command(
    model: Annotated[str, typer.Argument(help="The model's name on the hub, or a folder.")],
    served_model_name: Annotated[
        str | None, typer.Option(help="Name to serve it by; default: MODEL.", show_default=False)
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8000,
    output: Annotated[
        str, typer.Option(help="Where the score is: score, logits or first_token_logit.")
    ] = "logits",
    head: Annotated[
        str, typer.Option(help="linear, or mlp (Linear, ReLU, Linear: INF-ORM).")
    ] = "linear",
    adapter: Annotated[
        Path | None,
        typer.Option(
            help="Python file with load(name, device, dtype), for any other model.",
            show_default=False,
        ),
    ] = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run the code that comes with the model.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 ...")] = "auto",
    dtype: Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16.")] = "auto",
    max_model_len: Annotated[int, typer.Option(min=1, help="Longest prompt, in tokens.")] = 4096,
    batch_size: Annotated[int, typer.Option(min=1, help="Most prompts in one forward pass.")] = 16,
) -> None:
    """Serve a reward model that vLLM has no class for, in vLLM's form (needs the extra hf)."""
    from assay.service.sidecar.app import serve_sidecar
    from assay.service.sidecar.model import ModelChoice

    for name, value, choices in (
        ("--output", output, ("score", "logits", "first_token_logit")),
        ("--head", head, ("linear", "mlp")),
    ):
        if value not in choices:
            raise StartupError(f"{name}: must be one of: {', '.join(choices)}; got {value!r}")
    choice = ModelChoice(
        name=model,
        output=output,  # type: ignore[arg-type]  # checked above
        head=head,  # type: ignore[arg-type]  # checked above
        adapter=adapter,
        trust_remote_code=trust_remote_code,
        device=device,
        dtype=dtype,
        max_tokens=max_model_len,
    )
    serve_sidecar(choice, served_model_name, host, port, batch_size)
