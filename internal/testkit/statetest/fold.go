package statetest

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// fold replays the whole log of an ended run through the model and gives the state that follows from it, in which what was
// claimed or waited for a retry when the run ended is ready. The error says which step could not have happened: a number
// is missing, a node ends that nothing made ready before, an attempt ends twice, a node is readied twice or by a step that
// is none of its causes, a skip is missing or has no reason.
func fold(job execution.Job, steps []record.Step) (*model, error) {
	if len(steps) == 0 || steps[len(steps)-1].Kind != record.RunFinished {
		return nil, fmt.Errorf("statetest: the log has %d steps and no RunFinished at its end", len(steps))
	}
	f := &folding{
		m: newModel(job), logged: map[dag.NodeID]bool{}, ready: map[dag.NodeID]bool{},
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
	if !maps.Equal(f.logged, f.ready) {
		return nil, fmt.Errorf("statetest: by the log %v are ready, expected %v", sorted(f.logged), sorted(f.ready))
	}
	if len(f.skipped) > 0 {
		return nil, fmt.Errorf("statetest: the log has no step for the skipped nodes %v", sorted(f.skipped))
	}
	return f.m, f.m.ledger.Check()
}

// folding is a log being replayed.
type folding struct {
	m       *model
	final   record.Status
	logged  map[dag.NodeID]bool   // named by some step's Readied
	ready   map[dag.NodeID]bool   // made ready by the model
	skipped map[dag.NodeID]bool   // by the model, but not yet by a step
	became  map[dag.NodeID]uint16 // slot that became the node
}

func (f *folding) step(step record.Step) error {
	switch step.Kind {
	case record.RunStarted:
		f.learn(f.m.log)
		f.m.ledger.Counts.Claims++ // of no node: it keeps a run that is being stopped open until the log has its end
	case record.RunFinished:
		return f.finish()
	case record.AttemptEnded, record.FanOutExpanded:
		if err := f.end(step); err != nil {
			return err
		}
	case record.AttemptStarted:
		if !f.logged[step.Node] {
			return fmt.Errorf("it starts, but no step made it ready")
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
		if f.logged[id] {
			return fmt.Errorf("node %d is readied twice", id)
		}
		f.logged[id] = true
	}
	if step.Became != dag.NoNode && (step.Kind == record.AttemptEnded || step.Kind == record.FanOutExpanded) {
		if !f.logged[step.Became] {
			return fmt.Errorf("it became node %d, which is not ready", step.Became)
		}
		f.became[step.Became] = step.Slot
	}
	return nil
}

// stop ends the run early, if the log says that it did.
func (f *folding) stop() {
	if f.m.ledger.Stopping == "" && (f.final == record.Failed || f.final == record.Cancelled) {
		f.m.stop(f.final, 0)
	}
}

// stopRequested stops the run. The end of the last task may have been logged first, although the stop came before.
func (f *folding) stopRequested() {
	if f.m.over() && f.m.ledger.Stopping == "" {
		f.m.ledger.Status = record.Running
	}
	f.stop()
}

// learn notes what steps of the model make ready and skip.
func (f *folding) learn(steps []record.Step) {
	for _, s := range steps {
		for _, id := range s.Readied {
			f.ready[id] = true
		}
		if s.Kind == record.TaskSkipped {
			f.skipped[s.Node] = true
		}
	}
}

func (f *folding) end(step record.Step) error {
	m := f.m
	if int(step.Node) >= len(m.ledger.Nodes) {
		return errors.New("no such node exists yet")
	}
	if !f.logged[step.Node] {
		return errors.New("it ends, but no step made it ready")
	}
	if status := m.node(step.Node).Status; status != ledger.Ready {
		return fmt.Errorf("it ends, but it cannot have run: its status is %d", status)
	}
	if slot, ok := f.became[step.Node]; !step.Head && (!ok || step.Slot != slot) {
		return fmt.Errorf("slot %d ends it without having claimed it, but slot %d (%t) became it", step.Slot, slot, ok)
	}
	if step.Outcome == record.OutcomeCancelled {
		f.stop()
	}
	f.claim(step.Node)
	before := len(m.log)
	_, err := m.end(&state.End{
		Node: step.Node, Epoch: step.Epoch, Attempt: step.Attempt, Outcome: step.Outcome, Delay: int64(step.Delay),
		Output: make([]any, step.Width),
	}, dag.NoNode)
	if err != nil {
		return err
	}
	f.learn(m.log[before:])
	if got := m.log[before].Outcome; got != step.Outcome {
		return fmt.Errorf("its outcome is %d, although the retry budget or the limits make it %d", step.Outcome, got)
	}
	return nil
}

// claim claims a ready node. The log does not say when it was claimed, and a strand continues whatever happens, so it may
// be while the run is paused or being stopped.
func (f *folding) claim(id dag.NodeID) {
	s := f.m.ledger
	status, stopping := s.Status, s.Stopping
	s.Status, s.Stopping = record.Running, ""
	f.m.claim(id, holding{token: 1})
	s.Status, s.Stopping = status, stopping
}

// finish removes the claim that kept the run open.
func (f *folding) finish() error {
	f.stop()
	s := f.m.ledger
	if s.Counts.Claims--; s.Stopping != "" {
		s.Status = s.Stopping
	}
	if s.Status != f.final {
		return fmt.Errorf("the run ends as %s, expected %s", f.final, s.Status)
	}
	return nil
}

// compareStates reports where a folded log differs from a model that took the same operations.
func compareStates(folded, model *model) error {
	got, want := folded.ledger, model.ledger
	if got.Status != want.Status || !slices.Equal(got.Blocks, want.Blocks) {
		return fmt.Errorf("the log folds to %s and blocks %v, expected %s and %v", got.Status, got.Blocks, want.Status, want.Blocks)
	}
	for i := range want.Nodes {
		g, w := &got.Nodes[i], &want.Nodes[i]
		if pending(g.Status) != pending(w.Status) || g.Attempts != w.Attempts || g.Status == ledger.Blocked && g.Arrived != w.Arrived {
			return fmt.Errorf("the log folds node %d to status %d after %d attempts with %d arrived, expected %d, %d, %d",
				i, g.Status, g.Attempts, g.Arrived, w.Status, w.Attempts, w.Arrived)
		}
	}
	return nil
}

// pending takes Claimed for Ready.
func pending(s ledger.NodeStatus) ledger.NodeStatus {
	if s == ledger.Claimed {
		return ledger.Ready
	}
	return s
}

func sorted(set map[dag.NodeID]bool) []dag.NodeID { return slices.Sorted(maps.Keys(set)) }
