"""`assay config check`: is the file right, and do its servers answer?"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from assay.service.cli.console import Console
from assay.service.config.model import Config
from assay.service.config.problems import ConfigError
from assay.service.config.yaml_file import read_yaml
from assay.service.learning.configured_models import load_models
from assay.service.runtime.configuration import load_config
from assay.verifiers import HttpPool, ServedSettings, ServedVerifier, VerifierError, build


def check_config(path: Path, offline: bool, as_json: bool) -> int:
    """Print the faults, each with its place in the file; return the exit code."""
    problems: list[str] = []
    try:
        config = load_config(path)
        load_models(config)
    except ConfigError as exc:
        problems = exc.problems
    else:
        problems = [] if offline else asyncio.run(_unreachable(path, config))
    if as_json:
        print(json.dumps({"ok": not problems, "problems": problems}))  # noqa: T201 - this is the command's output
        return 1 if problems else 0
    console = Console(stderr=bool(problems), highlight=False, soft_wrap=True)
    for problem in problems:
        console.print(problem, style="red", markup=False)
    if not problems:
        names = ", ".join(
            f"{name} ({len(members)} verifiers)" for name, members in config.ensembles.items()
        )
        console.print(
            f"{path}: right. Ensembles: {names}. Tasks: {', '.join(config.tasks)}.", markup=False
        )
    return 1 if problems else 0


async def _unreachable(path: Path, config: Config) -> list[str]:
    """Return a line for each server that does not answer, or does not serve the model."""
    lines = _endpoint_lines(path)
    transport = HttpPool(network=config.service.network)
    problems: list[str] = []
    for place, settings in enumerate(config.verifiers):
        verifier = build(settings, transport)
        if isinstance(verifier, ServedVerifier):
            assert isinstance(settings, ServedSettings)  # noqa: S101 - served verifiers have served settings
            for number, problem in enumerate(await verifier.problems()):
                if problem is not None:
                    key = "endpoint" if settings.endpoint else f"endpoints.{number}"
                    line = lines.get(place, 1)
                    hint = (
                        "start the server, or correct the URL"
                        if problem.reason == "unreachable"
                        else "correct `model` or the URL"
                    )
                    problems.append(f"{path}:{line}: verifiers.{place}.{key}: {problem}; {hint}")
        else:
            try:
                await verifier.check()
            except VerifierError as exc:
                problems.append(f"{path}:{lines.get(place, 1)}: verifiers.{place}: {exc}")
    await transport.close()
    return problems


def _endpoint_lines(path: Path) -> dict[int, int]:
    """Return the line of each verifier's endpoints, or of the verifier where it has none."""
    root, _ = read_yaml(path)
    verifiers = next(value for key, value in root.value if key.value == "verifiers")
    lines = {}
    for place, node in enumerate(verifiers.value):
        keys = [key for key, _ in node.value if key.value in ("endpoint", "endpoints")]
        lines[place] = (keys[0] if keys else node).start_mark.line + 1
    return lines
