//go:build unix

package chaos_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
)

// pace is how long a body takes at most; 0 where values alone matter. A process sets it once, before anything runs.
var pace time.Duration

// The functions of all workflows here. Their values depend on their arguments alone, and on the order of these.
var (
	next = engine.Func1("next", func(ctx context.Context, a int) (int, error) { return (a + 1) % 1000, work(ctx, a) })
	add  = engine.Func2("add", func(ctx context.Context, a, b int) (int, error) { return (2*a + b) % 1000, work(ctx, a+b) })
	upto = engine.Func1("upto", func(ctx context.Context, n int) ([]int, error) {
		v := make([]int, n%6)
		for i := range v {
			v[i] = n + i
		}
		return v, work(ctx, n)
	})
	sum = engine.Func1("sum", func(ctx context.Context, v []int) (int, error) {
		s := 0
		for i, x := range v {
			s += (i + 1) * x
		}
		return s % 1000, work(ctx, s)
	})
	// fatal fails for good in every run.
	fatal = engine.Func1("fatal", func(ctx context.Context, a int) (int, error) {
		if engine.Task(ctx).Run != "" {
			return 0, engine.NoRetry(errFatal)
		}
		return a, nil
	})
	inflate = engine.Func1("inflate", func(ctx context.Context, n int) ([]byte, error) {
		return bytes.Repeat([]byte{byte(n)}, bulk(n)), work(ctx, n)
	})
	weigh = engine.Func1("weigh", func(ctx context.Context, b []byte) (int, error) {
		if len(b) == 0 || bytes.Count(b, b[:1]) != len(b) {
			return 0, engine.NoRetry(fmt.Errorf("an output of %d bytes has changed on its way", len(b)))
		}
		return (len(b) + int(b[0])) % 1000, work(ctx, len(b))
	})
)

var functions = map[string]*engine.Function{}

func init() {
	for _, f := range engine.Functions(next, add, upto, sum, fatal, inflate, weigh) {
		functions[f.Name()] = f
	}
}

// bulk is how many bytes inflate makes: some that travel inline, some that are stored, and a few that draw their readers.
func bulk(n int) int {
	switch {
	case n%16 == 0:
		return 4<<20 + n
	case n%3 == 0:
		return 200<<10 + n
	default:
		return 2<<10 + n
	}
}

var (
	errFlaky = errors.New("this attempt was to fail")
	errFatal = errors.New("this task was to fail")
)

// work takes as long as n says, and fails now and then: of one task in eight, every fifth attempt. So it never fails
// twice in a row, but late, when workers have died over it: these deaths must not have used up its retries.
func work(ctx context.Context, n int) error {
	info := engine.Task(ctx)
	if info.Run == "" {
		return nil
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(info.Key()))
	if k := h.Sum32(); k%8 == 0 && (info.Attempt+int(k/8))%5 == 0 {
		return errFlaky
	}
	if pace == 0 {
		return nil
	}
	timer := time.NewTimer(time.Duration(uint64(n+1)*0x9e3779b97f4a7c15>>40) * pace >> 24)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// randomGraph makes a workflow of exactly that many tasks, expanded, and evaluates it. The same seed gives the same.
func randomGraph(seed uint64, tasks int, fails bool) (*dag.Graph, enginetest.Outcome, error) {
	for try := uint64(0); ; try++ {
		draft, err := grown(seed, try, tasks*2/5, 0, fails)
		if err != nil {
			return nil, enginetest.Outcome{}, err
		}
		outcome, err := enginetest.Evaluate(context.Background(), draft)
		if err != nil {
			return nil, outcome, err
		}
		if missing := tasks - outcome.Tasks; missing >= 0 && missing < tasks/4 {
			graph, err := grown(seed, try, tasks*2/5, missing, fails)
			if err != nil {
				return nil, outcome, err
			}
			outcome, err = enginetest.Evaluate(context.Background(), graph)
			return graph, outcome, err
		}
	}
}

// grown makes a random workflow of about size calls before fan-outs expand, and that many more. Where it fails, one of them
// does, in the middle.
func grown(seed, try uint64, size, more int, fails bool) (*dag.Graph, error) {
	rng := rand.New(rand.NewPCG(seed, try))
	g := engine.NewBuilder()
	start := make([]engine.Ref[int], 1+rng.IntN(4))
	for i := range start {
		start[i] = engine.Const(g, rng.IntN(1000))
	}
	gr := grower{g, rng}
	ints := gr.grow(start, size/2, 2)
	if fails {
		ints = append(ints, fatal.Call(ints[len(ints)-1]))
	}
	ints = gr.grow(ints, size/2, 2)
	all := rng.IntN(3) == 0
	for range more {
		ints = append(ints, next.Call(ints[max(0, len(ints)-1-rng.IntN(12))]))
	}
	if all { // every one of them is kept, and none may be wrong
		return g.Compile(engine.List(g, ints[len(start):]...))
	}
	return g.Compile(engine.List(g, ints[len(ints)-4:]...))
}

type grower struct {
	g   *engine.Builder
	rng *rand.Rand
}

// grow makes calls that read what is there; at most depth fan-outs are within each other.
func (g grower) grow(ints []engine.Ref[int], size, depth int) []engine.Ref[int] {
	pick := func() engine.Ref[int] { return ints[max(0, len(ints)-1-g.rng.IntN(8))] }
	for range size {
		switch k := g.rng.IntN(20); {
		case k < 6:
			ints = append(ints, next.Call(pick()))
		case k < 14 || depth == 0:
			ints = append(ints, add.Call(pick(), pick()))
		case k < 16 && depth == 2:
			b := inflate.Call(pick())
			ints = append(ints, weigh.Call(b))
			if g.rng.IntN(2) == 0 {
				ints = append(ints, weigh.Call(b))
			}
		default:
			outer := pick()
			list := engine.FanOut(g.g, upto.Call(pick()), func(e engine.Ref[int]) engine.Ref[int] {
				inner := g.grow([]engine.Ref[int]{outer, e}, 1+g.rng.IntN(3), depth-1)
				return inner[len(inner)-1]
			})
			ints = append(ints, sum.Call(list))
		}
	}
	return ints
}

// randomRules draws by which rules tasks are placed.
func randomRules(rng *rand.Rand) (string, record.Rules) {
	rules := []struct {
		name string
		record.Rules
	}{
		{"all rules", record.Rules{}},
		{"all rules", record.Rules{}},
		{"no become", record.Rules{NoBecome: true}},
		{"no inline, short hold", record.Rules{InlineBytes: 1, ClusterBytes: 1, HoldFor: 20 * time.Millisecond}},
		{"no clustering, no delay", record.Rules{NoClustering: true, NoDelay: true}},
		{"store all, no preload", record.Rules{StoreAll: true, NoPreload: true, NoInline: true}},
	}
	r := rules[rng.IntN(len(rules))]
	r.PoisonAfter = 100 // so many kills look like poison
	return r.name, r.Rules
}
