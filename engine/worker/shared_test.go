package worker_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
	"github.com/dagscope/dagscope/engine/state/memory"
	"github.com/dagscope/dagscope/engine/worker"
)

func TestOthersWorkOnWhatAnIdlePoolSubmits(t *testing.T) {
	f := newFleet()
	idle := f.process(t, worker.Config{Idle: true})
	require.Zero(t, idle.Snapshot().Width)
	require.Zero(t, idle.Snapshot().Slots)
	exec := idle.submit(t, func(b *engine.Builder) engine.AnyRef { return tree(b, 50, double, add) })
	require.Never(t, func() bool { return exec.Progress().Done > 0 }, 20*time.Millisecond, 5*time.Millisecond)

	other := f.process(t, worker.Config{Width: 2, Name: "other", Startup: time.Minute})
	_, v := result(t, exec)
	require.Equal(t, 49*50, v)
	second := idle.submit(t, func(b *engine.Builder) engine.AnyRef { return tree(b, 10, double, add) })
	_, v = result(t, second)
	require.Equal(t, 9*10, v)

	require.Eventually(t, func() bool { return len(other.Snapshot().Running) == 0 }, time.Minute, time.Millisecond)
	require.EqualValues(t, 99+19, other.Snapshot().TasksDone)
	require.NoError(t, other.stop())
	for i, e := range []execution.Execution{exec, second} {
		_, records := e.TakeDetails()
		require.Len(t, records, 2, "one as the worker enters and its last one, none of the idle pool")
		require.Equal(t, "other", records[1].Name)
		require.Equal(t, i > 0, records[1].Warm)
		require.Equal(t, []time.Duration{time.Minute, 0}[i], records[0].Startup, "the second run met a warm worker")
		require.Zero(t, records[0].Ended)
		require.Positive(t, records[1].Ended)
		require.Positive(t, records[1].Slots)
	}
}

// TestLeavingARun: the body of a process that is shut down finishes within the soft stop, or is cancelled and runs once
// more in another process. Either way the run continues.
func TestLeavingARun(t *testing.T) {
	for _, c := range []struct {
		name   string
		soft   time.Duration
		bodies int32 // that are called
	}{{"in time", time.Minute, 1}, {"cut off", time.Millisecond, 2}} {
		t.Run(c.name, func(t *testing.T) {
			f := newFleet()
			began, release := make(chan struct{}, 2), make(chan struct{})
			var bodies atomic.Int32
			var cause error
			wait := engine.Func1("wait", func(ctx context.Context, a int) (int, error) {
				if bodies.Add(1) > 1 {
					return a, nil
				}
				began <- struct{}{}
				select {
				case <-ctx.Done():
					cause = context.Cause(ctx)
					if ctx.Err() != nil {
						return 0, ctx.Err()
					}
				case <-release:
				}
				return a, nil
			})
			submitter := f.process(t, worker.Config{Idle: true})
			first := f.process(t, worker.Config{Width: 1, SoftStop: c.soft})
			exec := submitter.submit(t, func(b *engine.Builder) engine.AnyRef {
				return add.Call(wait.Call(engine.Const(b, 7)), engine.Const(b, 1))
			})
			<-began
			stopped := make(chan error, 1)
			go func() { stopped <- first.stop() }()
			if c.bodies == 1 {
				require.Eventually(t, func() bool { return !membershipOf(first).open.Load() }, time.Minute, time.Millisecond)
				close(release)
			}
			require.NoError(t, <-stopped)
			require.Equal(t, record.Running, exec.Progress().Status, "the second task is for others")
			f.process(t, worker.Config{Width: 1})
			end, v := result(t, exec)
			require.Equal(t, record.Succeeded, end.Status)
			require.Equal(t, 8, v)
			require.Equal(t, c.bodies, bodies.Load())
			if c.bodies == 2 {
				require.ErrorIs(t, cause, engine.ErrClosed)
			}
			_, records := exec.TakeDetails()
			require.Positive(t, records[1].Ended, "the worker that left has recorded it")
		})
	}
}

// membershipOf is the part of a process in the only run of its fleet; the submitter is the first process.
func membershipOf(p *process) *membership {
	p.office.mu.Lock()
	defer p.office.mu.Unlock()
	r := p.office.runs[0]
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.members[1]
}

// TestAFencedWorkerContinues: what was executing when the lease expired is cancelled and does not count.
func TestAFencedWorkerContinues(t *testing.T) {
	f := newFleet()
	began := make(chan struct{}, 1)
	var bodies atomic.Int32
	wait := engine.Func1("wait", func(ctx context.Context, a int) (int, error) {
		if bodies.Add(1) > 1 {
			return a, nil
		}
		began <- struct{}{}
		<-ctx.Done()
		return 0, context.Cause(ctx)
	}).With(engine.Options{Retries: engine.NoRetries})
	submitter := f.process(t, worker.Config{Idle: true})
	first := f.process(t, worker.Config{Width: 1})
	exec := submitter.submit(t, func(b *engine.Builder) engine.AnyRef { return wait.Call(engine.Const(b, 7)) })
	<-began
	membershipOf(first).lost(errors.New("no answer for 10 s"))
	_, v := result(t, exec)
	require.Equal(t, 7, v)
	require.EqualValues(t, 2, bodies.Load())
	require.Zero(t, exec.Progress().Failed+exec.Progress().Retries)
}

