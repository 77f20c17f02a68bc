package shared

import (
	"errors"
	"fmt"
	"math"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// entryDecoder turns the entries of a log into steps. They have to come in order, from the first.
type entryDecoder struct {
	graph     *dag.Graph
	numbering *dag.Numbering
	announced record.Attempts // attempts under way
	owed      []dag.NodeID    // made ready by an edge of an earlier step, and in no step's Readied yet
	packed    []record.Step
}

func newEntryDecoder(g *dag.Graph) entryDecoder {
	return entryDecoder{graph: g, numbering: dag.NewNumbering(g)}
}

// decode appends the steps of an entry to all, the steps before it.
func (d *entryDecoder) decode(all []record.Step, e *Entry) ([]record.Step, error) {
	if n := uint64(len(all)) + 1; e.First != n && e.Steps+len(e.Plain) > 0 {
		return all, fmt.Errorf("an entry begins with step %d, expected %d", e.First, n)
	}
	from := len(all)
	all, err := d.unpack(all, e)
	if err != nil {
		return all[:from], err
	}
	if e.Block != nil {
		if e.Steps == 0 {
			return all[:from], errors.New("an entry expands a fan-out without a step")
		}
		if err := d.expand(&all[from], e.Block); err != nil {
			return all[:from], err
		}
	}
	all = append(all, e.Plain...)
	for i := range all[from:] {
		all[from+i].Seq = uint64(from + i + 1)
	}
	for _, by := range e.Readied {
		if by.Step < 0 || by.Step >= e.Steps {
			d.owed = append(d.owed, by.Node)
			continue
		}
		s := &all[from+by.Step]
		s.Readied = append(s.Readied[:len(s.Readied):len(s.Readied)], by.Node)
	}
	if len(all) > from && len(d.owed) > 0 {
		s := &all[from]
		s.Readied = append(s.Readied[:len(s.Readied):len(s.Readied)], d.owed...)
		d.owed = nil
	}
	for i := range all[from:] {
		d.complete(&all[from+i], e.Now)
	}
	return all, nil
}

// unpack appends the steps that a session has packed, with their moments bounded by that of the entry.
func (d *entryDecoder) unpack(all []record.Step, e *Entry) ([]record.Step, error) {
	if e.Steps == 0 {
		return all, nil
	}
	steps, err := record.DecodeSteps(e.Packed, d.packed[:0])
	if err != nil {
		return all, err
	}
	d.packed = steps[:0]
	if len(steps) != e.Steps {
		return all, fmt.Errorf("an entry has %d steps, expected %d", len(steps), e.Steps)
	}
	for i := range steps {
		s := &steps[i]
		s.Worker = e.Worker
		for _, moment := range []*int64{&s.Ready, &s.Claimed, &s.Started, &s.Ended, &s.Updated} {
			*moment = min(*moment, e.Now)
		}
		s.Fetch = min(s.Fetch, s.Started-s.Claimed)
	}
	return append(all, steps...), nil
}

// expand numbers the instances that an expansion has made, and adds their roots to the nodes it readied.
func (d *entryDecoder) expand(s *record.Step, b *ledger.Block) error {
	if d.numbering.Nodes() != int(b.First) {
		return fmt.Errorf("a fan-out appends nodes from %d, expected from %d", b.First, d.numbering.Nodes())
	}
	eb, err := d.numbering.Expand(b.Expansion, int(b.Width), dag.Limits{Tasks: math.MaxInt32, Edges: math.MaxInt})
	if err != nil {
		return err
	}
	roots := d.graph.Scope(eb.Scope).Roots()
	readied := make([]dag.NodeID, 0, len(s.Readied)+len(roots)*int(b.Width))
	for i := range eb.Instances {
		for _, root := range roots {
			readied = append(readied, dag.Place{Block: eb, Instance: i, Local: root}.ID())
		}
	}
	s.Readied = append(readied, s.Readied...)
	return nil
}

// complete fills in what the ledger does not know: for a lost attempt, what was announced of it.
func (d *entryDecoder) complete(s *record.Step, now int64) {
	switch {
	case s.Kind == record.AttemptStarted:
		d.announced.Start(s)
	case s.Kind == record.AttemptEnded && s.Outcome == record.OutcomeLost:
		a, ok := d.announced.End(s)
		if ok {
			s.Slot, s.Head, s.Ready, s.Claimed, s.Started, s.Fetch = a.Slot, a.Head, a.Ready, a.Claimed, a.Started, a.Fetch
		} else { // its worker died before it could announce it
			s.Head, s.Ready, s.Claimed, s.Started = true, s.Ended, s.Ended, s.Ended
		}
		s.Became, s.Announced = dag.NoNode, ok
	case s.Kind == record.AttemptEnded || s.Kind == record.FanOutExpanded:
		d.announced.End(s)
	case s.Kind == record.RunStarted: // of a later revision; the first one's is 0
		s.Ended = now
	case s.Kind == record.RunPaused || s.Kind == record.RunResumed || s.Kind == record.CancelRequested || s.Kind == record.RunDeadline:
		if s.Ended == 0 {
			s.Ended = now
		}
	}
}

// counts are the figures of a run according to its log so far.
type counts struct {
	revision int // of the run, -1 before it starts
	done     map[dag.NodeID]struct{}
	failed   int
	skipped  int
	retries  int
	running  record.Attempts // announced and not ended
	status   record.Status
}

func newCounts() counts {
	return counts{
		revision: -1, done: map[dag.NodeID]struct{}{}, status: record.Queued,
	}
}

// take counts a step.
func (c *counts) take(s *record.Step, n *dag.Numbering) {
	switch s.Kind {
	case record.RunStarted:
		c.revision++
		c.failed, c.skipped, c.retries, c.status = 0, 0, 0, record.Running
		c.running.Clear()
	case record.RunPaused:
		c.status = record.Paused
	case record.RunResumed, record.CancelRequested, record.RunDeadline:
		c.status = record.Running
	case record.RunFinished:
		c.status = s.Outcome.RunStatus()
		c.running.Clear()
	case record.TaskSkipped:
		c.skipped++
	case record.AttemptStarted:
		c.running.Start(s)
	case record.FanOutExpanded:
		c.running.End(s)
	case record.AttemptEnded:
		c.running.End(s)
		if n.IsTask(s.Node) {
			c.ended(s)
		}
	}
}

func (c *counts) ended(s *record.Step) {
	switch s.Outcome {
	case record.OutcomeOK:
		c.done[s.Node] = struct{}{}
	case record.OutcomeFailed:
		c.failed++
	case record.OutcomeRetrying:
		c.retries++
	}
}

func (c *counts) progress() execution.Progress {
	return execution.Progress{
		Status: c.status, Done: len(c.done), Failed: c.failed, Skipped: c.skipped, Retries: c.retries, Running: c.running.Len(),
	}
}
