"""Records of requests, and tables of them."""

from __future__ import annotations

import numpy as np

from assay.service.domain.observation import pack, record_of, training_table, unpack
from assay.service.domain.score_keys import keys_of
from assay.verifiers import Pair, Query


def test_a_record_comes_back_as_it_was() -> None:
    """Missing scores, a candidate that stands in it twice and all."""
    pairs = [Pair(Query.of("q"), text) for text in ("a", "b", "a")]
    record = record_of(
        keys_of(pairs, True),
        (1, 2**63),
        np.array([[1.0, np.nan], [2.0, np.inf], [1.0, np.nan]]),
        "t@3",
    )

    back = unpack(b"17-3", pack(record))

    assert (back.name, back.query, back.candidates, back.fingerprints, back.version) == (
        record.name,
        record.query,
        record.candidates,
        (1, 2**63),
        "t@3",
    )
    assert back.at == (17, 3)
    np.testing.assert_array_equal(back.scores, record.scores)
    assert (len(record.candidates), record.missing) == (2, 2)


def test_a_verifier_that_changed_is_another_column() -> None:
    """Scores of two revisions never mix."""
    keys = keys_of([Pair(Query.of("q"), "a"), Pair(Query.of("q"), "b")], True)
    old, new = (
        record_of(keys, (print_,), np.array([[1.0], [2.0]]) * print_, "t@1") for print_ in (7, 8)
    )

    assert training_table([old, new], (8,)).scores.ravel().tolist() == [8.0, 16.0]
    assert np.isnan(training_table([old], (8,)).scores).all()
