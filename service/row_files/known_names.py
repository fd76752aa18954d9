"""The fields of rankings and of labels, and the names that files of other people give them.

Sources: TRL's dataset formats (prompt, completion, chosen, rejected, messages), OpenAI's chat
completions (choices, message, content), ShareGPT (conversations of from and value), Alpaca
(instruction, input, output), MBPP (test_list), GSM8K and MATH (question, problem, answer,
solution).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

NameGroups = Mapping[str, Sequence[Sequence[str]]]
#: NameGroups of each field of a ranking, beside its own: those of an earlier group win.
RANKING_NAMES: NameGroups = {
    "query": [
        [
            "prompt",
            "question",
            "instruction",
            "input",
            "problem",
            "user_prompt",
            "user_input",
            "user_query",
            "query_text",
            "prompt_text",
            "question_text",
            "problem_statement",
        ]
    ],
    "messages": [
        ["conversation", "conversations", "prompt_messages", "chat", "dialog", "dialogue", "turns"]
    ],
    "candidates": [
        [
            "responses",
            "completions",
            "choices",
            "generations",
            "samples",
            "outputs",
            "answers",
            "candidate_responses",
            "candidate_answers",
            "model_responses",
            "model_outputs",
            "predictions",
            "replies",
        ]
    ],
    "reference": [
        ["reference_answer", "gold_answer", "correct_answer", "expected_answer", "ground_truth"],
        ["answer", "gold", "target", "expected", "solution", "expected_output", "ideal"],
    ],
    "tests": [["test_list", "unit_tests", "test_cases", "assertions"]],
    "id": [
        ["query_id", "prompt_id", "question_id", "problem_id"],
        ["example_id", "sample_id", "instance_id", "task_id", "doc_id", "unique_id"],
        ["uid", "uuid", "qid", "idx"],
    ],
    "labels": [["label", "correct", "is_correct", "correctness", "gold_labels", "passed"]],
}
#: NameGroups of each field of a label, beside its own.
LABEL_NAMES_BY_FIELD: NameGroups = {
    "query": RANKING_NAMES["query"],
    "messages": RANKING_NAMES["messages"],
    "candidate": [["response", "completion", "answer", "output", "generation", "model_response"]],
    "reference": [RANKING_NAMES["reference"][0]],
    "tests": RANKING_NAMES["tests"],
    # `rating` and `score` are numbers of any scale: they take a map.
    "correct": [["label", "is_correct", "correctness", "passed"]],
    "who": [["annotator", "user", "annotator_id", "annotator_name", "labeler", "rater", "author"]],
    "random": [["label_random"]],
}
CHOSEN, REJECTED = "chosen", "rejected"
#: HelpSteer3's column of the conversation; elsewhere a text with which a query is asked.
CONTEXT = "context"
#: Keys under which an object holds a candidate's text.
TEXT_KEYS = (
    "text",
    "content",
    "response",
    "completion",
    "answer",
    "output",
    "generated_text",
    "generation",
)
#: ShareGPT's names of speakers.
ROLES_BY_SPEAKER = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "system": "system",
}
#: An object with one of these is a row, not a wrapper of rows.
ROW_NAMES = frozenset(
    {"query", "messages", "candidates", "candidate", "line", "row", "key", "correct"}
    | {CHOSEN, REJECTED, "query_id"}
    | {*RANKING_NAMES["query"][0], *RANKING_NAMES["messages"][0]}
)


def candidates_for(
    field: str, names: NameGroups, columns: Mapping[str, object]
) -> tuple[list[str], bool]:
    """Return the columns that may hold a field, and whether the field's own name is the one.

    A column without a value holds nothing. Several columns: they are equally likely.
    """
    if field in columns:
        return [field], True
    for group in names.get(field, ()):
        if present := [name for name in group if columns.get(name) not in (None, "", [], {})]:
            return present, False
    return [], False
