//go:build unix

package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
	"github.com/dagscope/dagscope/engine/state/redis"
	"github.com/dagscope/dagscope/engine/state/shared"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/internal/testkit/redistest"
)

// plan says how much of what is to happen.
type plan struct {
	name string
	seed uint64

	runs, kills, pauses, restarts, cuts, partitions int // at least that many

	plain, supervised int           // worker processes
	concurrent        int           // runs at a time
	tasks             int           // of a run
	lease             time.Duration // 0 for the one of production
	pace              time.Duration // of a task, at most
	interval          time.Duration // between two actions, on the average
	measured          bool          // what a kill costs is measured
	patience          time.Duration // for one run
	until             time.Time     // then nothing more is begun; zero for never
}

// leaseTime is how long a session is valid without a heartbeat.
func (p plan) leaseTime() time.Duration {
	if p.lease > 0 {
		return p.lease
	}
	return 15 * time.Second // as engine/state/shared has it
}

// world is everything that takes part in one plan.
type world struct {
	t          *testing.T
	plan       plan
	rng        *rand.Rand
	began      time.Time
	dir        string
	actions    *os.File
	server     *redistest.Server
	proxies    []*redistest.Proxy // each before a part of the workers
	backend    keeper
	pool       *worker.Pool
	fleet      *fleet
	finds      finds
	recoveries *recoveries
	tally      tally
	ended      []*trial // that went well
	broken     map[record.RunID]bool

	active map[record.RunID]*trial
}

// newWorld starts Redis, the proxy, the process that submits and watches, and the workers. What it writes stays where
// something went wrong.
func newWorld(t *testing.T, p plan) *world {
	dir, err := os.MkdirTemp("", "dagscope-chaos-")
	require.NoError(t, err)
	w := &world{
		t: t, plan: p, rng: rand.New(rand.NewPCG(p.seed, 0xc4a05)), began: time.Now(), dir: dir,
		recoveries: newRecoveries(), active: map[record.RunID]*trial{}, broken: map[record.RunID]bool{},
	}
	t.Cleanup(w.tidy)
	w.actions, err = os.Create(filepath.Join(dir, "actions.txt"))
	require.NoError(t, err)
	w.say("%s: seed %d", p.name, p.seed)
	w.server = redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always", "--dir", w.redisDir())
	for range 2 {
		w.proxies = append(w.proxies, redistest.NewProxy(t, w.server))
	}
	conn, err := redis.Dial(t.Context(), redis.DialConfig{URL: w.server.URL()})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	w.backend = keeper{redis.New(conn), conn}
	log, err := os.Create(filepath.Join(dir, "watcher.txt"))
	require.NoError(t, err)
	store := w.watch(log)
	w.fleet = newFleet(t, dir)
	spec := workerSpec{Lease: p.lease, Pace: p.pace, Width: 2}
	for i := range p.plain {
		spec.Name, spec.URL = fmt.Sprintf("plain%d", i), w.proxies[i%2].URL()
		w.fleet.start(spec)
	}
	spec.Name, spec.URL = "child", w.proxies[1].URL()
	w.fleet.supervise(p.supervised, spec, store, log)
	return w
}

func (w *world) redisDir() string {
	dir := filepath.Join(w.dir, "redis")
	require.NoError(w.t, os.MkdirAll(dir, 0o755))
	return dir
}

// watch starts the part that submits runs and follows them.
func (w *world) watch(log io.WriteCloser) *shared.Store {
	store, err := shared.New(shared.Config{Backend: w.backend, Lease: w.plan.lease, Log: slog.New(slog.NewTextHandler(log, nil))})
	require.NoError(w.t, err)
	w.pool, err = worker.New(worker.Config{State: store, Idle: true, Name: "watcher"})
	require.NoError(w.t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = w.pool.Run(ctx)
	}()
	searched := make(chan struct{})
	go func() {
		defer close(searched)
		_ = w.pool.Find(ctx, func(job execution.Job, exec execution.Execution) {
			select {
			case w.finds.of(job.Info.ID) <- exec:
			default: // it is known
			}
		})
	}()
	w.t.Cleanup(func() {
		stop()
		<-ended
		<-searched
		_ = log.Close()
	})
	return store
}

// say logs an action, with the time since the beginning.
func (w *world) say(format string, args ...any) {
	line := fmt.Sprintf("%8.3fs ", time.Since(w.began).Seconds()) + fmt.Sprintf(format, args...)
	_, _ = fmt.Fprintln(w.actions, line)
	if testing.Verbose() {
		fmt.Println(line)
	}
}

