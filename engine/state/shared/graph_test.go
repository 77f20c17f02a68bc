package shared_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
)

// library is functions that take some time, so that much happens meanwhile.
type library struct {
	next engine.F1[int, int]
	add  engine.F2[int, int, int]
	upto engine.F1[int, []int]
	sum  engine.F1[[]int, int]
}

// newLibrary makes functions that take up to most.
func newLibrary(most time.Duration) library {
	work := func(ctx context.Context, n int) error {
		if most == 0 {
			return nil
		}
		timer := time.NewTimer(time.Duration(uint64(n+1)*0x9e3779b97f4a7c15>>40) * most >> 24)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return library{
		next: engine.Func1("next", func(ctx context.Context, a int) (int, error) { return (a + 1) % 1000, work(ctx, a) }),
		add:  engine.Func2("add", func(ctx context.Context, a, b int) (int, error) { return (2*a + b) % 1000, work(ctx, a+b) }),
		upto: engine.Func1("upto", func(ctx context.Context, n int) ([]int, error) {
			v := make([]int, 1+n%4)
			for i := range v {
				v[i] = n + i
			}
			return v, work(ctx, n)
		}),
		sum: engine.Func1("sum", func(ctx context.Context, v []int) (int, error) {
			s := 0
			for i, x := range v {
				s += (i + 1) * x
			}
			return s % 1000, work(ctx, s)
		}),
	}
}

// graph is a random one of about size calls before fan-outs expand.
func (l library) graph(t *testing.T, rng *rand.Rand, size int) *dag.Graph {
	t.Helper()
	g := engine.NewBuilder()
	ints := l.grow(g, rng, []engine.Ref[int]{engine.Const(g, rng.IntN(7))}, size, 2)
	graph, err := g.Compile(engine.List(g, ints[max(0, len(ints)-4):]...))
	require.NoError(t, err)
	return graph
}

// grow adds calls that read earlier ones; fan-outs are nested at most depth levels.
func (l library) grow(g *engine.Builder, rng *rand.Rand, ints []engine.Ref[int], size, depth int) []engine.Ref[int] {
	pick := func() engine.Ref[int] { return ints[max(0, len(ints)-1-rng.IntN(6))] }
	for range size {
		switch k := rng.IntN(10); {
		case k < 3:
			ints = append(ints, l.next.Call(pick()))
		case k < 8 || depth == 0:
			ints = append(ints, l.add.Call(pick(), pick()))
		default:
			outer := pick()
			list := engine.FanOut(g, l.upto.Call(pick()), func(e engine.Ref[int]) engine.Ref[int] {
				inner := l.grow(g, rng, []engine.Ref[int]{outer, e}, 1+rng.IntN(3), depth-1)
				return inner[len(inner)-1]
			})
			ints = append(ints, l.sum.Call(list))
		}
	}
	return ints
}
