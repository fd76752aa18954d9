"""The cost of a request, in the answer and the metrics."""

from __future__ import annotations

from pathlib import Path

from tests.support.servers.processes import service, standin, write_config


def test_the_answer_and_the_metric_say_what_was_asked(tmp_path: Path) -> None:
    """Not the verifier that compares, nor the one that is away; and nothing that is remembered."""
    with standin("judge") as up:
        verifiers = [
            {
                "name": "judge",
                "kind": "judge",
                "model": "judge",
                "endpoint": up.url,
                "cost": 2,
                "retries": 0,
            },
            {
                "name": "away",
                "kind": "judge",
                "model": "judge",
                "endpoint": "http://127.0.0.1:9",
                "cost": 100,
                "retries": 0,
            },
            {"name": "length", "kind": "length", "cost": 1},
            {"name": "agree", "kind": "consensus", "cost": 1000},
        ]
        with service(
            write_config(tmp_path / "e.yaml", {"verifiers": verifiers}), tmp_path
        ) as running:
            pairs = [{"query": "q", "candidate": f"answer {number}"} for number in range(3)]
            answer = running.post("/v1/score_pairs", {"pairs": pairs}).json
            again = running.post("/v1/score_pairs", {"pairs": pairs}).json
            metrics = running.get("/metrics").raw.decode()

    assert answer["usage"]["cost"] == 9.0
    assert again["usage"]["cost"] == 0.0
    assert 'assay_cost_total{task="default"} 9.0' in metrics
