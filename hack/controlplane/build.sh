#!/usr/bin/env bash
# Builds etcd, kube-apiserver, kube-controller-manager, kubectl and alertmanager from their Go modules into the folder given
# (default bin/k8s). Does nothing when they are there and current; a cold build takes minutes and says so.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/../../bin/k8s}
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$here"

stamp=$({ cat go.mod go.sum build.sh ../alertmanager/go.mod ../alertmanager/go.sum; go env GOVERSION GOOS GOARCH; } | git hash-object --stdin)
if [ "$(cat "$out/.stamp" 2>/dev/null)" = "$stamp" ]; then
  exit 0
fi

# One build at a time, should two make targets ask for it at once.
exec 9>"$out/.lock"
flock 9
if [ "$(cat "$out/.stamp" 2>/dev/null)" = "$stamp" ]; then
  exit 0
fi

version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
minor=${version#v1.}
minor=${minor%%.*}
echo "Building a Kubernetes $version control plane and an Alertmanager into $out: about 8 minutes on two cores, done once." >&2

package=k8s.io/component-base/version
kubernetes_flags="-s -w -X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=$minor"

build() { # name, package, linker flags
  local start=$SECONDS
  printf '  %-25s' "$1" >&2
  CGO_ENABLED=0 go build -trimpath -ldflags "$3" -o "$out/$1" "$2"
  echo "$((SECONDS - start)) s" >&2
}

build etcd go.etcd.io/etcd/server/v3 "-s -w"
build kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver "$kubernetes_flags"
build kube-controller-manager k8s.io/kubernetes/cmd/kube-controller-manager "$kubernetes_flags"
build kubectl k8s.io/kubernetes/cmd/kubectl "$kubernetes_flags"
# Its dependencies are at odds with Kubernetes': it is a module of its own.
cd "$here/../alertmanager"
build alertmanager github.com/prometheus/alertmanager/cmd/alertmanager "-s -w"

echo "$stamp" >"$out/.stamp"
