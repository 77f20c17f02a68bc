//go:build unix

package invoke

import (
	"context"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/shared"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/internal/testkit/sharedtest"
)

// The functions of runs that are shared here.
var (
	count = engine.Func1("count", func(_ context.Context, n int) ([]int, error) {
		list := make([]int, n)
		for i := range list {
			list[i] = i
		}
		return list, nil
	})
	square = engine.Func1("square", func(ctx context.Context, n int) (int, error) {
		time.Sleep(2 * time.Millisecond)
		return n * n, nil
	})
	sum = engine.Func1("sum", func(_ context.Context, list []int) (int, error) {
		total := 0
		for _, n := range list {
			total += n
		}
		return total, nil
	})
	// stuck reports that it has begun. Its first call does not return by itself.
	stuck = engine.Func1("stuck", func(ctx context.Context, n int) (int, error) {
		begun <- struct{}{}
		if calls.Add(1) == 1 {
			<-ctx.Done()
		}
		return n, ctx.Err()
	})
	begun = make(chan struct{}, 8)
	calls atomic.Int64
)

func find(_ string, wanted engine.Signature) *engine.Function {
	for _, f := range engine.Functions(count, square, sum, stuck) {
		if f.Name() == wanted.Name {
			return f
		}
	}
	return nil
}

// member is a process's part in the runs of a server.
func member(t *testing.T, server *sharedtest.Server, cfg shared.Config, pool worker.Config) *worker.Pool {
	t.Helper()
	cfg.Backend = server.Connect(nil)
	store, err := shared.New(cfg)
	require.NoError(t, err)
	pool.State = store
	p, err := worker.New(pool)
	require.NoError(t, err)
	return p
}

// background runs a part until the test ends.
func background(t *testing.T, run func(context.Context) error) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- run(ctx) }()
	t.Cleanup(func() {
		stop()
		assert.NoError(t, <-over)
	})
}

// squares is a graph whose result is the sum of the squares below n.
func squares(t *testing.T, n int) *dag.Graph {
	t.Helper()
	b := engine.NewBuilder()
	list := count.Call(engine.Const(b, n))
	g, err := b.Compile(sum.Call(engine.FanOut(b, list, func(e engine.Ref[int]) engine.Ref[int] { return square.Call(e) })))
	require.NoError(t, err)
	return g
}

// TestInvokedWorkersDoARun: without a polling worker, a store requests workers over HTTP, and these request more.
func TestInvokedWorkersDoARun(t *testing.T) {
	server := sharedtest.New(sharedtest.Config{Audit: func(err error) { t.Error(err) }})
	tally := new(Tally)
	var fan *Fan
	shift, err := NewShift(ShiftConfig{
		Tally: tally, Linger: 200 * time.Millisecond,
		Begin: func() (Work, error) {
			return member(t, server, shared.Config{Board: tally, Invoke: fan.Readied}, worker.Config{Find: find, Width: 1, MaxSlots: 2}), nil
		},
	})
	require.NoError(t, err)
	handler, err := NewHandler(HandlerConfig{Secret: secret, Work: shift.Work})
	require.NoError(t, err)
	web := httptest.NewServer(handler)
	t.Cleanup(web.Close)
	fan, err = NewFan(FanConfig{Invoker: caller(t, web.URL+"/invoke"), Max: 4})
	require.NoError(t, err)
	background(t, fan.Run)
	background(t, shift.Run)
	e, err := engine.New(engine.Config{Executor: member(t, server, shared.Config{Invoke: fan.Readied}, worker.Config{Idle: true})})
	require.NoError(t, err)
	background(t, e.Run)

	for range 2 {
		r, err := e.Submit(t.Context(), "squares", squares(t, 30), engine.RunOptions{})
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		v, err := engine.Result[int](ctx, r)
		cancel()
		require.NoError(t, err)
		assert.Equal(t, 8555, v)
	}
	require.Eventually(t, func() bool { return fan.Counts().UnderWay == 0 }, patience, 5*time.Millisecond)
	c := fan.Counts()
	assert.EqualValues(t, 1, c.Cold)
	assert.GreaterOrEqual(t, tally.Executed(), int64(64), "all of it by workers that were invoked")
	assert.Zero(t, c.Failures)
}

