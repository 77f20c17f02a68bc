package workflows

import (
	"context"
	"time"

	"github.com/dagscope/dagscope/engine"
)

// Work is what a task of tree-reduction does apart from adding.
type Work struct {
	Duration time.Duration
	Sleep    bool // else it keeps a processor busy
	Payload  int  // bytes that each sum carries
}

func (w Work) do(ctx context.Context) error {
	if w.Sleep {
		return pause(ctx, w.Duration)
	}
	return burn(ctx, w.Duration)
}

// Loaded is a number with bytes that travel with it. Each byte is the number's lowest eight bits; the leaves have
// none yet.
type Loaded struct {
	Value   int
	Payload []byte
}

var add = engine.Func3("add", func(ctx context.Context, a, b int, w Work) (int, error) {
	return a + b, w.do(ctx)
})

var addLoaded = engine.Func3("add-loaded", func(ctx context.Context, a, b Loaded, w Work) (Loaded, error) {
	sum := Loaded{Value: a.Value + b.Value, Payload: make([]byte, w.Payload)}
	for i := range sum.Payload {
		sum.Payload[i] = a.byteAt(i) + b.byteAt(i)
	}
	return sum, w.do(ctx)
})

// byteAt is byte i of the payload.
func (l Loaded) byteAt(i int) byte {
	if i < len(l.Payload) {
		return l.Payload[i]
	}
	return byte(l.Value)
}

// treeReduction adds the numbers 0 to N−1 in pairs: N−1 tasks, ⌊N/2⌋ of them roots, ⌈log₂ N⌉ deep. It returns
// N(N−1)/2, as an int or, where payload is not 0, as a Loaded.
func treeReduction() *engine.Workflow {
	return &engine.Workflow{
		Name:        "tree-reduction",
		Description: "Adds the numbers 0 to n-1 in pairs, then the sums in pairs, until one is left.",
		Params: []engine.Param{
			intParam("n", 1024, 2, 100_000, "how many numbers are added"),
			durationParam("work", 0, time.Hour, "how long each task takes"),
			{Name: "sleep", Kind: engine.BoolParam, Default: "false", Help: "whether a task sleeps for that time instead of keeping a processor busy"},
			intParam("payload", 0, 0, 64<<20, "bytes that each sum carries along"),
		},
		Functions: engine.Functions(add, addLoaded),
		Build: func(g *engine.Builder, args engine.Args) (engine.AnyRef, error) {
			work := Work{Duration: args.Duration("work"), Sleep: args.Bool("sleep"), Payload: args.Int("payload")}
			w := engine.Const(g, work)
			n := args.Int("n")
			if work.Payload == 0 {
				leaves := make([]engine.Ref[int], n)
				for i := range leaves {
					leaves[i] = engine.Const(g, i)
				}
				return reduce(leaves, func(a, b engine.Ref[int]) engine.Ref[int] { return add.Call(a, b, w) }), nil
			}
			leaves := make([]engine.Ref[Loaded], n)
			for i := range leaves {
				leaves[i] = engine.Const(g, Loaded{Value: i})
			}
			return reduce(leaves, func(a, b engine.Ref[Loaded]) engine.Ref[Loaded] { return addLoaded.Call(a, b, w) }), nil
		},
	}
}

// reduce joins adjacent ones until one is left. The odd one at the end of a level is carried up as it is.
func reduce[T any](level []engine.Ref[T], join func(a, b engine.Ref[T]) engine.Ref[T]) engine.Ref[T] {
	for len(level) > 1 {
		next := make([]engine.Ref[T], 0, ceilDiv(len(level), 2))
		for i := 0; i+1 < len(level); i += 2 {
			next = append(next, join(level[i], level[i+1]))
		}
		if len(level)%2 == 1 {
			next = append(next, level[len(level)-1])
		}
		level = next
	}
	return level[0]
}
