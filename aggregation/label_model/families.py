"""Families: verifiers that share errors, and the weight of each member.

`label_models`, step 2: c_v = 1 / sqrt(size of v's family); `cascade`, section C: times a stated
quality.
"""

from __future__ import annotations

import reprlib
from collections import Counter
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Literal

import numpy as np

from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints

#: AUCs that stand for a tier; k = 1 in the weight, where a number has k = 2.
TIERS = {"low": 0.60, "medium": 0.70, "high": 0.80}

#: Names in one message.
MOST_LISTED = 20


#: Families that are found: `auto` joins copies, `given` takes those of the names. A dict states the
#: families of some verifiers; copies among the others are joined.
FAMILY_MODES = ("auto", "given")
Families = Mapping[str, str] | Literal["auto", "given"]


def check_families(families: object) -> None:
    """Raise `ValueError` for families that are neither a mode nor a dict by verifiers' names."""
    if isinstance(families, str):
        if families not in FAMILY_MODES:
            raise ValueError(
                "families: must be 'auto', 'given' or a dict {verifier: family}, not"
                f" {reprlib.repr(families)}"
            )
        return
    check_mapping("families", families)


def family_by_name(name: str) -> str:
    """Return a verifier's default family: the text before its name's first colon, else the name."""
    return name.split(":", 1)[0]


def families_of(names: Sequence[str], stated: Families | None = None) -> tuple[str, ...]:
    """Return each verifier's family: the stated or the default one.

    Raises `ValueError` if one is stated for an unknown verifier.
    """
    families = stated if isinstance(stated, Mapping) else {}
    _check_names("families", families, names)
    return tuple(families.get(name) or family_by_name(name) for name in names)


def stated_names(names: Sequence[str], stated: Families | None) -> set[str]:
    """Return the verifiers whose families nothing joins to others."""
    if stated == "given":
        return set(names)
    return set(stated) if isinstance(stated, Mapping) else set()


def check_mapping(argument: str, stated: object) -> None:
    """Raise `ValueError` if statements about verifiers are not by name."""
    if stated is not None and not isinstance(stated, Mapping):
        raise ValueError(
            f"{argument}: must be a dict from verifiers' names, not"
            f" {type(stated).__name__}: {reprlib.repr(stated)}"
        )


def check_quality(quality: Mapping[str, float | str] | None, names: Sequence[str]) -> None:
    """Raise `ValueError` for a quality of an unknown verifier, and for one that is none."""
    _check_names("quality", quality or {}, names)
    for name, value in (quality or {}).items():
        _factor(f"quality of {name!r}", value)


def _check_names(argument: str, stated: Mapping[str, object], names: Sequence[str]) -> None:
    if unknown := [repr(name) for name in stated if name not in names]:
        raise ValueError(
            f"{argument}: no verifier has the name {listed(unknown)}; the verifiers are:"
            f" {listed(names)}"
        )


def listed(names: Sequence[str]) -> str:
    """Return the first names, for a message."""
    return f"{', '.join(names[:MOST_LISTED])}{' …' if len(names) > MOST_LISTED else ''}"


def codes(families: Sequence[str]) -> Ints:
    """Return families as numbers from 0."""
    return np.unique(np.asarray(families, dtype=str), return_inverse=True)[1].astype(np.int64)


def family_weights(families: Sequence[str]) -> Floats:
    """Return 1 / sqrt(size of the family) for each verifier."""
    sizes = Counter(families)
    return np.array([sizes[family] ** -0.5 for family in families])


def quality_weights(quality: Sequence[float | str | None]) -> Floats:
    """Return the factor (2 AUC - 1)^k on each verifier's weight; ones without a useful statement.

    A quality is an AUC (k = 2), one of `TIERS` (k = 1), or None / NaN: unstated, which counts
    as the mean of the stated factors. Raises `ValueError` for anything else.
    """
    factors = np.array(
        [_factor(f"quality of verifier {place}", value) for place, value in enumerate(quality)]
    )
    stated = ~np.isnan(factors)
    if not stated.any() or not (factors[stated] > 0).any():
        return np.ones(len(factors))
    return np.where(stated, factors, factors[stated].mean())


def _factor(subject: str, value: float | str | None) -> float:
    if value is None:
        return np.nan
    if isinstance(value, str) and value in TIERS:
        return 2 * TIERS[value] - 1
    if not isinstance(value, Real):
        raise ValueError(
            f"{subject}: must be an AUC or one of {', '.join(TIERS)}, not {reprlib.repr(value)}"
        )
    value = float(value)
    if np.isnan(value):
        return np.nan
    if (
        not -0.5 <= value <= 1.5
    ):  # an estimate with an error may pass the ends; 70 per cent does not
        raise ValueError(f"{subject}: an AUC lies between 0 and 1, not {value}")
    return min(max(0.0, 2 * value - 1), 1.0) ** 2
