"""Requests of trainers' and samplers' own code, run by their own Python: trainers.py NAME URL
prints JSON.

`openrlhf` and `verl` go through a recorder, so that what their code sends can be checked field by
field, and replayed.
"""

import asyncio
import json
import os
import shlex
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

QUERY = "What is 3 + 4?"
TEXTS = ["3 + 4 = 9. The answer is 9.", "3 + 4 = 7. The answer is 7.", "no idea"]
CHAT = [{"role": "user", "content": QUERY}]


@contextmanager
def recorder(url):
    """Pass requests on to a service, and keep them with their answers."""
    kept = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            request = urllib.request.Request(
                url + self.path, body, {"Content-Type": self.headers["Content-Type"]}
            )
            try:
                with urllib.request.urlopen(request) as reply:
                    status, said = reply.status, reply.read()
            except urllib.error.HTTPError as exc:
                status, said = exc.code, exc.read()
            kept.append(
                {
                    "path": self.path,
                    "request": json.loads(body),
                    "status": status,
                    "reply": json.loads(said),
                }
            )
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", kept
    server.shutdown()


def tokenizer():
    """Return the example's tokenizer of bytes, with a chat template."""
    sys.path.insert(0, str(Path(__file__).parents[2] / "client" / "examples"))
    from grpo import tiny

    return tiny()[1]


def openrlhf(url):
    """OpenRLHF's own roll-out code, asking a remote reward model about texts that its tokenizer
    decoded.
    """
    from openrlhf.utils.agent import SingleTurnAgentExecutor

    coder = tokenizer()
    prompt = coder.apply_chat_template(CHAT, tokenize=False, add_generation_prompt=True)

    async def ask(base):
        executor = SingleTurnAgentExecutor(base + "/get_reward")
        said = []
        for text in TEXTS:
            ids = coder(prompt + text + coder.eos_token)["input_ids"]
            query = coder.decode(ids, skip_special_tokens=False)
            said += await executor._fetch_rewards_via_http([query], [prompt], ["7"])
        return said

    with recorder(url) as (base, kept):
        return {"said": asyncio.run(ask(base)), "kept": kept}


def verl(url):
    """verl's own reward loop, with a discriminative reward model on vLLM and on SGLang; and our
    function by its loader.
    """
    import numpy as np
    import torch
    from omegaconf import OmegaConf
    from verl.experimental.reward_loop.reward_loop import RewardLoopWorker
    from verl.protocol import DataProto
    from verl.trainer.ppo.reward import get_custom_reward_fn

    coder, prompts = tokenizer(), np.empty(1, dtype=object)
    prompts[0] = CHAT

    async def ask(base, engine):
        worker = object.__new__(RewardLoopWorker)  # without the models that it would load
        reward = {"reward_model": {"model_path": "assay/math", "rollout": {"name": engine}}}
        worker.config = OmegaConf.create({"reward": reward})
        worker.reward_router_address = base.removeprefix("http://")
        worker.input_tokenizer = worker.reward_model_tokenizer = coder
        said = []
        for text in TEXTS:
            ids = torch.tensor([coder(text + coder.eos_token)["input_ids"]])
            tensors = {"responses": ids, "attention_mask": torch.ones_like(ids)}
            data = DataProto.from_dict(tensors=tensors, non_tensors={"raw_prompt": prompts})
            said.append((await worker.compute_score_disrm(data))["reward_score"])
        return said

    named = {"path": "pkg://assay_client.verl", "name": "compute_score", "reward_kwargs": {}}
    function = get_custom_reward_fn(OmegaConf.create({"reward": {"custom_reward_function": named}}))
    own = [
        asyncio.run(
            function(
                data_source="x",
                solution_str=text,
                ground_truth=None,
                extra_info={"question": QUERY},
            )
        )["score"]
        for text in TEXTS
    ]
    with recorder(url) as (base, kept):
        vllm, sglang = asyncio.run(ask(base, "vllm")), asyncio.run(ask(base, "sglang"))
    return {"vllm": vllm, "sglang": sglang, "own": own, "kept": kept}


