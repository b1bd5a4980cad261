#!/usr/bin/env bash
# Fail if the contract breaks callers of the contract on main, or if the baseline,
# protos/baseline.binpb, is older than the contract.
#
# Unlike a comparison with git, a stored baseline works in shallow clones and on main,
# and a deliberate break shows in the diff.
#
# usage: tools/check-breaking.sh [--accept | --update]
#   --update   store the contract if it breaks no caller (`make protos` does this)
#   --accept   store the contract even if it breaks callers
set -euo pipefail

cd "$(dirname "$0")/.."
buf=.venv/bin/buf
baseline=protos/baseline.binpb
current=$(mktemp --suffix=.binpb)
trap 'rm -f "$current"' EXIT

"$buf" build --exclude-source-info --as-file-descriptor-set --output "$current"

if [[ ${1-} != --accept ]]; then
    "$buf" breaking --against "$baseline" || {
        echo "The contract breaks its callers (CONTRIBUTING.md, 'Breaking changes')." >&2
        exit 1
    }
fi
if [[ -n ${1-} ]]; then
    cp "$current" "$baseline"
    chmod 644 "$baseline"
elif ! cmp --silent "$current" "$baseline"; then
    echo "$baseline is older than the contract: run 'make protos'." >&2
    exit 1
fi
