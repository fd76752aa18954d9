"""What every importer has."""

from __future__ import annotations

import pytest

from assay.service.importers.importer import Importer, Wish
from assay.service.importers.recognition import IMPORTERS


@pytest.mark.parametrize("importer", IMPORTERS, ids=lambda importer: importer.name)
def test_an_importer_has_a_name_a_title_and_shapes(importer: Importer) -> None:
    """No two share a name or a title."""
    assert [other.name for other in IMPORTERS].count(importer.name) == 1
    assert [other.title for other in IMPORTERS].count(importer.title) == 1
    assert set(importer.shapes) <= {"rankings", "scores", "labels"}
    assert importer.shapes


def test_wishes_share_no_reports() -> None:
    """Each import counts for itself."""
    first = Wish("labels")
    first.skipped["x"] += 1

    assert Wish("labels").skipped == {}
