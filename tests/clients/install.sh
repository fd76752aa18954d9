#!/usr/bin/env bash
# Installs other services' own clients, and trainers' own code, into an environment of their own: install.sh PYTHON FOLDER
set -euo pipefail
python=$1 venv=$2
"$python" -m venv "$venv"
pip() { "$venv/bin/pip" --disable-pip-version-check "$@" --quiet; }
pip install torch==2.13.0
pip install 'openai>=1.60' 'cohere>=5.13' 'litellm>=1.60' 'langchain-core>=0.3' 'trl>=0.20' \
  'verifiers>=0.4' 'its_hub>=1.0' 'inspect-ai>=0.3.150' -e ./client
# Of OpenRLHF and verl only what asks for rewards is run: not what they need to train on GPUs.
pip install 'ray>=2.41' tensordict omegaconf codetiming pylatexenc
pip install --no-deps 'verl>=0.9'
pip install --no-deps --target "$venv/openrlhf" \
  --python-version 3.11 --platform manylinux1_x86_64 --only-binary :all: 'openrlhf>=0.11'
# Trainers whose rewards are all that is run: their own code, and no more of what they need.
pip install --no-deps --target "$venv/openenv" 'openenv>=0.10'
pip install --no-deps --target "$venv/art" 'openpipe-art>=0.5.18,<0.5.19' tblib setproctitle nest-asyncio
# Harbor asks for Python 3.12; tests/clients/harbor_release.py reads it on 3.11.
pip install --no-deps --target "$venv/harbor" --ignore-requires-python 'harbor==0.26.0' toml pathspec
# NeMo Gym likewise.
pip install --no-deps --target "$venv/nemo_gym" --ignore-requires-python 'nemo-gym==0.4.0' itsdangerous
# The last release of TRL that takes None for a reward of 0.
pip install --no-deps --target "$venv/trl-1.5" trl==1.5.1
# The last release of verifiers that has rubrics.
pip install --no-deps --target "$venv/rubrics" verifiers==0.1.14
