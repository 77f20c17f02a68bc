package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/memory"
	"github.com/dagscope/dagscope/engine/state/redis"
	"github.com/dagscope/dagscope/engine/state/shared"
	"github.com/dagscope/dagscope/engine/wfformat"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/engine/workflows"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
	"github.com/dagscope/dagscope/internal/testkit/redistest"
	"github.com/dagscope/dagscope/metricsstore"
	redismetrics "github.com/dagscope/dagscope/metricsstore/redis"
)

// fleet is a Redis and the processes that work for it.
type fleet struct {
	*user
	server  *redistest.Server
	workers []*process
}

// newFleet starts a Redis with so many worker processes.
func newFleet(t *testing.T, workers int, args ...string) *fleet {
	t.Helper()
	program(t) // before the fleet is started, so that a build that fails is the first thing that is reported
	f := &fleet{user: newUser(t), server: redistest.Start(t)}
	f.lasts = 5 * time.Minute // workers end when the test does
	for range workers {
		f.work(args...)
	}
	for _, p := range f.workers {
		p.awaitIn(p.stdout, "works for")
	}
	return f
}

// work starts one more worker.
func (f *fleet) work(args ...string) *process {
	f.t.Helper()
	name := fmt.Sprintf("w%d", len(f.workers)+1)
	p := f.start(append([]string{"worker", "--redis", f.server.URL(), "--name", name}, args...)...)
	f.workers = append(f.workers, p)
	return p
}

// serves starts a service that leaves all tasks to the workers.
func (f *fleet) serves(args ...string) *service {
	f.t.Helper()
	return f.serve(append([]string{"--redis", f.server.URL(), "--workers", "0"}, args...)...)
}

// endWorkers asks all workers that are alive to end, which they have to do without an error.
func (f *fleet) endWorkers() {
	f.t.Helper()
	var alive []*process
	for _, p := range f.workers {
		if p.running() {
			p.signal(terminate)
			alive = append(alive, p)
		}
	}
	for _, p := range alive {
		o := p.wait()
		assert.Equal(f.t, 0, o.code, "%s: %s", p.name, o.stderr)
		assert.NotContains(f.t, o.stderr, "level=ERROR", p.name)
	}
}

// lasting lists what Redis has of a run and does not forget by itself.
func (f *fleet) lasting(run record.RunID) (keys []string) {
	f.t.Helper()
	client := f.server.Client(f.t)
	all := client.Scan(f.t.Context(), 0, "*"+string(run)+"*", 1000).Iterator()
	for all.Next(f.t.Context()) {
		left, err := client.TTL(f.t.Context(), all.Val()).Result()
		require.NoError(f.t, err)
		if left == -1 { // without end
			keys = append(keys, strings.ReplaceAll(all.Val(), string(run), "run"))
		}
	}
	require.NoError(f.t, all.Err())
	slices.Sort(keys)
	return keys
}

// client is this process as one that submits and watches runs, and executes no task.
type client struct {
	t       *testing.T
	backend *redis.Backend
	records metricsstore.Store
	queries *metricsstore.Queries
	engine  *engine.Engine
}

// gallery is every workflow of the program.
func gallery() []*engine.Workflow { return append(workflows.All(), wfformat.Workflow()) }

// client joins the processes of the fleet until the test ends.
func (f *fleet) client() *client {
	f.t.Helper()
	t := f.t
	conn, err := redis.Dial(t.Context(), redis.DialConfig{URL: f.server.URL()})
	require.NoError(t, err)
	c := &client{t: t, backend: redis.New(conn)}
	c.records, err = redismetrics.New(redismetrics.Config{Client: conn.Client, Prefix: conn.Prefix})
	require.NoError(t, err)
	c.queries, err = metricsstore.NewQueries(c.records)
	require.NoError(t, err)
	recorder, err := metricsstore.NewRecorder(metricsstore.Config{Store: c.records})
	require.NoError(t, err)
	state, err := shared.New(shared.Config{Backend: c.backend})
	require.NoError(t, err)
	pool, err := worker.New(worker.Config{State: state, Idle: true})
	require.NoError(t, err)
	c.engine, err = engine.New(engine.Config{Executor: pool, Workflows: gallery(), Recorder: recorder, Shared: true})
	require.NoError(t, err)
	stopEngine, stopRecorder := runs(t, c.engine.Run), runs(t, recorder.Run)
	t.Cleanup(func() {
		stopEngine()
		stopRecorder()
		assert.NoError(t, c.records.Close())
		assert.NoError(t, conn.Close())
	})
	return c
}

// runs lets a part work until stop is called.
func runs(t *testing.T, part func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- part(ctx) }()
	return func() {
		cancel()
		assert.NoError(t, <-ended)
	}
}

// stepsOf reads the whole log of an ended run.
func stepsOf(t *testing.T, r *engine.Run) (all []record.Step) {
	t.Helper()
	for {
		steps, err := r.Steps(t.Context(), uint64(len(all)))
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, steps...)
	}
}

// succeeds waits for the end of a run, which has to be well, and returns its result encoded.
func succeeds(t *testing.T, r *engine.Run) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, r.Wait(ctx), "%+v", r.Progress())
	wire, err := r.Graph().ResultType().Append(nil, r.Value())
	require.NoError(t, err)
	return wire
}

