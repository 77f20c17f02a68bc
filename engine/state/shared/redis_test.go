package shared_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/redis"
	"github.com/dagscope/dagscope/engine/state/shared"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
	"github.com/dagscope/dagscope/internal/testkit/redistest"
)

// onRedis starts a process over a real Redis, which ends with the test.
func onRedis(t *testing.T, url string, find func(string) *engine.Function, change func(*shared.Config, *worker.Config)) (*worker.Pool, *redis.Backend) {
	t.Helper()
	conn, err := redis.Dial(t.Context(), redis.DialConfig{URL: url})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, conn.Close()) })
	backend := redis.New(conn)
	cfg := shared.Config{Backend: backend, Log: slogOf(t)}
	pool := worker.Config{Width: 2, SoftStop: time.Second, Backoff: 10 * time.Millisecond, Find: func(_ string, f engine.Signature) *engine.Function { return find(f.Name) }}
	if change != nil {
		change(&cfg, &pool)
	}
	store, err := shared.New(cfg)
	require.NoError(t, err)
	pool.State = store
	p, err := worker.New(pool)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = p.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	return p, backend
}

// finding gives the functions of a graph.
func finding(g *dag.Graph) func(string) *engine.Function {
	return func(name string) *engine.Function {
		for _, f := range g.Functions() {
			if f.Name() == name {
				return f
			}
		}
		return nil
	}
}

func requireResult(t *testing.T, exec execution.Execution, g *dag.Graph) {
	t.Helper()
	select {
	case <-exec.Done():
	case <-time.After(time.Minute):
		require.Fail(t, "the run does not end", "%+v", exec.Progress())
	}
	end, value := exec.End()
	require.Equal(t, record.Succeeded, end.Status, "%+v", end.First)
	want, err := enginetest.Evaluate(context.Background(), g)
	require.NoError(t, err)
	require.Equal(t, want.Result, value)
}

func TestProcessesAgreeOnRedis(t *testing.T) {
	server := redistest.Start(t)
	for name, rules := range map[string]record.Rules{
		"all": {}, "no become": {NoBecome: true}, "large": {InlineBytes: 1, ClusterBytes: 1, HoldFor: 20 * time.Millisecond},
	} {
		for seed := *firstSeed; seed < *firstSeed+4**more; seed++ {
			t.Run(fmt.Sprintf("%s, seed %d", name, seed), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 11))
				g := newLibrary(3*time.Millisecond).graph(t, rng, 30+rng.IntN(40))
				var first *worker.Pool
				for i := range 3 {
					p, _ := onRedis(t, server.URL(), finding(g), nil)
					if i == 0 {
						first = p
					}
				}
				exec, err := first.Submit(t.Context(), jobOf(g, engine.RunOptions{Rules: rules}))
				require.NoError(t, err)
				requireResult(t, exec, g)
				require.NoError(t, checkLog(g, stepsOf(t, exec)))
			})
		}
	}
}

func TestAProcessAloneCostsRedisLittle(t *testing.T) {
	server := redistest.Start(t)
	for _, c := range []struct {
		name  string
		graph *dag.Graph
	}{{"chain", chain(t, 10_000)}, {"tree", tree(t, 13)}} {
		t.Run(c.name, func(t *testing.T) {
			p, backend := onRedis(t, server.URL(), finding(c.graph), nil)
			begun := time.Now()
			exec, err := p.Submit(t.Context(), jobOf(c.graph, engine.RunOptions{}))
			require.NoError(t, err)
			requireResult(t, exec, c.graph)
			costs := backend.Costs()
			t.Logf("%s, %+v", time.Since(begun), costs)
			assert.Less(t, float64(costs.Commands)/float64(c.graph.Tasks()), 0.05)
		})
	}
}

