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
	"github.com/dagscope/dagscope/engine/protocol"
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
	model *protocol.State
	log   []record.Step // of the model
	seats []*seat
	used  map[uint64]bool // tokens
	ops   int
	trace []string
	hooks hookCounts
}

// seat is one lane and what it holds.
type seat struct {
	lane  state.Lane
	slot  int
	claim state.Claim
	held  bool
	late  bool // the claim was taken away, which the seat has not noticed
}

// hookCounts notes what a store tells its workers.
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

// told gives how many nodes the store said became claimable, and the causes of stopping.
func (h *hookCounts) told() (ready int, stopping []error) {
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
	s := &session{rng: rng, job: job, used: map[uint64]bool{}}
	run, err := store.Create(ctx, job, s.hooks.hooks())
	if err != nil {
		return nil, err
	}
	s.run = run
	s.model = protocol.New(job.Graph, job.Options.Policy, job.Options.Limits)
	s.apply(protocol.Start{})
	for i := range lanes {
		s.seats = append(s.seats, &seat{lane: run.Lane(i), slot: i})
	}
	return s, s.compare()
}

func (s *session) apply(op protocol.Op) protocol.Reply {
	reply, steps := s.model.Apply(op)
	s.log = append(s.log, steps...)
	return reply
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
		for i := range s.model.Nodes {
			if s.model.Claimable(dag.NodeID(i)) {
				return fmt.Errorf("nothing is claimed, although node %d can be", i)
			}
		}
		return nil
	}
	s.due(got.Node)
	reply := s.apply(protocol.Take{By: protocol.Holder{Slot: uint16(c.slot)}, Grants: []protocol.Grant{{Node: got.Node, Token: got.Token}}})
	if len(reply.Claims) == 0 {
		return fmt.Errorf("claim %+v, which can not be claimed", got)
	}
	return s.take(c, got, reply.Claims[0])
}

// due makes a node ready in the model that the store has made ready after a delay.
func (s *session) due(id dag.NodeID) {
	if int(id) < len(s.model.Nodes) && s.model.Nodes[id].Status == protocol.Waiting {
		s.apply(protocol.Due{Now: s.run.Now(), Node: id})
	}
}

func (s *session) take(c *seat, got state.Claim, want protocol.Claim) error {
	if protocol.Claim(got) != want {
		return fmt.Errorf("claim is %+v, expected %+v", got, want)
	}
	if s.used[got.Token] || got.Token == 0 {
		return fmt.Errorf("token %d is 0 or was used before", got.Token)
	}
	s.used[got.Token] = true
	c.claim, c.held = got, true
	return nil
}

// complete ends a strand; drawn says how its last attempt ends.
func (s *session) complete(c *seat, outcome record.Outcome, length int, next bool) error {
	ends, err := s.strand(c, outcome, length)
	if err != nil {
		return err
	}
	op := protocol.Complete{Now: s.run.Now(), Token: c.claim.Token, Next: next, Prefer: dag.NoNode}
	for i := range ends {
		op.Ends = append(op.Ends, Model(&ends[i]))
	}
	got := c.lane.Complete(ends, next)
	s.note("complete %d: %d nodes from %d, %d, next %t: %+v", c.slot, len(ends), c.claim.Node, outcome, next, got)
	if got.HasNext {
		op.Prefer, op.NextToken = got.Next.Node, got.Next.Token
	} else {
		op.NextToken = 1 << 63
	}
	c.held = false
	want := s.apply(op)
	if want.Verdict == protocol.Refused {
		return fmt.Errorf("the model refuses: %s", want.Why)
	}
	if got.Stale || got.HasNext != (len(want.Claims) > 0) {
		return fmt.Errorf("reply is %+v, expected %+v", got, want)
	}
	if got.HasNext {
		return s.take(c, got.Next, want.Claims[0])
	}
	return nil
}

// late lets a seat complete under a claim that is not its own any more.
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
	if reply := s.apply(protocol.Release{Now: s.run.Now(), Token: c.claim.Token, Node: c.claim.Node}); reply.Verdict != protocol.Accepted {
		return fmt.Errorf("the model refuses a release: %+v", reply)
	}
	return nil
}

func (s *session) abandon(c *seat, outcome record.Outcome) error {
	e := s.end(c.claim.Node, c.claim.Attempt, outcome)
	c.lane.Abandon(&e)
	s.note("abandon %d: %d, %d", c.slot, c.claim.Node, outcome)
	c.held, c.late = false, true
	reply := s.apply(protocol.Abandon{Now: s.run.Now(), Token: c.claim.Token, End: Model(&e)})
	if reply.Verdict != protocol.Accepted {
		return fmt.Errorf("the model refuses an abandonment: %+v", reply)
	}
	return nil
}

func (s *session) announce(c *seat) {
	e := s.end(c.claim.Node, c.claim.Attempt, record.NoOutcome)
	c.lane.Announce(&e)
	s.note("announce %d: %d", c.slot, c.claim.Node)
	s.apply(protocol.Announce{Token: c.claim.Token, End: Model(&e)})
}

// compare holds the run against the model between two operations.
func (s *session) compare() error {
	if got, want := s.run.Progress(), s.model.Progress(); got != want {
		return fmt.Errorf("progress is %+v, expected %+v", got, want)
	}
	over := s.model.Status.Final()
	if got, want := s.run.Stopping(), over || s.model.Stopping != ""; got != want {
		return fmt.Errorf("stopping is %t, expected %t", got, want)
	}
	select {
	case <-s.run.Done():
		if !over {
			return fmt.Errorf("the run has ended, expected that it goes on")
		}
	default:
		if over {
			return fmt.Errorf("the run has not ended, expected %s", s.model.Status)
		}
	}
	if got, want := s.run.Numbering().Nodes(), len(s.model.Nodes); got != want {
		return fmt.Errorf("there are %d nodes, expected %d", got, want)
	}
	if s.ops%8 == 0 {
		return s.model.Check()
	}
	return nil
}
