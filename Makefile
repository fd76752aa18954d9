# Everything a developer or a first-time user runs. `make demo` and `make test` do all on a fresh machine.

PYTHON ?= python3
VENV ?= .venv
VLLM_VENV ?= .venv-vllm
BIN = $(VENV)/bin
PEERS_VENV ?= .venv-peers
CLIENTS_VENV ?= .venv-clients
FUZZ_SECONDS ?= 120
# One test for each processor, eight at most: with more, tests run into their time limits.
JOBS ?= $(shell $(PYTHON) -c 'import os; print(min(8, os.cpu_count() or 1))')
PARALLEL = -n $(JOBS) --dist loadfile

.PHONY: help demo test coverage test-slow test-clients lint types docs fuzz fuzz-long test-vllm vllm-env clients-env demo-vllm up-cpu bench bench-attacks bench-batch bench-best-of-n bench-cascade bench-compare bench-gateway bench-gpu gpu-pack bench-intervals bench-learning bench-memory bench-models bench-noise bench-p-best bench-replay bench-rewards bench-hacks soak audit constraints pin-images sbom check-image wheel clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

$(VENV)/.demo: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[cpu]'
	@touch $@

$(VENV)/.dev: pyproject.toml client/pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]' -e ./client
	@touch $@ $(VENV)/.demo

demo: $(VENV)/.demo ## Rank a bundled set of real candidates, then leave the service running (ONCE=1 stops after the table)
	@$(BIN)/assay demo

test: $(VENV)/.dev ## Run the tests (JOBS at a time)
	$(BIN)/python -m pytest $(PARALLEL)

coverage: $(VENV)/.dev ## Run the tests and print which branches they cover (processes that they start are not counted)
	$(BIN)/python -m pytest $(PARALLEL) --cov --cov-report=term

test-slow: $(VENV)/.dev ## Run the tests that take long: kills, clusters, Ray, installed wheels (about 8 minutes)
	$(BIN)/python -m pytest -m slow

lint: $(VENV)/.dev ## Lint, check the format, and who imports whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

types: $(VENV)/.dev ## Check the types
	$(BIN)/mypy

docs: $(VENV)/.dev ## Build the documentation into dist/docs, and check its links
	$(BIN)/mkdocs build --strict

fuzz: $(VENV)/.dev ## Fuzz the API from its own OpenAPI document, and the parsers (FUZZ_SECONDS each)
	FUZZ_SECONDS=$(FUZZ_SECONDS) $(BIN)/python -m pytest -m fuzz tests/fuzz

fuzz-long: $(VENV)/.dev ## Fuzz the API for half an hour, then the parsers for ten minutes
	FUZZ_SECONDS=1800 $(BIN)/python -m pytest -m fuzz tests/fuzz/test_api.py
	FUZZ_SECONDS=600 $(BIN)/python -m pytest -m fuzz tests/fuzz/test_parsers.py tests/fuzz/test_edges.py tests/fuzz/test_transport.py

$(VLLM_VENV)/.ready: tests/vllm/install.sh
	bash tests/vllm/install.sh $(PYTHON) $(VLLM_VENV)
	@touch $@

vllm-env: $(VLLM_VENV)/.ready ## Install vLLM's CPU build into an environment of its own (2.5 GB)

test-vllm: $(VENV)/.dev $(VLLM_VENV)/.ready ## Run the contract suite against real vLLM servers on the CPU
	ASSAY_VLLM_PYTHON=$(abspath $(VLLM_VENV)/bin/python) $(BIN)/python -m pytest -m vllm

$(CLIENTS_VENV)/.ready: tests/clients/install.sh client/pyproject.toml
	bash tests/clients/install.sh $(PYTHON) $(CLIENTS_VENV)
	@touch $@

clients-env: $(CLIENTS_VENV)/.ready ## Install the released clients into an environment of their own (2 GB)

