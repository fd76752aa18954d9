"""The doctor at a service's start."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from assay.service.runtime.startup_doctor import StartupDoctor
from assay.service.store.client import Store
from assay.service.store.embedded_valkey import EmbeddedStore
from tests.support.servers.processes import Server, judge_and_check, service, standin
from tests.support.verifiers.fakes import FakeVerifier


def examined(server: Server) -> dict[str, str]:
    """Return the doctor's part of `/readyz`, once it is complete."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if doctor := server.get("/readyz").json["doctor"]:
            return dict(doctor)
        time.sleep(0.2)  # between looks at another process
    raise AssertionError("the doctor did not come to an end")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_service_examines_its_verifiers_at_the_start(tmp_path: Path, workers: str) -> None:
    """Once for any number of workers; each worker shows it; a failure stops nothing."""
    with standin("judge") as server:
        config = judge_and_check(tmp_path / "e.yaml", server.url, yes=["Right"])
        with service(
            config, tmp_path, env={"ASSAY_DOCTOR": "quick", "ASSAY_WORKERS": workers}
        ) as running:
            said = [examined(running) for _ in range(8)]
            ready = running.get("/readyz")
        asked = server.post("/standin", {}).json["asked"]

    assert ready.status == 200
    assert all(
        each == {"judge": "failed: labels: 'Right' is 5 tokens", "length": "warning"}
        for each in said
    )
    assert "/v1/chat/completions" not in asked  # a judge whose labels are wrong is asked no more
    assert asked["/tokenize"] < 20


def test_a_restart_looks_anew(tmp_path: Path) -> None:
    """The operator may have mended the fault; in a container process numbers repeat."""
    with standin("judge") as server:
        for labels, expected in (
            (["Right"], "failed: labels: 'Right' is 5 tokens"),
            (["Yes"], "warning"),
        ):
            config = judge_and_check(tmp_path / "e.yaml", server.url, yes=labels)
            with service(config, tmp_path, env={"ASSAY_DOCTOR": "quick"}) as running:
                assert examined(running)["judge"] == expected


async def test_only_one_of_a_starts_workers_looks_and_another_start_is_another(
    tmp_path: Path,
) -> None:
    """Workers share the store, and know their common start, not a process number."""
    embedded = EmbeddedStore(tmp_path / "store", 64)
    embedded.start()
    store, judge = Store(embedded.url), FakeVerifier("judge", 0.5)
    first, second, restarted = (
        StartupDoctor([judge], store, "quick", start) for start in ("a", "a", "b")
    )

    await first.run()
    asked = len(judge.asked)
    await second.run()
    said = await second.results()
    await restarted.run()
    await store.close()
    embedded.stop()

    assert said == {"judge": "warning"}
    assert len(judge.asked) == 2 * asked > 0


def test_the_doctor_can_be_switched_off(tmp_path: Path) -> None:
    """A bare `off` in YAML is a Boolean, and works all the same."""
    with standin("judge") as server:
        (tmp_path / "e.yaml").write_text(
            f"service: {{doctor: off}}\nverifiers: [{{name: judge, kind: judge, model: judge, endpoint: '{server.url}'}}]"
        )
        with service(tmp_path / "e.yaml", tmp_path) as running:
            doctor = running.get("/readyz").json["doctor"]
        asked = server.post("/standin", {}).json["asked"]

    assert doctor is None
    assert "/v1/chat/completions" not in asked