// Connections that break and answers that get lost change nothing.
func TestProcessesAgreeOnAFaultyConnection(t *testing.T) {
	server := redistest.Start(t)
	rng := rand.New(rand.NewPCG(5, 5))
	g := newLibrary(10*time.Millisecond).graph(t, rng, 150)
	first, _ := onRedis(t, server.URL(), finding(g), nil)
	var proxies []*redistest.Proxy
	for range 2 {
		p := redistest.NewProxy(t, server)
		proxies = append(proxies, p)
		onRedis(t, p.URL(), finding(g), nil)
	}
	exec, err := first.Submit(t.Context(), jobOf(g, engine.RunOptions{}))
	require.NoError(t, err)
	for i := range 20 {
		p := proxies[i%2]
		switch i % 3 {
		case 0:
			p.Cut()
		case 1:
			p.LoseReplies(2, "evalsha")
		default:
			p.Delay(time.Duration(rng.IntN(5)) * time.Millisecond)
		}
		select {
		case <-exec.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
	requireResult(t, exec, g)
	require.NoError(t, checkLog(g, stepsOf(t, exec)))
}

// A process that is cut off for longer than its lease finds its claims gone; a server that comes back continues where it
// was.
func TestACutOffProcessAndARestartedServer(t *testing.T) {
	server := redistest.Start(t, "--appendonly", "yes")
	proxy := redistest.NewProxy(t, server)
	rng := rand.New(rand.NewPCG(9, 5))
	g := newLibrary(30*time.Millisecond).graph(t, rng, 150)
	short := func(cfg *shared.Config, _ *worker.Config) { cfg.Lease = 600 * time.Millisecond }
	idle, _ := onRedis(t, server.URL(), finding(g), func(_ *shared.Config, pool *worker.Config) { pool.Idle, pool.Find = true, nil })
	exec, err := idle.Submit(t.Context(), jobOf(g, engine.RunOptions{}))
	require.NoError(t, err)
	onRedis(t, proxy.URL(), finding(g), short)
	time.Sleep(100 * time.Millisecond)
	proxy.Swallow(true)
	onRedis(t, server.URL(), finding(g), short)
	time.Sleep(700 * time.Millisecond)
	proxy.Swallow(false)
	server.Kill()
	time.Sleep(100 * time.Millisecond)
	server.Restart()
	requireResult(t, exec, g)
	require.NoError(t, checkLog(g, stepsOf(t, exec)))
}

// stepsOf reads the whole log of an ended run.
func stepsOf(t *testing.T, exec execution.Execution) (all []record.Step) {
	t.Helper()
	for {
		steps, err := exec.Steps(t.Context(), uint64(len(all)))
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, steps...)
	}
}

// TestLargeResultsElsewhere: a result that is too large for the end of the run is had from the outputs that it consists of,
// by processes that have executed nothing, and once the run has been cleaned.
func TestLargeResultsElsewhere(t *testing.T) {
	bulk := engine.Func1("bulk", func(_ context.Context, n int) ([]byte, error) { return make([]byte, n), nil })
	widths := engine.Func1("widths", func(_ context.Context, n int) ([]int, error) { return []int{n, n + 1, n + 2}, nil })
	server := redistest.Start(t)
	for name, result := range map[string]func(*engine.Builder) engine.AnyRef{
		"one":   func(b *engine.Builder) engine.AnyRef { return bulk.Call(engine.Const(b, 3<<20)) },
		"small": func(b *engine.Builder) engine.AnyRef { return bulk.Call(engine.Const(b, 1000)) },
		"several": func(b *engine.Builder) engine.AnyRef {
			return engine.List(b, bulk.Call(engine.Const(b, 1<<20)), bulk.Call(engine.Const(b, 10)))
		},
		"fan-out": func(b *engine.Builder) engine.AnyRef {
			return engine.FanOut(b, widths.Call(engine.Const(b, 1<<19)), bulk.Call)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := engine.NewBuilder()
			g := compile(t, b, result(b))
			submitter, backend := onRedis(t, server.URL(), finding(g), idle)
			onRedis(t, server.URL(), finding(g), nil)
			job := jobOf(g, engine.RunOptions{})
			exec, err := submitter.Submit(t.Context(), job)
			require.NoError(t, err)
			<-exec.Done()
			require.Eventually(t, func() bool {
				state, err := backend.Snapshot(t.Context(), job.Info.ID)
				return err == nil && len(state.Nodes) == 0
			}, time.Minute, 5*time.Millisecond, "it is cleaned")
			requireResult(t, exec, g)
		})
	}
}
