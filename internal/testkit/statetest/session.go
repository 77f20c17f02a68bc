package statetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
)

// patience bounds every wait for something that a law promises.
const patience = 20 * time.Second

// session drives one run of a store and the model side by side.
type session struct {
	rng   *rand.Rand
	job   execution.Job
	run   state.Run
	model *model
	seats []*seat
	used  map[uint64]bool // tokens
	ops   int
	trace []string
	hooks hookCounts
	// choose picks one of n followers of a task in a strand.
	choose func(n int) int
}

// seat is one lane and what it holds.
type seat struct {
	lane  state.Lane
	slot  int
	claim state.Claim
	held  bool
	late  bool // the claim was taken away, which the seat has not noticed
}

// hookCounts records the calls of a store's hooks.
type hookCounts struct {
	mu       sync.Mutex
	ready    int
	stopping []error
	wake     chan struct{} // capacity 1
}

func (h *hookCounts) hooks() state.Hooks {
	h.wake = make(chan struct{}, 1)
	return state.Hooks{
		Ready: func(n int) {
			h.mu.Lock()
			h.ready += n
			h.mu.Unlock()
			select {
			case h.wake <- struct{}{}:
			default:
			}
		},
		Stopping: func(cause error) {
			h.mu.Lock()
			h.stopping = append(h.stopping, cause)
			h.mu.Unlock()
		},
	}
}

// seen gives how many nodes the store announced as claimable, and the causes of stopping.
func (h *hookCounts) seen() (ready int, stopping []error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ready, slices.Clone(h.stopping)
}

func newJob(g *dag.Graph, opts engine.RunOptions) execution.Job {
	now := time.Now()
	if opts.Policy == "" {
		opts.Policy = record.FailFast
	}
	if opts.Deadline == 0 {
		opts.Deadline = 24 * time.Hour
	}
	opts.Limits = opts.Limits.WithDefaults()
	return execution.Job{
		Info:  record.RunInfo{ID: record.NewRunID(now), Workflow: "statetest", Policy: opts.Policy, SubmittedAt: now, StartedAt: now},
		Graph: g, Options: opts,
	}
}

func newSession(ctx context.Context, store state.Store, job execution.Job, rng *rand.Rand, lanes int) (*session, error) {
	s := &session{rng: rng, job: job, used: map[uint64]bool{}, choose: rng.IntN}
	run, err := store.Create(ctx, job, s.hooks.hooks())
	if err != nil {
		return nil, err
	}
	s.run = run
	s.model = newModel(job)
	for i := range lanes {
		s.seats = append(s.seats, &seat{lane: run.Lane(i), slot: i})
	}
	return s, s.compare()
}

func (s *session) note(format string, args ...any) {
	s.ops++
	s.trace = append(s.trace, fmt.Sprintf(format, args...))
}

// claim lets a free seat claim, and the model follow.
func (s *session) claim(c *seat) error {
	got, ok := c.lane.Claim()
	s.note("claim %d: node %d, %t", c.slot, got.Node, ok)
	if !ok {
		if id := s.model.any(s.model.claimable); id != dag.NoNode {
			return fmt.Errorf("nothing is claimed, although node %d can be", id)
		}
		return nil
	}
	if err := s.model.due(got.Node, s.run.Now()); err != nil {
		return err
	}
	want, ok := s.model.take(got.Node, got.Token, c.slot, true)
	if !ok {
		return fmt.Errorf("claim %+v, which can not be claimed", got)
	}
	return s.take(c, got, want)
}

func (s *session) take(c *seat, got, want state.Claim) error {
	if got != want {
		return fmt.Errorf("claim is %+v, expected %+v", got, want)
	}
	if s.used[got.Token] || got.Token == 0 {
		return fmt.Errorf("token %d is 0 or was used before", got.Token)
	}
	s.used[got.Token] = true
	c.claim, c.held = got, true
	return nil
}

// complete ends a strand whose last attempt has the given outcome.
func (s *session) complete(c *seat, outcome record.Outcome, length int, next bool) error {
	ends, err := s.strand(c, outcome, length)
	if err != nil {
		return err
	}
	return s.completes(c, ends, next)
}

// completes ends a strand in the store and in the model.
func (s *session) completes(c *seat, ends []state.End, next bool) error {
	got := c.lane.Complete(ends, next)
	s.note("complete %d: %d nodes from %d, %d, next %t: %+v", c.slot, len(ends), c.claim.Node, ends[len(ends)-1].Outcome, next, got)
	prefer, token := dag.NoNode, uint64(1<<63)
	if got.HasNext {
		prefer, token = got.Next.Node, got.Next.Token
	}
	c.held = false
	want, err := s.model.complete(ends, c.claim.Token, next, prefer, token)
	if err != nil {
		return err
	}
	if got.Stale != want.Stale || got.HasNext != want.HasNext {
		return fmt.Errorf("reply is %+v, expected %+v", got, want)
	}
	if got.HasNext {
		return s.take(c, got.Next, want.Next)
	}
	return nil
}

// late lets a seat complete under a claim that it has lost.
func (s *session) late(c *seat, node dag.NodeID) error {
	c.late = false
	got := c.lane.Complete([]state.End{{Node: node, Attempt: max(c.claim.Attempt, 1), Outcome: record.OutcomeOK}}, true)
	s.note("late complete %d of %d", c.slot, node)
	if got != (state.Reply{Stale: true}) {
		return fmt.Errorf("reply is %+v, expected that it is stale", got)
	}
	return nil
}

func (s *session) release(c *seat) error {
	c.lane.Release()
	s.note("release %d: %d", c.slot, c.claim.Node)
	c.held = false
	return s.model.release(c.claim)
}

func (s *session) abandon(c *seat, outcome record.Outcome) error {
	e := s.end(c.claim.Node, c.claim.Attempt, outcome)
	c.lane.Abandon(&e)
	s.note("abandon %d: %d, %d", c.slot, c.claim.Node, outcome)
	c.held, c.late = false, true
	return s.model.abandon(&e, c.claim.Token)
}

func (s *session) announce(c *seat) {
	e := s.end(c.claim.Node, c.claim.Attempt, record.NoOutcome)
	c.lane.Announce(&e)
	s.note("announce %d: %d", c.slot, c.claim.Node)
	s.model.announce(&e)
}

// compare compares the run with the model between two operations.
func (s *session) compare() error {
	if got, want := s.run.Progress(), s.model.progress(); got != want {
		return fmt.Errorf("progress is %+v, expected %+v", got, want)
	}
	over := s.model.over()
	if got, want := s.run.Stopping(), s.model.ending(); got != want {
		return fmt.Errorf("stopping is %t, expected %t", got, want)
	}
	select {
	case <-s.run.Done():
		if !over {
			return fmt.Errorf("the run has ended, expected that it continues")
		}
	default:
		if over {
			return fmt.Errorf("the run has not ended, expected %s", s.model.ledger.Status)
		}
	}
	if got, want := s.run.Numbering().Nodes(), len(s.model.ledger.Nodes); got != want {
		return fmt.Errorf("the run has %d nodes, expected %d", got, want)
	}
	if s.ops%8 == 0 {
		return s.model.ledger.Check()
	}
	return nil
}
