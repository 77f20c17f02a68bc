package python

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/process"
	"github.com/dagscope/dagscope/internal/testkit/pythontest"
	"github.com/dagscope/dagscope/python"
)

// testPool is a pool that runs until the end of the test, or stop.
type testPool struct {
	*Pool
	stop func()
}

// newPool runs a pool with the modules in testdata.
func newPool(t testing.TB, change func(*Config)) testPool {
	t.Helper()
	modules, err := filepath.Abs("testdata")
	require.NoError(t, err)
	cfg := Config{
		Package: python.FS(), Interpreter: pythontest.Find(t), Path: []string{modules},
		Env: []string{"PATH=" + os.Getenv("PATH"), "PYTHONDONTWRITEBYTECODE=1"},
	}
	if change != nil {
		change(&cfg)
	}
	p, err := New(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- p.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		assert.NoError(t, <-done)
		assert.Zero(t, p.Counts().Live)
	})
	t.Cleanup(stop)
	return testPool{p, stop}
}

// try calls a function of work.py with values, or what they are of in Go.
func (p testPool) try(t testing.TB, function string, args ...any) (Value, process.Usage, error) {
	t.Helper()
	c := Call{Module: "work", Function: function}
	for _, a := range args {
		v, isValue := a.(Value)
		if !isValue {
			v = encode(t, a)
		}
		c.Values = append(c.Values, v)
	}
	return p.Call(t.Context(), c)
}

func encode(t testing.TB, v any) Value {
	t.Helper()
	e, err := Encode(v)
	require.NoError(t, err)
	return e
}

// waitFor waits until something is so.
func waitFor(t testing.TB, isSo func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !isSo(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Error("it has not become so")
			return
		}
	}
}