// tidy removes what was written, unless something went wrong.
func (w *world) tidy() {
	_ = w.actions.Close()
	if !w.t.Failed() {
		_ = os.RemoveAll(w.dir)
		return
	}
	w.t.Logf("seed %d; what happened, what workers wrote, logs and states of runs and Redis' files are in %s", w.plan.seed, w.dir)
}

// begin submits a run, and judges it in a goroutine of its own; done gets it then.
func (w *world) begin(ctx context.Context, seed uint64, done chan<- *trial) {
	tr, err := newTrial(seed, w.plan.tasks)
	require.NoError(w.t, err)
	w.say("submit %s: graph seed %d, %s, %s, it %s, orphan: %t", tr.id(), seed, tr.rules, tr.job.Options.Policy, tr.ends, tr.orphan)
	cancelAfter := time.Duration(w.rng.Int64N(int64(20 * w.plan.interval)))
	w.active[tr.id()] = tr
	go func() {
		defer func() { done <- tr }()
		if tr.exec, err = w.submit(ctx, tr); err != nil {
			tr.breach(lost, "it was not accepted: %v", err)
			return
		}
		if tr.ends == cancelled {
			time.AfterFunc(cancelAfter, tr.exec.Cancel)
		}
		tr.judge(ctx, w)
		w.recoveries.forget(tr.id())
	}()
}

// submit has a run accepted by the process that watches, or by one that is gone at once: then the watcher has to find it.
func (w *world) submit(ctx context.Context, tr *trial) (execution.Execution, error) {
	if !tr.orphan {
		return w.pool.Submit(ctx, tr.job)
	}
	conn, err := redis.Dial(ctx, redis.DialConfig{URL: w.server.URL()})
	for begun := time.Now(); err != nil && time.Since(begun) < time.Minute; time.Sleep(20 * time.Millisecond) { // Redis may just be dead
		conn, err = redis.Dial(ctx, redis.DialConfig{URL: w.server.URL()})
	}
	if err != nil {
		return nil, err
	}
	store, err := shared.New(shared.Config{Backend: redis.New(conn), Lease: w.plan.lease})
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	run, err := store.Create(ctx, tr.job, state.Hooks{})
	if err == nil {
		run.Forget()
	}
	if err := errors.Join(err, conn.Close()); err != nil {
		return nil, err
	}
	select {
	case exec := <-w.finds.of(tr.id()):
		return exec, nil
	case <-time.After(w.plan.patience):
		return nil, errors.New("no process has found it")
	}
}

// finds are runs that the watcher has found. Safe for concurrent use.
type finds struct {
	mu    sync.Mutex
	execs map[record.RunID]chan execution.Execution
}

// of is where a run comes out once it is found.
func (f *finds) of(id record.RunID) chan execution.Execution {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.execs == nil {
		f.execs = map[record.RunID]chan execution.Execution{}
	}
	if f.execs[id] == nil {
		f.execs[id] = make(chan execution.Execution, 1)
	}
	return f.execs[id]
}

// underWay lists the runs that have not been judged.
func (w *world) underWay() (ids []record.RunID) {
	for id := range w.active {
		ids = append(ids, id)
	}
	return ids
}

// over removes a judged run, and writes down what is wrong with it.
func (w *world) over(ctx context.Context, tr *trial) {
	delete(w.active, tr.id())
	w.tally.runs++
	for _, s := range tr.samples {
		w.say("recovery of %s session %d (supervised %t): found after %s, claimed again %v", tr.id(), s.session, s.supervised, round(s.found), s.again)
	}
	if len(tr.breaches) == 0 {
		w.say("over %s: %d steps", tr.id(), len(tr.steps))
		return
	}
	w.tally.breached(tr.breaches)
	w.broken[tr.id()] = true
	file := filepath.Join(w.dir, "run-"+string(tr.id())+".txt")
	if err := os.WriteFile(file, []byte(tr.evidence(ctx, w)), 0o644); err != nil {
		w.t.Error(err)
	}
	for _, b := range tr.breaches[:min(len(tr.breaches), 5)] {
		w.say("BREACH %s: %s: %s", tr.id(), b.law, b.what)
		w.t.Errorf("run %s (%s, graph seed %d): %s: %s", tr.id(), tr.rules, tr.seed, b.law, b.what)
	}
}
