#!/usr/bin/env bash
# Fail if the committed stubs differ from those that the contract generates, and
# name the files.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT

"$root/tools/protos.sh" "$fresh"
diff --recursive --brief --exclude=__init__.py --exclude=__pycache__ \
    "$root/client/autoquality/v1" "$fresh/autoquality/v1" || {
    echo "The stubs in client/autoquality/v1 are stale: run 'make protos'." >&2
    exit 1
}
