"""Harbor: the reward file of a task's verifier, written by its tests/test.sh.

python -m assay_client.harbor --query-file /tests/question.txt --answer-file /app/answer.txt
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from .answers import PairScore
from .client import Client
from .errors import AssayError, NoScoreError
from .exchange import Query
from .missing import Missing, filled
from .settings import PATIENCE_S, RewardOptions, refuse_rank, rewards_of, settings_of
from .texts import is_blank, reference_of

FOLDER = Path("/logs/verifier")
NAMES = ("reward.json", "reward.txt")
REFUSED = {
    "skip": "Harbor fails a trial without a reward file: choose raise, which writes none",
    "group_mean": "Harbor verifies one trial at a time: choose raise or a number",
}


def write_reward(
    query: Query,
    answer: str,
    reference: str | None = None,
    *,
    settings: RewardOptions | None = None,
    client: Client | None = None,
    folder: Path = FOLDER,
) -> dict[str, float]:
    """Write `reward.json`: the reward, and the log-odds where there are any.

    Reward files that were there before go first, since an agent may have written them; without a
    reward there is none. Raises `NoScoreError` if no verifier could say, unless `missing` is a
    number, any other `AssayError`, and `ValueError` for a query that asks nothing. A blank
    reference is none.
    """
    for name in NAMES:
        (folder / name).unlink(missing_ok=True)
    settings = settings or settings_of(refused=REFUSED)
    refuse_rank(settings)
    asker = (client or Client(patience_s=PATIENCE_S)).with_run(settings.run)
    if is_blank(query):
        raise ValueError("query: it is blank: name the file that holds the task's question")
    pair = {"query": query, "candidate": answer, "reference": reference_of(reference)}
    result: PairScore | None = None
    reward: float | None = None
    reason: str | None = None
    try:
        scores = asker.score_pairs([pair], **settings.options())
    except NoScoreError:
        if settings.missing == "raise":
            raise
    else:
        result, ([reward], reason) = scores.results[0], rewards_of(scores, 1, settings)
    rewards = {"reward": float(filled([reward], settings.missing, reason=reason)[0] or 0.0)}
    if result is not None and reward is not None and result.score is not None:
        rewards["assay_score"] = result.score
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / ".reward.json"
    unfinished.write_text(json.dumps(rewards, allow_nan=False), encoding="utf-8")
    os.replace(unfinished, folder / NAMES[0])
    return rewards


def main(arguments: list[str] | None = None) -> int:
    """Write the reward of the answer in a file; return 1 without one."""
    parser = argparse.ArgumentParser(prog="python -m assay_client.harbor", description=__doc__)
    parser.add_argument("--query-file", type=Path, required=True)
    parser.add_argument("--answer-file", type=Path, required=True)
    parser.add_argument("--reference-file", type=Path)
    parser.add_argument("--task", help="default: ASSAY_TASK, else default")
    parser.add_argument("--missing", help="raise or a number; default: ASSAY_MISSING, else raise")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="default: %(default)s")
    options = parser.parse_args(arguments)
    try:
        missing: Missing | str | None = options.missing
        settings = settings_of(options.task, missing=missing, refused=REFUSED)
        reference = options.reference_file
        rewards = write_reward(
            options.query_file.read_text(encoding="utf-8"),
            options.answer_file.read_text(encoding="utf-8"),
            None if reference is None else reference.read_text(encoding="utf-8"),
            settings=settings,
            folder=options.folder,
        )
    except (AssayError, ValueError, OSError) as exc:
        print(f"no reward: {exc}", file=sys.stderr)  # noqa: T201 - the log of the trial
        return 1
    print(json.dumps({**rewards, "version": settings.run.version}))  # noqa: T201 - likewise
    return 0


if __name__ == "__main__":
    sys.exit(main())
