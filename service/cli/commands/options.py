"""Options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        envvar="ASSAY_CONFIG",
        help="Configuration file; default: the CPU ensemble.",
        show_default=False,
    ),
]

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]

DataOption = Annotated[
    Path | None, typer.Option(help="Folder of the embedded store.", show_default=False)
]

UrlOption = Annotated[str, typer.Option(envvar="ASSAY_URL", help="A running service.")]
DEFAULT_URL = "http://127.0.0.1:8080"
