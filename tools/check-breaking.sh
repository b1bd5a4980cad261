#!/usr/bin/env bash
# Fail where the contract breaks callers of the one on main, or where
# protos/baseline.binpb, which records that one, has fallen behind.
#
# A recorded baseline instead of a look into git: it works in a shallow clone
# and in one whose HEAD is main, and a deliberate break shows in the diff.
#
# usage: tools/check-breaking.sh [--accept | --update]
#   --update   record the contract if it breaks nobody (`make protos` does this)
#   --accept   record the contract although it breaks callers
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
    echo "$baseline is behind the contract: run 'make protos'." >&2
    exit 1
fi
