"""Rows of judgements, in the published forms of their tools."""

from __future__ import annotations

from typing import Any

from tests.support.tool_files import Row


def reward_bench_columns(model: str = "org/reward", **more: Any) -> Row:
    """Return a file of version 1: an object of columns."""
    return {
        "chat_template": "tulu",
        "id": [30, 31],
        "model": model,
        "model_type": "Seq. Classifier",
        "results": [1, 0],
        "scores_chosen": [2.5, -1.0],
        "scores_rejected": [0.5, 0.25],
        "subset": ["chat", "code"],
        "text_chosen": ["user: a\nassistant: right", "user: b\nassistant: good"],
        "text_rejected": ["user: a\nassistant: wrong", "user: b\nassistant: bad"],
        **more,
    }


def reward_bench_output(prompt: str, chosen: float, rejected: float) -> Row:
    """Return a line of `…_outputs.jsonl`."""
    return {
        "prompt": prompt,
        "results": int(chosen > rejected),
        "scores_chosen": chosen,
        "scores_rejected": rejected,
        "text_chosen": f"{prompt}right",
        "text_rejected": f"{prompt}wrong",
    }


def reward_bench_2(name: str, scores: list[Any], right: int = 1, **more: Any) -> Row:
    """Return a row of version 2."""
    return {
        "id": name,
        "subset": "Math",
        "num_correct": right,
        "results": 1.0,
        "scores": scores,
        "text": [f"answer {place}" for place in range(len(scores))],
        **more,
    }


def alpaca_annotation(instruction: str, preference: float | None, **more: Any) -> Row:
    """Return an annotation."""
    return {
        "instruction": instruction,
        "output_1": f"{instruction}: by davinci",
        "generator_1": "text_davinci_003",
        "dataset": "helpful_base",
        "output_2": f"{instruction}: by mine",
        "generator_2": "mine",
        "annotator": "weighted_alpaca_eval_gpt4_turbo",
        "preference": preference,
        "raw_completion": {"text": "m"},
        "time_per_example": 0.5,
        "price_per_example": 0.01,
        **more,
    }


def mt_rating(question: int, model: str, score: float, turn: int = 1, **more: Any) -> Row:
    """Return a judgment of a single answer."""
    return {
        "question_id": question,
        "model": model,
        "judge": ["gpt-4", "single-v1" if turn == 1 else "single-v1-multi-turn"],
        "user_prompt": "[Question] …",
        "judgment": f"Rating: [[{score}]]",
        "score": score,
        "turn": turn,
        "tstamp": 1687222000.5,
        **more,
    }


def mt_comparison(question: int, models: tuple[str, str], winners: tuple[str, str]) -> Row:
    """Return a judgment of a pair, in both orders."""
    return {
        "question_id": question,
        "model_1": models[0],
        "model_2": models[1],
        "g1_winner": winners[0],
        "g2_winner": winners[1],
        "judge": ["gpt-4", "pair-v2"],
        "g1_user_prompt": "…",
        "g1_judgment": "…",
        "g2_user_prompt": "…",
        "g2_judgment": "…",
        "turn": 1,
        "tstamp": 1687222000.5,
    }


def mt_human(question: int, winner: str, judge: Any = "author_0", turn: int = 1) -> Row:
    """Return a row of the human judgments."""
    return {
        "question_id": question,
        "model_a": "alpaca",
        "model_b": "vicuna",
        "winner": winner,
        "judge": judge,
        "conversation_a": conversation("a"),
        "conversation_b": conversation("b"),
        "turn": turn,
    }


def conversation(side: str) -> list[Row]:
    """Return two turns with a model."""
    return [
        {"role": "user", "content": "first?"},
        {"role": "assistant", "content": f"first of {side}"},
        {"role": "user", "content": "second?"},
        {"role": "assistant", "content": f"second of {side}"},
    ]


def mt_question(question: int) -> Row:
    """Return a line of the questions."""
    return {"question_id": question, "category": "math", "turns": ["2+2?", "And doubled?"]}


def mt_answer(question: int, model: str, text: str) -> Row:
    """Return a line of a model's answers."""
    return {
        "question_id": question,
        "answer_id": "x",
        "model_id": model,
        "choices": [{"index": 0, "turns": [text, "8"]}],
        "tstamp": 1.5,
    }
