package worker_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
	"github.com/dagscope/dagscope/engine/state/memory"
	"github.com/dagscope/dagscope/engine/worker"
)

// fleet is run state that several pools of a test share, each through its own office: a store in memory whose lanes
// know which office opened them.
type fleet struct {
	store *memory.Store
	fetch func(ctx context.Context, c state.Claim) ([]record.InputDetail, error) // nil: all inputs are here
	lag   atomic.Int64                                                           // what Backlog returns
	wrong func(dag.Values) dag.Values                                            // changes what was fetched; nil changes nothing

	mu      sync.Mutex
	runs    []*sharedRun
	created chan struct{} // closed and replaced when runs grows
}

// sharedRun is one run of a fleet.
type sharedRun struct {
	state.Run
	fleet *fleet
	job   execution.Job
	maker *office

	mu      sync.Mutex
	members []*membership
	ends    []state.End
	records []record.WorkerRecord
}

// office is the store of one process in a fleet.
type office struct {
	*fleet
	refuse error // of Join
}

func newFleet() *fleet { return &fleet{store: memory.New(), created: make(chan struct{})} }

func (o *office) Create(ctx context.Context, job execution.Job, hooks state.Hooks) (state.Run, error) {
	r := &sharedRun{fleet: o.fleet, job: job, maker: o}
	run, err := o.store.Create(ctx, job, state.Hooks{
		Ready:    func(n int) { r.each(func(m *membership) { m.hooks.Ready(n) }) },
		Stopping: func(cause error) { r.each(func(m *membership) { m.hooks.Stopping(cause) }) },
	})
	if err != nil {
		return nil, err
	}
	r.Run = run
	o.mu.Lock()
	defer o.mu.Unlock()
	o.runs = append(o.runs, r)
	close(o.created)
	o.created = make(chan struct{})
	return r.member(hooks), nil
}

// elsewhere calls f with each run that another office has created.
func (o *office) elsewhere(ctx context.Context, f func(*sharedRun)) {
	for seen := 0; ; {
		o.mu.Lock()
		runs, created := o.runs[seen:], o.created
		o.mu.Unlock()
		for _, r := range runs {
			if r.maker != o {
				f(r)
			}
		}
		seen += len(runs)
		select {
		case <-created:
		case <-ctx.Done():
			return
		}
	}
}

func (o *office) Join(ctx context.Context, find func(workflow string, function engine.Signature) *engine.Function, take func(execution.Job) (state.Hooks, func(state.Run))) error {
	if o.refuse != nil {
		return o.refuse
	}
	o.elsewhere(ctx, func(r *sharedRun) {
		for _, f := range r.job.Graph.Functions() {
			if find(r.job.Info.Workflow, f.Signature()) == nil {
				return
			}
		}
		hooks, begin := take(r.job)
		begin(r.member(hooks))
	})
	return nil
}

func (o *office) Find(ctx context.Context, found func(execution.Job, execution.Execution)) error {
	o.elsewhere(ctx, func(r *sharedRun) { found(r.job, r.member(state.Hooks{})) })
	return nil
}

func (o *office) Retry(context.Context, record.RunID) (execution.Job, execution.Execution, error) {
	return execution.Job{}, nil, errors.New("asked to retry")
}

func (r *sharedRun) each(f func(*membership)) {
	r.mu.Lock()
	members := append([]*membership(nil), r.members...)
	r.mu.Unlock()
	for _, m := range members {
		f(m)
	}
}

func (r *sharedRun) member(hooks state.Hooks) *membership {
	m := &membership{sharedRun: r, hooks: hooks, lanes: map[uint64]*memberLane{}}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.members = append(r.members, m)
	return m
}

// membership is the part of one office in a run.
type membership struct {
	*sharedRun
	hooks  state.Hooks
	open   atomic.Bool   // entered, and neither drained nor left
	fence  atomic.Uint32 // claims made before it are stale
	lanes  map[uint64]*memberLane
	failed sync.Map // by node number: the attempt of each node
}

func (m *membership) Enter(self func() record.WorkerRecord) { m.keep(self()); m.open.Store(true) }
func (m *membership) Drain()                                { m.open.Store(false) }
func (m *membership) MoreRoom()                             { m.hooks.Ready(1) }