// awaitCall waits for the next call of stuck.
func awaitCall(t *testing.T) {
	t.Helper()
	select {
	case <-begun:
	case <-time.After(patience):
		require.FailNow(t, "stuck is not called")
	}
}

// TestBoardOfARun: the board contains what lanes execute, and the claims of a dead process are released by means of it.
func TestBoardOfARun(t *testing.T) {
	server := sharedtest.New(sharedtest.Config{Audit: func(err error) { t.Error(err) }})
	supervisor, board, unmapBoth := twins(t)
	defer unmapBoth()
	calls.Store(0)
	first, die := context.WithCancel(t.Context())
	backend := server.Connect(nil)
	store, err := shared.New(shared.Config{Backend: backend, Board: board})
	require.NoError(t, err)
	pool, err := worker.New(worker.Config{State: store, Find: find, Width: 1, MaxSlots: 1, SoftStop: time.Millisecond})
	require.NoError(t, err)
	died := make(chan error, 1)
	go func() { died <- pool.Run(first) }()
	e, err := engine.New(engine.Config{Executor: member(t, server, shared.Config{}, worker.Config{Idle: true})})
	require.NoError(t, err)
	background(t, e.Run)

	b := engine.NewBuilder()
	g, err := b.Compile(stuck.Call(engine.Const(b, 5)))
	require.NoError(t, err)
	r, err := e.Submit(t.Context(), "stuck", g, engine.RunOptions{})
	require.NoError(t, err)
	awaitCall(t)
	_, sessions := supervisor.read()
	require.Len(t, sessions, 1)
	assert.Equal(t, r.ID(), sessions[0].run)
	require.Equal(t, []running{{0, 0}}, sessions[0].running)

	backend.Cut() // as if dead: it cannot leave its runs
	reaper, err := shared.New(shared.Config{Backend: server.Connect(nil)})
	require.NoError(t, err)
	left := sessions[0]
	require.NoError(t, reaper.ReapSession(t.Context(), left.run, left.session, []dag.NodeID{left.running[0].node}, record.ErrorRecord{
		Kind: record.WorkerLostError, Message: "exited with code 7", ExitCode: 7,
	}))
	background(t, member(t, server, shared.Config{}, worker.Config{Find: find}).Run)
	awaitCall(t) // another worker has it, at once
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	v, err := engine.Result[int](ctx, r)
	require.NoError(t, err)
	assert.Equal(t, 5, v)

	die()
	backend.Heal()
	require.NoError(t, <-died)
	_, sessions = supervisor.read()
	assert.Empty(t, sessions, "a worker that ends by itself leaves none")
}

// TestWaitEndsWithTheEngine: waiting for a run that other workers execute ends when the engine closes, since this process
// can then not observe the run's end.
func TestWaitEndsWithTheEngine(t *testing.T) {
	server := sharedtest.New(sharedtest.Config{Audit: func(err error) { t.Error(err) }})
	e, err := engine.New(engine.Config{Executor: member(t, server, shared.Config{}, worker.Config{Idle: true})})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() { over <- e.Run(ctx) }()
	r, err := e.Submit(t.Context(), "squares", squares(t, 3), engine.RunOptions{})
	require.NoError(t, err)
	waited := make(chan error, 1)
	go func() { waited <- r.Wait(t.Context()) }()
	stop()
	require.NoError(t, <-over)
	select {
	case err := <-waited:
		require.ErrorIs(t, err, engine.ErrElsewhere)
	case <-time.After(patience):
		t.Fatal("it waits for ever")
	}
	_, err = engine.Result[int](t.Context(), r)
	require.ErrorIs(t, err, engine.ErrElsewhere)
}