test-clients: $(VENV)/.dev $(CLIENTS_VENV)/.ready ## Run the released clients of other services against ours (2 GB, TRL with a CPU torch among it)
	ASSAY_CLIENTS_PYTHON=$(abspath $(CLIENTS_VENV)/bin/python) $(BIN)/python -m pytest -m clients

demo-vllm: $(VENV)/.dev $(VLLM_VENV)/.ready ## The demo with a judge and a reward model in real vLLM on the CPU (PROBLEMS=20: the first 20)
	ASSAY_VLLM_PYTHON=$(abspath $(VLLM_VENV)/bin/python) $(BIN)/python -m tests.vllm.demo

up-cpu: $(VENV)/.dev $(VLLM_VENV)/.ready ## Tiny models in real vLLM servers on the CPU and the service before them, until Ctrl-C
	HF_HUB_OFFLINE=1 $(VLLM_VENV)/bin/python tests/vllm/build_models.py tests/vllm/models
	$(BIN)/assay up deploy/ensembles/cpu-vllm.yaml --gpus none --vllm-venv $(VLLM_VENV)

bench: $(VENV)/.dev ## Measure what the service adds to its upstream calls (about 3 minutes)
	$(BIN)/python -m tests.benchmarks.overhead --overload 30

$(PEERS_VENV)/.ready: tests/benchmarks/install_peers.sh
	bash tests/benchmarks/install_peers.sh $(PYTHON) $(PEERS_VENV)
	@touch $@

bench-models: $(VENV)/.dev $(PEERS_VENV)/.ready ## Measure the label model beside others (DATA=folder of npz files with labels; about 10 minutes)
	$(BIN)/python -m tests.benchmarks.label_models $(if $(DATA),--data $(DATA)) $(if $(DRAWS),--draws $(DRAWS)) --synthetic --speed 1000000 --peers $(abspath $(PEERS_VENV)/bin/python)

bench-noise: $(VENV)/.dev ## Measure how often the label-free fit believes in six families of noise (DRAWS=10; about 4 minutes)
	$(BIN)/python -m tests.benchmarks.label_models.noise $(if $(DRAWS),--draws $(DRAWS))

bench-attacks: $(VENV)/.dev $(VLLM_VENV)/.ready ## Attack SmolLM2 as a judge in real vLLM on the CPU, with and without defences (about 3 minutes)
	ASSAY_VLLM_PYTHON=$(abspath $(VLLM_VENV)/bin/python) $(BIN)/python -m tests.benchmarks.attacks

bench-p-best: $(VENV)/.dev ## Measure how often the top candidate is the best as p_best says (DATA=folder of npz files with labels)
	$(BIN)/python -m tests.benchmarks.p_best_calibration --data $(abspath $(DATA))

bench-replay: $(VENV)/.dev ## Replay scores with known truth as traffic, with 100 labels (DATA=file.npz DRAWS=5)
	$(BIN)/python -m tests.benchmarks.replay $(abspath $(DATA)) $(if $(DRAWS),--draws $(DRAWS))

bench-batch: $(VENV)/.dev ## Rank 20,000 queries in bulk, in one process and on Ray, and killed three times (ROWS=20000; about 8 minutes)
	$(BIN)/python -m tests.benchmarks.batch $(if $(ROWS),--rows $(ROWS))

bench-best-of-n: $(VENV)/.dev $(VLLM_VENV)/.ready ## Best of n with SmolLM2 in real vLLM on the CPU, all drawn and stopping early (DRAWS=1; about 15 minutes each)
	ASSAY_VLLM_PYTHON=$(abspath $(VLLM_VENV)/bin/python) $(BIN)/python -m tests.benchmarks.best_of_n $(if $(DRAWS),--draws $(DRAWS))

bench-cascade: $(VENV)/.dev ## Measure what the cascade saves and loses (DATA=folder of npz files COSTS=costs.json DRAWS=3)
	$(BIN)/python -m tests.benchmarks.cascade --data $(DATA) --costs $(COSTS) $(if $(DRAWS),--draws $(DRAWS))

