"""`assay key`: a new key, and its entry for the configuration."""

from __future__ import annotations

import json

from pydantic import ValidationError

from assay.service.api.front.auth import new_key
from assay.service.cli.console import Console
from assay.service.domain.errors import StartupError
from assay.service.domain.principal import SCOPES


def make_key(
    name: str, scopes: str, tasks: str | None, more: dict[str, str | None], as_json: bool
) -> None:
    """Print a key and its entry.

    Raises `StartupError` for a scope, a name or a limit that is none.
    """
    wanted = [scope.strip() for scope in scopes.split(",") if scope.strip()]
    known_scopes = [scope for scope in SCOPES if scope in wanted]
    if len(known_scopes) < len(set(wanted)) or not known_scopes:
        raise StartupError(
            f"--scopes: must be any of {', '.join(SCOPES)}, with commas; got {scopes!r}"
        )
    options = {field: value for field, value in more.items() if value is not None}
    try:
        made, entry = new_key(
            name,
            known_scopes,
            None if tasks is None else [task.strip() for task in tasks.split(",")],
            **options,
        )
    except ValidationError as exc:
        error = exc.errors(include_url=False)[0]
        raise StartupError(
            f"{error['loc'][0]}: {error['msg'].removeprefix('Value error, ')}, not"
            f" {error['input']!r}"
        ) from None
    always = {"name", "sha256", "scopes"}
    shown = entry.model_dump(mode="json", include=always) | entry.model_dump(
        mode="json", exclude_defaults=True
    )
    data = {field: value for field, value in shown.items() if value is not None}
    if as_json:
        print(json.dumps({"key": made, "entry": data}))  # noqa: T201 - the command's output
        return
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(
        f"{made}\n\nIt is not kept anywhere: give it to {name} now. In the"
        " configuration:\n\nservice:\n  keys:"
    )
    console.print(f"    - {json.dumps(data)}")
