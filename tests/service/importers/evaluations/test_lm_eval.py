"""Samples of lm-evaluation-harness."""

from __future__ import annotations

import pytest

from assay.service.domain.errors import StartupError
from tests.support.tool_files import imported
from tests.support.tool_files.evaluations import lm_eval_choice, lm_eval_sample


def test_an_answer_is_a_candidate_and_its_metric_the_label() -> None:
    """The prompt is the query, the target the reference, and the id stays."""
    rows, wish = imported(
        "lm-eval", [lm_eval_sample(3, ["4"]), lm_eval_sample(7, [""], 0.0)], "rankings"
    )

    assert rows[0] == {
        "id": "3",
        "query": "Question: What is 3+1?\nAnswer:",
        "reference": "4",
        "candidates": ["4"],
        "labels": [1.0],
    }
    assert (rows[1]["candidates"], rows[1]["labels"]) == ([""], [0.0])
    assert wish.understood["labels"] == "exact_match"


def test_repeats_are_candidates_without_a_label() -> None:
    """The metric of repeats is of all of them together."""
    rows, _ = imported("lm-eval", [lm_eval_sample(3, ["4", "fünf", "4"])], "rankings")

    assert rows[0]["candidates"] == ["4", "fünf", "4"]
    assert "labels" not in rows[0]


def test_several_models_files_become_candidates_of_one_query() -> None:
    """Each is named after its model; the order of the files stays."""
    files = {"big": [lm_eval_sample(3, ["4"])], "small": [lm_eval_sample(3, ["5"], 0.0)]}

    rows, _ = imported("lm-eval", files, "rankings")

    assert len(rows) == 1
    assert rows[0]["candidates"] == [{"id": "big", "text": "4"}, {"id": "small", "text": "5"}]
    assert rows[0]["labels"] == [1.0, 0.0]


def test_a_multiple_choice_has_the_likelihoods_of_its_options_as_scores() -> None:
    """The target's option is right; numbers may be texts."""
    rows, _ = imported("lm-eval", [lm_eval_choice(0, [-3.5, -0.5, -9.0])], "scores")

    assert [row["scores"]["loglikelihood"] for row in rows] == [-3.5, -0.5, -9.0]
    assert [row["label"] for row in rows] == [0.0, 1.0, 0.0]
    assert [row["text"] for row in rows] == [" Lyon", " Paris", " Nice"]
    assert {row["query_id"] for row in rows} == {"0"}


def test_several_models_of_a_multiple_choice_are_several_verifiers() -> None:
    """Each has its own column; a model without the sample has no score there."""
    files = {
        "big": [lm_eval_choice(0, [-3.0, -1.0]), lm_eval_choice(1, [-2.0, -1.0])],
        "small": [lm_eval_choice(0, [-1.0, -2.0])],
    }

    rows, _ = imported("lm-eval", files, "scores")

    assert [row["scores"] for row in rows] == [
        {"big:loglikelihood": -3.0, "small:loglikelihood": -1.0},
        {"big:loglikelihood": -1.0, "small:loglikelihood": -2.0},
        {"big:loglikelihood": -2.0, "small:loglikelihood": None},
        {"big:loglikelihood": -1.0, "small:loglikelihood": None},
    ]


@pytest.mark.parametrize(
    ("target", "labels"),
    [("1", [0.0, 1.0, 0.0]), (" Nice", [0.0, 0.0, 1.0]), ("['a', 'b']", None), ("9", None)],
)
def test_the_right_option_is_an_index_or_a_text(target: str, labels: list[float] | None) -> None:
    """A target that names no option gives no labels."""
    rows, _ = imported("lm-eval", [lm_eval_choice(0, [-3.0, -1.0, -2.0], target)], "rankings")

    assert rows[0].get("labels") == labels


def test_older_files_have_lists_of_arguments_and_no_hashes() -> None:
    """Before 0.4.3."""
    sample = lm_eval_sample(3, ["4"])
    older = {key: value for key, value in sample.items() if not key.endswith("hash")}
    older["arguments"] = [["Q: 3+1?\nA:", {"until": ["\n"]}]]
    del older["filter"]

    rows, _ = imported("lm-eval", [older], "rankings")

    assert (rows[0]["query"], rows[0]["labels"]) == ("Q: 3+1?\nA:", [1.0])