bench-gpu: $(VENV)/.dev ## Measure candidates a second beside vLLM's own client (GPUS=auto VLLM=python that has vLLM)
	$(BIN)/python -m tests.benchmarks.gpu.bench --gpus $(or $(GPUS),auto) $(if $(VLLM),--vllm $(VLLM))

gpu-pack: $(VENV)/.dev ## Pack vLLM and Assay's dependencies into .gpu for a GPU machine without a network (about 4 minutes)
	$(BIN)/python -m tests.benchmarks.gpu.pack .gpu $(if $(WHOLE),--whole)

bench-gateway: $(VENV)/.dev ## Measure what the best-of-n gateway adds to its upstream
	$(BIN)/python -m tests.benchmarks.gateway

soak: $(VENV)/.dev ## Half an hour at 80 % of saturation while everything fails in turn (MINUTES=30)
	$(BIN)/python -m tests.benchmarks.soak $(if $(MINUTES),--minutes $(MINUTES))

bench-compare: $(VENV)/.dev ## Measure how often the intervals of `assay compare` hold the truth (DATA=folder of npz files with labels, else simulated; about 15 minutes)
	$(BIN)/python -m tests.benchmarks.comparison.coverage $(if $(DATA),--data $(DATA)) $(if $(SAMPLES),--samples $(SAMPLES))

bench-intervals: $(VENV)/.dev ## Measure how often the intervals of `assay evaluate` hold the truth (DATA=folder of npz files with labels)
	$(BIN)/python -m tests.benchmarks.interval_coverage $(if $(DATA),--data $(DATA))

bench-learning: $(VENV)/.dev ## Measure what learning costs a request
	$(BIN)/python -m tests.benchmarks.learning

bench-rewards: $(VENV)/.dev ## Measure whether a completion keeps its reward over 1,000 training steps with fits, an outage and a restart in between (STEPS=1000; about 10 minutes)
	$(BIN)/python -m tests.benchmarks.reward_runs $(if $(STEPS),--steps $(STEPS))

bench-hacks: $(VENV)/.dev ## Measure how often the alarm of over-optimisation sounds in simulated runs, rightly and wrongly (RUNS=200; about 4 minutes)
	$(BIN)/python -m tests.benchmarks.label_models.reward_hacks $(if $(RUNS),--runs $(RUNS))

bench-memory: $(VENV)/.dev ## Measure the memory that one request can make the service hold, for the 30 worst of some hundred bodies (about 5 minutes)
	$(BIN)/python -m tests.benchmarks.memory

check-image: $(VENV)/.dev ## Lint the Dockerfile and run its very steps in a clean environment
	bash deploy/check_image.sh $(PYTHON) $(BIN)

audit: $(VENV)/.dev ## Look for known vulnerabilities of the image's packages
	$(BIN)/python deploy/audit.py

sbom: $(VENV)/.image ## Write what the image installs as a CycloneDX bill of materials: dist/sbom.json
	@mkdir -p dist
	$(BIN)/cyclonedx-py environment --output-reproducible --pyproject pyproject.toml --mc-type application -o dist/sbom.json $(VENV)/.image/bin/python
	@$(BIN)/python -c 'import json; found = json.load(open("dist/sbom.json")); print("dist/sbom.json:", len(found["components"]), "components,", found["specVersion"])'

$(VENV)/.image: deploy/constraints.txt | $(VENV)/.dev
	$(PYTHON) -m venv $@
	$@/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary :all: -r deploy/constraints.txt

constraints: ## Pin what the image installs, with hashes (UPGRADE=1: the newest versions)
	bash deploy/pin.sh $(PYTHON) $(if $(UPGRADE),--upgrade)

pin-images: ## Write the digests that the images' tags have now into Dockerfile, compose files and chart (needs docker)
	$(PYTHON) deploy/pin_images.py

wheel: $(VENV)/.dev ## Build the wheel into dist/
	$(BIN)/pip wheel --quiet --no-deps -w dist .

clean: ## Remove environments, caches and builds
	rm -rf $(VENV) $(VLLM_VENV) $(PEERS_VENV) $(CLIENTS_VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
