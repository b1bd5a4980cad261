// Package cluster pins the programs of the cluster test: see the tools in go.mod.
package cluster

// controller-gen makes the definitions of the operator's resources from their types.
import _ "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