def test_a_prompt_with_messages_as_json_becomes_messages() -> None:
    """As chat models get it."""
    sample = lm_eval_sample(3, ["4"])
    sample["arguments"]["gen_args_0"]["arg_0"] = '[{"role": "user", "content": "3+1?"}]'

    rows, _ = imported("lm-eval", [sample], "rankings")

    assert rows[0]["messages"] == [{"role": "user", "content": "3+1?"}]


def test_map_takes_the_query_and_the_label_from_other_fields() -> None:
    """Dots lead into the document."""
    sample = lm_eval_sample(3, ["4"], f1=0.25)

    rows, wish = imported("lm-eval", [sample], "rankings", "query=doc.question,label=f1")

    assert (rows[0]["query"], rows[0]["labels"]) == ("What is 3+1?", [0.25])
    assert wish.understood == {"query": "doc.question", "labels": "f1; left out: exact_match"}


def test_a_second_filter_gives_no_second_candidate() -> None:
    """The first counts, and the others are counted."""
    samples = [lm_eval_sample(3, ["4"], 0.0), lm_eval_sample(3, ["4"], 1.0, "flexible-extract")]

    rows, wish = imported("lm-eval", samples, "rankings")

    assert [row["labels"] for row in rows] == [[0.0]]
    assert wish.skipped == {"samples of a further filter": 1}


def test_a_sample_that_stands_twice_is_refused() -> None:
    """The tool appends to files: two runs in one would count double."""
    with pytest.raises(StartupError, match=r"f\.jsonl:2: doc_id: is on line 1 as well"):
        imported("lm-eval", [lm_eval_sample(3, ["4"]), lm_eval_sample(3, ["5"])], "rankings")


def test_tasks_with_equal_ids_stay_apart() -> None:
    """Their hash identifies documents."""
    other = lm_eval_sample(3, ["x"], doc_hash="other")

    rows, _ = imported("lm-eval", {"a": [lm_eval_sample(3, ["4"])], "b": [other]}, "rankings")

    assert len(rows) == 2
    assert rows[0]["id"].startswith("3-")
    assert rows[0]["id"] != rows[1]["id"]


def test_options_in_the_contexts_become_whole_candidates() -> None:
    """As in Winogrande, where the continuation is the same."""
    sample = lm_eval_choice(0, [-3.0, -1.0])
    sample["arguments"] = {
        "gen_args_0": {"arg_0": "Because Ann", "arg_1": " was late."},
        "gen_args_1": {"arg_0": "Because Bea", "arg_1": " was late."},
    }

    rows, _ = imported("lm-eval", [sample], "rankings")

    assert rows[0]["query"] == "Because "
    assert rows[0]["candidates"] == ["Ann was late.", "Bea was late."]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"resps": "x"}, "f.jsonl:1: resps: must be a list (got 'x')"),
        ({"resps": [["a"], ["b"]]}, "f.jsonl:1: resps: must have 1 lists, one for each request"),
        ({"resps": [[5]]}, "f.jsonl:1: resps: must hold texts (got '5')"),
        ({"doc_id": None}, "f.jsonl:1: doc_id: must be a text or a whole number (got 'null')"),
        ({"arguments": {"gen_args_0": 5}}, "arguments.0: must be the arguments of a request"),
    ],
)
def test_a_bad_field_is_named_with_file_line_and_value(
    change: dict[str, object], place: str
) -> None:
    """Nothing of the file is taken then."""
    with pytest.raises(StartupError) as refused:
        imported("lm-eval", [{**lm_eval_sample(3, ["4"]), **change}], "rankings")

    assert place in str(refused.value)


