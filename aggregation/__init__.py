"""Combining raw scores into one log-odds a candidate: numbers in, numbers out."""

from .base import Aggregator, Column, Combined, Floats, NotFittedError
from .few_labels import OneClassError
from .label_model import LabelModel
from .ranking import order
from .recipe import DEFAULT, FIRST, Recipe
from .robust_average import RobustAverage
from .served import ServedModel
from .shard import Shard

__all__ = [
    "DEFAULT",
    "FIRST",
    "Aggregator",
    "Column",
    "Combined",
    "Floats",
    "LabelModel",
    "NotFittedError",
    "OneClassError",
    "Recipe",
    "RobustAverage",
    "ServedModel",
    "Shard",
    "order",
]
