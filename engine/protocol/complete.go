package protocol

import (
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// minRetryBudget is how many retries even the smallest run has; larger ones have one for every five tasks.
const minRetryBudget = 10

func (op Complete) apply(t *transition) Reply {
	if len(op.Ends) == 0 || len(op.Ends) > MaxStrand {
		return refuse("a strand has 1 to MaxStrand ends")
	}
	head, sum := op.Ends[0].Node, op.sum()
	if r, ok := t.repeated(head, op.Token, sum); ok {
		return r
	}
	if !t.holds(head, op.Token) {
		return Reply{Verdict: Stale}
	}
	if why := t.malformed(op.Ends); why != "" {
		return refuse(why)
	}
	by := t.Nodes[head].By
	readied, last := t.applyStrand(op.Ends)
	r := Receipt{Token: op.Token, Sum: sum}
	if id := t.next(op, readied); id != dag.NoNode {
		r.Next, r.Has = t.claim(Grant{id, op.NextToken}, by, false), true
		t.steps[last].Became = id
	}
	t.Nodes[head].Receipt = r
	t.endRun(op.Now)
	return r.reply()
}

func (r Receipt) reply() Reply {
	if r.Has {
		return Reply{Claims: []Claim{r.Next}}
	}
	return Reply{}
}

// repeated finds the answer that the same completion got before.
func (t *transition) repeated(head dag.NodeID, token, sum uint64) (Reply, bool) {
	if token == 0 || !t.contains(head) || t.broken&bareCounter != 0 {
		return Reply{}, false
	}
	r := t.Nodes[head].Receipt
	return r.reply(), r.Token == token && r.Sum == sum
}

// malformed tells what is wrong with a strand, "" for nothing. Its head is held.
func (t *transition) malformed(ends []End) string {
	for i, e := range ends {
		if !t.contains(e.Node) || t.at(e.Node).kind() == dag.JoinNode {
			return "the node cannot be claimed"
		}
		if n := &t.Nodes[e.Node]; e.Epoch != n.Epoch || e.Attempt != n.Attempts+1 {
			return "the end is of another attempt"
		}
		switch e.Outcome {
		case record.OutcomeOK, record.OutcomeFailed, record.OutcomeRetrying:
		case record.OutcomeCancelled:
			if t.Stopping == "" {
				return "an attempt is cancelled only when its run is ending"
			}
		default:
			return "an attempt ends as ok, failed, retrying or cancelled"
		}
		if i < len(ends)-1 && (e.Outcome != record.OutcomeOK || !t.isTask(e.Node)) {
			return "a strand goes on only behind a task that is ok"
		}
		if i > 0 && (t.Nodes[e.Node].Status != Blocked || !slices.Equal(t.Parents(e.Node), []dag.NodeID{ends[i-1].Node})) {
			return "a strand goes on only with what waited for nothing but the end before"
		}
		if f := t.function(e.Node); i > 0 && f != nil && f.Options().MaxConcurrent > 0 {
			return "a task whose function bounds how many run at a time is claimed by itself"
		}
	}
	return ""
}

// applyStrand ends the attempts one by one. It gives what they made ready and which step is the last attempt's.
func (t *transition) applyStrand(ends []End) (readied []dag.NodeID, last int) {
	by := t.Nodes[ends[0].Node].By
	for i, e := range ends {
		t.Nodes[e.Node].By = by
		last = len(t.steps)
		t.end(e)
		if i+1 < len(ends) {
			t.steps[last].Became = ends[i+1].Node
		}
	}
	return slices.Clone(t.steps[last].Readied), last
}

// end applies the end of one attempt, whose node is claimed or, behind the head, ready.
func (t *transition) end(e End) {
	step := t.stepOf(e, record.AttemptEnded)
	if e.Outcome == record.OutcomeOK && !t.isTask(e.Node) {
		step.Kind = record.FanOutExpanded
	}
	step.Outcome = t.Outcome(e)
	t.unclaim(e.Node)
	var skipped []dag.NodeID
	switch n := &t.Nodes[e.Node]; step.Outcome {
	case record.OutcomeOK:
		t.terminate(e.Node, OK)
		if step.Kind == record.FanOutExpanded {
			step.Width = e.Width
			t.expand(e.Node, e.Width, step.Updated)
		}
		skipped = t.propagate(e.Node, step.Updated)
	case record.OutcomeFailed:
		n.Attempts++
		t.terminate(e.Node, Failed)
		if t.Policy == record.FailFast {
			t.stop(record.Failed)
		} else {
			skipped = t.propagate(e.Node, step.Updated)
		}
	case record.OutcomeRetrying:
		n.Attempts++
		n.Status, n.Due = Waiting, e.Ended+int64(e.Delay)
		step.Delay = e.Delay
		t.Counts.Retries++
		if t.broken&earlyCount != 0 {
			t.propagate(e.Node, step.Updated)
		}
	default:
		t.terminate(e.Node, Cancelled)
	}
	step.Readied = t.takeReadied()
	t.log(step)
	for _, id := range skipped {
		t.log(record.Step{
			Kind: record.TaskSkipped, Outcome: record.OutcomeSkipped, Node: id, Epoch: t.Nodes[id].Epoch,
			Ended: step.Updated, Updated: step.Updated, Became: dag.NoNode,
		})
	}
}

// Outcome is how an attempt counts, limits and retry budget considered.
func (s *State) Outcome(e End) record.Outcome {
	switch {
	case e.Outcome == record.OutcomeRetrying && s.Counts.Retries >= max(minRetryBudget, s.Counts.Tasks/5):
		return record.OutcomeFailed
	case e.Outcome == record.OutcomeOK && !s.isTask(e.Node):
		p := s.at(e.Node)
		if s.room(s.Graph.Scope(p.scope.Region(p.local)), int(e.Width)) != nil {
			return record.OutcomeFailed
		}
	}
	return e.Outcome
}

// stepOf is the step that tells of an attempt.
func (s *State) stepOf(e End, kind record.StepKind) record.Step {
	n := &s.Nodes[e.Node]
	updated := e.Updated
	if updated == 0 {
		updated = e.Ended
	}
	return record.Step{
		Kind: kind, Announced: e.Announced, Head: n.Head, Node: e.Node, Epoch: e.Epoch, Attempt: e.Attempt,
		Worker: n.By.Worker, Slot: n.By.Slot, Ready: n.Since, Claimed: e.Claimed, Started: e.Started, Ended: e.Ended,
		Updated: updated, Fetch: e.Fetch, OutputBytes: e.OutputBytes, Became: dag.NoNode,
	}
}

// next chooses the node that the claim passes to, NoNode for none.
func (t *transition) next(op Complete, readied []dag.NodeID) dag.NodeID {
	if !op.Next || op.NextToken == 0 {
		return dag.NoNode
	}
	readied = slices.DeleteFunc(readied, func(id dag.NodeID) bool { return !t.Claimable(id) })
	switch {
	case len(readied) == 0:
		return dag.NoNode
	case slices.Contains(readied, op.Prefer):
		return op.Prefer
	default:
		return readied[0]
	}
}

func (op Abandon) apply(t *transition) Reply {
	if !t.holds(op.End.Node, op.Token) {
		return Reply{Verdict: Stale}
	}
	if why := t.malformed([]End{op.End}); why != "" {
		return refuse(why)
	}
	t.end(op.End)
	t.endRun(op.Now)
	return Reply{}
}
