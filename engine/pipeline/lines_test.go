package pipeline_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/pipeline"
)

// TestLines: a step has its own lines, with blank ones in a script, and without what stands before the next step.
func TestLines(t *testing.T) {
	text := `steps:
  first:
    run: |
      echo a

      # of the script
      echo b

  # of the next step
  second: {run: [echo, "c"]}
  each:
    foreach: [1, 2]
    steps:
# a comment at the margin
      inner:
        run: echo
    result: ${{ steps.inner.out }}

params:
  n: 1
`
	p, err := pipeline.Parse("a.yaml", []byte(text))
	require.NoError(t, err)
	assert.Equal(t, []pipeline.StepLines{
		{Path: "first", From: 2, To: 7},
		{Path: "second", From: 10, To: 10},
		{Path: "each", From: 11, To: 17},
		{Path: "each.inner", From: 15, To: 16},
	}, p.Lines())

	windows, err := pipeline.Parse("a.yaml", []byte(strings.ReplaceAll(text, "\n", "\r\n")))
	require.NoError(t, err)
	assert.Equal(t, p.Lines(), windows.Lines())
}
