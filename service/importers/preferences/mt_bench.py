"""Judgments of MT-bench, with the questions and answers that they are of.

Published form: lm-sys/FastChat, `fastchat/llm_judge/common.py` (`play_a_match_single`,
`play_a_match_pair`), `gen_model_answer.py` (answers), `data/mt_bench/question.jsonl` (questions);
the data set lmsys/mt_bench_human_judgments has `model_a`, `model_b`, `winner` and the texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from assay.service.importers.conversations import messages_of
from assay.service.importers.gathering import Gathered, GatheredQuery
from assay.service.importers.importer import RowShape, Wish
from assay.service.importers.preferences.pairwise_wins import Wins
from assay.service.importers.tool_rows import ToolRow
from assay.service.row_files.reading import NumberedRow

_SINGLE = frozenset({"question_id", "model", "judge", "score", "turn"})
_PAIR = frozenset({"question_id", "model_1", "model_2", "judge"})
_HUMAN = frozenset({"question_id", "model_a", "model_b", "winner", "judge"})
_QUESTION = frozenset({"question_id", "category", "turns"})
_ANSWER = frozenset({"question_id", "answer_id", "model_id", "choices"})
_KINDS_OF_ROWS = (_SINGLE, _PAIR, _HUMAN, _QUESTION, _ANSWER)
#: A judgment that could not be read.
_FAILED = -1
#: The share of the first model, by the winner's name.
_FIRST_WINS = {"model_1": 1.0, "model_a": 1.0, "model_2": 0.0, "model_b": 0.0, "tie": 0.5}
_FIRST_WINS |= {"tie (inconsistent)": 0.5, "inconsistent": 0.5}


@dataclass(frozen=True, slots=True)
class MtBenchJudgments:
    """Ratings and comparisons of models' answers by judges; each turn is a query of its own."""

    name: str = "mt-bench"
    title: str = "MT-bench judgments"
    shapes: tuple[RowShape, ...] = ("scores", "rankings", "labels")
    mapped: tuple[str, ...] = ()

    def recognises(self, row: Mapping[str, Any]) -> bool:
        """Return whether a row is a judgment, a question or an answer."""
        return any(row.keys() >= fields for fields in _KINDS_OF_ROWS)

    def rows(self, rows: Iterable[ToolRow], wish: Wish) -> Iterator[NumberedRow]:
        """Yield rows: a judge's rating or share of wins is a score, people's wins are a label."""
        bench = _Bench()
        for row in rows:
            bench.enter(row, wish)
        bench.wins.settle(wish)
        bench.set_texts(wish)
        return bench.gathered.rows(wish)


@dataclass(slots=True)
class _Bench:
    """What the rows of all files hold so far."""

    gathered: Gathered = field(default_factory=Gathered)
    wins: Wins = field(default_factory=Wins)
    questions: dict[str, ToolRow] = field(default_factory=dict)
    answers: dict[tuple[str, str], ToolRow] = field(default_factory=dict)

    def enter(self, row: ToolRow, wish: Wish) -> None:
        """Enter a row of any kind."""
        fields = row.values.keys()
        if fields >= _QUESTION:
            self.questions[row.identity("question_id")] = row
        elif fields >= _ANSWER:
            self.answers[row.identity("question_id"), row.text("model_id")] = row
        elif fields >= _SINGLE:
            self._enter_rating(row, wish)
        elif fields >= _HUMAN:
            self._enter_comparison(row, ("model_a", "model_b"), row.text("winner"))
        elif fields >= _PAIR:
            self._enter_comparison(row, ("model_1", "model_2"), _winner(row))
        else:
            raise row.refusal("judge", "is missing: the row is no judgment, question or answer")

    def _query(self, row: ToolRow) -> GatheredQuery:
        turn = row.number("turn") if row.has("turn") else 1
        if turn not in (1, 2):
            raise row.refusal("turn", "must be 1 or 2", row.values.get("turn"))
        name = f"{row.identity('question_id')}:{turn:.0f}"
        return self.gathered.query(name, name, row)

    def _enter_rating(self, row: ToolRow, wish: Wish) -> None:
        rating = row.number("score")
        if rating is None or rating == _FAILED:
            wish.skipped["judgments without a rating (the score is missing)"] += 1
            rating = None
        wish.understood.setdefault("scores", "each judge's rating")
        candidate = self._query(row).candidate(row.text("model"), row)
        candidate.score(_judge(row) or "human", rating, row)

    def _enter_comparison(self, row: ToolRow, sides: tuple[str, str], winner: str) -> None:
        if winner not in _FIRST_WINS and winner != "error":
            raise row.refusal("winner", f"must be one of {', '.join(_FIRST_WINS)}", winner)
        first = _FIRST_WINS.get(winner)
        query, judge = self._query(row), _judge(row)
        shares = (first, None if first is None else 1 - first)
        for side, share in zip(sides, shares, strict=True):
            text = None
            if row.has(f"conversation_{side[-1]}"):
                text = _last_answer(query, row, f"conversation_{side[-1]}")
            candidate = query.candidate(row.text(side), row, text)
            self.wins.enter(candidate, f"{judge}:pair" if judge else None, share)

    def set_texts(self, wish: Wish) -> None:
        """Give first turns their texts; a second turn's conversation differs between models."""
        for query in self.gathered.queries.values():
            name, _, turn = query.id.rpartition(":")
            if turn == "2":
                query.query = query.messages = None
                continue
            if name in self.questions:
                turns = self.questions[name].texts("turns")
                query.query, query.messages = turns[0] if turns else None, None
            for candidate in query.candidates.values():
                answer = self.answers.get((name, candidate.name))
                if answer is not None and candidate.text is None:
                    candidate.text = _first_turn(answer)
        wish.understood.setdefault("queries", "a turn of a question each; first turns have texts")


def _winner(row: ToolRow) -> str:
    """Return who won; two games with different winners are inconsistent."""
    if row.has("winner"):
        return row.text("winner")
    games = {row.text("g1_winner"), row.text("g2_winner")}
    return games.pop() if len(games) == 1 else "error" if "error" in games else "inconsistent"


def _judge(row: ToolRow) -> str | None:
    """Return the model that judged; None for a person of the human judgments."""
    judge = row.values.get("judge")
    if isinstance(judge, (list, tuple)) and judge and isinstance(judge[0], str):
        return judge[0]
    name = row.text("judge")
    is_person = row.values.keys() >= _HUMAN and not name.startswith(("gpt", "claude"))
    return None if is_person else name.removesuffix("_pair")


def _last_answer(query: GatheredQuery, row: ToolRow, field_name: str) -> str | None:
    """Return a model's answer in this turn, and set the query of a first turn."""
    messages = messages_of(row, field_name, row.items(field_name))
    turn = int(query.id.rpartition(":")[2])
    if len(messages) < 2 * turn:
        raise row.refusal(field_name, f"must have {2 * turn} messages for turn {turn}")
    query.query = messages[0]["content"]
    return messages[2 * turn - 1]["content"]


def _first_turn(answer: ToolRow) -> str | None:
    choice = next(answer.objects("choices"), None)
    turns = choice.texts("turns") if choice is not None else []
    return turns[0] if turns else None
