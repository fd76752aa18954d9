"""`assay init`, `config check`, `key`, `models`, `doctor` and `version`: before it serves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.service.cli.commands.options import ConfigOption, JsonOption


def init_command(
    file: Annotated[Path, typer.Argument(help="Where to write it.")] = Path("ensemble.yaml"),
) -> None:
    """Write a commented configuration to start from."""
    from assay.aggregation.whole_file import save_file
    from assay.service.config.loading import default_config_path
    from assay.verifiers import printable

    if file.exists():
        typer.echo(printable(f"{file} exists already; name another file"), err=True)
        raise typer.Exit(1)
    example = default_config_path().with_name("served.yaml")
    save_file(file, example.read_bytes())
    typer.echo(printable(f"wrote {file}; edit it, then: assay config check {file}"))


def config_check(
    file: Annotated[Path, typer.Argument(help="Configuration file.")],
    offline: Annotated[bool, typer.Option("--offline", help="Do not call the servers.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check a configuration file, and that every server in it answers and serves its model."""
    from assay.service.cli.config_check import check_config

    raise typer.Exit(check_config(file, offline, as_json))


def key_command(
    name: Annotated[str, typer.Argument(help="The holder's name in the log.")],
    scopes: Annotated[str, typer.Option(help="Any of rank, label, admin, with commas.")] = "rank",
    tasks: Annotated[
        str | None,
        typer.Option(
            help="Tasks that the key opens, with commas; default: all.", show_default=False
        ),
    ] = None,
    requests: Annotated[
        str | None,
        typer.Option(help="Limit of requests, such as 600/minute.", show_default=False),
    ] = None,
    cost: Annotated[
        str | None, typer.Option(help="Limit of cost, such as 1000/day.", show_default=False)
    ] = None,
    priority: Annotated[
        str | None, typer.Option(help="interactive or bulk.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key.

    The command shows the key once and prints its hash for the configuration.
    """
    from assay.service.cli.key import make_key

    make_key(
        name, scopes, tasks, {"requests": requests, "cost": cost, "priority": priority}, as_json
    )


def models_command(
    name: Annotated[
        str | None,
        typer.Argument(
            help="Show everything that the catalogue holds about this model.", show_default=False
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the models that Assay knows how to serve, or show one."""
    from assay.service.cli.models import show_models

    show_models(name, as_json)


def doctor_command(
    config: ConfigOption = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="Only the verifier of this name; may be given again.", show_default=False
        ),
    ] = None,
    attacks: Annotated[
        bool,
        typer.Option("--attacks", help="Attack the judges instead, with and without our defences."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Examine every verifier: is it served right, and does it rank right above wrong?

    It reads 60 bundled pairs. The exit code is 1 if a verifier failed.
    """
    from assay.service.cli.doctor import run_doctor

    raise typer.Exit(run_doctor(config, only or [], attacks, as_json))


def version_command(as_json: JsonOption = False) -> None:
    """Print the version, Python and platform."""
    import json
    import platform

    from assay.service.api.app import assay_version

    what = {
        "assay": assay_version(),
        "python": platform.python_version(),
        "platform": platform.platform(),
    }
    typer.echo(
        json.dumps(what)
        if as_json
        else "  ".join(f"{name} {value}" for name, value in what.items())
    )