func (m *membership) Leave(_ context.Context, self record.WorkerRecord) error {
	m.open.Store(false)
	m.fence.Add(1)
	m.keep(self)
	return nil
}

func (m *membership) keep(w record.WorkerRecord) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.records = append(m.records, w)
}

func (m *membership) Ready() int {
	if !m.open.Load() {
		return 0
	}
	return m.Run.Ready()
}

func (m *membership) Backlog() int { return int(m.fleet.lag.Load()) }

func (m *membership) Errors(id dag.NodeID) int {
	failed, _ := m.failed.Load(id)
	n, _ := failed.(int)
	return n
}

func (m *membership) Fetch(ctx context.Context, c state.Claim) (dag.Values, []record.InputDetail, error) {
	m.failed.Store(c.Node, int(c.Attempt)-1)
	if m.fleet.wrong != nil {
		return m.fleet.wrong(m), nil, nil
	}
	if m.fleet.fetch == nil {
		return m, nil, nil
	}
	details, err := m.fleet.fetch(ctx, c)
	if errors.Is(err, state.ErrInputLost) {
		m.mu.Lock()
		l := m.lanes[c.Token]
		m.mu.Unlock()
		l.Release()
	}
	return m, details, err
}

func (m *membership) TakeDetails() ([]record.Detail, []record.WorkerRecord) {
	details, _ := m.Run.TakeDetails()
	m.mu.Lock()
	defer m.mu.Unlock()
	records := m.records
	m.records = nil
	return details, records
}

func (m *membership) Lane(slot int) state.Lane { return &memberLane{Lane: m.Run.Lane(slot), m: m} }

// holds says which lane has a claim.
func (m *membership) holds(l *memberLane, c state.Claim) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lanes[c.Token] = l
}

// lost ends the claims of this office, as when its lease has expired.
func (m *membership) lost(cause error) {
	m.fence.Add(1)
	m.hooks.Fenced(cause)
}

// memberLane releases a claim that has become stale.
type memberLane struct {
	state.Lane
	m     *membership
	fence uint32
}

func (l *memberLane) Claim() (state.Claim, bool) {
	l.fence = l.m.fence.Load()
	if !l.m.open.Load() {
		return state.Claim{}, false
	}
	c, ok := l.Lane.Claim()
	l.m.holds(l, c)
	return c, ok
}

func (l *memberLane) Complete(strand []state.End, next bool) state.Reply {
	if l.m.fence.Load() != l.fence {
		l.Release()
		return state.Reply{Stale: true}
	}
	l.m.mu.Lock()
	l.m.ends = append(l.m.ends, strand...)
	l.m.mu.Unlock()
	reply := l.Lane.Complete(strand, next && l.m.open.Load())
	l.m.holds(l, reply.Next)
	return reply
}

// process is one running pool of a fleet.
type process struct {
	*worker.Pool
	office *office
	stop   func() error
}

// process starts a pool that has all functions, unless the configuration says otherwise.
func (f *fleet) process(t *testing.T, cfg worker.Config) *process {
	t.Helper()
	o := &office{fleet: f}
	cfg.State = o
	if cfg.Find == nil {
		cfg.Find = func(string, engine.Signature) *engine.Function { return engine.Functions(add)[0] }
	}
	pool, err := worker.New(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- pool.Run(ctx) }()
	stop := sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { require.NoError(t, stop()) })
	return &process{pool, o, stop}
}

var runNumber atomic.Int64

// submit submits a graph to a process.
func (p *process) submit(t *testing.T, f func(g *engine.Builder) engine.AnyRef) execution.Execution {
	t.Helper()
	info := record.RunInfo{ID: record.RunID(fmt.Sprintf("run-%d", runNumber.Add(1)))}
	exec, err := p.Submit(t.Context(), execution.Job{Info: info, Graph: build(t, f)})
	require.NoError(t, err)
	return exec
}

// result waits for the end of a run and returns its result.
func result(t *testing.T, e execution.Execution) (record.RunEnd, any) {
	t.Helper()
	<-e.Done()
	end, v := e.End()
	return end, v
}
