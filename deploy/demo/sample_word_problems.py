"""Sample the demo's candidates from a real model, served by vLLM.

    python deploy/demo/sample_word_problems.py http://127.0.0.1:18009 smollm2 -o
    service/cli/demo_data/word_problems.jsonl

The problems are made here from a fixed seed, so their answers are known exactly. A candidate is
correct when the last number it states is that answer; a candidate that states none, or was cut off,
is wrong. One line a problem: {"query", "answer", "candidates": [{"text", "finish_reason",
"correct"}]}.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

NAMES = [
    "Ana",
    "Ben",
    "Chloe",
    "Dev",
    "Elif",
    "Finn",
    "Grace",
    "Hugo",
    "Iris",
    "Jonas",
    "Kemi",
    "Liam",
]
THINGS = ["apples", "books", "coins", "marbles", "stickers", "pencils", "cards", "shells"]
#: A model of 135M parameters needs to be shown the form; the examples are the sampler's, not part
#: of the query.
EXAMPLES = [
    (
        "Zoe has 5 keys and finds 2 more. How many keys does Zoe have now?",
        "5 + 2 = 7. The answer is 7.",
    ),
    ("Leo has 9 pears and gives away 4. How many pears are left?", "9 - 4 = 5. The answer is 5."),
    (
        "8 rings are shared equally among 2 friends. How many rings does each friend get?",
        "8 / 2 = 4. The answer is 4.",
    ),
    (
        "There are 3 rows with 4 chairs in each row. How many chairs are there in all?",
        "3 * 4 = 12. The answer is 12.",
    ),
    (
        "Max has 20 dollars and buys 3 cups at 4 dollars each. How many dollars are left?",
        "3 * 4 = 12. 20 - 12 = 8. The answer is 8.",
    ),
]
INSTRUCTION = " Show your work, then end with 'The answer is N.' where N is a number."
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


def problems(count: int, seed: int) -> Iterator[tuple[str, int]]:
    """Yield `count` distinct problems of one to three steps, each with its exact answer."""
    rng = random.Random(seed)
    seen: set[str] = set()
    makers = [
        _sum,
        _difference,
        _boxes,
        _sum,
        _difference,
        _share,
        _two_step,
        _sum,
        _difference,
        _price,
    ]
    while len(seen) < count:
        text, answer = makers[len(seen) % len(makers)](rng)
        if text not in seen:
            seen.add(text)
            yield text + INSTRUCTION, answer


def _sum(rng: random.Random) -> tuple[str, int]:
    a, b, who, what = rng.randint(2, 12), rng.randint(2, 9), rng.choice(NAMES), rng.choice(THINGS)
    return f"{who} has {a} {what} and finds {b} more. How many {what} does {who} have now?", a + b


def _difference(rng: random.Random) -> tuple[str, int]:
    a, b, who, what = rng.randint(7, 18), rng.randint(2, 6), rng.choice(NAMES), rng.choice(THINGS)
    return f"{who} has {a} {what} and gives away {b}. How many {what} are left?", a - b


def _boxes(rng: random.Random) -> tuple[str, int]:
    a, b, what = rng.randint(2, 5), rng.randint(2, 6), rng.choice(THINGS)
    return (
        f"There are {a} boxes with {b} {what} in each box. How many {what} are there in all?",
        a * b,
    )


def _share(rng: random.Random) -> tuple[str, int]:
    a, b, what = rng.randint(2, 5), rng.randint(2, 8), rng.choice(THINGS)
    return (
        (
            f"{a * b} {what} are shared equally among {a} friends. How many {what} does each friend"
            " get?"
        ),
        b,
    )


def _two_step(rng: random.Random) -> tuple[str, int]:
    a, b, c = rng.randint(2, 6), rng.randint(3, 9), rng.randint(2, 15)
    who, what = rng.choice(NAMES), rng.choice(THINGS)
    return (
        (
            f"{who} buys {a} bags of {b} {what} and then gets {c} more {what} from a friend. How"
            f" many {what} does {who} have?"
        ),
        a * b + c,
    )


def _price(rng: random.Random) -> tuple[str, int]:
    a, b = rng.randint(2, 6), rng.randint(2, 9)
    c, who = a * b + rng.randint(2, 20), rng.choice(NAMES)
    return (
        f"{who} has {c} dollars and buys {a} pens at {b} dollars each. How many dollars are left?",
        c - a * b,
    )


def is_correct(text: str, finish_reason: str, answer: int) -> bool:
    """Return whether the last number of a complete text is the answer."""
    numbers = NUMBER.findall(text)
    return (
        finish_reason == "stop" and bool(numbers) and float(numbers[-1].replace(",", "")) == answer
    )


def sample(url: str, model: str, query: str, answer: int, count: int) -> dict[str, object]:
    """Draw `count` candidates for a query and grade each."""
    shown = [
        {"role": role, "content": content}
        for question, solution in EXAMPLES
        for role, content in (("user", question + INSTRUCTION), ("assistant", solution))
    ]
    body = {
        "model": model,
        "messages": [*shown, {"role": "user", "content": query}],
        "n": count,
        "temperature": 0.6,
        "max_tokens": 64,
    }
    request = urllib.request.Request(
        url + "/v1/chat/completions",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=3600) as reply:
        choices = json.load(reply)["choices"]
    candidates = []
    for choice in choices:
        text, reason = choice["message"]["content"], choice["finish_reason"]
        candidates.append(
            {"text": text, "finish_reason": reason, "correct": is_correct(text, reason, answer)}
        )
    return {"query": query, "answer": answer, "candidates": candidates}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url")
    parser.add_argument("model")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--problems", type=int, default=150)
    parser.add_argument("--candidates", type=int, default=8)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    made = list(problems(args.problems, args.seed))
    with ThreadPoolExecutor(8) as pool, args.out.open("w") as out:
        rows = pool.map(
            lambda item: sample(args.url, args.model, item[0], item[1], args.candidates),
            made,
        )
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
