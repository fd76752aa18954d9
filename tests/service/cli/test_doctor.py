"""The doctor as a command and at a service's start, and the catalog as a command."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from assay.service.runtime.startup_doctor import StartupDoctor
from assay.service.store.client import Store
from assay.service.store.embedded_valkey import EmbeddedStore
from tests.support.fakes import FakeVerifier
from tests.support.processes import Server, assay, service, standin, write_config


def config_of(path: Path, url: str, **options: Any) -> Path:
    """Write a configuration with a judge and a check."""
    judge = {"name": "judge", "kind": "judge", "model": "judge", "endpoint": url, **options}
    return write_config(path, {"verifiers": [judge, {"name": "length", "kind": "length"}]})


def examined(server: Server) -> dict[str, str]:
    """Return what `/readyz` says of the doctor, once it is known."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if doctor := server.get("/readyz").json["doctor"]:
            return dict(doctor)
        time.sleep(0.2)  # between looks at another process
    raise AssertionError("the doctor did not come to an end")


def test_the_doctor_prints_a_table_for_people_and_json_for_machines(tmp_path: Path) -> None:
    """Exit code 0 for ok and warnings."""
    with standin("judge") as server:
        config = config_of(tmp_path / "e.yaml", server.url)

        table = assay("doctor", "--config", config, cwd=tmp_path)
        machine = assay("doctor", "--config", config, "--json", "--only", "judge", cwd=tmp_path)

    assert (table.returncode, machine.returncode) == (0, 0), table.stderr
    assert "right above wrong" in table.stdout
    assert "✓ labels: Yes 4, No 5" in table.stdout
    [report] = json.loads(machine.stdout)
    assert (report["verifier"], report["grade"], report["auc"]["pairs"]) == ("judge", "warning", 60)


def test_a_failure_is_exit_code_1_and_a_wrong_configuration_2(tmp_path: Path) -> None:
    """With what to do, or the place in the file."""
    dead = assay(
        "doctor", "--config", config_of(tmp_path / "dead.yaml", "http://127.0.0.1:9"), cwd=tmp_path
    )
    wrong = assay("doctor", "--config", config_of(tmp_path / "wrong.yaml", "no url"), cwd=tmp_path)
    unknown = assay("doctor", "--only", "nobody", cwd=tmp_path)

    assert dead.returncode == 1
    assert "start the server" in dead.stdout
    assert wrong.returncode == unknown.returncode == 2
    assert "endpoint" in wrong.stderr
    assert "nobody" in unknown.stderr


def test_attacks_need_a_judge(tmp_path: Path) -> None:
    """And are told in shares."""
    with standin("judge") as server:
        done = assay(
            "doctor",
            "--attacks",
            "--json",
            "--config",
            config_of(tmp_path / "e.yaml", server.url),
            cwd=tmp_path,
        )
    none = assay("doctor", "--attacks", cwd=tmp_path)

    said = json.loads(done.stdout)
    assert list(said) == ["judge"]
    assert list(said["judge"]) == ["off", "on"]
    assert none.returncode == 2
    assert "no judge" in none.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_service_examines_its_verifiers_at_the_start(tmp_path: Path, workers: str) -> None:
    """Once, whatever the number of workers; each of them tells; a failure stops nothing."""
    with standin("judge") as server:
        config = config_of(tmp_path / "e.yaml", server.url, yes=["Right"])
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
    """What was wrong may have been put right; in a container the process has the same number as
    before.
    """
    with standin("judge") as server:
        for labels, expected in (
            (["Right"], "failed: labels: 'Right' is 5 tokens"),
            (["Yes"], "warning"),
        ):
            config = config_of(tmp_path / "e.yaml", server.url, yes=labels)
            with service(config, tmp_path, env={"ASSAY_DOCTOR": "quick"}) as running:
                assert examined(running)["judge"] == expected


