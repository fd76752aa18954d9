"""The `assay` command: every command in the order of its help.

Nothing heavy is loaded before one runs.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from typing import IO, NoReturn

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
    """Run the command; what goes wrong is a line on standard error, and never a traceback."""
    _prepare_streams()
    try:
        try:
            app()
        finally:
            sys.stdout.flush()  # here, where a full disk is still a message
    except StartupError as exc:
        _fail(masked(str(exc)))
    except BrokenPipeError:
        _end_unread()
    except SystemExit as exc:
        if isinstance(exc.__context__, BrokenPipeError):  # which click has taken for an error
            _end_unread()
        raise
    except (
        OSError
    ) as exc:  # of a file that was named: a folder, one that may not be written, a full disk
        if exc.filename is None:
            _drop(sys.stdout)  # what could not be written would be tried again at the end
        _fail(f"{exc.filename or 'the output'}: {exc.strerror or exc}")
    except MemoryError:
        _fail("not enough memory: give the command a smaller file, or several")


def _end_unread() -> NoReturn:
    """Exit where nobody reads any further, as in `| head`: with the code of other programs."""
    _drop(sys.stdout)
    raise SystemExit(128 + 13) from None  # what a shell shows of SIGPIPE


def _fail(message: str) -> NoReturn:
    """Print a message to standard error, and exit with 2; also where nobody can read it."""
    from assay.verifiers import printable

    try:
        typer.echo(printable(message), err=True)
    except OSError:
        _drop(sys.stderr)
    raise SystemExit(2) from None


def _drop(stream: IO[str]) -> None:
    """Have what a stream still holds go nowhere."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):  # no file: of a test, or closed
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _prepare_streams() -> None:
    """Open closed streams, and have them spell out characters that their encoding lacks.

    Output to a stream that came closed (`>&-`), where Python has None for a file, is dropped.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - until the end
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