func TestFetch(t *testing.T) {
	inputs := []record.InputDetail{{From: 0, Source: "store", Bytes: 8, Fetch: time.Millisecond}}
	gone := errors.New("unreadable bytes")
	for _, c := range []struct {
		name   string
		node   dag.NodeID // that is fetched for: 0 doubles, 1 makes a list, 2 expands it
		fetch  func(n int) ([]record.InputDetail, error)
		calls  int32
		status record.Status
		kind   record.ErrorKind
	}{
		{"from elsewhere", 1, func(int) ([]record.InputDetail, error) { return inputs, nil }, 1, record.Succeeded, ""},
		{"lost once", 1, func(n int) ([]record.InputDetail, error) {
			if n == 1 {
				return nil, state.ErrInputLost
			}
			return inputs, nil
		}, 2, record.Succeeded, ""},
		{"fails once", 1, func(n int) ([]record.InputDetail, error) {
			if n == 1 {
				return nil, gone
			}
			return inputs, nil
		}, 2, record.Succeeded, ""},
		{"fails always", 1, func(int) ([]record.InputDetail, error) { return nil, gone }, 4, record.Failed, record.StoreError},
		{"of an expansion", 2, func(int) ([]record.InputDetail, error) { return inputs, nil }, 1, record.Succeeded, ""},
		{"of an expansion, fails", 2, func(int) ([]record.InputDetail, error) { return nil, gone }, 1, record.Failed, record.StoreError},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFleet()
			var calls atomic.Int32
			graph := func(b *engine.Builder) engine.AnyRef {
				return sum.Call(engine.FanOut(b, upto.Call(double.Call(engine.Const(b, 2))), triple.Call))
			}
			expansion := dag.NodeID(build(t, graph).Tasks()) // after the tasks of its scope
			node := c.node
			if node == 2 {
				node = expansion
			}
			f.fetch = func(ctx context.Context, claim state.Claim) ([]record.InputDetail, error) {
				_, timed := ctx.Deadline()
				require.False(t, timed, "what the store takes is no fault of the body")
				if claim.Node != node {
					return nil, nil
				}
				return c.fetch(int(calls.Add(1)))
			}
			p := f.process(t, worker.Config{Width: 1, Backoff: time.Microsecond})
			exec := p.submit(t, graph)
			end, v := result(t, exec)
			require.Equal(t, c.status, end.Status)
			require.Equal(t, c.calls, calls.Load())
			if c.status == record.Failed {
				require.Equal(t, c.kind, end.First.Kind)
				require.Contains(t, end.First.Message, gone.Error())
				return
			}
			require.Equal(t, 3*(0+1+2+3), v)
			for _, e := range f.runs[0].ends {
				if e.Node == node && e.Outcome == record.OutcomeOK {
					require.Equal(t, inputs, e.Inputs)
					require.Positive(t, e.Fetch)
					require.LessOrEqual(t, e.Claimed+e.Fetch, e.Started)
				} else {
					require.Empty(t, e.Inputs)
					require.Zero(t, e.Fetch)
				}
			}
		})
	}
}

// others are values that do not fit the earlier ones: a function returned something else when it ran again.
type others struct {
	dag.Values
	output func(dag.Values, dag.NodeID) any
}

func (others) Elements(dag.NodeID) []any         { return nil }
func (o others) Output(id dag.NodeID) any        { return o.output(o.Values, id) }
func sameOutput(v dag.Values, id dag.NodeID) any { return v.Output(id) }

// TestInputsThatDoNotFit: inputs that do not fit together fail the task that reads them, once, and not the process.
func TestInputsThatDoNotFit(t *testing.T) {
	for _, c := range []struct {
		name   string
		output func(dag.Values, dag.NodeID) any
		node   func(tasks dag.NodeID) dag.NodeID // that fails
	}{
		{"a list is shorter", sameOutput, func(tasks dag.NodeID) dag.NodeID { return tasks + 2 }}, // the first element's task
		{"no list", func(dag.Values, dag.NodeID) any { panic("it is gone") }, func(tasks dag.NodeID) dag.NodeID { return tasks }},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFleet()
			f.wrong = func(v dag.Values) dag.Values { return others{v, c.output} }
			graph := func(b *engine.Builder) engine.AnyRef {
				return sum.Call(engine.FanOut(b, upto.Call(engine.Const(b, 1)), triple.Call))
			}
			tasks := dag.NodeID(build(t, graph).Tasks())
			p := f.process(t, worker.Config{Width: 1, Backoff: time.Microsecond})
			end, _ := result(t, p.submit(t, graph))
			require.Equal(t, record.Failed, end.Status)
			require.Equal(t, c.node(tasks), end.First.Node)
			require.Equal(t, record.StoreError, end.First.Kind)
			require.Equal(t, 1, end.First.Attempt, "trying again would change nothing")
			require.Contains(t, end.First.Message, "they do not fit together")
		})
	}
}

