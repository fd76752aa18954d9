"""The `assay` command: every command in the order of its help.

Nothing heavy is loaded before one runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import typer

from assay.service.cli.commands import (
    comparison,
    importing,
    labels,
    learning,
    ranking,
    servers,
    setup,
    tasks,
)
from assay.service.domain.errors import StartupError
from assay.service.domain.secrets import masked

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Tells which of several candidate LLM answers to trust.",
)
COMMANDS: dict[str, Callable[..., None]] = {
    "serve": servers.serve_command,
    "plan": servers.plan_command,
    "up": servers.up_command,
    "key": setup.key_command,
    "rank": ranking.rank_command,
    "batch": ranking.batch_command,
    "demo": ranking.demo_command,
    "import": importing.import_command,
    "fit": learning.fit_command,
    "tasks": tasks.tasks_command,
    "promote": tasks.promote_command,
    "shadow": tasks.shadow_command,
    "label": labels.label_command,
    "report": tasks.report_command,
    "export": tasks.export_command,
    "predict": learning.predict_command,
    "evaluate": learning.evaluate_command,
    "compare": comparison.compare_command,
    "doctor": setup.doctor_command,
    "models": setup.models_command,
    "sidecar": servers.sidecar_command,
    "init": setup.init_command,
    "version": setup.version_command,
}
for name, command in COMMANDS.items():
    app.command(name)(command)

config_app = typer.Typer(no_args_is_help=True, help="Configuration files.")
config_app.command("check")(setup.config_check)
app.add_typer(config_app, name="config")

labels_app = typer.Typer(no_args_is_help=True, help="Labels of a running service's tasks.")
labels_app.command("import")(labels.labels_import)
labels_app.command("export")(labels.labels_export)
labels_app.command("list")(labels.labels_list)
labels_app.command("withdraw")(labels.labels_withdraw)
app.add_typer(labels_app, name="labels")


def main() -> None:
    """Run the command; a wrong configuration is a message, not a traceback."""
    _open_closed_streams()
    try:
        app()
    except StartupError as exc:
        from assay.verifiers import printable

        typer.echo(printable(masked(str(exc))), err=True)
        raise SystemExit(2) from None
    except (
        OSError
    ) as exc:  # of a file that was named: a folder, one that may not be written, a full disk
        typer.echo(f"{exc.filename or 'a file'}: {exc.strerror or exc}", err=True)
        raise SystemExit(2) from None


def _open_closed_streams() -> None:
    """Drop output to a stream that came closed (`>&-`), where Python has None for a file."""
    for stream in ("stdout", "stderr"):
        if getattr(sys, stream) is None:
            setattr(sys, stream, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - until the end
