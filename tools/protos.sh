#!/usr/bin/env bash
# Generate the Python stubs of the contract, with their type stubs, below OUT.
#
# usage: tools/protos.sh OUT    (client/ in `make protos`)
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
out=$1

cd "$root"
PATH=$root/.venv-protos/bin:$PATH # protoc finds the mypy plug-ins there
# The stubs of the plug-ins themselves are older than their runtime, which causes a
# warning; the stubs that they generate are not.
PYTHONWARNINGS=ignore::UserWarning python -m grpc_tools.protoc -Iprotos \
    --python_out="$out" --grpc_python_out="$out" \
    --mypy_out="quiet:$out" --mypy_grpc_out="quiet:$out" \
    protos/autoquality/v1/*.proto
