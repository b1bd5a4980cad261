#!/usr/bin/env bash
# Build and test the clients in examples/: the programs go to build/examples.
# Needs go, node and npm. Their caches make the second run fast.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
archive=$("$root/tools/protos-release.sh" "$root/build")

cd "$root/examples/go"
PATH=$root/.venv/bin:$PATH go generate ./... # buf
go vet ./...
go test ./...
go build -o "$root/build/examples/go-client" .

cd "$root/examples/load"
go vet ./...
go test ./...
go build -o "$root/build/examples/load" .

cd "$root/examples/typescript"
rm -rf protos src/gen dist
mkdir protos
tar --extract --file "$archive" --strip-components=1 --directory protos
npm ci --no-audit --no-fund --ignore-scripts
npm run build
npm test