def verifiers(url):
    """Return a verifiers' task with our reward in its configuration, and a task without any score."""
    import verifiers.v1 as vf
    from verifiers.v1.graph import MessageNode
    from verifiers.v1.trace import AgentInfo, TraceTask
    from verifiers.v1.types import AssistantMessage, UserMessage

    config = vf.TaskConfig.model_validate(
        {"rewards": {"assay": {"fn": "assay_client.verifiers:reward", "weight": 2.0}}}
    )

    def traced(prompt, text):
        task = vf.Task(vf.TaskData(prompt=prompt), config)
        nodes = [
            MessageNode(message=UserMessage(content=QUERY)),
            MessageNode(parent=0, message=AssistantMessage(content=text), sampled=True),
        ]
        found = vf.Trace(
            task=TraceTask(type="Task", data=task.data),
            agent=AgentInfo(config=vf.AgentConfig()),
            nodes=nodes,
        )
        return task, found

    async def scored(prompt, text):
        task, trace = traced(prompt, text)
        await task.score(trace)
        return trace.rewards["assay"].score

    said = {
        "text": [asyncio.run(scored(QUERY, text)) for text in TEXTS],
        "messages": [asyncio.run(scored([UserMessage(content=QUERY)], text)) for text in TEXTS],
    }
    os.environ["ASSAY_TASK"] = "silent"
    try:
        asyncio.run(scored(QUERY, TEXTS[0]))
    except vf.TaskError as exc:
        said["refused"] = str(exc)
    return said


def rubric(url):
    """A rubric of a release before 0.2."""
    from assay_client.verifiers import rubric_function

    import verifiers as vf

    def scored(task):
        states = [
            vf.State(
                prompt=CHAT,
                completion=[{"role": "assistant", "content": text}],
                answer="",
                task="t",
                trajectory=[],
            )
            for text in TEXTS
        ]
        for state in states:
            state["timing"] = vf.types.RolloutTiming()
        asyncio.run(vf.Rubric(funcs=[rubric_function(task)]).score_group(states))
        return [state["reward"] for state in states]

    return {"version": vf.__version__, "rewards": scored("math"), "silent": scored("silent")}


def its_hub(url):
    """its_hub's best of n with our reward model."""
    from assay_client.errors import NoScoreError
    from assay_client.its_hub import AssayRewardModel
    from its_hub.api.lm import AbstractLanguageModel
    from its_hub.api.types import ChatMessage
    from its_hub.core.algorithms.bon import BestOfN

    class Model(AbstractLanguageModel):
        drawn = 0

        async def agenerate(self, messages, stop=None, **kwargs):
            return await self.agenerate_single(messages, stop, **kwargs)

        async def agenerate_single(self, messages, stop=None, **kwargs):
            Model.drawn += 1
            return {"role": "assistant", "content": TEXTS[(Model.drawn - 1) % len(TEXTS)]}

    async def best():
        return await BestOfN(AssayRewardModel("math")).ainfer(
            Model(), QUERY, budget=3, return_response_only=False
        )

    found = asyncio.run(best())
    one = AssayRewardModel("math").score(
        [ChatMessage("user", QUERY), ChatMessage("assistant", TEXTS[1])]
    )
    try:
        AssayRewardModel("silent").score(
            [ChatMessage("user", QUERY), ChatMessage("assistant", TEXTS[1])]
        )
    except NoScoreError as exc:
        refused = str(exc)
    scores = {
        response["content"]: score
        for response, score in zip(found.responses, found.scores, strict=True)
    }
    return {
        "chosen": found.the_one["content"],
        "scores": [scores[text] for text in TEXTS],
        "one": one,
        "refused": refused,
    }


def inspect_ai(url):
    """An evaluation of inspect-ai with our scorer; its model is its own mock."""
    from assay_client.inspect_ai import assay_scorer
    from inspect_ai import Task
    from inspect_ai import eval as evaluate
    from inspect_ai.dataset import Sample
    from inspect_ai.model import ModelOutput, ModelUsage, get_model

    def scored(task):
        outputs = [ModelOutput.from_content("mockllm/model", text) for text in TEXTS]
        for output in outputs:  # what is not said would be counted by a tokenizer that is fetched
            output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        samples = [Sample(input=QUERY, target="7", id=place + 1) for place in range(len(TEXTS))]
        model = get_model("mockllm/model", custom_outputs=outputs)
        [log] = evaluate(
            Task(samples, scorer=assay_scorer(task)),
            model,
            max_samples=1,
            display="none",
            log_dir="logs",
        )
        assert log.status == "success", log.error
        return [
            sample.scores["assay_scorer"]
            for sample in sorted(log.samples, key=lambda sample: sample.id)
        ], log

    found, log = scored("math")
    silent, _ = scored("silent")
    mean = next(
        metric.value for name, metric in log.results.scores[0].metrics.items() if name == "mean"
    )
    return {
        "scores": [each.value for each in found],
        "mean": mean,
        "silent": [str(each.value) for each in silent],
    }


