#!/usr/bin/env bash
# Build the programs of the cluster test in DIR from the Go modules that
# tools/cluster/go.mod pins: Kubernetes' control plane, etcd, kwok, metrics-server,
# prometheus-adapter and Helm. Needs go.
#
# usage: tools/install-cluster.sh DIR
set -euo pipefail

mkdir -p "$1"
dir=$(realpath "$1")
cd "$(dirname "$0")/cluster"
export CGO_ENABLED=0 GOFLAGS=-trimpath

version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes) # that the API server reports
go build -ldflags="-s -w -X k8s.io/component-base/version.gitVersion=$version" -o "$dir/" tool
mv "$dir/server" "$dir/etcd"
# A module of its own, because it needs older versions of the same modules.
go build -C adapter -ldflags='-s -w' -o "$dir/" tool

# How kwok simulates nodes and pods.
kwok=$(go list -m -f '{{.Dir}}' sigs.k8s.io/kwok)/kustomize
install -D --mode=644 --target-directory "$dir/kwok-config" \
    "$kwok"/stage/node/fast/node-initialize.yaml \
    "$kwok"/stage/node/heartbeat-with-lease/node-heartbeat-with-lease.yaml \
    "$kwok"/stage/pod/fast/pod-{ready,delete}.yaml \
    "$kwok"/metrics/resource/metrics-resource.yaml \
    "$kwok"/metrics/usage/usage-from-annotation.yaml

# The resources of the Prometheus operator.
"$dir/controller-gen" crd output:dir="$dir/crds" \
    paths=github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1
