"""Columns of a wide table that repeat its labels, or look like labels under another name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.service.score_files.columns.cells import Cells
from assay.service.score_files.columns.column_content import LEAST_LABELS, copies_labels
from assay.service.score_files.columns.file_columns import FileColumns
from assay.service.score_files.columns.label_columns import may_be_labels
from assay.service.score_files.score_table import TableError

MOST_COLUMNS_SHOWN = 8
Numbers = npt.NDArray[np.float64]


def labels_beside(columns: FileColumns) -> dict[str, Numbers]:
    """Return the columns of a file that hold labels, by their names and values, read or not."""
    names = [
        name
        for name, values in columns.values.items()
        if len(values) == columns.rows
        and (name in ("label", "labels") or may_be_labels(columns, name))
    ]
    cells = {name: Cells.of(columns.values[name]) for name in names}
    return {name: of.values for name, of in cells.items() if not of.others}


def copies_in(verifiers: Mapping[str, Numbers], labels: Mapping[str, Any]) -> dict[str, float]:
    """Return the share of labels that each verifier repeats, of those that are copies of any."""
    shares: dict[str, float] = {}
    for name in sorted(verifiers):
        of_each = [copies_labels(verifiers[name], np.asarray(of, float)) for of in labels.values()]
        agreements = [share for share in of_each if share is not None]
        if agreements:
            shares[name] = max(agreements)
    return shares


def check_copies(
    columns: FileColumns, verifiers: Mapping[str, Numbers], labels: Any, guessed: Collection[str]
) -> None:
    """Raise `TableError` for guessed verifiers that repeat the labels; it names all of them."""
    if labels is None:
        return
    shares = copies_in({name: verifiers[name] for name in guessed}, {"label": labels})
    if shares:
        first, *more = shares
        also = f" (so {'do' if len(more) > 1 else 'does'} {shown_names(more)})" if more else ""
        raise TableError(
            f"{columns.path}: column {first!r} has two values or the labels' own, and says the same"
            f" as {shares[first]:.0%} of the labels, as a copy of them does{also}:"
            f" {say_which(verifiers, shares)}"
        )


def copy_warnings(
    columns: FileColumns, verifiers: Mapping[str, Numbers], guessed: Collection[str]
) -> list[str]:
    """Return warnings of guessed verifiers that may be labels: copies of unread ones, and flags.

    A column of one value is neither.
    """
    labels = labels_beside(columns)
    taken = {name: verifiers[name] for name in verifiers if name in guessed}
    shares = copies_in(taken, labels)
    flags = [name for name in taken if name not in shares and _has_two_values(taken[name])]
    warnings = []
    if shares:
        warnings.append(
            f"warning: {shown_names(list(shares))} say{'s' * (len(shares) == 1)} the same as"
            f" at least {min(shares.values()):.0%} of the labels in {shown_names(list(labels))},"
            f" as a copy of them does, and count{'s' * (len(shares) == 1)} as a verifier:"
            f" {say_which(verifiers, shares)}"
        )
    if flags:
        another = "" if labels else f", with --map label={flags[0]} for labels under another name"
        warnings.append(
            f"warning: {shown_names(flags)} hold{'s' * (len(flags) == 1)} two values alone, as"
            f" labels do, and count{'s' * (len(flags) == 1)} as a verifier: if it is none,"
            f" {say_which(verifiers, [*shares, *flags])}{another}"
        )
    return warnings


def _has_two_values(values: Numbers) -> bool:
    """Return whether a column has 0 and 1 alone, or so often that it is no chance two others."""
    present = values[~np.isnan(values)]
    if not len(present) or (low := present.min()) == (high := present.max()):
        return False
    is_flag = (low, high) == (0, 1)
    return bool(((present == low) | (present == high)).all()) and (
        is_flag or len(present) >= LEAST_LABELS
    )


def say_which(verifiers: Mapping[str, Numbers], doubtful: Collection[str]) -> str:
    """Return what to do about columns that may be no verifiers: the option, without them.

    Columns of one value tell nothing, and are not proposed either.
    """
    others = [
        name
        for name, values in verifiers.items()
        if name not in doubtful and not _is_constant(values)
    ]
    between = "|" if any("+" in other for other in others) else "+"
    shown = between.join(others[:MOST_COLUMNS_SHOWN]) or "a+b"
    more = (
        f" (and {len(others) - MOST_COLUMNS_SHOWN} more)"
        if len(others) > MOST_COLUMNS_SHOWN
        else ""
    )
    which = repr(next(iter(doubtful))) if len(doubtful) == 1 else "these"
    return (
        f"name the verifiers, as in --map 'verifiers={shown}'{more}, with {which} among them if"
        f" {'it is one' if len(doubtful) == 1 else 'they are'}"
    )


def _is_constant(values: Numbers) -> bool:
    present = values[~np.isnan(values)]
    return not len(present) or bool((present == present[0]).all())


def shown_names(names: Sequence[str]) -> str:
    """Return names for a message."""
    more = len(names) - MOST_COLUMNS_SHOWN
    return ", ".join(map(repr, names[:MOST_COLUMNS_SHOWN])) + (
        f" and {more} more" if more > 0 else ""
    )
