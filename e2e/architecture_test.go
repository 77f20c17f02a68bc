package e2e

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dagscope is the house as the design draws it. "x/..." is x and all below it, "..." everything;
// paths are relative to the module, and only production code is held to the arrows.
func dagscope() house {
	return house{
		module: "github.com/dagscope/dagscope",

		// Who may import what of ours. The longest matching from holds; a package without a
		// row fails, so that a new folder needs a decision.
		arrows: []arrow{
			{from: "digest/...", to: []string{"digest/..."}},
			{from: "engine/...", to: []string{"engine/..."}},
			{from: "metricsstore/...", to: []string{"metricsstore/...", "engine/...", "digest/..."}},
			{from: "static/...", to: nil},
			{from: "templates/...", to: nil},
			{from: "python/...", to: nil},
			{from: "web/...", to: []string{"web/...", "metricsstore/...", "engine/...", "digest/...", "static/...", "templates/..."}},
			{from: "cmd/app/...", to: []string{"..."}},
			{from: "cmd/app/worker/...", to: []string{"cmd/app/worker/...", "metricsstore/...", "engine/...", "digest/...", "python/..."}},
			{from: "cmd/dagscope", to: []string{"cmd/app", "engine/workflows/...", "engine/wfformat"}},
			{from: "cmd/dagscope-worker", to: []string{"cmd/app/worker", "engine/workflows/..."}},
			{from: "cmd/dagscope-graphviz", to: nil},
			{from: "e2e/...", to: []string{"..."}},
			{from: "internal/testkit/...", to: []string{"internal/testkit/...", "metricsstore/...", "engine/...", "digest/..."}},
		},

		// Back ends, and who alone picks one. Test kits may as well.
		backEnds: []string{
			"engine/state/memory/...", "engine/state/redis/...",
			"metricsstore/memory/...", "metricsstore/embedded/...", "metricsstore/redis/...",
		},
		pickers: []string{"cmd/..."},

		// Where packages lie that only tests import, all those whose names end in "test" among them.
		testKits: []string{"internal/testkit/..."},

		// Trees in which children build on parents: a parent imports none but its internal ones.
		childrenOnTop: []string{"engine/...", "metricsstore/..."},
		// What a parent builds on although it lies below it.
		foundations: []string{"engine/codec", "engine/dag", "engine/record", "engine/execution"},

		// Trees that import nothing outside Go's own library.
		standardOnly: []string{"digest/..."},

		// Who reads flags and the environment, apart from every package main, and how that is recognised.
		// The kits read it for tests, and engine/process hands on to commands what is allowed of it, without reading any value.
		readers:     []string{"cmd/app/...", "engine/process", "internal/testkit/droptest", "internal/testkit/pythontest", "internal/testkit/redistest"},
		flagParsers: []string{"flag", "github.com/alecthomas/kong", "github.com/spf13/pflag", "github.com/spf13/cobra"},
		environment: []string{"Getenv", "LookupEnv", "Environ", "ExpandEnv", "Args"}, // of os and syscall

		noNames: []string{"util", "utils", "common", "types", "helper", "helpers"},

		sentences: 3, mainSentences: 1, // of a package comment
		fileLines: 600, functionLines: 80,
	}
}

func TestArchitecture(t *testing.T) {
	packages := goList(t, dagscope().module)
	require.NotEmpty(t, packages)
	for _, r := range dagscope().rules() {
		t.Run(r.name, func(t *testing.T) {
			for _, p := range packages {
				for _, offence := range r.offences(p) {
					t.Error(offence)
				}
			}
		})
	}
}

// TestArchitectureNotices tries each rule on a tree that breaks it and on the
// nearest tree that does not.
func TestArchitectureNotices(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range fabricated() {
		seen[c.rule] = true
		t.Run(c.rule+"/"+c.name, func(t *testing.T) {
			assert.Equal(t, []string{c.rule}, broken(t, c.bad), "the offending tree")
			assert.Empty(t, broken(t, c.good), "the tree that keeps the rule")
		})
	}
	for _, r := range dagscope().rules() {
		assert.True(t, seen[r.name], "rule %q has no tree that breaks it", r.name)
	}
}

// broken names the rules that sources break, once each and in the order of the rules.
func broken(t *testing.T, sources map[string]string) []string {
	t.Helper()
	packages, err := parse(sources)
	require.NoError(t, err)
	var names []string
	for _, r := range dagscope().rules() {
		for _, p := range packages {
			if len(r.offences(p)) > 0 {
				names = append(names, r.name)
				break
			}
		}
	}
	return names
}
