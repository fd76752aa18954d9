"""Values that are no labels of four candidates."""

from __future__ import annotations

#: Too few and too many, a class, an index, texts, and none at all.
CARRIED: list[object] = [[1, 0], [1, 0, 1, 0, 1], [], 2, 0.5, True, "1,0,1,0", ["1", "0", "1", "0"], [[1], [0], [1], [0]], {"a": 1}]  # fmt: skip
