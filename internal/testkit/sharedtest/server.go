package sharedtest

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/engine/state/shared"
	"github.com/dagscope/dagscope/internal/testkit/ledgertest"
)

// Config of a Server.
type Config struct {
	// Clock is the store's; default time.Now.
	Clock func() time.Time
	// Audit is called for each operation that breaks an invariant of a ledger; nil checks none, which is faster.
	Audit func(error)
}

// Server is the store that several processes share. Safe for concurrent use.
type Server struct {
	cfg Config

	mu        sync.Mutex
	runs      map[record.RunID]*run
	created   int // how many runs were
	finished  int
	constants map[string]*constant
	wakes     wakes
	news      []*listener
}

// constant is kept once for all runs that name it.
type constant struct {
	value []byte
	runs  int
}

// run is what is kept of one run.
type run struct {
	new      shared.NewRun
	started  time.Time
	number   int // in the order of creation
	state    *ledger.State
	log      appended[shared.Entry]
	details  appended[shared.Blob]
	keyed    map[string][]byte
	outputs  map[dag.NodeID]shared.Output
	sessions map[ledger.SessionID]*session
	first    []byte
	end      []byte
	finished int // in the order of ends
}

// session is what the server keeps of a session in addition to the ledger.
type session struct {
	record []byte
	beat   time.Time
}

// New makes an empty server.
func New(cfg Config) *Server {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	return &Server{cfg: cfg, runs: map[record.RunID]*run{}, constants: map[string]*constant{}, wakes: newWakes()}
}

// find returns a run; the server is locked.
func (s *Server) find(id record.RunID) (*run, error) {
	r := s.runs[id]
	if r == nil {
		return nil, fmt.Errorf("%w: %s", engine.ErrUnknownRun, id)
	}
	return r, nil
}

// now is the moment of an operation on a run.
func (s *Server) now(r *run) int64 { return int64(s.cfg.Clock().Sub(r.started)) }

func (s *Server) create(c shared.NewRun) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.runs[c.ID] != nil {
		return fmt.Errorf("%w: %s", execution.ErrRunExists, c.ID)
	}
	state, entry := ledger.New(ledger.Config{
		Nodes: c.Nodes, Edges: c.Edges, Tasks: c.Tasks, Limits: c.Limit, LimitEdges: c.LimitEdges, Sinks: c.Sinks,
		Policy: c.Policy, Roots: c.Roots, MaxConcurrent: c.MaxConcurrent,
	})
	for hash, value := range c.Constants {
		if s.constants[hash] == nil {
			s.constants[hash] = &constant{value: bytes.Clone(value)}
		}
		s.constants[hash].runs++
	}
	c.Job, c.Graph = bytes.Clone(c.Job), bytes.Clone(c.Graph)
	r := &run{
		new: c, started: s.cfg.Clock(), number: s.created, state: state, log: newAppended[shared.Entry](),
		details: newAppended[shared.Blob](), keyed: map[string][]byte{}, outputs: map[dag.NodeID]shared.Output{},
		sessions: map[ledger.SessionID]*session{},
	}
	s.created++
	s.runs[c.ID] = r
	r.append(entry)
	s.notify(c.ID)
	return nil
}

func (s *Server) list(ended bool) []record.RunID {
	s.mu.Lock()
	defer s.mu.Unlock()
	var runs []*run
	for _, r := range s.runs {
		if (r.end != nil) == ended {
			runs = append(runs, r)
		}
	}
	slices.SortFunc(runs, func(a, b *run) int {
		return cmp.Or(cmp.Compare(b.finished, a.finished), cmp.Compare(a.number, b.number))
	})
	ids := make([]record.RunID, min(len(runs), 1000))
	for i := range ids {
		ids[i] = runs[i].new.ID
	}
	return ids
}

func (s *Server) open(id record.RunID) (shared.Stored, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(id)
	if err != nil {
		return shared.Stored{}, err
	}
	stored := shared.Stored{
		Job: r.new.Job, Graph: r.new.Graph, Constants: map[string][]byte{}, StartedAt: r.started,
		Status: r.state.Status, Stopping: r.state.Stopping, Revision: r.state.Revision, End: r.end, First: r.first,
	}
	for hash := range r.new.Constants {
		stored.Constants[hash] = s.constants[hash].value
	}
	return stored, nil
}

// apply carries out one operation on a run; the server is locked.
func (s *Server) apply(r *run, op ledger.Op) ledger.Reply {
	was, stopping := r.state.Status, r.state.Stopping
	reply, entry := r.state.Apply(ledgertest.At(op, s.now(r)))
	r.append(entry)
	if reply.Status != was || reply.Stopping != stopping {
		s.notify(r.new.ID)
	}
	if s.cfg.Audit != nil {
		if err := r.state.Check(); err != nil {
			s.cfg.Audit(fmt.Errorf("after %+v: %w", op, err))
		}
	}
	return reply
}

func (s *Server) commit(id record.RunID, calls []shared.Call) ([]ledger.Reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(id)
	if err != nil {
		return nil, err
	}
	replies := make([]ledger.Reply, 0, len(calls))
	good := true
	for i := range calls {
		if !good {
			replies = append(replies, ledger.Reply{Verdict: ledger.Malformed, Why: "a commit before it was not applied"})
			continue
		}
		reply := s.apply(r, calls[i].Commit)
		replies = append(replies, reply)
		good = reply.Verdict == ledger.Applied || reply.Verdict == ledger.Repeated
		if reply.Verdict == ledger.Applied {
			r.keep(&calls[i])
			r.sessions[calls[i].Commit.Session].beat = s.cfg.Clock()
		}
	}
	return replies, nil
}

func (s *Server) do(id record.RunID, op ledger.Op, record []byte) (ledger.Reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(id)
	if err != nil {
		return ledger.Reply{}, err
	}
	if _, ok := op.(ledger.Commit); ok {
		return ledger.Reply{}, fmt.Errorf("sharedtest: a commit was given to Do, expected it in Commit")
	}
	reply := s.apply(r, op)
	switch op := op.(type) {
	case ledger.Open:
		if reply.Verdict == ledger.Applied || reply.Verdict == ledger.Repeated {
			r.sessions[op.Session] = &session{record: bytes.Clone(record), beat: s.cfg.Clock()}
		}
	case ledger.Stop:
		if reply.Verdict == ledger.Applied && r.first == nil {
			r.first = bytes.Clone(record)
		}
	}
	return reply, nil
}

// LoseOutput makes the store forget the output of a node, as an eviction would.
func (s *Server) LoseOutput(id record.RunID, node dag.NodeID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.runs[id]; r != nil {
		delete(r.keyed, r.outputs[node].Key)
		delete(r.outputs, node)
	}
}

// Save remembers the present state of a run. The function that it returns restores it, as a failover to a replica that
// has not received the latest writes does.
func (s *Server) Save(id record.RunID) (rollBack func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	saved := s.runs[id].clone()
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.runs[id] = saved
	}
}

// on does something with a run.
func (s *Server) on(id record.RunID, do func(r *run) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(id)
	if err != nil {
		return err
	}
	return do(r)
}
