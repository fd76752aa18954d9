"""`assay plan`: which GPU serves which model."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from rich.table import Table

from assay.aggregation.whole_file import save_file
from assay.service.cli.console import Console
from assay.service.cli.outputs import check_output
from assay.service.planning.gpus import parse_gpus
from assay.service.planning.manifests import MANIFEST_FORMS, written
from assay.service.planning.memory_estimate import Load, servers_of
from assay.service.planning.placement import Plan, place
from assay.service.planning.server_command import command_of, environment_of
from assay.service.runtime.configuration import load_config


def plan_ensemble(
    config: Path, gpus: str, load: Load, out: Path | None, form: str, as_json: bool
) -> None:
    """Print the place of each model, and write the plan to a file on request.

    Raises `StartupError` for models that do not fit, and for a file that is the configuration.
    """
    if out is not None:
        check_output(out, config)
    plan = place(servers_of(load_config(config, {}, {})), parse_gpus(gpus), load)
    if out is not None:
        save_file(out, written(plan, form, config).encode())
        if form == "script":
            out.chmod(0o755)
    if as_json:
        print(json.dumps(plan_data(plan), indent=2))  # noqa: T201 - the command's output
        return
    show_plan(plan)
    if out is not None:
        Console(highlight=False).print(f"wrote {out} ({MANIFEST_FORMS[form]})", soft_wrap=True)


def show_plan(plan: Plan) -> None:
    """Print a table of the servers in their order, and of the free part of each GPU."""
    # Lines are not folded when the output is no terminal.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
    table = Table(box=None, header_style="bold")
    for head in ("", "server", "model", "weights", "KV cache", "GPUs", "share", "port", "asked by"):
        table.add_column(
            head,
            justify="right" if head in ("weights", "KV cache", "share", "port", "") else "left",
            overflow="fold",
        )
    for number, placed in enumerate(plan.placed, 1):
        server, split = placed.server, placed.tensor_parallel
        share = f"{placed.share:.2f}" if server.program == "vllm" else "-"
        kv = f"{server.kv_gib(plan.load, split) * split:.1f} GiB"
        gpus = ",".join(str(gpu.number) for gpu in placed.gpus)
        cells = (
            server.name,
            server.weights,
            f"{server.weights_gib:.1f} GiB",
            kv,
            gpus,
            share,
            str(server.port),
        )
        table.add_row(str(number), *cells, ", ".join(server.verifiers))
    console.print(table)
    for gpu in plan.gpus:
        shares = [
            placed.share * gpu.gib if placed.server.program == "vllm" else placed.gib
            for placed in plan.placed
            if gpu in placed.gpus
        ]
        console.print(
            f"GPU {gpu.number}, {gpu.name} of {gpu.gib:g} GiB: {sum(shares):.1f} GiB taken by"
            f" {len(shares)}"
        )
    console.print(
        f"KV cache for {plan.load.concurrency} sequences of {plan.load.length} tokens at least;"
        " started in this order"
    )


def plan_data(plan: Plan) -> dict[str, Any]:
    """Return a plan as plain data."""
    servers = [
        {
            "name": placed.server.name,
            "verifiers": placed.server.verifiers,
            "model": placed.server.weights,
            "port": placed.server.port,
            "gpus": [gpu.number for gpu in placed.gpus],
            "tensor_parallel": placed.tensor_parallel,
            "share": placed.share,
            "gib_per_gpu": round(placed.gib, 2),
            "weights_gib": round(placed.server.weights_gib, 2),
            "kv_gib": round(
                placed.server.kv_gib(plan.load, placed.tensor_parallel) * placed.tensor_parallel, 2
            ),
            "environment": environment_of(placed),
            "command": command_of(placed),
        }
        for placed in plan.placed
    ]
    gpus = [{"number": gpu.number, "name": gpu.name, "gib": gpu.gib} for gpu in plan.gpus]
    return {
        "servers": servers,
        "gpus": gpus,
        "length": plan.load.length,
        "concurrency": plan.load.concurrency,
    }
