package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRun measures this tree, for which all that path.txt names has to exist, and lists words in a folder.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it checks the types of the whole tree")
	}
	var out bytes.Buffer
	require.NoError(t, run([]string{"-C", "../.."}, &out))
	for _, want := range []string{"|  | now |\n", "| lines of Go, product | ", "| 10 | `", "| files that a claim on Redis passes, and scripts | "} {
		assert.Contains(t, out.String(), want)
	}
	out.Reset()
	require.NoError(t, run([]string{"-C", "../..", "-words", "e2e"}, &out))
	assert.Contains(t, out.String(), `"nobody", rather `)
	require.Error(t, run([]string{"-C", "../..", "-at", "no-commit-has-this-name"}, &out))
}