def litellm(url):
    """LiteLLM with the settings that we name."""
    import litellm as library
    from assay_client.litellm import chat_settings, proxy_models, rerank_settings

    library.telemetry = False
    found = library.rerank(query=QUERY, documents=TEXTS, **rerank_settings("math"))
    router = library.Router(model_list=proxy_models("math", "llm"))
    routed = router.completion("assay-best-of-n", messages=CHAT, max_tokens=60)
    chat = library.completion(messages=CHAT, max_tokens=60, **chat_settings("llm"))
    return {
        "ranked": [[each["index"], each["relevance_score"]] for each in found.results],
        "chat": chat.choices[0].message.content,
        "routed": routed.choices[0].message.content,
    }


def openenv(url):
    """OpenEnv's weighted sum with our rubric, and a rubric without any score."""
    from unittest import mock

    # Its package imports a client of MCP, which rubrics do without.
    for name in ("fastmcp", "fastmcp.client", "fastmcp.client.client", "fastmcp.client.transports"):
        sys.modules[name] = mock.MagicMock()
    from assay_client.errors import NoScoreError
    from assay_client.openenv import AssayRubric
    from openenv.core.rubrics import WeightedSum

    def rubric(task, missing=None):
        def query(action, observation):
            return observation

        def answer(action, observation):
            return action

        return AssayRubric(query, answer, task=task, missing=missing)

    async def scored(whole):
        return [await whole(text, QUERY) for text in TEXTS]

    own = rubric("math")
    summed = WeightedSum([own, rubric("silent", 0.0)], [0.5, 0.5])
    try:
        asyncio.run(scored(rubric("silent")))
    except NoScoreError as exc:
        refused = str(exc)
    return {
        "rewards": asyncio.run(scored(own)),
        "summed": asyncio.run(scored(summed)),
        "state": own.state_dict(),
        "refused": refused,
    }


def harbor(url):
    """Harbor's verifier over a test.sh that calls our module; in `silent` it writes no reward."""
    from harbor_release import verified

    def trial(task, *options):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "tests").mkdir()
            (folder / "question.txt").write_text(QUERY)
            (folder / "answer.txt").write_text(TEXTS[1])
            words = ["-m", "assay_client.harbor", "--task", task, *options]
            words += ["--query-file", folder / "question.txt"]
            words += ["--answer-file", folder / "answer.txt", "--folder", folder / "verifier"]
            command = shlex.join(map(str, [sys.executable, *words]))
            (folder / "tests" / "test.sh").write_text(f"#!/bin/bash\n{command}\n")
            return verified(folder)

    return {
        "rewards": trial("math"),
        "silent": trial("silent"),
        "stand_in": trial("silent", "--missing", "0"),
    }


def art(url):
    """ART's gathering of groups, scored after each by ours."""
    from unittest import mock

    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    sys.modules["polars"] = mock.MagicMock()  # it writes logs of trajectories, and weighs 180 MB
    import art as library
    from assay_client.art import group_scorer

    async def group():
        return library.TrajectoryGroup(
            [
                library.Trajectory(
                    messages_and_choices=[*CHAT, {"role": "assistant", "content": text}],
                    reward=0.1,
                )
                for text in TEXTS
            ]
        )

    def gathered(task, **options):
        groups = [group(), group()]
        scorer = group_scorer(task, **options)
        return asyncio.run(library.gather_trajectory_groups(groups, after_each=scorer))

    scored = gathered("math")
    return {
        "rewards": [[trajectory.reward for trajectory in group] for group in scored],
        "before": scored[0].trajectories[0].metrics["independent_reward"],
        "metadata": scored[0].trajectories[0].metadata,
        "silent": len(gathered("silent")),
        "stand_in": [trajectory.reward for trajectory in gathered("silent", missing=0.5)[0]],
    }


if __name__ == "__main__":
    os.environ["ASSAY_URL"], os.environ["ASSAY_API_KEY"] = sys.argv[2], "none"
    ASKS = (openrlhf, verl, verifiers, rubric, its_hub, inspect_ai, litellm, openenv, harbor, art)
    print(json.dumps({ask.__name__: ask for ask in ASKS}[sys.argv[1]](sys.argv[2])))