async def test_only_one_of_a_starts_workers_looks_and_another_start_is_another(
    tmp_path: Path,
) -> None:
    """They share the store; the start is what they have in common, not a process number."""
    embedded = EmbeddedStore(tmp_path / "store", 64)
    embedded.start()
    store, judge = Store(embedded.url), FakeVerifier("judge", 0.5)
    first, second, restarted = (
        StartupDoctor([judge], store, "quick", start) for start in ("a", "a", "b")
    )

    await first.run()
    asked = len(judge.asked)
    await second.run()
    said = await second.said()
    await restarted.run()
    await store.close()
    embedded.stop()

    assert said == {"judge": "warning"}
    assert len(judge.asked) == 2 * asked > 0


def test_the_doctor_can_be_switched_off(tmp_path: Path) -> None:
    """In YAML a bare `off` is no word; it means what it says all the same."""
    with standin("judge") as server:
        (tmp_path / "e.yaml").write_text(
            f"service: {{doctor: off}}\nverifiers: [{{name: judge, kind: judge, model: judge, endpoint: '{server.url}'}}]"
        )
        with service(tmp_path / "e.yaml", tmp_path) as running:
            doctor = running.get("/readyz").json["doctor"]
        asked = server.post("/standin", {}).json["asked"]

    assert doctor is None
    assert "/v1/chat/completions" not in asked


def test_models_are_listed_one_a_line_where_nobody_looks(tmp_path: Path) -> None:
    """Unwrapped, with what to serve each by."""
    listed = assay("models", cwd=tmp_path)
    one = assay("models", "qwen2.5-math-prm-7b", cwd=tmp_path)
    unknown = assay("models", "qwen2.5-math-prm-7", cwd=tmp_path)
    machine = json.loads(assay("models", "Qwen/Qwen2.5-Math-PRM-7B", "--json", cwd=tmp_path).stdout)

    lines = listed.stdout.splitlines()
    assert len(lines) > 50
    assert all(line.count("\t") == 6 for line in lines)
    assert (
        "vllm serve Qwen/Qwen2.5-Math-PRM-7B --runner pooling --max-model-len 4096 --pooler-config"
        in one.stdout
    )
    assert unknown.returncode == 2
    assert "did you mean `qwen2.5-math-prm-7b`" in unknown.stderr
    assert machine["command"] in one.stdout


@pytest.mark.parametrize(("entry", "wrong"), [
    ({"use": "skywork-reward-v2-qwen3-8"}, "did you mean `skywork-reward-v2-qwen3-8b`"), ({"use": "pairrm"}, "cannot be served"),
    ({"use": "internlm2-7b-reward"}, "reward_token_id: is required"), ({"use": 7}, "no model is called"),
    ({"use": "eurusprm-stage2"}, "reference_endpoint: is required"),
])  # fmt: skip
def test_a_wrong_use_names_its_place(tmp_path: Path, entry: dict[str, Any], wrong: str) -> None:
    """The line of the verifier, and what would be right."""
    listed = "\n".join(
        f"    {key}: {value}" for key, value in {"endpoint": "http://x", **entry}.items()
    )
    (tmp_path / "e.yaml").write_text(f"verifiers:\n  - name: v\n{listed}\n")

    done = assay("config", "check", "--offline", "e.yaml", cwd=tmp_path)

    assert done.returncode == 1
    assert wrong in done.stderr
    assert not done.stderr.startswith("e.yaml:1:")


def test_use_stands_for_what_the_catalog_says_and_ones_own_keys_win(tmp_path: Path) -> None:
    """`assay config check` accepts it as it would the whole."""
    (tmp_path / "e.yaml").write_text(
        "verifiers: [{name: v, use: qwen2.5-math-prm-7b, endpoint: 'http://x', reduction: mean, step_separator: '. '}]"
    )

    assert assay("config", "check", "--offline", "e.yaml", cwd=tmp_path).returncode == 0
