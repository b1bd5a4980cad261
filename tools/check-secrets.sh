#!/usr/bin/env bash
# Fail if a file of this repository contains something that looks like a password,
# a key or a token, by the rules of detect-secrets, offline.
#
# Mark a false positive with: # pragma: allowlist secret
#
# usage: tools/check-secrets.sh
set -euo pipefail

audit=$(dirname "$(realpath "$0")")/../.venv-audit/bin
cd "$(dirname "$0")/.."

# Locks, side files of networks and records contain hashes; priors only numbers; generated stubs the
# serialised contract.
git ls-files -z --cached --others --exclude-standard -- ':!requirements/*.lock' ':!core/autoquality_core/networks/bundled/*.json' ':!core/autoquality_core/priors/*.json' ':!bench/results/*.json' ':!client/autoquality/v1/*_pb2.py' |
    xargs -0 "$audit/detect-secrets-hook" --no-verify
