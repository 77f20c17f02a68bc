package process

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain lets the test's own program be the child that it starts.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == childArg {
		Main("process", nil, double)
		return
	}
	os.Exit(m.Run())
}

func double(_ context.Context, in io.Reader, out io.Writer) error {
	return Answer(in, out, func(n int) (int, error) {
		if n < 0 {
			return 0, errors.New("n is negative")
		}
		return 2 * n, nil
	})
}

// TestChild: a child answers each question, errors included, and ends when it is closed.
func TestChild(t *testing.T) {
	c, err := Start(t.Context())
	require.NoError(t, err)
	var got int
	require.NoError(t, c.Ask(21, &got))
	assert.Equal(t, 42, got)
	require.ErrorContains(t, c.Ask(-1, &got), "n is negative")
	require.NoError(t, c.Ask(4, &got))
	assert.Equal(t, 8, got)

	used, err := MemoryOf(c.cmd.Process.Pid)
	if err == nil { // the system has /proc
		assert.Greater(t, used.Resident, used.Own)
		assert.Positive(t, used.Own)
	}
	took, err := ProcessorTime(c.cmd.Process.Pid)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, took, time.Duration(0))

	require.NoError(t, c.Finish())
	require.NoError(t, c.Close())
	require.Error(t, c.Ask(1, &got), "the child has ended")
}
