package whatif

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// attempt is one attempt of a task, or one expansion of a fan-out, in nanoseconds since the run's start.
type attempt struct {
	node         dag.NodeID
	worker, slot uint16
	outcome      record.Outcome
	stored       bool
	ready        int64
	claimed      int64
	started      int64
	ended        int64
	over         int64
	fetch        int64
}

// recording is what the log of a run says.
type recording struct {
	run       *metricsstore.Run
	numbering *dag.Numbering
	attempts  []attempt // by node, then by claim
	remade    int       // attempts that made an output again, which was lost; they are not among attempts
	unseen    int       // attempts that were lost, and of which no process has seen the start
	workers   []record.WorkerRecord
}

// read reads the log of a run, as far as it is recorded.
func read(ctx context.Context, q *metricsstore.Queries, run *metricsstore.Run) (*recording, error) {
	decoder, log, err := q.Decode(ctx, run.Info.ID)
	if err != nil {
		return nil, err
	}
	r := &recording{run: run}
	walker := record.NewWalker(decoder.Numbering().Graph())
	var begun record.Attempts
	err = log.Each(ctx, func(steps []record.Step) error {
		for i := range steps {
			isNew, err := walker.Next(&steps[i])
			if err != nil {
				return fmt.Errorf("%w: run %s: %w", metricsstore.ErrCorrupt, run.Info.ID, err)
			}
			if isNew {
				r.step(&steps[i], &begun, walker.Numbering())
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	r.numbering = walker.Numbering()
	r.sort()
	r.workers, err = q.Workers(ctx, run.Info.ID)
	return r, err
}

func (r *recording) step(s *record.Step, begun *record.Attempts, n *dag.Numbering) {
	switch s.Kind {
	case record.AttemptStarted:
		begun.Start(s)
	case record.AttemptEnded, record.FanOutExpanded:
		began, announced := begun.End(s)
		p := n.Locate(s.Node)
		if n.Graph().Scope(p.Block.Scope).Kind(p.Local) == dag.JoinNode {
			return // it takes no lane
		}
		whole := *s
		if s.LostUnseen() {
			if !announced {
				r.unseen++
				return
			}
			whole.Ready, whole.Claimed, whole.Started, whole.Fetch, whole.Slot = began.Ready, began.Claimed, began.Started, began.Fetch, began.Slot
		}
		r.add(&whole)
	}
}

func (r *recording) add(s *record.Step) {
	a := attempt{node: s.Node, worker: s.Worker, slot: s.Slot, outcome: s.Outcome, stored: s.Location == record.LocationStored, ready: s.Ready}
	if s.Kind == record.FanOutExpanded {
		a.outcome = record.OutcomeOK
	}
	a.claimed, a.started, a.ended, a.over, a.fetch = s.Ordered()
	r.attempts = append(r.attempts, a)
}

// sort orders the attempts, and leaves out those after the first that left its task done: what waited could continue.
func (r *recording) sort() {
	slices.SortStableFunc(r.attempts, func(a, b attempt) int {
		return cmp.Or(cmp.Compare(a.node, b.node), cmp.Compare(a.claimed, b.claimed))
	})
	kept := r.attempts[:0]
	done := dag.NoNode
	for _, a := range r.attempts {
		if a.node == done {
			r.remade++
			continue
		}
		if a.outcome.Done() {
			done = a.node
		}
		kept = append(kept, a)
	}
	r.attempts = kept
}

// span is from the first claim to the last end, as Counts has it.
func (r *recording) span() (from, to int64) {
	if len(r.attempts) == 0 {
		return 0, 0
	}
	from, to = r.attempts[0].claimed, r.attempts[0].over
	for i := range r.attempts {
		from, to = min(from, r.attempts[i].claimed), max(to, r.attempts[i].over)
	}
	return from, to
}
