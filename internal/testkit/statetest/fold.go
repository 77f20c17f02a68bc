package statetest

import (
	"fmt"
	"maps"
	"slices"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/protocol"
	"github.com/dagscope/dagscope/engine/record"
)

// Fold replays the whole log of an ended run through the protocol and gives the state it tells of, in which what was
// claimed or waited for a retry when the run ended is Ready. The error says which step could not have happened: a
// number is missing, a node ends that nothing made ready before, an attempt ends twice, a node is readied twice or by
// a step that is none of its causes, a skip is missing or has no reason.
func Fold(g *dag.Graph, opts engine.RunOptions, steps []record.Step) (*protocol.State, error) {
	if len(steps) == 0 || steps[len(steps)-1].Kind != record.RunFinished {
		return nil, fmt.Errorf("statetest: the log has %d steps and no RunFinished at its end", len(steps))
	}
	f := &folding{
		s: protocol.New(g, opts.Policy, opts.Limits), told: map[dag.NodeID]bool{}, ready: map[dag.NodeID]bool{},
		skipped: map[dag.NodeID]bool{}, became: map[dag.NodeID]uint16{}, final: steps[len(steps)-1].Outcome.RunStatus(),
	}
	for i, step := range steps {
		if step.Seq != uint64(i+1) {
			return nil, fmt.Errorf("statetest: step %d has number %d", i+1, step.Seq)
		}
		if err := f.step(step); err != nil {
			return nil, fmt.Errorf("statetest: step %d (%s of node %d): %w", step.Seq, kindName(step.Kind), step.Node, err)
		}
	}
	if !maps.Equal(f.told, f.ready) {
		return nil, fmt.Errorf("statetest: the log tells that %v are ready, expected %v", sorted(f.told), sorted(f.ready))
	}
	if len(f.skipped) > 0 {
		return nil, fmt.Errorf("statetest: the log does not tell that %v are skipped", sorted(f.skipped))
	}
	return f.s, f.s.Check()
}

// folding is a log being replayed.
type folding struct {
	s       *protocol.State
	final   record.Status
	told    map[dag.NodeID]bool   // named by some step's Readied
	ready   map[dag.NodeID]bool   // made ready by the protocol
	skipped map[dag.NodeID]bool   // by the protocol, but the log has not told yet
	became  map[dag.NodeID]uint16 // slot that goes on with the node
}

func (f *folding) step(step record.Step) error {
	switch step.Kind {
	case record.RunStarted:
		if err := f.apply(protocol.Start{}); err != nil {
			return err
		}
		f.s.Counts.Claims++ // of no node: it keeps a run that is being stopped open until the log says that it is over
	case record.RunFinished:
		return f.finish()
	case record.AttemptEnded, record.FanOutExpanded:
		if err := f.end(step); err != nil {
			return err
		}
	case record.AttemptStarted:
		if !f.told[step.Node] {
			return fmt.Errorf("it starts before the log tells that it is ready")
		}
	case record.TaskSkipped:
		if !f.skipped[step.Node] {
			return fmt.Errorf("nothing it depends on has failed and all the rest ended, or it was skipped before")
		}
		delete(f.skipped, step.Node)
	case record.CancelRequested, record.RunDeadline:
		f.stopRequested()
	}
	for _, id := range step.Readied {
		if f.told[id] {
			return fmt.Errorf("node %d is readied twice", id)
		}
		f.told[id] = true
	}
	if step.Became != dag.NoNode && (step.Kind == record.AttemptEnded || step.Kind == record.FanOutExpanded) {
		if !f.told[step.Became] {
			return fmt.Errorf("it became node %d, which is not ready", step.Became)
		}
		f.became[step.Became] = step.Slot
	}
	return nil
}

// stop ends the run early, if the log says that it did.
func (f *folding) stop() {
	if f.s.Stopping == "" && (f.final == record.Failed || f.final == record.Cancelled) {
		f.s.Apply(protocol.Stop{Status: f.final})
	}
}

