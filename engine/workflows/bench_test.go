package workflows

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
)

// BenchmarkRun measures whole runs and the sequential evaluation of the same graphs.
func BenchmarkRun(b *testing.B) {
	for _, c := range []struct {
		workflow string
		set      map[string]string
	}{
		{"gemm-blocked", nil},
		{"gemm-blocked", map[string]string{"size": "2000", "block": "500"}},
		{"svd-tall", nil},
		{"svd-tall", map[string]string{"rows": "200000", "block": "10000"}},
		{"wordcount", nil},
	} {
		w := byName(b, c.workflow)
		args, err := w.Arguments(c.set, nil)
		require.NoError(b, err)
		g, err := w.Graph(args)
		require.NoError(b, err)
		name := c.workflow
		for _, v := range []string{"size", "rows"} {
			if c.set[v] != "" {
				name += " " + c.set[v]
			}
		}
		b.Run(name+"/engine", func(b *testing.B) {
			e := start(b, 0)
			for b.Loop() {
				r, err := e.Submit(b.Context(), c.workflow, g, engine.RunOptions{Unlogged: true})
				require.NoError(b, err)
				require.NoError(b, r.Wait(b.Context()))
			}
		})
		b.Run(name+"/sequential", func(b *testing.B) {
			for b.Loop() {
				_, err := enginetest.Evaluate(b.Context(), g)
				require.NoError(b, err)
			}
		})
	}
}
