"""Recorded requests of OpenRLHF's and verl's own code get the same answers, field by field.

`make test-clients` checks that their released code still asks so (tests/clients/recorded.json).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.servers.processes import ROOT, Server, service, write_config

RECORDED = json.loads((ROOT / "tests" / "clients" / "recorded.json").read_text(encoding="utf-8"))
EXCHANGES = [*RECORDED["openrlhf"], *RECORDED["verl"]]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service of the recorded configuration."""
    folder = tmp_path_factory.mktemp("recorded")
    with service(write_config(folder / "e.yaml", RECORDED["config"]), folder) as server:
        yield server


@pytest.mark.parametrize(
    "exchange",
    EXCHANGES,
    ids=[f"{exchange['path']}-{place}" for place, exchange in enumerate(EXCHANGES)],
)
def test_an_exchange_is_answered_as_it_was(running: Server, exchange: dict[str, Any]) -> None:
    """All but the fields that differ each time."""
    answer = running.post(exchange["path"], exchange["request"])

    assert answer.status == exchange["status"]
    assert answer.json.keys() == exchange["reply"].keys()
    for name in exchange["reply"].keys() - {"id", "created"}:
        assert answer.json[name] == exchange["reply"][name], name


def test_what_their_code_reads_is_there() -> None:
    """OpenRLHF: one reward, score and log of a number each, the same names each time; verl: the
    last number of the last row.
    """
    replies = [exchange["reply"] for exchange in RECORDED["openrlhf"]]
    names = [sorted(reply["extra_logs"]) for reply in replies]
    assert all(len(reply["rewards"]) == len(reply["scores"]) == 1 for reply in replies)
    assert names == [["arithmetic", "arithmetic_known", "yes", "yes_known"]] * 3
    assert [reply["extra_logs"]["arithmetic_known"] for reply in replies] == [[1.0], [1.0], [0.0]]
    last = [exchange["reply"]["data"][-1] for exchange in RECORDED["verl"]]
    numbers = [row["probs"][-1] if "probs" in row else row["embedding"][-1] for row in last]
    assert numbers == [reply["rewards"][0] for reply in replies] * 2
