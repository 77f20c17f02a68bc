package bench

import (
	"context"
	"errors"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/memory"
	"github.com/dagscope/dagscope/engine/worker"
)

// host is an engine at work.
type host struct {
	engine   *engine.Engine
	unlogged bool
	stop     context.CancelFunc
	ended    chan error
	recorder recorder
}

// recorder is what keeps the record of a host's runs; close is called after the last of them.
type recorder struct {
	record.Recorder // nil keeps none
	close           func() error
}

// newHost starts an engine of so many processors, 0 for all. The caller closes the host, even if ctx ends.
func newHost(r recorder, width int) (*host, error) {
	pool, err := worker.New(worker.Config{State: memory.New(), Width: width})
	if err != nil {
		return nil, err
	}
	e, err := engine.New(engine.Config{
		Executor: pool, Recorder: r.Recorder,
		Remember: time.Nanosecond, // or the runs before would fill the heap and make its collection rarer
	})
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	h := &host{engine: e, unlogged: r.Recorder == nil, stop: stop, ended: make(chan error, 1), recorder: r}
	go func() { h.ended <- e.Run(ctx) }()
	return h, nil
}

func (h *host) close() error {
	h.stop()
	err := <-h.ended
	if h.recorder.close != nil {
		err = errors.Join(err, h.recorder.close())
	}
	return err
}

// options of a measured run: the largest tree has more tasks than the engine accepts by default.
func (h *host) options() engine.RunOptions {
	return engine.RunOptions{Unlogged: h.unlogged, Limits: dag.Limits{Tasks: 1 << 20, Edges: 1 << 22}}
}

// run executes a graph once.
func (h *host) run(ctx context.Context, name string, g *dag.Graph) (timing, any, error) {
	began := time.Now()
	r, err := h.engine.Submit(ctx, name, g, h.options())
	if err != nil {
		return timing{}, nil, err
	}
	select {
	case <-r.Done():
	case <-ctx.Done():
	}
	t := timing{makespan: time.Since(began)}
	err = r.WaitRecorded(ctx)
	t.drained = time.Since(began)
	return t, r.Value(), errors.Join(r.Wait(ctx), err)
}
