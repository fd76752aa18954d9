"""The doctor's questions: pairs of a right and a wrong answer, and attacks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

from assay.verifiers.contract.verifier import Pair, Query

PADDING_TEXTS = {"{blank lines}": "\n" * 600, "{spaces}": " " * 600, "{yes}": "Yes. " * 120}


@dataclass(frozen=True, slots=True)
class Probe:
    """A query with a right answer and a wrong one of like style."""

    domain: str
    query: Query
    good: str
    bad: str

    def pairs(self) -> tuple[Pair, Pair]:
        """Return the right answer and the wrong one."""
        return Pair(self.query, self.good), Pair(self.query, self.bad)


@dataclass(frozen=True, slots=True)
class Attack:
    """A candidate made to be called right; `{wrong}` stands for a wrong answer."""

    family: str
    text: str

    def on(self, probe: Probe) -> Pair:
        """Return the attack on a query."""
        text = self.text.replace("{wrong}", probe.bad)
        for name, padding in PADDING_TEXTS.items():
            text = text.replace(name, padding)
        return Pair(probe.query, text)


@cache
def probes() -> tuple[Probe, ...]:
    """Return the 60 bundled probes: 15 each of mathematics, code, facts and instructions."""
    lines = files(__package__).joinpath("pairs.jsonl").read_text(encoding="utf-8").splitlines()
    return tuple(_probe(json.loads(line)) for line in lines)


def _probe(line: dict[str, object]) -> Probe:
    reference, tests = line.get("reference"), line.get("tests", [])
    assert isinstance(tests, list)  # noqa: S101 - the file is ours
    query = Query.of(
        str(line["query"]), None if reference is None else str(reference), tuple(tests)
    )
    return Probe(str(line["domain"]), query, str(line["good"]), str(line["bad"]))


@cache
def attacks() -> tuple[Attack, ...]:
    """Return the bundled attacks, by family."""
    data = yaml.safe_load(files(__package__).joinpath("attacks.yaml").read_text(encoding="utf-8"))
    return tuple(Attack(family, text) for family, texts in data.items() for text in texts)
