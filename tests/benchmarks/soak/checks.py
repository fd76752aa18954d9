"""The conditions on a soak's figures."""

from __future__ import annotations

from typing import Any

from tests.benchmarks.soak.store_faults import AGREE_S, REFUSING

GROWTH = 1.05  # of memory, from the first half of the last two thirds to the second
CODES = {
    "no_verifier",
    "queue_full",
    "queue_timeout",
    "too_many_bytes",
    "too_much_work",
}  # of a 503, and of 429s


def broken(row: dict[str, Any]) -> list[str]:
    """Return the conditions that failed."""
    brought = {each["fault"] for each in row["faults"]}
    refused = {name.partition(":")[0] for name in row["labels_refused"]}
    bad = row["statuses"].keys() - {200, 429, 503} or row["codes"].keys() - CODES
    late = [
        (fault, seconds) for fault, seconds in row["agreed"] if seconds is None or seconds > AGREE_S
    ]
    agreed = row["replicas_agree_s"]
    checks = {
        f"other answers than 200, 429 and 503 of no verifier: {row['statuses']} {row['codes']}": not bad,
        f"wrong answers: {row['wrong']}": row["wrong"] == 0,
        f"acknowledged labels lost: {row['labels_lost']}": row["labels_lost"] == 0,
        "no label was acknowledged": row["labels_acknowledged"] > 0,
        f"replicas that did not agree within {AGREE_S} s after: {late}": not late,
        f"replicas that did not agree within {AGREE_S} s at the end: {agreed}": agreed is not None
        and agreed <= AGREE_S,
        f"memory grew: x {row['memory_ratio']}": row["memory_ratio"] is not None
        and row["memory_ratio"] <= GROWTH,
        "no fit after the faults": row["fitted_version"] is not None,
        f"loops that fail at the end: {row['background']}": not row["background"],
        f"the store at the end: {row['store']}": row["store"] == "ok",
        f"faults that refused no label, and so were none: {brought & set(REFUSING) - refused}": brought
        & set(REFUSING)
        <= refused,
        f"the soak's own failures: {row['soak_failures']}": not row["soak_failures"],
    }
    return [name for name, holds in checks.items() if not holds]
