"""What was understood of a file."""

from __future__ import annotations

from assay.service.row_files.understood import MOST_NAMES_KEPT, Understood


def test_people_and_programs_read_the_same() -> None:
    """Form, tool, columns, and what is left out with its reason."""
    understood = Understood("CSV", "MT-bench judgments")
    understood.take("query", "prompt")
    understood.take("query", "question")
    understood.carry("topic")
    understood.leave_out("turn", "a number of the turn")
    understood.note("reference: several columns")

    assert list(understood.lines()) == [
        "read as MT-bench judgments, CSV",
        "query: prompt or question",
        "carried over: topic",
        "left out: turn (a number of the turn)",
        "reference: several columns",
    ]
    assert understood.data() == {
        "form": "CSV",
        "tool": "MT-bench judgments",
        "columns": {"query": ["prompt", "question"]},
        "carried": ["topic"],
        "left_out": {"turn": "a number of the turn"},
        "notes": ["reference: several columns"],
    }


def test_names_are_bounded() -> None:
    """Each row of a hostile file may have others."""
    understood = Understood("JSON lines")
    for place in range(5000):
        understood.carry(f"column{place}")
        understood.take("query", f"column{place}")
        understood.leave_out(f"column{place}", "reason")
        understood.note(f"note {place}")

    assert len(understood.carried) == len(understood.left_out) == MOST_NAMES_KEPT
    assert len(understood.notes) == len(understood.columns["query"]) == MOST_NAMES_KEPT
    assert "and 970 more" in " ".join(understood.lines())
