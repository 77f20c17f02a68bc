package worker_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/worker"
)

// keeper is a recorder that keeps everything.
type keeper struct {
	mu      sync.Mutex
	info    record.RunInfo
	steps   []record.Step
	details []record.Detail
	workers []record.WorkerRecord
	end     *record.RunEnd
}

func (k *keeper) Begin(info record.RunInfo, _ *dag.Graph) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.info = info
	return nil
}

func (k *keeper) Steps(_ record.RunID, steps []record.Step) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.steps = append(k.steps, steps...)
}

func (k *keeper) Details(_ record.RunID, details []record.Detail, workers []record.WorkerRecord) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.details, k.workers = append(k.details, details...), append(k.workers, workers...)
}

func (k *keeper) End(_ record.RunID, end record.RunEnd) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.end = &end
	return nil
}

func TestRecorderGetsEverything(t *testing.T) {
	k := &keeper{}
	e := start(t, hasty, engine.Config{Recorder: k})
	chatty := engine.Func1("chatty", func(ctx context.Context, a int) (int, error) {
		task := engine.Task(ctx)
		task.Log.Info("at work", "attempt", task.Attempt, "key", task.Key())
		if task.Attempt == 1 {
			return 0, errors.New("not yet")
		}
		task.Log.Info(strings.Repeat("x", 3*record.MaxEvidence) + "the end")
		return a, nil
	})
	r, err := submit(t, e, engine.RunOptions{Tags: []string{"t"}}, func(g *engine.Builder) engine.AnyRef {
		return chatty.Call(engine.Const(g, 5))
	})
	require.NoError(t, err)
	require.NoError(t, r.WaitRecorded(t.Context()))
	require.Equal(t, r.ID(), k.info.ID)
	require.Equal(t, []string{"t"}, k.info.Tags)
	require.Equal(t, record.RunStarted, k.steps[0].Kind)
	require.Equal(t, record.RunFinished, k.steps[len(k.steps)-1].Kind)
	require.Len(t, k.details, 2)
	require.Equal(t, "not yet", k.details[0].Error.Message)
	require.Contains(t, string(k.details[0].Log), "attempt=1 key="+string(r.ID())+"/chatty")
	require.Len(t, k.details[1].Log, record.MaxEvidence)
	require.Contains(t, string(k.details[1].Log), "the end")
	require.Len(t, k.workers, 2, "one record when the worker joins and one when the run has ended")
	require.Positive(t, k.workers[1].Ended)
	require.Positive(t, k.workers[1].Slots)
	require.Equal(t, record.Succeeded, k.end.Status)
	require.Equal(t, "5", k.end.ResultText)
}

func TestContextOfAnAttempt(t *testing.T) {
	e := start(t, hasty, engine.Config{})
	left := make(chan context.Context, 1)
	look := engine.Func1("look", func(ctx context.Context, _ int) (bool, error) {
		left <- ctx
		at, ok := ctx.Deadline()
		child, stop := context.WithCancel(ctx)
		defer stop()
		return ok && time.Until(at) < time.Hour && ctx.Err() == nil && child.Err() == nil && ctx.Value("other") == nil, nil
	}).With(engine.Options{Timeout: time.Hour})
	r, err := submit(t, e, engine.RunOptions{}, func(g *engine.Builder) engine.AnyRef { return look.Call(engine.Const(g, 1)) })
	require.NoError(t, err)
	require.Equal(t, true, r.Value())
	<-(<-left).Done() // ends for goroutines that outlive the body
}

// TestRunsShareTheLanes: on one processor a short run completes during a long one.
func TestRunsShareTheLanes(t *testing.T) {
	e := start(t, worker.Config{Width: 1, MaxSlots: 1}, engine.Config{})
	spin := engine.Func1("spin", func(_ context.Context, a int) (int, error) {
		for began := time.Now(); time.Since(began) < time.Millisecond; { // keeps the processor, so no lane is added
		}
		return a, nil
	})
	chain := func(n int) *dag.Graph {
		return build(t, func(g *engine.Builder) engine.AnyRef {
			x := spin.Call(engine.Const(g, 1))
			for range n - 1 {
				x = spin.Call(x)
			}
			return x
		})
	}
	long, err := e.Submit(t.Context(), "long", chain(400), engine.RunOptions{})
	require.NoError(t, err)
	short, err := e.Submit(t.Context(), "short", chain(20), engine.RunOptions{})
	require.NoError(t, err)
	require.NoError(t, short.Wait(t.Context()))
	require.Less(t, long.Progress().Done, 400)
	require.Greater(t, long.Progress().Done, 0)
	require.NoError(t, long.Wait(t.Context()))
}
