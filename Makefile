# dagscope: `make` alone lists the targets. It needs Go as in go.mod; tools/need.sh fetches the rest.

GO       ?= go
FUZZ_S   ?= 10
CHAOS_S  ?= 3600
HOUSE_AT ?= 299c572,c1ce846
PROGRAMS := dagscope dagscope-worker dagscope-graphviz
# Folders with a go.mod of their own, linted as well as the main module.
BENCH    := $(if $(wildcard bench/*.go bench/*/*.go),bench)
MODULES  := . $(BENCH)
TOOLS    := $(CURDIR)/bin/tools
# The dashboard is up to date when Vite's list of what it built is newer than every source. Folders count as sources,
# so that a file that is gone is noticed.
DASHBOARD := static/dist/.vite/manifest.json
PACKAGES  := static/node_modules/.package-lock.json
SOURCES   := $(shell find static/src) $(wildcard static/*.json static/*.ts static/*.js)

export GO
.DEFAULT_GOAL := help

.PHONY: help
help: ## print these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: need-go dashboard ## build the programs into bin/, with the dashboard where there is Node.js
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/ $(PROGRAMS:%=./cmd/%)

.PHONY: static
static: need-node ## build the dashboard into static/dist, where sources have changed
	@$(MAKE) --no-print-directory $(DASHBOARD)

.PHONY: run
run: build ## build, then serve the dashboard with every workflow run once, examples too if Python has numpy
	bin/dagscope serve --demo $$(python3 -c 'import numpy' 2>/dev/null && echo --workflows examples)

# go test comes last, so that its verdict is the last thing on the screen. It needs the dashboard, which it drives.
.PHONY: test
test: need static lint bench-builds test-static ## test everything: lint, front end, benchmarks build, all tests with -race
	CGO_ENABLED=1 REQUIRE_BROWSER=1 REQUIRE_PYTHON=1 REQUIRE_REDIS=1 $(GO) test -race -shuffle=on ./...

.PHONY: test-long
test-long: need ## the tests that make test leaves out or cuts short: minutes each, half an hour in all
	CGO_ENABLED=1 DAGSCOPE_LONG=1 REQUIRE_REDIS=1 $(GO) test -timeout 3h -p 1 ./engine/... ./metricsstore/... ./e2e/...

.PHONY: test-short
test-short: need-go ## the inner loop, under a minute: no -race, no long tests, no browser
	$(GO) test -short ./...

.PHONY: test-static
test-static: $(PACKAGES) ## test the front end, its architecture, and that its types are those of the API
	npm --prefix static run --silent test

.PHONY: lint
lint: need tools lint-static ## gofumpt, go vet, staticcheck, govulncheck where it reaches its database, and lint-static
	@unformatted=$$("$(TOOLS)/gofumpt" -l .) || exit 1; \
	[ -z "$$unformatted" ] || { printf 'lint: gofumpt would change:\n%s\nrun: make fmt\n' "$$unformatted" >&2; exit 1; }
	@set -e; for module in $(MODULES); do \
		echo "lint: $$module"; \
		$(GO) -C $$module vet ./...; \
		(cd $$module && "$(TOOLS)/staticcheck" ./...); \
		tools/vuln.sh "$(TOOLS)/govulncheck" $$module; \
	done

.PHONY: lint-static
lint-static: $(PACKAGES) ## svelte-check, eslint and prettier
	npm --prefix static run --silent check
	npm --prefix static run --silent lint

.PHONY: fmt
fmt: tools $(PACKAGES) ## format every file in place
	"$(TOOLS)/gofumpt" -w .
	npm --prefix static run --silent fmt

.PHONY: schema
schema: need-go $(PACKAGES) ## rewrite the API's description and the front end's types from the code
	$(GO) test ./web/api -run OpenAPI -update
	npm --prefix static run --silent schema

.PHONY: fuzz
fuzz: need-go ## run each fuzz target for FUZZ_S seconds (10)
	tools/fuzz.sh $(FUZZ_S)

.PHONY: golden
golden: need ## rewrite the golden files in testdata and list what changed
	tools/golden.sh

.PHONY: bench
bench: build ## measure: run the programs of bench/
	cd bench && $(GO) run .

.PHONY: bench-live
bench-live: build ## measure what live views cost, and the dashboard, against a program built before where BEFORE names one
	cd bench && $(GO) run ./live $(if $(BEFORE),-before $(abspath $(BEFORE)))

.PHONY: bench-memory
bench-memory: need-go ## measure what ended runs leave in memory, compared with AGAINST, another commit (299c572)
	cd bench && $(GO) run ./memory -against $(or $(AGAINST),299c572)

.PHONY: bench-redis
bench-redis: build need-redis ## measure runs on Redis with worker processes: rates, costs, latency, next to floors and peers
	cd bench && $(GO) run ./redis

.PHONY: bench-python
bench-python: need-go ## measure Python functions and commands as tasks next to Dask, concurrent.futures, pipes and posix_spawn
	cd bench && $(GO) run ./python

.PHONY: bench-history
bench-history: need-go need-redis ## measure questions about a quarter of a year next to SQLite and, with DUCKDB=1, DuckDB
	cd bench && $(GO) run $(if $(DUCKDB),-tags duckdb) ./history

.PHONY: bench-import
bench-import: need-go ## measure how fast records of other tools are read, next to jq and encoding/json/v2, from those in TRACES
	cd bench && $(GO) run ./import $(if $(TRACES),-traces $(abspath $(TRACES)))

.PHONY: chaos
chaos: need-go need-redis ## kill, pause and cut off workers and Redis until the goals are reached, at most CHAOS_S seconds (3600)
	REQUIRE_REDIS=1 $(GO) test -count=1 -timeout 0 -v -run '^TestFullChaos$$' ./e2e/chaos -full -for $(CHAOS_S)s $(if $(CHAOS_SEED),-seed $(CHAOS_SEED))

.PHONY: e2e
e2e: need static ## only the tests that guard the house and drive the built program
	CGO_ENABLED=1 REQUIRE_BROWSER=1 REQUIRE_PYTHON=1 REQUIRE_REDIS=1 $(GO) test -race -count=1 ./e2e/...

.PHONY: house
house: need-go ## measure the source: sizes, words, arrows between files, next to HOUSE_AT, other commits; writes docs/house.md
	@$(GO) run ./e2e/house -at '$(HOUSE_AT)' >docs/house.md.new || { rm -f docs/house.md.new; exit 1; }
	@mv docs/house.md.new docs/house.md

.PHONY: clean
clean: ## remove what was built, never data
	rm -rf bin
	find static/dist -mindepth 1 ! -name .keep -delete

# Steps of the targets above.

.PHONY: need need-go need-node need-redis dashboard tools bench-builds
need:
	@tools/need.sh go gcc git node npm chromium redis-server numpy venv

need-go:
	@tools/need.sh go

need-node:
	@tools/need.sh node npm

need-redis:
	@tools/need.sh redis-server

# Without Node.js the dashboard that was built before stays; a program without any says how to get it.
dashboard:
	@if tools/need.sh --ask node npm; then \
		$(MAKE) --no-print-directory $(DASHBOARD); \
	elif [ -e $(DASHBOARD) ]; then \
		echo "build: there is no Node.js 20 or later with npm, so the dashboard stays as it was built last" >&2; \
	else \
		echo "build: there is no Node.js 20 or later with npm, so the program gets no dashboard; everything else is there" >&2; \
		echo "build: to get it, install Node.js (https://nodejs.org/en/download) and run: make static && make build" >&2; \
	fi

$(DASHBOARD): $(PACKAGES) $(SOURCES)
	find static/dist -mindepth 1 ! -name .keep -delete
	npm --prefix static run --silent build

$(PACKAGES): static/package.json static/package-lock.json
	@tools/need.sh node npm
	npm --prefix static ci
	@touch $@

# Installed anew each time: 0.2 s when nothing changed, and never of an older Go than the code.
tools: need-go
	@GOBIN="$(TOOLS)" $(GO) -C tools install tool

bench-builds: need
	@for module in $(BENCH); do $(GO) -C $$module test -run '^$$' ./... || exit 1; done
