#!/usr/bin/env bash
# Installs other services' own clients into an environment of their own: install.sh PYTHON FOLDER
set -euo pipefail
"$1" -m venv "$2"
"$2/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0
"$2/bin/pip" install --quiet --disable-pip-version-check \
  'openai>=1.60' 'cohere>=5.13' 'litellm>=1.60' 'langchain-core>=0.3' 'trl>=0.20' -e ./client