// lawful checks that log and records of an ended run keep the laws and agree with each other.
func (c *client) lawful(t *testing.T, r *engine.Run) []record.Step {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, r.WaitRecorded(ctx))
	steps := stepsOf(t, r)
	require.NoError(t, enginetest.CheckSteps(r.Graph(), steps))

	kept, err := c.records.Run(t.Context(), r.ID())
	require.NoError(t, err)
	assert.Equal(t, r.End().Status, kept.Status)
	assert.False(t, kept.Upload.Partial(), "%+v", kept.Upload)
	var recorded []record.TaskMetrics
	asOf, err := c.queries.EachRecord(t.Context(), r.ID(), func(some []record.TaskMetrics) error {
		recorded = append(recorded, some...)
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, uint64(len(steps)), asOf)
	assert.Equal(t, record.NewDecoder(r.Graph(), kept.Info).Metrics(nil, steps), recorded, "records and log")
	now := r.Progress()
	assert.Equal(t, []int64{int64(now.Tasks), int64(now.Done), int64(now.Failed), int64(now.Skipped)},
		[]int64{kept.Counts.Tasks, kept.Counts.Succeeded, kept.Counts.Failed, kept.Counts.Skipped}, "tasks, done, failed, skipped")
	return steps
}

// workersOf are the workers that took part in an ended run: each that the log names has a record. One that
// came when the run had just ended has a record and no place in the log, and one that is too busy to report its end
// within a second has a record without what it saved.
func (c *client) workersOf(t *testing.T, r *engine.Run, steps []record.Step) []record.WorkerRecord {
	t.Helper()
	all, err := c.queries.Workers(t.Context(), r.ID())
	require.NoError(t, err)
	recorded := map[int]bool{}
	for _, w := range all {
		assert.False(t, recorded[w.Worker], "two records of worker %d", w.Worker)
		recorded[w.Worker] = true
		assert.Equal(t, w.Ended != 0, w.Saved != nil, "what it saved is reported with the end: %+v", w)
	}
	for i := range steps {
		if s := &steps[i]; s.Kind == record.WorkerStarted || s.Kind == record.AttemptEnded {
			require.True(t, recorded[int(s.Worker)], "no record of worker %d", s.Worker)
		}
	}
	return all
}

// recorded reads the log of a run from its record, and checks the laws.
func (f *fleet) recorded(run string) []record.Step {
	f.t.Helper()
	conn, err := redis.Dial(f.t.Context(), redis.DialConfig{URL: f.server.URL()})
	require.NoError(f.t, err)
	defer func() { assert.NoError(f.t, conn.Close()) }()
	store, err := redismetrics.New(redismetrics.Config{Client: conn.Client, Prefix: conn.Prefix})
	require.NoError(f.t, err)
	defer func() { assert.NoError(f.t, store.Close()) }()
	queries, err := metricsstore.NewQueries(store)
	require.NoError(f.t, err)
	decoder, log, err := queries.Decode(f.t.Context(), record.RunID(run))
	require.NoError(f.t, err)
	var all []record.Step
	for {
		steps, err := log.Next(f.t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(f.t, err)
		all = append(all, steps...)
	}
	require.NoError(f.t, enginetest.CheckSteps(decoder.Numbering().Graph(), all))
	return all
}

// endsOf counts by node how often its attempts ended in a way.
func endsOf(steps []record.Step, outcome record.Outcome) map[dag.NodeID]int {
	ends := map[dag.NodeID]int{}
	for i := range steps {
		if s := &steps[i]; s.Kind == record.AttemptEnded && s.Outcome == outcome {
			ends[s.Node]++
		}
	}
	return ends
}

// requireOnce checks that a run has so many tasks, each of which ended well exactly once.
func requireOnce(t *testing.T, steps []record.Step, tasks int) {
	t.Helper()
	ends := endsOf(steps, record.OutcomeOK)
	require.Len(t, ends, tasks)
	for node, n := range ends {
		require.Equal(t, 1, n, "node %d ended well more than once", node)
	}
}

// inMemory runs graphs in this process alone, and returns their results encoded.
func inMemory(t *testing.T, graphs map[string]*dag.Graph) map[string][]byte {
	t.Helper()
	pool, err := worker.New(worker.Config{State: memory.New(), Backoff: time.Millisecond})
	require.NoError(t, err)
	e, err := engine.New(engine.Config{Executor: pool})
	require.NoError(t, err)
	stop := runs(t, e.Run)
	defer stop()
	results := map[string][]byte{}
	for name, g := range graphs {
		r, err := e.Submit(t.Context(), name, g, engine.RunOptions{})
		require.NoError(t, err)
		results[name] = succeeds(t, r)
		require.NoError(t, enginetest.CheckSteps(g, stepsOf(t, r)), name)
	}
	return results
}

// requireSame compares results of which a difference is too long to be shown.
func requireSame(t *testing.T, want, got []byte) {
	t.Helper()
	if !bytes.Equal(want, got) {
		require.Fail(t, "another result than in one process", "%d bytes %.200q, expected %d bytes %.200q", len(got), got, len(want), want)
	}
}
