#!/usr/bin/env bash
# Checks what a reviewer should not have to: that everything generated is current, that the code is formatted and vetted,
# and that config/ renders. Changes nothing; runs every check and fails at the end if one of them did.
set -uo pipefail
cd "$(dirname "$0")/.."

kubectl=${KUBEBUILDER_ASSETS:-bin/k8s}/kubectl
[ -x "$kubectl" ] || kubectl=bin/k8s/kubectl
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# generated regenerates in a copy, from nothing, so that what nobody generates any more is found as well.
generated() {
  tar --exclude=./.git --exclude=./.dev --exclude=./bin -cf - . | tar -xf - -C "$scratch" || return
  local -a outputs=(api config/crd/bases config/rbac/role.yaml)
  (
    cd "$scratch" &&
      find api -name 'zz_generated*.go' -delete &&
      rm -rf config/crd/bases config/rbac/role.yaml &&
      make --no-print-directory generate manifests >/dev/null
  ) || return
  local output current=0
  for output in "${outputs[@]}"; do
    git --no-pager diff --no-index --exit-code "$output" "$scratch/$output" || current=1
  done
  [ "$current" = 0 ] || echo "Not current. Run: make generate manifests" >&2
  return "$current"
}

modules() {
  local module tidy=0
  for module in . hack/tools hack/controlplane; do
    go -C "$module" mod tidy -diff || tidy=1
  done
  [ "$tidy" = 0 ] || echo "Not tidy. Run go mod tidy where the difference is." >&2
  return "$tidy"
}

formatted() {
  local files
  files=$(gofmt -l .) || return
  [ -z "$files" ] || { echo "Not formatted, run make format:"$'\n'"$files" >&2; return 1; }
}

# renders builds every kustomization and refuses duplicates and leftovers that kubectl would only meet on a cluster.
renders() {
  local overlay broken=0
  for overlay in config/*/kustomization.yaml; do
    "$kubectl" kustomize "$(dirname "$overlay")" >/dev/null || broken=1
  done
  return "$broken"
}

failed=()
check() { # what is checked, the function that checks it
  echo "Verifying $1" >&2
  "$2" || failed+=("$1")
}
vetted() { go vet ./...; }

check "generated files" generated
check "modules" modules
check "formatting" formatted
check "go vet" vetted
check "kustomizations" renders

if ((${#failed[@]} > 0)); then
  printf 'Failed: %s\n' "${failed[@]}" >&2
  exit 1
fi
