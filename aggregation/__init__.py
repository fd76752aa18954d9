"""Combining raw scores into one log-odds a candidate: numbers in, numbers out."""

from .base import Aggregator, Column, Floats, NotFittedError
from .ranking import order
from .robust_average import RobustAverage, logistic

__all__ = ["Aggregator", "Column", "Floats", "NotFittedError", "RobustAverage", "logistic", "order"]
