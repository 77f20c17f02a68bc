package bench

import (
	"context"
	"errors"
	"io"
	"runtime"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state/memory"
	"github.com/dagscope/dagscope/engine/worker"
)

// liveGoal is in bytes a task.
const liveGoal = 300

// measureLive weighs the largest shape of each kind, since it is there that memory matters.
func (r *Report) measureLive(ctx context.Context, w io.Writer, o Options) error {
	for _, kind := range []string{Tree, Fan, Chain} {
		largest := Shape{Kind: kind}
		for _, s := range o.Shapes {
			if s.Kind == kind && s.Size > largest.Size {
				largest = s
			}
		}
		if largest.Size == 0 {
			continue
		}
		l, err := weigh(ctx, largest)
		if err != nil {
			return err
		}
		l.print(w)
		r.Live = append(r.Live, l)
	}
	return nil
}

// weigh submits the shape before anything executes, so that a run which has just begun can be weighed.
func weigh(ctx context.Context, s Shape) (l Live, err error) {
	l.Shape = s
	e, err := idleEngine()
	if err != nil {
		return l, err
	}
	f := plainFunctions()
	before := heap()
	each := func() float64 { return max(0, heap()-before) / float64(s.Tasks()) }
	g, err := f.graph(s)
	if err != nil {
		return l, err
	}
	l.Graph = each()
	options := (&host{unlogged: true}).options()
	r, err := e.Submit(ctx, s.Kind, g, options)
	if err != nil {
		return l, err
	}
	l.Begun = each()
	engineCtx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- e.Run(engineCtx) }()
	defer func() {
		stop()
		err = errors.Join(err, <-ended)
	}()
	if err := verify(ctx, s, r); err != nil {
		return l, err
	}
	l.Ended = each()
	options.Unlogged = false
	logged, err := e.Submit(ctx, s.Kind, g, options)
	if err != nil {
		return l, err
	}
	err = verify(ctx, s, logged)
	l.Logged = each() - l.Ended + l.Graph // the first run is still there
	runtime.KeepAlive(r)
	runtime.KeepAlive(logged)
	return l, err
}

// idleEngine is an engine that is not yet at work.
func idleEngine() (*engine.Engine, error) {
	pool, err := worker.New(worker.Config{State: memory.New()})
	if err != nil {
		return nil, err
	}
	return engine.New(engine.Config{Executor: pool})
}

// verify waits for a run and checks its result.
func verify(ctx context.Context, s Shape, r *engine.Run) error {
	err := r.Wait(ctx)
	return check(s, r.Value(), err)
}

// heap is what is reachable, in bytes. What only finalizers hold is gone after the second collection.
func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

func (l Live) goal() Goal {
	return AtMost("live "+l.Shape.String()+", bytes a task with its graph", max(l.Begun, l.Ended), liveGoal)
}
