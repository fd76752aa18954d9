"""`assay models`: the entries of the catalogue."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.table import Table
from rich.text import Text

from assay.service.cli.console import Console
from assay.service.config.suggestion import did_you_mean
from assay.service.domain.errors import StartupError
from assay.verifiers.catalog.catalog import Entry, catalog

SERVERS = {"vllm": "vLLM", "sidecar": "assay sidecar", "none": "not served"}


def show_models(name: str | None, as_json: bool) -> None:
    """Print the catalog, or one entry; off a terminal, one unwrapped line a model."""
    entries = catalog()
    if name is not None:
        _show_one(name, entries, as_json)
    elif as_json:
        print(json.dumps({key: _as_dict(entry) for key, entry in entries.items()}, indent=2))  # noqa: T201 - the command's output
    elif sys.stdout.isatty():
        Console().print(_table(entries))
    else:
        for key, entry in entries.items():
            row = (
                key,
                entry.kind,
                SERVERS[entry.server],
                f"{entry.parameters:g}B",
                f"{entry.gpu_gib} GiB",
                entry.licence,
                entry.model,
            )
            print("\t".join(row))  # noqa: T201 - a command's output


def _show_one(name: str, entries: dict[str, Entry], as_json: bool) -> None:
    entry = entries.get(name) or next(
        (candidate for candidate in entries.values() if candidate.model == name), None
    )
    if entry is None:
        raise StartupError(
            f"no model is called {name!r}{did_you_mean(name, list(entries))}; `assay models` lists"
            " them"
        )
    if as_json:
        print(json.dumps(_as_dict(entry), indent=2))  # noqa: T201 - the command's output
        return
    console = Console(highlight=False, soft_wrap=True)
    key = next(key for key, candidate in entries.items() if candidate is entry)
    console.print(Text.assemble((key, "bold"), f"  {entry.model}"))
    rows = [
        ("kind", entry.kind),
        ("serve", entry.command or "nothing here can serve it"),
        ("score", entry.score),
        ("context", f"{entry.context:,} tokens" if entry.context else "not known"),
        (
            "size",
            f"{entry.parameters:g} billion parameters, about {entry.gpu_gib} GiB of GPU memory",
        ),
        ("licence", entry.licence),
        (
            "accuracy",
            ", ".join(f"{what} {value:g}" for what, value in entry.accuracy.items())
            or "none published that we know of",
        ),
        ("source", entry.source or ""),
        ("notes", entry.notes),
    ]
    for what, value in rows:
        if value:
            console.print(f"  {what:<9} ", value, markup=False, sep="")
    if entry.server != "none":
        console.print(
            "\n  verifiers:\n    - name: my-verifier\n      use: ",
            key,
            "\n      endpoint: http://127.0.0.1:8000",
            markup=False,
            sep="",
        )


def _as_dict(entry: Entry) -> dict[str, Any]:
    return {**entry.model_dump(mode="json"), "gpu_gib": entry.gpu_gib, "command": entry.command}


def _table(entries: dict[str, Entry]) -> Table:
    table = Table(box=None, header_style="bold")
    for heading in ("model", "kind", "served by", "size", "GPU", "licence", "published accuracy"):
        table.add_column(heading, no_wrap=heading in ("model", "kind"))
    for key, entry in entries.items():
        accuracy = ", ".join(f"{what} {value:g}" for what, value in entry.accuracy.items())
        style = "dim" if entry.server == "none" else ""
        size = f"{entry.parameters:g}B"
        table.add_row(
            key,
            entry.kind,
            SERVERS[entry.server],
            size,
            f"{entry.gpu_gib} GiB",
            entry.licence,
            accuracy,
            style=style,
        )
    return table
