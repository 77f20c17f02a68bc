//go:build unix

package python

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/process"
)

// TestOutput checks that lines belong to the call that printed them, whatever printed them and however they end.
func TestOutput(t *testing.T) {
	p := newPool(t, nil)
	for i := range 50 {
		var lines []process.Line
		call := Call{Module: "work", Function: "mutter", Values: []Value{encode(t, i)}, Lines: func(l process.Line) { lines = append(lines, l) }}
		_, _, err := p.Call(t.Context(), call)
		require.NoError(t, err)
		var out, errs []string
		for _, l := range lines {
			if l.Stream == process.Stdout {
				out = append(out, l.Text)
			} else {
				errs = append(errs, l.Text)
			}
		}
		assert.Equal(t, []string{"a", "b" + strconv.Itoa(i)}, out)
		assert.Equal(t, []string{"c", "d" + strconv.Itoa(i)}, errs)
	}
	_, _, err := p.try(t, "mutter", 1) // no receiver
	require.NoError(t, err)
}

func TestFlood(t *testing.T) {
	p := newPool(t, nil)
	count, last := 0, ""
	call := Call{Module: "work", Function: "say", Values: []Value{encode(t, strings.Repeat("x", 100)), encode(t, 200_000)}, Lines: func(l process.Line) {
		count += 1 + l.Dropped
		last = l.Text
	}}
	_, _, err := p.Call(t.Context(), call)
	require.NoError(t, err)
	assert.Equal(t, 200_001, count)
	assert.Equal(t, "said", last)
}
