// Package controlplane runs a real Kubernetes control plane on this machine, for tests and demonstrations: etcd,
// kube-apiserver with RBAC and this project's CRDs, and, if wanted, kube-controller-manager for garbage collection. There
// are no nodes; nothing is ever scheduled.
//
// It manages the processes itself, where envtest would do it too, because outages are part of what is tested here: an API
// server that hangs, one that is killed and comes back, watches that lag.
package controlplane
