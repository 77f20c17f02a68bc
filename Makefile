# dagscope: `make` alone tells what there is. Needs Go as in go.mod; the rest is fetched by tools/need.sh.

GO       ?= go
FUZZ_S   ?= 10
PROGRAMS := dagscope
# Folders with a go.mod of their own, linted beside the main module.
BENCH    := $(if $(wildcard bench/*.go bench/*/*.go),bench)
MODULES  := . $(BENCH)
TOOLS    := $(CURDIR)/bin/tools

export GO
.DEFAULT_GOAL := help

.PHONY: help
help: ## print these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: need-go ## build the programs into bin/
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/ $(PROGRAMS:%=./cmd/%)

.PHONY: run
run: build ## build, then run every built-in workflow once
	bin/dagscope demo

# go test comes last, so that its verdict is the last thing on the screen.
.PHONY: test
test: need lint bench-builds ## test everything: lint, benchmarks build, all tests with -race
	CGO_ENABLED=1 $(GO) test -race -shuffle=on ./...

.PHONY: test-short
test-short: need-go ## the inner loop, under a minute: no -race, no long tests
	$(GO) test -short ./...

.PHONY: lint
lint: need tools ## gofumpt, go vet, staticcheck, and govulncheck where it reaches its database
	@unformatted=$$("$(TOOLS)/gofumpt" -l .) || exit 1; \
	[ -z "$$unformatted" ] || { printf 'lint: gofumpt would change:\n%s\nrun: make fmt\n' "$$unformatted" >&2; exit 1; }
	@set -e; for module in $(MODULES); do \
		echo "lint: $$module"; \
		$(GO) -C $$module vet ./...; \
		(cd $$module && "$(TOOLS)/staticcheck" ./...); \
		tools/vuln.sh "$(TOOLS)/govulncheck" $$module; \
	done

.PHONY: fmt
fmt: tools ## format every Go file in place
	"$(TOOLS)/gofumpt" -w .

.PHONY: fuzz
fuzz: need-go ## run each fuzz target for FUZZ_S seconds (10)
	tools/fuzz.sh $(FUZZ_S)

.PHONY: golden
golden: need ## rewrite the golden files in testdata and list what changed
	tools/golden.sh

.PHONY: bench
bench: build ## measure: run the programs of bench/
	cd bench && $(GO) run .

.PHONY: e2e
e2e: need ## only the tests that guard the house and drive the built program
	CGO_ENABLED=1 $(GO) test -race -count=1 ./e2e/...

.PHONY: clean
clean: ## remove what was built, never data
	rm -rf bin

# Steps of the targets above.

.PHONY: need need-go tools bench-builds
need:
	@tools/need.sh go gcc git

need-go:
	@tools/need.sh go

# Installed anew each time: 0.2 s when nothing changed, and never of an older Go than the code.
tools: need-go
	@GOBIN="$(TOOLS)" $(GO) -C tools install tool

bench-builds: need
	@for module in $(BENCH); do $(GO) -C $$module test -run '^$$' ./... || exit 1; done
