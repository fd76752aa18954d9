"""The documentation names everything that a user can set, call or watch, and its links lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from pydantic import BaseModel

from assay.service.api.app import create_app
from assay.service.cli.main import app as commands
from assay.service.config.generator_settings import UpstreamSettings
from assay.service.config.loading import default_config_path
from assay.service.config.model import Config, TaskSettings
from assay.service.config.settings import ServiceSettings
from assay.service.runtime.configuration import load_config
from assay.service.telemetry.metrics import Metrics
from assay.verifiers import KINDS
from assay.verifiers.contract.settings import ServeSettings

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
PROSE = [
    *PAGES,
    *(ROOT / name for name in ("README.md", "SECURITY.md", "CHANGELOG.md", "deploy/README.md")),
]
EVERY_PAGE = [
    *PROSE,
    ROOT / "client/README.md",
    ROOT / "tests/benchmarks/gpu/README.md",
    ROOT / "llms.txt",
]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"`([\w.-]+(?:/[\w.-]+)*\.(?:py|sh|md|toml|svg|tpl)|[\w.-]+(?:/[\w.-]+)*/)[:`]")


def page(name: str) -> str:
    """Return the text of a page."""
    return (DOCS / name).read_text(encoding="utf-8")


def keys_of(model: type[BaseModel]) -> set[str]:
    """Return a model's keys as the configuration file spells them."""
    return {field.alias or name for name, field in model.model_fields.items()}


def missing(names: set[str], text: str) -> list[str]:
    """Return the names that do not stand in the text as code."""
    return sorted(name for name in names if not re.search(rf"`{re.escape(name)}\b", text))


@pytest.mark.parametrize(
    "model", [Config, ServiceSettings, TaskSettings, UpstreamSettings, ServeSettings]
)
def test_every_configuration_key_is_documented(model: type[BaseModel]) -> None:
    """In docs/configuration.md."""
    assert missing(keys_of(model), page("configuration.md")) == []


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_key_of_a_kind_is_documented(kind: str) -> None:
    """In docs/configuration.md; the kind itself has a row in docs/verifiers.md."""
    assert missing(keys_of(KINDS[kind].settings), page("configuration.md")) == []
    assert f"| `{kind}` |" in page("verifiers.md")


def commands_of(group: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Yield each command with its full name."""
    inner = getattr(group, "commands", None)
    if inner is None:
        yield " ".join(path), group
    for name, command in (inner or {}).items():
        yield from commands_of(command, (*path, name))


COMMANDS = dict(commands_of(typer.main.get_command(commands), ("assay",)))


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_and_option_is_documented(name: str) -> None:
    """A section of docs/cli.md for the command, and a row for each option and argument."""
    section = page("cli.md").partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    options = {option for param in COMMANDS[name].params for option in param.opts[:1]}

    assert section
    assert [
        option
        for option in options
        if not re.search(rf"`{re.escape(option)}\b", section, re.IGNORECASE)
    ] == []


def plain(text: str) -> str:
    """Return a text without marks of code, line ends and defaults."""
    return " ".join(re.sub(r" \(default [^)]*\)$", "", text.replace("`", "")).split()).rstrip(".")


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_page_says_what_the_help_says(name: str) -> None:
    """Of the command, and of each option and argument."""
    section = page("cli.md").partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `([^`]+)` \| (.*) \|$", section, re.MULTILINE))
    by_first_name = {row.split(",")[0].lower(): text for row, text in rows.items()}

    assert plain(section.strip().split("\n\n")[0]) == plain(COMMANDS[name].help)
    for param in COMMANDS[name].params:
        assert plain(by_first_name[param.opts[0].lower()]) == plain(param.help), param.opts[0]


def test_every_metric_is_documented() -> None:
    """In docs/operations.md, with the name that the registry has; and no metric that is gone."""
    names = {family.name for family in Metrics().registry.collect()}
    text = page("operations.md").partition("## Metrics")[2].partition("\n## ")[0]

    assert missing(names, text) == []
    assert set(re.findall(r"`(assay_[a-z_]+)`", text)) <= names


def openapi() -> dict[str, Any]:
    """Return the OpenAPI document."""
    application: Any = create_app(load_config(default_config_path(), {}, {}))
    while not hasattr(application, "openapi"):
        application = application.app
    document: dict[str, Any] = application.openapi()
    return document


def test_every_route_is_documented() -> None:
    """In docs/api.md."""
    text = page("api.md")

    lacking = [
        path for path in openapi()["paths"] if not re.search(rf"[` ]{re.escape(path)}[`?]", text)
    ]

    assert lacking == []


def test_the_readme_is_short() -> None:
    """It has 200 lines at most, and lists the limits of the service."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")

    assert len(text.splitlines()) <= 200
    assert "## What it does not do" in text


def test_every_page_is_listed() -> None:
    """In llms.txt and in the navigation of mkdocs.yml."""
    listed = set(re.findall(r"\]\((docs/[^)]+)\): \S", (ROOT / "llms.txt").read_text("utf-8")))
    navigation = set(
        re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE)
    )

    assert listed == {str(path.relative_to(ROOT)) for path in PAGES}
    assert navigation == {str(path.relative_to(DOCS)) for path in PAGES}


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    text = re.sub(
        r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PROSE, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    """To a file that exists and, where they name one, to a heading in it."""
    broken = []
    for link in LINK.findall(path.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)

    assert broken == []


def code_of(path: Path) -> str:
    """Return the code of a page: its blocks, and the words in backticks."""
    return "\n".join(CODE.findall(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", EVERY_PAGE, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_in_the_text_exist(path: Path) -> None:
    """A page names files from the repository's root, its own folder, or `service/`."""
    roots = (ROOT, path.parent, ROOT / "service")
    made_up = {"FILE.py", "verifiers/checks/my_kind.py", "_bad/"}

    lost = [
        name
        for name in FILE.findall(path.read_text(encoding="utf-8"))
        if name not in made_up and not any((root / name).exists() for root in roots)
    ]

    assert lost == []


@pytest.mark.parametrize("path", EVERY_PAGE, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_in_the_text_exist(path: Path) -> None:
    """Commands of `assay`, targets of make, and modules that `python -m` runs."""
    code = code_of(path)
    groups = {name.rpartition(" ")[0] for name in COMMANDS}
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))

    for name, inner in re.findall(r"(?:^|[`&;] ?)assay ([a-z]+)(?: ([a-z]+))?", code, re.MULTILINE):
        command = f"assay {name}"
        assert command in COMMANDS or f"{command} {inner}" in COMMANDS or command in groups
    assert set(re.findall(r"(?:^|`)make ([a-z][\w-]*)", code, re.MULTILINE)) <= targets | {"bench-"}
    for module in re.findall(r"-m (tests\.[\w.]+)", code):
        runnable = ROOT / module.replace(".", "/")
        assert runnable.with_suffix(".py").exists() or (runnable / "__main__.py").exists(), module
