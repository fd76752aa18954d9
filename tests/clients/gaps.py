"""What each trainer's release does with a missing reward: gaps.py NAME prints JSON.

Run by the Python of the trainer's environment; each function feeds the trainer's own code, and
returns pairs of what it was fed and what it did.
"""

import asyncio
import json
import math
import sys
import tempfile
from pathlib import Path


def rounded(values):
    """Return numbers with two digits, NaN by its name."""
    return [
        None if value is None else "nan" if math.isnan(value) else round(value, 2)
        for value in values
    ]


def trl():
    """Train one GRPO step of two groups of four, and take the advantages that it computes."""
    sys.path.insert(0, str(Path(__file__).parents[2] / "client" / "examples"))
    import trl as library
    from datasets import Dataset
    from grpo import tiny
    from trl import GRPOConfig, GRPOTrainer

    def step(fed):
        taken = {}

        class Trainer(GRPOTrainer):
            def _generate_and_score_completions(self, inputs):
                batch = super()._generate_and_score_completions(inputs)
                taken["advantages"] = batch["advantages"].tolist()
                return batch

        def reward(prompts, completions, **_):
            return fed * (len(completions) // len(fed))

        model, tokenizer = tiny()
        data = Dataset.from_list([{"prompt": [{"role": "user", "content": "What is 1 + 1?"}]}] * 4)
        with tempfile.TemporaryDirectory() as folder:
            config = GRPOConfig(
                output_dir=folder,
                max_steps=1,
                num_generations=4,
                per_device_train_batch_size=4,
                max_completion_length=4,
                save_strategy="no",
                report_to=[],
                use_cpu=True,
                bf16=False,
                disable_tqdm=True,
                logging_steps=1,
            )
            trainer = Trainer(
                model,
                reward_funcs=reward,
                args=config,
                train_dataset=data,
                processing_class=tokenizer,
            )
            trainer.train()
        logged = next(item["reward"] for item in trainer.state.log_history if "reward" in item)
        return {"advantages": rounded(taken["advantages"]), "logged": rounded([logged])[0]}

    return {
        "version": library.__version__,
        "None": step([1.0, 0.5, 1.0, None]),
        "0": step([1.0, 0.5, 1.0, 0.0]),
        "group_mean": step([1.0, 0.5, 1.0, 2.5 / 3]),
    }


def verl():
    """verl's own reward manager, and its advantages of a group with a reward that is NaN."""
    import importlib.metadata

    import numpy as np
    import torch
    from omegaconf import OmegaConf
    from verl.experimental.reward_loop.reward_manager.naive import NaiveRewardManager
    from verl.protocol import DataProto
    from verl.trainer.ppo.core_algos import compute_grpo_outcome_advantage

    class Coder:
        def decode(self, ids, skip_special_tokens=True):
            return "text"

    def run(answer):
        async def compute_score(**_):
            if isinstance(answer, Exception):
                raise answer
            return {"score": answer}

        async def once():
            manager = NaiveRewardManager(OmegaConf.create({}), Coder(), compute_score)
            ids = torch.tensor([[1, 2]])
            fields = {"data_source": "d", "reward_model": {"ground_truth": ""}, "extra_info": {}}
            arrays = {name: np.array([value], dtype=object) for name, value in fields.items()}
            tensors = {"responses": ids, "attention_mask": torch.ones_like(ids)}
            data = DataProto.from_dict(tensors=tensors, non_tensors=arrays)
            return (await manager.run_single(data))["reward_score"]

        try:
            return asyncio.run(once())
        except RuntimeError as exc:
            return f"raised {exc}"

    def advantages(rewards):
        tokens = torch.zeros(4, 2)
        tokens[:, -1] = torch.tensor(rewards)
        found, _ = compute_grpo_outcome_advantage(tokens, torch.ones(4, 2), np.array(["q"] * 4))
        return rounded(found[:, -1].tolist())

    return {
        "version": importlib.metadata.version("verl"),
        "an error": run(RuntimeError("no score")),
        "NaN": {"reward": str(run(math.nan)), "advantages": advantages([1.0, 0.5, 1.0, math.nan])},
        "0.5": advantages([1.0, 0.5, 1.0, 0.5]),
    }


def openrlhf():
    """OpenRLHF's own request to a service that answers 503, and a sample without a reward."""
    import openrlhf.utils.agent as agent

    async def no_wait(_):
        return None

    tries = []

    class Reply:
        async def __aenter__(self):
            return self

        async def __aexit__(self, *_):
            return None

        def raise_for_status(self):
            raise agent.aiohttp.ClientError("503")

    class Session(Reply):
        def __init__(self, **_):
            pass

        def post(self, *_, **__):
            tries.append(1)
            return Reply()

    agent.aiohttp.ClientSession = Session

    async def sample():
        executor = agent.SingleTurnAgentExecutor("http://assay/get_reward")
        sleep, agent.asyncio.sleep = agent.asyncio.sleep, no_wait
        try:
            await executor._fetch_rewards_via_http(["q"], ["q"], ["7"])
        except RuntimeError as exc:
            return f"raised {type(exc).__name__}, which its executor logs"
        finally:
            agent.asyncio.sleep = sleep

    return {"an error": asyncio.run(sample()), "tries": len(tries)}


def rubric():
    """A rubric of verifiers before 0.2: a function that raises, and one that gives NaN."""
    import verifiers as vf

    def scored(answer):
        def fed(prompts, completions, answers):
            if isinstance(answer, Exception):
                raise answer
            return [1.0, answer]

        states = [
            vf.State(
                prompt=[{"role": "user", "content": "q"}],
                completion=[{"role": "assistant", "content": text}],
                answer="",
                task="t",
                trajectory=[],
            )
            for text in ("a", "b")
        ]
        for state in states:
            state["timing"] = vf.types.RolloutTiming()
        asyncio.run(vf.Rubric(funcs=[fed]).score_group(states))
        return {
            "rewards": rounded([state["reward"] for state in states]),
            "advantages": rounded([state.get("advantage") for state in states]),
        }

    return {
        "version": vf.__version__,
        "an error": scored(RuntimeError("no score")),
        "NaN": scored(math.nan),
    }


def its_hub():
    """its_hub's best of n over scores that are NaN or minus infinity."""
    import importlib.metadata

    from its_hub.api.lm import AbstractLanguageModel
    from its_hub.api.reward_models import AbstractOutcomeRewardModel
    from its_hub.core.algorithms.bon import BestOfN

    class Model(AbstractLanguageModel):
        drawn = 0

        async def agenerate(self, messages, stop=None, **kwargs):
            return await self.agenerate_single(messages, stop, **kwargs)

        async def agenerate_single(self, messages, stop=None, **kwargs):
            Model.drawn += 1
            return {"role": "assistant", "content": str(Model.drawn)}

    class Scores(AbstractOutcomeRewardModel):
        def __init__(self, scores):
            self.scores = scores

        async def ascore(self, messages, orchestrator=None, **kwargs):
            return self.scores

        def score(self, messages, **kwargs):
            return self.scores

    def chosen(*scores):
        Model.drawn = 0
        found = asyncio.run(
            BestOfN(Scores(list(scores))).ainfer(Model(), "q", budget=3, return_response_only=False)
        )
        return (
            found.selected_index if hasattr(found, "selected_index") else found.the_one["content"]
        )

    return {
        "version": importlib.metadata.version("its_hub"),
        "NaN first": chosen(math.nan, 0.2, 0.9),
        "-inf first": chosen(-math.inf, 0.2, 0.9),
    }


def openenv():
    """OpenEnv's weighted sum over a rubric that raises, and over one that gives None or NaN."""
    import importlib.metadata
    from unittest import mock

    # Its package imports a client of MCP, which rubrics do without.
    for name in ("fastmcp", "fastmcp.client", "fastmcp.client.client", "fastmcp.client.transports"):
        sys.modules[name] = mock.MagicMock()
    from openenv.core.rubrics import Rubric, WeightedSum

    class Fed(Rubric):
        def __init__(self, answer):
            super().__init__()
            self.answer = answer

        async def forward(self, action, observation):
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer

    def summed(answer):
        async def once():
            return await WeightedSum([Fed(1.0), Fed(answer)], [0.5, 0.5])("a", "o")

        try:
            return str(asyncio.run(once()))
        except (RuntimeError, TypeError) as exc:
            return f"raised {type(exc).__name__}"

    return {
        "version": importlib.metadata.version("openenv"),
        "an error": summed(RuntimeError("no score")),
        "None": summed(None),
        "NaN": summed(math.nan),
    }


def nemo_gym():
    """NeMo Gym's answer of a verifier without a reward, and its profile of a failed judge's row."""
    import importlib.metadata
    from unittest import mock

    for name in ("hydra", "hydra.core", "hydra.core.global_hydra", "hydra.core.config_store"):
        sys.modules[name] = mock.MagicMock()  # configuration and logging, which neither needs
    for name in ("wandb", "wandb.util", "gprof2dot", "pydot", "yappi"):
        sys.modules[name] = mock.MagicMock()
    from nemo_gym import reward_profile
    from nemo_gym.base_resources_server import BaseVerifyResponse
    from pydantic import ValidationError

    try:
        BaseVerifyResponse.model_validate({"reward": None})
    except ValidationError as exc:
        fields = {error["loc"][0]: error["type"] for error in exc.errors()}
    profiler = reward_profile.RewardProfiler()
    profiler.histogram = lambda data: None  # of wandb

    def profiled(rewards, **options):
        numbers = [("_ng_task_index", 0), ("_ng_rollout_index", None)]
        rows, results = [], []
        for place, reward in enumerate(rewards):
            row = dict(numbers) | {"_ng_rollout_index": place, "agent_ref": {"name": "a"}}
            rows.append(row)
            if reward != "failed":
                results.append({**row, "reward": reward, "response": {}})
        [group], _ = profiler.profile_from_data(rows, results, **options)
        return [round(group["mean/reward"], 2), group["num_rollouts"]]

    return {
        "version": importlib.metadata.version("nemo-gym"),
        "null": fields["reward"],
        "mean with null": profiled([1.0, 0.5, None]),
        "mean with 0": profiled([1.0, 0.5, 0.0]),
        "mean with a failed row": profiled([1.0, 0.5, "failed"], allow_partial_rollouts=True),
    }


if __name__ == "__main__":
    ASKS = (trl, verl, openrlhf, rubric, its_hub, openenv, nemo_gym)
    print(json.dumps({ask.__name__: ask for ask in ASKS}[sys.argv[1]]()))
