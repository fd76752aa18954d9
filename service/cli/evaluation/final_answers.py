"""Which candidates of a query give the same final answer, for the majority answer."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from assay.aggregation.statistics.queries import Queries
from assay.service.score_files.score_table import ScoreTable
from assay.verifiers.checks.answers.answer_equality import same_plain_answers

NO_ANSWERS = "not known, the file has no answers (column `answer`, or `text`)"


def answer_codes(table: ScoreTable) -> npt.NDArray[np.int64] | None:
    """Return codes of equal answers within a query, a row each, -1 without an answer.

    Those of the column `answer`, or else of the candidates' texts. They are compared as
    `consensus` compares them: numbers by their value, others as normalised text. None where no row
    has either.
    """
    texts = table.answers if _some(table.answers) else table.texts
    if texts is None or not _some(texts):
        return None
    queries = Queries.of(table.query_id)
    grouped = queries.take(texts)
    codes: list[int] = []
    for low, high in zip(queries.starts[:-1], queries.starts[1:], strict=True):
        groups = same_plain_answers([text or "" for text in grouped[low:high]], by_value=True)
        codes += [-1 if group is None else group for group in groups]
    return queries.put_back(np.array(codes, np.int64))


def _some(texts: npt.NDArray[np.object_] | None) -> bool:
    return texts is not None and any(text is not None for text in texts)
