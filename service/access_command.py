"""`assay key`: a new key, and what the configuration says of it."""

from __future__ import annotations

import json

from pydantic import ValidationError
from rich.console import Console

from .access import SCOPES, new_key
from .startup import StartupError


def make_key(name: str, scopes: str, tasks: str | None, as_json: bool) -> None:
    """Print a key and its entry; raise `StartupError` for a scope or a name that is none."""
    wanted = [scope.strip() for scope in scopes.split(",") if scope.strip()]
    known = [scope for scope in SCOPES if scope in wanted]
    if len(known) < len(set(wanted)) or not known:
        raise StartupError(f"--scopes: must be any of {', '.join(SCOPES)}, with commas; got {scopes!r}")
    try:
        made, entry = new_key(name, known, None if tasks is None else [task.strip() for task in tasks.split(",")])
    except ValidationError as exc:
        error = exc.errors(include_url=False)[0]
        raise StartupError(f"{error['loc'][0]}: {error['msg']}, not {error['input']!r}") from None
    data = {field: value for field, value in entry.model_dump(mode="json").items() if value is not None}
    if as_json:
        print(json.dumps({"key": made, "entry": data}))  # noqa: T201 - the command's output
        return
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(f"{made}\n\nIt is not kept anywhere: give it to {name} now. In the configuration:\n\nservice:\n  keys:")
    console.print(f"    - {json.dumps(data)}")
