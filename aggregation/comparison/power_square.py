"""Sums of squares as polynomials of λ, the weight of predictions."""

from __future__ import annotations

from dataclasses import dataclass

from assay.aggregation.matrix import Floats


@dataclass(frozen=True, slots=True)
class PowerSquare:
    """The sum of squares of a - λb."""

    constant: float = 0.0
    cross: float = 0.0
    square: float = 0.0

    @classmethod
    def of(cls, a: Floats, b: Floats) -> PowerSquare:
        """Return the sum over two arrays of one shape."""
        return cls(float(a @ a), float(a @ b), float(b @ b))

    def plus(self, other: PowerSquare, times: float = 1.0) -> PowerSquare:
        """Return the sum with so many times another one."""
        return PowerSquare(
            self.constant + times * other.constant,
            self.cross + times * other.cross,
            self.square + times * other.square,
        )

    def at(self, power: float) -> float:
        """Return its value for a λ."""
        return max(0.0, self.constant - 2 * power * self.cross + power**2 * self.square)

    def best(self) -> float:
        """Return the λ from 0 to 1 at which it is least."""
        return min(1.0, max(0.0, self.cross / self.square)) if self.square > 0 else 0.0