// TestShutdownAbandonsABody: a body that ignores its context does not prevent the process from ending.
func TestShutdownAbandonsABody(t *testing.T) {
	f := newFleet()
	began, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	deaf := engine.Func1("deaf", func(_ context.Context, a int) (int, error) {
		close(began)
		<-release
		return a, nil
	})
	submitter := f.process(t, worker.Config{Idle: true})
	first := f.process(t, worker.Config{Width: 1, SoftStop: time.Millisecond, Grace: time.Millisecond})
	exec := submitter.submit(t, func(b *engine.Builder) engine.AnyRef { return deaf.Call(engine.Const(b, 7)) })
	<-began
	require.NoError(t, first.stop())
	require.Equal(t, 1, first.Snapshot().Leaked)
	require.Equal(t, record.Running, exec.Progress().Status, "the run continues without it")
}

// TestCancelReachesAFetch: a run that is cancelled does not wait for a store.
func TestCancelReachesAFetch(t *testing.T) {
	f := newFleet()
	fetching := make(chan struct{}, 1)
	f.fetch = func(ctx context.Context, _ state.Claim) ([]record.InputDetail, error) {
		fetching <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	p := f.process(t, worker.Config{Width: 1})
	exec := p.submit(t, func(b *engine.Builder) engine.AnyRef { return double.Call(engine.Const(b, 1)) })
	<-fetching
	exec.Cancel()
	end, _ := result(t, exec)
	require.Equal(t, record.Cancelled, end.Status)
	require.Equal(t, record.OutcomeCancelled, f.runs[0].ends[0].Outcome)
}

// TestLanesForABacklog: tasks that only wait get more lanes while the store has a backlog, and an idle lane asks for it
// before one is added.
func TestLanesForABacklog(t *testing.T) {
	f := newFleet()
	f.lag.Store(1000)
	release := make(chan struct{})
	wait := engine.Func1("wait", func(_ context.Context, a int) (int, error) { <-release; return a, nil })
	p := f.process(t, worker.Config{Width: 2})
	exec := p.submit(t, func(b *engine.Builder) engine.AnyRef { return wait.Call(engine.Const(b, 1)) })
	require.Never(t, func() bool { return p.Snapshot().Slots > 2 }, 50*time.Millisecond, 5*time.Millisecond)
	more := p.submit(t, func(b *engine.Builder) engine.AnyRef { return wait.Call(engine.Const(b, 1)) })
	require.Eventually(t, func() bool { return p.Snapshot().Slots > 2 }, time.Minute, time.Millisecond)
	close(release)
	result(t, exec)
	result(t, more)
}

func TestRunReturnsWhyItCannotJoin(t *testing.T) {
	refused := errors.New("the store says no")
	pool, err := worker.New(worker.Config{
		State: &office{fleet: newFleet(), refuse: refused}, Find: func(string, engine.Signature) *engine.Function { return nil },
	})
	require.NoError(t, err)
	require.ErrorIs(t, pool.Run(t.Context()), refused)
	_, err = pool.Submit(t.Context(), execution.Job{})
	require.ErrorIs(t, err, engine.ErrClosed)
}

func TestFindAndRetryAreTheStores(t *testing.T) {
	f := newFleet()
	submitter, watcher := f.process(t, worker.Config{Width: 1}), f.process(t, worker.Config{Idle: true})
	exec := submitter.submit(t, func(b *engine.Builder) engine.AnyRef { return double.Call(engine.Const(b, 4)) })
	ctx, stop := context.WithCancel(t.Context())
	require.NoError(t, watcher.Find(ctx, func(job execution.Job, found execution.Execution) {
		_, v := result(t, found)
		require.Equal(t, 8, v)
		stop()
	}))
	_, _, err := watcher.Retry(t.Context(), "run-1")
	require.ErrorContains(t, err, "asked to retry")
	result(t, exec)

	alone, err := worker.New(worker.Config{State: memory.New()})
	require.NoError(t, err)
	require.NoError(t, alone.Find(ctx, nil), "a store of this process alone has nothing to be found")
	_, _, err = alone.Retry(t.Context(), "run-1")
	require.ErrorIs(t, err, engine.ErrUnknownRun)
}

func TestConfigOfAnIdlePool(t *testing.T) {
	_, err := worker.New(worker.Config{State: memory.New(), Idle: true})
	require.ErrorContains(t, err, "expected a State that is shared with processes")
}
