"""Shares of wins."""

from __future__ import annotations

from assay.service.importers.gathering import GatheredCandidate
from assay.service.importers.importer import Wish
from assay.service.importers.preferences.pairwise_wins import Wins
from assay.service.importers.tool_rows import ToolRow


def test_the_mean_of_comparisons_counts() -> None:
    """By judge; people's is the label; without any there is none."""
    candidates = [GatheredCandidate(name, "q", ToolRow({}, 1)) for name in "abc"]
    wins, wish = Wins(), Wish("scores")
    for candidate, judge, share in [
        (candidates[0], "j", 1.0),
        (candidates[0], "j", 0.5),
        (candidates[0], "k", None),
        (candidates[1], None, 0.25),
        (candidates[2], None, None),
    ]:
        wins.enter(candidate, judge, share)

    wins.settle(wish)

    assert candidates[0].scores == {"j": 0.75, "k": None}
    assert [candidate.label for candidate in candidates] == [None, 0.25, None]
    assert set(wish.understood) == {"scores", "labels"}
