package engine_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

// A recorder keeps what happens in a store, here in memory, and Queries answers questions about it: statistics of any
// metric by function, single attempts, history over many runs.
func Example_metrics() {
	store := memory.New()
	recorder, err := metricsstore.NewRecorder(metricsstore.Config{Store: store})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- recorder.Run(ctx) }()

	inProcess(worker.Config{}, engine.Config{Recorder: recorder}, func(ctx context.Context, e *engine.Engine) error {
		g := engine.NewBuilder()
		n := engine.Const(g, 1)
		for range 10 {
			n = add.Call(n, n)
		}
		graph, err := g.Compile(n)
		if err != nil {
			return err
		}
		run, err := e.Submit(ctx, "powers", graph, engine.RunOptions{})
		if err != nil {
			return err
		}
		if err := run.WaitRecorded(ctx); err != nil {
			return err
		}
		queries, err := metricsstore.NewQueries(store)
		if err != nil {
			return err
		}
		answer, err := queries.Statistics(ctx, metricsstore.StatsQuery{
			Run: run.ID(), Metric: metricsstore.ExecuteNS, GroupBy: metricsstore.ByFunction, Quantiles: []float64{0.5, 0.95},
		})
		if err != nil {
			return err
		}
		for _, group := range answer.Groups {
			p95 := group.Quantiles[1] // a value in nanoseconds, and how far off it can be
			fmt.Println(group.Function, group.N, "times, p95 below a second:", p95.Value < 1e9, group.Exact)
		}
		return nil
	})
	stop()
	if err := errors.Join(<-ended, store.Close()); err != nil {
		fmt.Println(err)
	}
	// Output: add 10 times, p95 below a second: true true
}
