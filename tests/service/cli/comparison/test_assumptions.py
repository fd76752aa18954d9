"""What a comparison understood and assumed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from assay.service.cli.comparison.assumptions import assumptions, understood
from assay.service.cli.comparison.choices import ComparedChoice, SimpleChoice
from assay.service.cli.comparison.file_comparison import compared
from assay.service.cli.comparison.systems import ComparedFiles
from tests.service.cli.comparison.test_file_comparison import rows
from tests.service.cli.comparison.test_flat_rows import write


def test_how_files_were_read(tmp_path: Path) -> None:
    """Which columns pick and predict, and when candidates are the same."""
    first = write(tmp_path / "a.jsonl", *rows(1.0, 1, 30))
    second = write(
        tmp_path / "b.jsonl",
        *(
            {key: row[key] for key in ("query_id", "candidate", "score")}
            for row in rows(2.0, 2, 30)
        ),
    )

    files = understood(compared(ComparedFiles(first, second)))
    baseline = understood(compared(ComparedFiles(first, baseline=SimpleChoice.FIRST)))
    means = understood(compared(ComparedFiles(first, first, by=ComparedChoice.CANDIDATES)))

    assert files["candidates"] == "the same where query_id and candidate are the same"
    assert files["predicted_by"] == ["probability", "rank of score"]
    assert files["labels_from"] == "the files themselves"
    assert baseline["picked_by"] == ["first of the query", "score"]
    assert means["picked_by"] == ["mean of all candidates"] * 2


def test_what_must_hold_and_what_was_left_out(tmp_path: Path) -> None:
    """Randomness of labels, queries of one file, candidates without a prediction."""
    random = [
        {**row, "random": None if row["label"] is None else row["candidate"] > 0}
        for row in rows(1.0, 1, 200)
    ]
    random[0]["probability"] = random[0]["score"] = None
    first = write(tmp_path / "a.jsonl", *random)
    second = write(tmp_path / "b.jsonl", *rows(1.0, 1, 190)[4:])

    shown = "\n".join(assumptions(compared(ComparedFiles(first, second))))

    assert "labels: assumed to be random" not in shown
    assert "labels: stated to be random; labelled candidates were drawn at random within" in shown
    assert "labels: 99 stated not to be random do not count" in shown
    assert "left out are 11 that only A has, and 0 that only B has" in shown
    assert "if each system has its own, give --own-candidates" in shown


def test_labels_where_systems_differ_only_are_noticed(tmp_path: Path) -> None:
    """And labels that are all stated not to be random."""
    first, second = rows(2.0, 1, 300), rows(2.0, 2, 300)
    best = [
        [
            max(of[start : start + 4], key=lambda row: row["score"])["candidate"]
            for start in range(0, 1200, 4)
        ]
        for of in (first, second)
    ]
    for place, row in enumerate(first):
        differ = best[0][place // 4] != best[1][place // 4]
        row["label"] = row["label"] if differ else None
        row["random"] = False
    paths = [
        write(
            tmp_path / name,
            *({**row, "label": row["label"] if name == "a.jsonl" else None} for row in of),
        )
        for name, of in (("a.jsonl", first), ("b.jsonl", second))
    ]

    shown = "\n".join(assumptions(compared(ComparedFiles(paths[0], paths[1]))))

    assert "labels: not drawn alike where the systems differ and elsewhere" in shown
    assert "labels: stated not to be of random candidates; all that counts" in shown


def test_labels_that_are_not_random_are_warned_of(tmp_path: Path) -> None:
    """They count where there are no others."""
    chosen = [
        {**row, "label": row["label"] if row["candidate"] < 2 else None, "random": False}
        for row in rows(1.0, 1, 60)
    ]
    path = write(tmp_path / "a.jsonl", *chosen)

    shown = assumptions(compared(ComparedFiles(path, baseline=SimpleChoice.RANDOM)))

    assert shown[0].startswith("labels: all are stated not to be random; the intervals hold only")


def test_labels_of_one_systems_picks_are_noticed(tmp_path: Path) -> None:
    """What they do not give is not estimated, and the remedy is named."""
    weak, strong = rows(1.0, 1, 200), rows(1.2, 2, 200)
    best = [
        max(weak[start : start + 4], key=lambda row: row["score"]) for start in range(0, 800, 4)
    ]
    truth = np.random.default_rng(0).random((200, 4)) < 0.4
    labels = [
        {
            "query_id": row["query_id"],
            "candidate": row["candidate"],
            "correct": int(truth[number, row["candidate"]]),
        }
        for number, row in enumerate(best)
    ]
    first, second = write(tmp_path / "a.jsonl", *weak), write(tmp_path / "b.jsonl", *strong)
    path = write(tmp_path / "l.jsonl", *labels)

    comparison = compared(ComparedFiles(first, second, path))
    shown = assumptions(comparison)

    assert comparison.result.accuracy[0].powered is not None
    assert comparison.result.accuracy[1].powered is None
    assert shown[0].startswith(
        "labels: not drawn at random within their queries: A's picks have a label in 200 of 200"
        " queries that are labelled in part, and by chance would in 50"
    )
    assert shown[1].endswith("label B's picks in the same queries")
    assert "assumed to be random" not in "".join(shown)


def test_labels_of_the_first_candidates_are_noticed(tmp_path: Path) -> None:
    """They are fit for an estimate only if places say nothing."""
    first = [
        {**row, "label": row["label"] if row["candidate"] == 0 else None}
        for row in rows(1.0, 1, 300)
    ]
    second = [{**row, "label": None} for row in rows(1.2, 2, 300)]
    files = ComparedFiles(write(tmp_path / "a.jsonl", *first), write(tmp_path / "b.jsonl", *second))

    comparison = compared(files)

    assert not any(comparison.result.unusable)
    assert any("stand elsewhere in their queries" in line for line in assumptions(comparison))
