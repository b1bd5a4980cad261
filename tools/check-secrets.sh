#!/usr/bin/env bash
# Fail where a file of this repository holds what looks like a password, a key
# or a token (detect-secrets' rules; it asks nobody whether one is in use).
#
# A line that only looks so says why not: # pragma: allowlist secret
#
# usage: tools/check-secrets.sh
set -euo pipefail

audit=$(dirname "$(realpath "$0")")/../.venv-audit/bin
cd "$(dirname "$0")/.."

# Locks are hashes and nothing else; side files of networks tell the hashes of graphs, records those of what they are of.
git ls-files -z --cached --others --exclude-standard -- ':!requirements/*.lock' ':!core/autoquality_core/networks/bundled/*.json' ':!bench/results/*.json' |
    xargs -0 "$audit/detect-secrets-hook" --no-verify
