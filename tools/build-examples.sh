#!/usr/bin/env bash
# Build and test clients in examples/, by folder: the programs go to build/examples. Go and load need
# go, TypeScript and web node and npm, Java a JDK and mvn, Rust cargo and a C compiler. Their caches
# make the second run fast.
#
# usage: tools/build-examples.sh go|load|typescript|java|rust|web...
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
archive=$("$root/tools/protos-release.sh" "$root/build")
mkdir -p "$root/build/examples"

# Vendor the contract in this folder, as callers do.
protos() {
    rm -rf protos
    mkdir protos
    tar --extract --file "$archive" --strip-components=1 --directory protos
}

build_go() {
    PATH=$root/.venv/bin:$PATH go generate ./... # buf
    go vet ./...
    go test ./...
    go build -o "$root/build/examples/go-client" .
}

build_load() { # with the stubs of go
    go vet ./...
    go test ./...
    go build -o "$root/build/examples/load" .
}

build_typescript() {
    protos
    rm -rf src/gen dist
    npm ci --no-audit --no-fund --ignore-scripts
    npm run build
    npm test
}

build_java() {
    protos
    mvn --quiet --batch-mode --no-transfer-progress clean package
}

build_rust() {
    protos
    cargo test --quiet --locked
    cargo build --quiet --locked
    cp "${CARGO_TARGET_DIR:-target}/debug/autoquality-client" "$root/build/examples/rust-client"
}

build_web() {
    protos
    npm ci --no-audit --no-fund --ignore-scripts
    rm -rf gen
    "$root/.venv/bin/buf" generate protos
}

for language in "$@"; do
    echo "-- $language"
    cd "$root/examples/$language"
    "build_$language"
done
