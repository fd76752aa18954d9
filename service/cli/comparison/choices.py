"""What of two systems is compared."""

from __future__ import annotations

from enum import StrEnum


class ComparedChoice(StrEnum):
    """What of a system is compared: the candidate that it picks, or the mean of its candidates."""

    PICK = "pick"
    CANDIDATES = "candidates"


class SimpleChoice(StrEnum):
    """A choice without a model."""

    FIRST = "first"
    RANDOM = "random"
