package survey

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReach follows calls, names of functions, methods of interfaces and generic functions within the packages only.
func TestReach(t *testing.T) {
	tree, err := Check("example.org/m", map[string]string{
		"lane/run.go":       "package lane\n\nimport \"example.org/m/store\"\n\ntype Lane struct{ s store.Store }\n\nfunc (l *Lane) Run() { l.s.Claim(); each(named) }\n",
		"lane/each.go":      "package lane\n\nfunc each[T any](v T) {}\n",
		"lane/named.go":     "package lane\n\nfunc named() {}\n",
		"lane/unused.go":    "package lane\n\nfunc unused() {}\n",
		"store/store.go":    "package store\n\ntype Store interface{ Claim() }\n",
		"store/one/one.go":  "package one\n\ntype One struct{}\n\nfunc (One) Claim() { deeper() }\n",
		"store/one/deep.go": "package one\n\nfunc deeper() {}\n",
		"store/two/two.go":  "package two\n\ntype Two struct{}\n\nfunc (Two) Claim(n int) {}\n",
		"storetest/kit.go":  "package storetest\n\ntype Fake struct{}\n\nfunc (Fake) Claim() {}\n",
		"other/other.go":    "package other\n\ntype Other struct{}\n\nfunc (Other) Claim() {}\n",
	})
	require.NoError(t, err)
	files, missing := tree.Reach([]string{"lane Lane.Run", "lane Lane.Gone"}, []string{"lane", "store/...", "storetest"})
	assert.Equal(t, []string{"lane/each.go", "lane/named.go", "lane/run.go", "store/one/deep.go", "store/one/one.go"}, files)
	assert.Equal(t, []string{"lane Lane.Gone"}, missing)
}

// TestArrows finds the order with the fewest arrows back, whatever the names of the files.
func TestArrows(t *testing.T) {
	tree, err := Check("example.org/m", map[string]string{
		"p/z.go": "package p\n\nfunc z() { m(); a() }\n",
		"p/m.go": "package p\n\nfunc m() { a() }\n",
		"p/a.go": "package p\n\nfunc a() { z() }\n",
	})
	require.NoError(t, err)
	a := tree.Arrows(tree.Find("p"))
	assert.Equal(t, []string{"p/z.go", "p/m.go", "p/a.go"}, a.Order)
	assert.Equal(t, 4, a.Total)
	assert.Equal(t, [][2]string{{"p/a.go", "p/z.go"}}, a.Back)
	assert.InDelta(t, 0.25, a.Share(), 1e-9)
}

func TestPurpose(t *testing.T) {
	for name, want := range map[string]string{
		"engine/run.go": "product", "engine/run_test.go": "tests", "e2e/git_test.go": "tests", "e2e/testdata/poison/main.go": "tests",
		"internal/testkit/statetest/laws.go": "kits", "web/webtest/a.go": "kits", "internal/testkit/statetest/laws_test.go": "tests",
		"bench/main.go": "benches", "bench/main_test.go": "benches", "cmd/app/bench/run.go": "benches", "e2e/house/main.go": "tools",
	} {
		assert.Equal(t, want, Purpose(name), name)
	}
}
