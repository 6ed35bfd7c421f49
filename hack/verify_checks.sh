#!/usr/bin/env bash
# Checks the checks: breaks the rules of the house in a copy of the project, and fails unless lint and verify refuse each
# breach and say why. A rule that no longer bites is as good as none.
set -uo pipefail
cd "$(dirname "$0")/.."

linter=$PWD/bin/golangci-lint
export KUBEBUILDER_ASSETS=${KUBEBUILDER_ASSETS:-$PWD/bin/k8s}
module=$(go list -m)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
copy=$scratch/copy
breaches=() # what is broken, where the refusal points to, what it says
failed=()

fresh() { # makes the copy as the project is
  rm -rf "$copy"
  mkdir "$copy"
  tar --exclude=./.git --exclude=./.dev --exclude=./bin -cf - . | tar -xf - -C "$copy"
  breaches=()
}

imports() { # package, what it must not import, what the refusal says
  local file=$1/breach${#breaches[@]}.go
  printf 'package %s\n\nimport _ "%s" // A reason that another rule asks for.\n' "$(basename "$1")" "$2" >"$copy/$file"
  breaches+=("$1 imports ${2#"$module/"}" "$file:" "$3")
}

calls() { # package, a package of the standard library, an expression of it, what the refusal says
  local file=$1/breach${#breaches[@]}.go
  printf 'package %s\n\nimport "%s"\n\nvar _ = %s\n' "$(basename "$1")" "$2" "$3" >"$copy/$file"
  breaches+=("$1 calls $3" "$file:" "$4")
}

stale() { # what is no longer current, its file, a sed program that changes it
  sed -i "$3" "$copy/$2"
  breaches+=("$1 that is not current" "$2" "")
}

refuses() { # the check that must refuse all breaches
  local output i before=${#failed[@]}
  output=$(cd "$copy" && "$@" 2>&1) && failed+=("$* accepts a project with breaches")
  for ((i = 0; i < ${#breaches[@]}; i += 3)); do
    if grep -F -- "${breaches[i + 1]}" <<<"$output" | grep -qF -- "${breaches[i + 2]}"; then
      echo "Refused, as it should be: ${breaches[i]}" >&2
    else
      failed+=("${breaches[i]}: nothing says \"${breaches[i + 2]}\" of it")
    fi
  done
  [ "${#failed[@]}" = "$before" ] || echo "$output" >&2
}

echo "Breaking rules in a copy, to see them refused: about 2 minutes on two cores." >&2

fresh
imports internal/options "$module/controllers" "imports go down only"
imports internal/options "$module/webhook" "imports go down only"
imports internal/options k8s.io/client-go/rest "internal/* talks to no cluster"
imports internal/options sigs.k8s.io/controller-runtime/pkg/client "internal/* talks to no cluster"
imports controllers "$module/webhook" "imports go down only"
imports webhook "$module/hack/testbed" "nothing that ships imports it"
imports internal/sentry k8s.io/apimachinery/pkg/types "knows what Sentry says and nothing of Kubernetes"
imports internal/lifecycle context "internal/lifecycle is pure"
imports api/v1alpha1 k8s.io/client-go/rest "not allowed from list 'api'"
calls internal/lifecycle time 'time.Now()' "take the time as a value"
calls controllers time 'time.Now()' "take the time as a value"
calls webhook net/http 'http.NewServeMux()' "Sentry takes a redirect for success"
refuses "$linter" run

# Apart from those above, since they would be imported in a circle.
fresh
imports webhook "$module/controllers" "imports go down only"
imports internal/sentry "$module/api/v1alpha1" "knows what Sentry says and nothing of Kubernetes"
refuses "$linter" run ./webhook ./internal/sentry

fresh
stale "a CRD" config/crd/bases/itoc360.io_incidents.yaml '0,/description: .*/s//description: something that no type says/'
stale "a ClusterRole" config/rbac/role.yaml '0,/- get$/s//- deletecollection/'
stale "a deep copy" api/v1alpha1/zz_generated.deepcopy.go '0,/func (in/s//\/\/ Changed by hand.\nfunc (in/'
refuses hack/verify.sh

if ((${#failed[@]} > 0)); then
  printf 'A check does not check. %s\n' "${failed[@]}" >&2
  exit 1
fi