// stopRequested stops the run. The end of the last task may have been logged first, although the stop came before.
func (f *folding) stopRequested() {
	if f.s.Status.Final() && f.s.Stopping == "" {
		f.s.Status = record.Running
	}
	f.stop()
}

// apply carries out an operation and notes what it made ready and skipped.
func (f *folding) apply(op protocol.Op) error {
	reply, steps := f.s.Apply(op)
	if reply.Verdict != protocol.Accepted {
		return fmt.Errorf("the protocol does not accept it: %s", reply.Why)
	}
	for _, s := range steps {
		for _, id := range s.Readied {
			f.ready[id] = true
		}
		if s.Kind == record.TaskSkipped {
			f.skipped[s.Node] = true
		}
	}
	return nil
}

func (f *folding) end(step record.Step) error {
	if int(step.Node) >= len(f.s.Nodes) {
		return fmt.Errorf("there is no such node yet")
	}
	if !f.told[step.Node] {
		return fmt.Errorf("it ends before the log tells that it is ready")
	}
	n := &f.s.Nodes[step.Node]
	if n.Status != protocol.Ready && n.Status != protocol.Waiting {
		return fmt.Errorf("it ends, but it can not have run: its status is %d", n.Status)
	}
	if slot, ok := f.became[step.Node]; !step.Head && (!ok || step.Slot != slot) {
		return fmt.Errorf("slot %d ends it without having claimed it, but slot %d (%t) became it", step.Slot, slot, ok)
	}
	if step.Outcome == record.OutcomeCancelled {
		f.stop()
	}
	n.Status, n.Token, n.Due = protocol.Claimed, 1, 0 // when it was claimed the log does not tell, and a strand goes on whatever happens
	f.s.Counts.Claims++
	before := f.s.Counts
	err := f.apply(protocol.Complete{Token: 1, Ends: []protocol.End{{
		Node: step.Node, Epoch: step.Epoch, Attempt: step.Attempt, Outcome: step.Outcome, Width: step.Width, Delay: step.Delay,
	}}})
	if err == nil && step.Outcome == record.OutcomeRetrying && f.s.Counts.Retries == before.Retries {
		return fmt.Errorf("it is tried again, but the retry budget is used up")
	}
	return err
}

// finish takes back the claim that kept the run open.
func (f *folding) finish() error {
	f.stop()
	if f.s.Counts.Claims--; f.s.Stopping != "" {
		f.s.Status = f.s.Stopping
	}
	if f.s.Status != f.final {
		return fmt.Errorf("the run ends as %s, expected %s", f.final, f.s.Status)
	}
	return nil
}

// compareStates tells where a folded log differs from the state of a model that took the same operations.
func compareStates(folded, model *protocol.State) error {
	if folded.Status != model.Status || !slices.Equal(folded.Blocks, model.Blocks) {
		return fmt.Errorf("the log folds to %s and blocks %v, expected %s and %v", folded.Status, folded.Blocks, model.Status, model.Blocks)
	}
	for i := range model.Nodes {
		got, want := &folded.Nodes[i], &model.Nodes[i]
		if pending(got.Status) != pending(want.Status) || got.Attempts != want.Attempts || got.Missing != want.Missing {
			return fmt.Errorf("the log folds node %d to status %d after %d attempts with %d missing, expected %d, %d, %d",
				i, got.Status, got.Attempts, got.Missing, want.Status, want.Attempts, want.Missing)
		}
	}
	return nil
}

// pending takes Claimed and Waiting for Ready.
func pending(s protocol.NodeStatus) protocol.NodeStatus {
	if s == protocol.Claimed || s == protocol.Waiting {
		return protocol.Ready
	}
	return s
}

func sorted(set map[dag.NodeID]bool) []dag.NodeID { return slices.Sorted(maps.Keys(set)) }
