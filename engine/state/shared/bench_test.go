package shared_test

import (
	"context"
	"testing"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state/shared"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/internal/testkit/sharedtest"
)

// BenchmarkTask is the whole cost of a task that does nothing, in runs of 10,000, with one lane, over a store that
// answers at once: what this package, a worker and the model of the ledger take.
func BenchmarkTask(b *testing.B) {
	g := engine.NewBuilder()
	r := next.Call(engine.Const(g, 0))
	const tasks = 10_000
	for range tasks - 1 {
		r = next.Call(r)
	}
	graph, err := g.Compile(r)
	if err != nil {
		b.Fatal(err)
	}
	store, err := shared.New(shared.Config{Backend: sharedtest.New(sharedtest.Config{}).Connect(nil)})
	if err != nil {
		b.Fatal(err)
	}
	pool, err := worker.New(worker.Config{State: store, Width: 1})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- pool.Run(ctx) }()
	b.ResetTimer()
	for n := 0; n < b.N; n += tasks {
		exec, err := pool.Submit(ctx, jobOf(graph, engine.RunOptions{}))
		if err != nil {
			b.Fatal(err)
		}
		<-exec.Done()
		exec.Forget()
	}
	b.StopTimer()
	stop()
	<-ended
}