def test_likelihoods_of_whole_texts_give_nothing_and_the_reason() -> None:
    """As in tasks that measure perplexity."""
    sample = lm_eval_sample(0, ["-12.5"])
    sample["arguments"] = {"gen_args_0": {"arg_0": "a whole text"}}

    with pytest.raises(StartupError, match="1 samples without answers"):
        imported("lm-eval", [sample], "rankings")


def test_scores_of_answers_without_a_verifier_are_refused() -> None:
    """With what to do instead."""
    with pytest.raises(
        StartupError, match="has no scores of verifiers, only answers and labels: rank it"
    ):
        imported("lm-eval", [lm_eval_sample(3, ["4"])], "scores")


def test_labels_of_answers() -> None:
    """With the reference, which is part of the candidate's name in the service."""
    rows, _ = imported("lm-eval", [lm_eval_sample(3, ["4"])], "labels")

    assert rows == [
        {
            "query": "Question: What is 3+1?\nAnswer:",
            "reference": "4",
            "candidate": "4",
            "correct": 1.0,
        }
    ]


@pytest.mark.parametrize("target", ["A", "['Rome']", "2", "-1", "None"])
def test_a_target_that_names_no_option_is_counted_and_not_claimed(target: str) -> None:
    """What is printed of labels is true."""
    rows, wish = imported("lm-eval", [lm_eval_choice(0, [-3.0, -1.0], target)], "rankings")

    assert "labels" not in rows[0]
    assert wish.understood["labels"] == "none (looked for: target (the right option))"
    assert wish.unlabelled == {"samples whose target names no option": 1}


@pytest.mark.parametrize(
    ("target", "labels"),
    [
        ("[0, 2]", [1.0, 0.0, 1.0]),
        ("['Paris']", [0.0, 1.0, 0.0]),
        ("[1, 7]", None),
        ("[" * 9000, None),
    ],
)
def test_several_right_options_are_a_list_as_text(target: str, labels: list[float] | None) -> None:
    """As `str(target)` writes it; one that names no option leaves none."""
    rows, _ = imported("lm-eval", [lm_eval_choice(0, [-3.0, -1.0, -2.0], target)], "rankings")

    assert rows[0].get("labels") == labels


def test_options_in_contexts_with_a_common_target_have_no_label() -> None:
    """As in Winogrande: the target is the common ending."""
    sample = lm_eval_choice(0, [-3.0, -1.0], target="was late.")
    sample["arguments"] = {
        f"gen_args_{place}": {"arg_0": f"Because {name}", "arg_1": " was late."}
        for place, name in enumerate(("Ann", "Bea"))
    }

    rows, wish = imported("lm-eval", [sample], "rankings")

    assert "labels" not in rows[0]
    assert wish.unlabelled == {"samples whose target names no option": 1}


@pytest.mark.parametrize("metric", [{"bypass": 999}, {"exact_match": None}, {"bleu": 37.5}])
def test_metrics_that_are_no_label_are_counted_and_not_claimed(metric: dict[str, object]) -> None:
    """As those of `--predict_only`."""
    sample = {key: of for key, of in lm_eval_sample(3, ["4"]).items() if key != "exact_match"}

    rows, wish = imported("lm-eval", [{**sample, **metric}], "rankings")

    assert "labels" not in rows[0]
    assert wish.understood["labels"] == f"none (looked for: {next(iter(metric))})"
    assert sum(wish.unlabelled.values()) == 1


@pytest.mark.parametrize(
    "prompt",
    [
        ['[{"role": "user", "content": "3+1?"}]'],
        '[{"role": "user", "content": "3+1?"}]',
        [{"role": "user", "content": "3+1?"}],
    ],
)
def test_chats_of_api_models_are_messages(prompt: object) -> None:
    """`JsonChatStr`, a tuple with a name, becomes a list of one text in JSON."""
    sample = lm_eval_sample(3, ["4"])
    sample["arguments"]["gen_args_0"]["arg_0"] = prompt
    older = {**sample, "arguments": [[prompt, {"until": []}]]}

    for form in (sample, older):
        rows, _ = imported("lm-eval", [form], "rankings")
        assert rows[0]["messages"] == [{"role": "user", "content": "3+1?"}]
