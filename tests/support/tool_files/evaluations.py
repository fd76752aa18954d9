"""Rows of evaluation tools, in their published forms."""

from __future__ import annotations

from typing import Any

from tests.support.tool_files import Row


def lm_eval_sample(
    doc_id: int,
    answers: list[str],
    match: float = 1.0,
    filter_name: str = "strict-match",
    **more: Any,
) -> Row:
    """Return a sample of a generating task; several answers are repeats."""
    return {
        "doc_id": doc_id,
        "doc": {"question": f"What is {doc_id}+1?", "answer": str(doc_id + 1)},
        "target": str(doc_id + 1),
        "arguments": {
            "gen_args_0": {
                "arg_0": f"Question: What is {doc_id}+1?\nAnswer:",
                "arg_1": {"until": ["\n"], "do_sample": False},
            }
        },
        "resps": [answers],
        "filtered_resps": [answers[0]],
        "filter": filter_name,
        "metrics": ["exact_match"],
        "doc_hash": f"hash-{doc_id}",
        "prompt_hash": "p",
        "target_hash": "t",
        "exact_match": match,
        **more,
    }


def lm_eval_choice(doc_id: int, likelihoods: list[float], target: str = "1", **more: Any) -> Row:
    """Return a sample of a multiple choice, as the tool writes it: numbers are texts."""
    options = [" Lyon", " Paris", " Nice", " Lille"][: len(likelihoods)]
    return {
        "doc_id": doc_id,
        "doc": {"question": "Capital of France?", "choices": options},
        "target": target,
        "arguments": {
            f"gen_args_{place}": {"arg_0": "Capital of France?\nAnswer:", "arg_1": option}
            for place, option in enumerate(options)
        },
        "resps": [[[str(value), "False"]] for value in likelihoods],
        "filtered_resps": [[str(value), "False"] for value in likelihoods],
        "filter": "none",
        "metrics": ["acc", "acc_norm"],
        "doc_hash": f"choice-{doc_id}",
        "prompt_hash": "p",
        "target_hash": "t",
        "acc": 1.0,
        "acc_norm": 1.0,
        **more,
    }


def lighteval_detail(name: str, texts: list[str], metric: dict[str, Any], marked: bool) -> Row:
    """Return a detail of today's form; `marked`: with the names that the hub shows."""
    parts = {
        "doc": {
            "query": f"What is {name}+1?",
            "choices": [str(int(name) + 1)],
            "gold_index": 0,
            "id": name,
            "task_name": "gsm8k|0",
        },
        "model_response": {"text": texts, "logprobs": [], "input": "…"},
        "metric": metric,
    }
    return {f"__{part}__" if marked else part: value for part, value in parts.items()}


def lighteval_choice(name: str, logprobs: list[float], gold: Any = 1) -> Row:
    """Return a detail of a multiple choice."""
    return {
        "doc": {
            "query": "Capital of France?",
            "choices": [" Lyon", " Paris", " Nice"],
            "gold_index": gold,
            "id": name,
            "task_name": "capitals|0",
        },
        "model_response": {"text": [], "logprobs": logprobs},
        "metric": {"acc": 1},
    }


def lighteval_flat(prompt: str, predictions: Any, **more: Any) -> Row:
    """Return a detail of the older form, whose columns are flat."""
    return {
        "example": prompt[-10:],
        "instruction": "",
        "full_prompt": prompt,
        "num_effective_few_shots": 0,
        "predictions": predictions,
        "input_tokens": [],
        "cont_tokens": [],
        "truncated": [],
        "padded": [],
        "gold": ["2"],
        "choices": ["2"],
        "gold_index": [0],
        "metrics": {"extractive_match": 1.0},
        **more,
    }


def inspect_sample(
    name: int | str, answer: str, scores: dict[str, Any], epoch: int = 1, **more: Any
) -> Row:
    """Return a sample of a log."""
    return {
        "id": name,
        "epoch": epoch,
        "input": f"What is {name}?",
        "target": "4",
        "messages": [],
        "output": {
            "model": "m",
            "choices": [
                {"message": {"role": "assistant", "content": answer}, "stop_reason": "stop"}
            ],
            "completion": answer,
        },
        "scores": {name: {"value": value, "answer": answer} for name, value in scores.items()},
        "metadata": {},
        **more,
    }


def inspect_log(samples: list[Row], model: str = "openai/m") -> Row:
    """Return a log."""
    return {
        "version": 2,
        "status": "success",
        "eval": {"task": "sums", "model": model, "created": "2026-01-01T00:00:00+00:00"},
        "plan": {},
        "samples": samples,
    }


def batch_request(custom_id: str, body: dict[str, Any]) -> Row:
    """Return a line of a batch's input."""
    return {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body}


def batch_reply(custom_id: str, answers: list[str | None], **more: Any) -> Row:
    """Return a line of a batch's output."""
    choices = [
        {"index": place, "message": {"role": "assistant", "content": answer}}
        for place, answer in enumerate(answers)
    ]
    return {
        "id": "batch_req_1",
        "custom_id": custom_id,
        "response": {"status_code": 200, "request_id": "r", "body": {"choices": choices}},
        "error": None,
        **more,
    }


def chat(text: str) -> dict[str, Any]:
    """Return the body of a chat completion's request."""
    return {"model": "gpt-x", "messages": [{"role": "user", "content": text}]}
