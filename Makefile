# itoc360-operator: `make help` lists what can be made.
#
# Nothing but Go, make, git, a C compiler (for the race detector) and the Go module proxy is needed: every tool is built
# from its Go module, at the version that a go.mod pins.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# Where `make dev` and `make demo` listen for Sentry.
export INTAKE_ADDR ?= 127.0.0.1:9292
# How long `make fuzz` spends on each fuzz target.
FUZZTIME ?= 60s

# Tests run against the programs in KUBEBUILDER_ASSETS, yours or those built here. Yours may lack some (envtest has neither
# kube-controller-manager nor alertmanager): then those are built all the same.
programs := etcd kube-apiserver kube-controller-manager kubectl alertmanager
ifeq ($(strip $(KUBEBUILDER_ASSETS)),)
assets := control-plane
export KUBEBUILDER_ASSETS := $(CURDIR)/bin/k8s
else
found := $(notdir $(wildcard $(addprefix $(KUBEBUILDER_ASSETS)/,$(programs))))
assets := $(if $(filter-out $(found),$(programs)),control-plane)
endif

##@ Try it

.PHONY: demo
demo: $(assets) build bin/devcluster ## Show the main job on a real API server: signed webhooks in, Incidents out. Unattended.
	@bin/devcluster demo

.PHONY: dev
dev: $(assets) build bin/devcluster ## Run a control plane and the operator until Ctrl-C. INTAKE_ADDR says where it listens.
	@exec bin/devcluster dev

##@ Develop

.PHONY: build
build: ## Build bin/itoc360-operator, a static binary.
	CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o bin/itoc360-operator .

.PHONY: generate
generate: ## Regenerate the deep copies of the API's types.
	go tool controller-gen object:headerFile=hack/boilerplate.go.txt paths=./api/...

.PHONY: manifests
manifests: ## Regenerate the CRDs and the ClusterRole from the markers in the code.
	go tool controller-gen crd paths=./api/... output:crd:dir=config/crd/bases
	go tool controller-gen rbac:roleName=itoc360-operator paths=./controllers/... paths=./webhook/... output:rbac:dir=config/rbac

.PHONY: format
format: bin/golangci-lint ## Format the code as the linter wants it.
	bin/golangci-lint fmt

##@ Check

.PHONY: test
test: $(assets) ## Run every test with the race detector, against a real API server.
	go test -race -timeout 40m ./...

.PHONY: lint
lint: bin/golangci-lint ## Lint the code, the direction of its imports included.
	bin/golangci-lint run

.PHONY: verify
verify: $(assets) ## Fail if anything generated is not current, or anything in config/ does not render.
	hack/verify.sh

.PHONY: verify-checks
verify-checks: $(assets) bin/golangci-lint ## Break the rules in a copy, and fail unless lint and verify refuse each breach.
	hack/verify_checks.sh

.PHONY: fuzz
fuzz: $(assets) ## Run each fuzz target for FUZZTIME (60s).
	@grep -roE '^func Fuzz[A-Za-z0-9_]+' --include='*_test.go' . | while IFS=: read -r file function; do \
		package=$$(dirname "$$file"); \
		target=$${function#func }; \
		echo "$$target in $$package"; \
		go test -run='^$$' -fuzz="^$$target\$$" -fuzztime=$(FUZZTIME) "$$package"; \
	done

.PHONY: bench
bench: $(assets) build ## Measure speed and size beside plain clients, and write docs/benchmarks.md; a good while.
	@go run ./hack/bench

##@ Tools

.PHONY: control-plane
control-plane: ## Build the programs of a control plane and an Alertmanager into bin/k8s; minutes, once.
	@hack/controlplane/build.sh

bin/golangci-lint: hack/tools/go.mod hack/tools/go.sum
	@echo "Building golangci-lint into bin: about 3 minutes on two cores, done once." >&2
	@cd hack/tools && go build -o ../../$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

# Go knows better than make whether it is current.
.PHONY: bin/devcluster
bin/devcluster:
	@go build -o $@ ./hack/devcluster

.PHONY: clean
clean: ## Remove what was built, bin/k8s included, and what `make dev` left behind.
	rm -rf bin .dev

.PHONY: help
help: ## Show this help.
	@awk 'BEGIN { FS = ":.*## "; print "Usage: make <target>" } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
