"""A YAML file, read within bounds.

It visits each node once, whatever its aliases would expand to.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

MAX_FILE_BYTES = 1 << 20
MAX_DEPTH = 64
#: Nodes, those counted again that an alias repeats: what reads the content visits each of them.
MAX_NODES = 100_000
MAX_DIGITS = 100
NUMBER_TAGS = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"})


class YamlError(ValueError):
    """A file is no YAML or no configuration; `line` counts from 1, and is 0 if unknown."""

    def __init__(
        self, message: str, node: yaml.Node | None = None, line: int = 0, column: int = 0
    ) -> None:
        super().__init__(" ".join(message.split()))
        self.line, self.column = (line, column) if node is None else (node.start_mark.line + 1, 0)

    def at(self, path: Path) -> str:
        """Return the problem with its place."""
        place = "".join(f":{number}" for number in (self.line, self.column) if number)
        return f"{path}{place}: {self}"


def read_yaml(path: Path) -> tuple[yaml.MappingNode, dict[str, Any]]:
    """Return a file's nodes and its content, a mapping; raise `YamlError`."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
        if len(raw) > MAX_FILE_BYTES:
            raise YamlError(f"has more than {MAX_FILE_BYTES} bytes")
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = raw.count(b"\n", 0, exc.start) + 1
        raise YamlError(
            f"cannot be read: byte {raw[exc.start]:#04x} is not UTF-8", line=line
        ) from exc
    except OSError as exc:
        raise YamlError(f"cannot be read: {exc.strerror or exc}") from exc
    root = _nodes(text)
    _Walk().visit(root, 0)
    return root, _content(root)


def _nodes(text: str) -> yaml.MappingNode:
    try:
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as exc:
        line, column = (
            (exc.problem_mark.line + 1, exc.problem_mark.column + 1) if exc.problem_mark else (0, 0)
        )
        raise YamlError(f"not YAML: {exc.problem}", line=line, column=column) from exc
    except RecursionError as exc:
        raise YamlError(f"lies more than {MAX_DEPTH} levels deep") from exc
    except (yaml.YAMLError, ValueError) as exc:
        raise YamlError(f"not YAML: {exc}") from exc
    if not isinstance(root, yaml.MappingNode):
        raise YamlError("must be a mapping with `verifiers:`; see `assay init` for an example")
    return root


def _content(root: yaml.MappingNode) -> dict[str, Any]:
    try:
        content: dict[str, Any] = yaml.SafeLoader("").construct_document(root)
    except yaml.MarkedYAMLError as exc:
        raise YamlError(
            f"not YAML: {exc.problem}", line=exc.problem_mark.line + 1 if exc.problem_mark else 0
        ) from exc
    except (
        yaml.YAMLError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        OverflowError,
    ) as exc:
        # A value that is not of the type that its tag says (`!!int ""`) fails in any of these ways
        # in the library.
        raise YamlError(f"not YAML: a value is not of its type: {exc}") from exc
    return content


class _Walk:
    """Visits every node once, and counts its size with aliases written out."""

    def __init__(self) -> None:
        self._sizes: dict[int, int | None] = {}  # by node; None while it is being looked at

    def visit(self, node: yaml.Node, depth: int) -> int:
        """Return a node's size.

        Raises `YamlError` for a construct that no configuration has.
        """
        if id(node) in self._sizes:
            size_before = self._sizes[id(node)]
            if size_before is None:
                raise YamlError("an alias repeats a value that contains it", node)
            return size_before
        if depth > MAX_DEPTH:
            raise YamlError(f"lies more than {MAX_DEPTH} levels deep", node)
        self._sizes[id(node)] = None
        size = 1 + sum(self.visit(part, depth + 1) for part in self._parts(node))
        if size > MAX_NODES:
            raise YamlError(f"has more than {MAX_NODES} values, with its aliases written out", node)
        self._sizes[id(node)] = size
        return size

    def _parts(self, node: yaml.Node) -> list[yaml.Node]:
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, _ in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    raise YamlError("a key must be a name, not a list or a mapping", key)
                if key.value in seen:
                    raise YamlError(f"the key `{key.value[:80]}` appears twice", key)
                seen.add(key.value)
                self._check_number(key)
            return [value for _, value in node.value]
        if isinstance(node, yaml.SequenceNode):
            return list(node.value)
        self._check_number(node)
        return []

    @staticmethod
    def _check_number(node: yaml.Node) -> None:
        if node.tag in NUMBER_TAGS and len(node.value) > MAX_DIGITS:
            raise YamlError(
                f"a number of {len(node.value)} characters (got '{node.value[:40]}…')", node
            )
