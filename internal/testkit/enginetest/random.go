package enginetest

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
)

// library is the functions of random graphs. Values stay small and never negative.
type library struct {
	next  engine.F1[int, int]
	add   engine.F2[int, int, int]
	upto  engine.F1[int, []int]
	sum   engine.F1[[]int, int]
	total engine.F1[map[string][]int, int]
}

// newLibrary makes the functions. Of add at most bound run at a time, 0 for any number.
func newLibrary(bound int) library {
	sum := func(v []int) int {
		s := 0
		for i, x := range v {
			s += (i + 1) * x // so that the order matters
		}
		return s % 1000
	}
	return library{
		next: engine.Func1("next", func(_ context.Context, a int) (int, error) { return (a + 1) % 1000, nil }),
		add: engine.Func2("add", func(_ context.Context, a, b int) (int, error) { return (2*a + b) % 1000, nil }).
			With(engine.Options{MaxConcurrent: bound}),
		upto: engine.Func1("upto", func(_ context.Context, n int) ([]int, error) {
			v := make([]int, n%4)
			for i := range v {
				v[i] = n + i
			}
			return v, nil
		}),
		sum: engine.Func1("sum", func(_ context.Context, v []int) (int, error) { return sum(v), nil }),
		total: engine.Func1("total", func(_ context.Context, m map[string][]int) (int, error) {
			s := 0
			for k, v := range m {
				s += len(k) * sum(v)
			}
			return s % 1000, nil
		}),
	}
}

// RandomGraph makes a graph of about size calls before fan-outs expand: chains, diamonds, fan-outs within and after one
// another (some of them fused), values captured from outside, and sinks that nothing reads. The same source gives the
// same graph. It panics if a graph does not compile or cannot run, so that no store is blamed for it.
func RandomGraph(rng *rand.Rand, size int) *dag.Graph {
	g := engine.NewBuilder()
	b := &graphBuilder{rng: rng, g: g, lib: newLibrary(max(0, rng.IntN(6)-3))}
	ints := []engine.Ref[int]{engine.Const(g, rng.IntN(5))}
	ints, lists := b.grow(ints, nil, size, 0)
	result := ints[len(ints)-1:]
	for range rng.IntN(3) {
		result = append(result, ints[rng.IntN(len(ints))])
	}
	graph, err := g.Compile(engine.List(g, append(lists, engine.List(g, result...))...))
	if err != nil {
		panic(fmt.Sprintf("enginetest: a random graph does not compile: %v", err))
	}
	if _, err := Evaluate(context.Background(), graph); err != nil {
		panic(fmt.Sprintf("enginetest: a random graph cannot run: %v", err))
	}
	return graph
}

type graphBuilder struct {
	rng *rand.Rand
	g   *engine.Builder
	lib library
}

// grow makes calls that read earlier ones. It returns only one or two of the lists, so that the others are sinks.
func (b *graphBuilder) grow(ints []engine.Ref[int], lists []engine.Ref[[]int], size, depth int) ([]engine.Ref[int], []engine.Ref[[]int]) {
	pick := func() engine.Ref[int] { return ints[b.rng.IntN(len(ints))] }
	recent := func() engine.Ref[int] { return ints[max(0, len(ints)-1-b.rng.IntN(3))] }
	for range size {
		switch k := b.rng.IntN(10); {
		case k < 2:
			ints = append(ints, b.lib.next.Call(recent()))
		case k < 5:
			ints = append(ints, b.lib.add.Call(recent(), pick()))
		case k < 6 || len(lists) == 0:
			lists = append(lists, b.lib.upto.Call(recent()))
		case k < 7:
			ints = append(ints, b.lib.sum.Call(lists[b.rng.IntN(len(lists))]))
		case k < 8:
			ints = append(ints, b.lib.total.Call(engine.Map(b.g, map[string]engine.Ref[[]int]{
				"a": engine.List(b.g, pick(), recent()), "bb": lists[b.rng.IntN(len(lists))],
			})))
		case depth < 2:
			lists = append(lists, b.fanOut(ints, lists, depth))
		}
	}
	return ints, lists[max(0, len(lists)-1-b.rng.IntN(2)):]
}

func (b *graphBuilder) fanOut(ints []engine.Ref[int], lists []engine.Ref[[]int], depth int) engine.Ref[[]int] {
	source := lists[max(0, len(lists)-1-b.rng.IntN(2))]
	return engine.FanOut(b.g, source, func(e engine.Ref[int]) engine.Ref[int] {
		inner := []engine.Ref[int]{e}
		if b.rng.IntN(2) == 0 {
			inner = append(inner, ints[b.rng.IntN(len(ints))])
		}
		var own []engine.Ref[[]int]
		if b.rng.IntN(3) == 0 {
			own = append(own, lists[b.rng.IntN(len(lists))])
		}
		inner, own = b.grow(inner, own, b.rng.IntN(4), depth+1)
		if len(own) > 0 && b.rng.IntN(2) == 0 {
			return b.lib.sum.Call(own[0])
		}
		return inner[len(inner)-1]
	})
}
