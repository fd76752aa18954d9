"""Names of columns that are never verifiers by themselves, and why."""

from __future__ import annotations

import re

from assay.service.score_files.columns.measurement_names import measurement_of

#: Names with a meaning of their own in a score table.
TABLE_FIELDS = frozenset(
    (
        "scores",
        "query_id",
        "key",
        "candidate",
        "index",
        "text",
        "answer",
        "labels",
        "label",
        "label_random",
        "verifier_names",
        "verifier_family",
        "verifier_quality",
        "verifier_kind",
    )
)
#: Fields of `--map`; any other name in it is a verifier's.
MAPPED_FIELDS = ("query_id", "candidate", "label", "label_random", "text", "index", "answer")
#: What a ranking or a prediction says in the end: a verifier only where there is no other.
RESULTS = ("score", "probability")
LABEL_NAMES = frozenset(
    (
        "correct",
        "is_correct",
        "iscorrect",
        "is_right",
        "is_true",
        "gold",
        "golden",
        "gold_label",
        "label_raw",
        "target",
        "targets",
        "truth",
        "is_truth",
        "ground_truth",
        "groundtruth",
        "gt",
        "human_label",
        "expected",
        "reference",
        "solution",
        "y_true",
    )
)
#: Names of rubrics as well as of labels: taken for labels where they hold 0 and 1 alone.
LABELS_OF_FLAGS = frozenset(
    ("acc", "accuracy", "correctness", "em", "exact_match", "pass", "passed", "right", "resolved")
)
#: Words for people who label: so are columns whose names have one of them.
WORDS_OF_LABELLERS = frozenset(
    ("human", "humans", "annotator", "annotators", "annotation", "annotated", "oracle", "gold")
)
TIME_WORDS = frozenset(
    ("time", "timestamp", "tstamp", "ts", "date", "datetime", "created", "updated")
)
ID_WORDS = frozenset(("id", "ids", "idx", "index", "uid", "uuid", "guid", "hash", "key"))
COUNTERS = {
    **dict.fromkeys(("turn", "turns"), "a number of the turn"),
    **dict.fromkeys(
        ("row", "rows", "line", "lineno", "row_number", "row_num", "number", "unnamed_0", "no"),
        "a number of the row",
    ),
    **dict.fromkeys(("rank", "ranking", "position", "place", "choice"), "a place in an order"),
    **dict.fromkeys(
        ("round", "step", "epoch", "iteration", "iter", "sample", "repeat", "trial", "attempt"),
        "a number of the run",
    ),
    **dict.fromkeys(("seed", "fold", "split", "shard", "batch", "part"), "a setting of the run"),
    "group": "a group of rows",
}
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BETWEEN = re.compile(r"[\W_]+")


def words_of_name(name: str) -> tuple[str, ...]:
    """Return a column's name as words in lower case: of `judgeTstamp` and `judge.tstamp` alike."""
    return tuple(_BETWEEN.sub(" ", _CAMEL.sub(" ", name[:200]).lower()).split())


def is_label_name(name: str) -> bool:
    """Return whether a column of this name holds labels, or what they are made of."""
    words = words_of_name(name)
    return "_".join(words) in LABEL_NAMES or "label" in words or "labels" in words


def may_hold_labels(name: str) -> bool:
    """Return whether a column of this name holds labels where its values are 0 and 1."""
    words = words_of_name(name)
    return "_".join(words) in LABELS_OF_FLAGS or not WORDS_OF_LABELLERS.isdisjoint(words)


def reason_by_name(name: str) -> str | None:
    """Return why a column of this name is no verifier; None where the name says nothing."""
    words = words_of_name(name)
    joined = "_".join(words)
    if not words:
        return None if name.strip() else "a column without a name"
    if joined in COUNTERS:
        return COUNTERS[joined]
    if words[-1] in ID_WORDS or words[0] in ("id", "idx", "uuid"):
        return "an id"
    if words[-1] in TIME_WORDS or words[0] in ("created", "updated"):
        return "a time"
    measured = measurement_of(words)
    return None if measured is None else f"{measured}; --map verifiers={name[:200]} takes it"
