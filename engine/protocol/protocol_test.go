package protocol_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/protocol"
	"github.com/dagscope/dagscope/engine/record"
)

func take(ids ...dag.NodeID) protocol.Take {
	op := protocol.Take{By: protocol.Holder{Worker: 1, Slot: 2}}
	for _, id := range ids {
		op.Grants = append(op.Grants, protocol.Grant{Node: id, Token: token(id)})
	}
	return op
}

func token(id dag.NodeID) uint64 { return 100 + uint64(id) }

func end(id dag.NodeID, outcome record.Outcome) protocol.End {
	return protocol.End{Node: id, Attempt: 1, Outcome: outcome, Ended: 10, Delay: 5}
}

func ok(ids ...dag.NodeID) protocol.Complete {
	op := protocol.Complete{Token: token(ids[0]), Prefer: dag.NoNode}
	for _, id := range ids {
		op.Ends = append(op.Ends, end(id, record.OutcomeOK))
	}
	return op
}

func as(id dag.NodeID, outcome record.Outcome) protocol.Complete {
	return protocol.Complete{Token: token(id), Ends: []protocol.End{end(id, outcome)}, Prefer: dag.NoNode}
}

func wide(id dag.NodeID, width uint32) protocol.Complete {
	op := ok(id)
	op.Ends[0].Width = width
	return op
}

func passOn(op protocol.Complete, prefer dag.NodeID) protocol.Complete {
	op.Next, op.NextToken, op.Prefer = true, 999, prefer
	return op
}

// B, R, C, W, K, F, S and X stand for the statuses of nodes in their order.
func drawn(s *protocol.State) string {
	var out []byte
	for i := range s.Nodes {
		out = append(out, "BRCWKFSX"[s.Nodes[i].Status])
	}
	return string(out)
}

func ops(o ...protocol.Op) []protocol.Op { return o }

// operations are single ones: what went before, the answer, and what comes out.
var operations = []struct {
	name    string
	shape   string
	policy  record.Policy
	before  []protocol.Op // accepted, after Start
	op      protocol.Op
	verdict protocol.Verdict
	claims  []dag.NodeID
	nodes   string
	status  record.Status
	steps   []record.StepKind
}{
	{"a run without tasks ends at once", "constant", "", nil, protocol.Start{}, protocol.Refused, nil, "", record.Succeeded, nil},
	{"start twice", "chain", "", nil, protocol.Start{}, protocol.Refused, nil, "RBB", record.Running, nil},
	{"claim", "chain", "", nil, take(0), 0, []dag.NodeID{0}, "CBB", record.Running, nil},
	{"claim in bulk what is ready", "gather", "", nil, take(0, 1, 2, 9), 0, []dag.NodeID{0, 1}, "CCBB", record.Running, nil},
	{"claim what is held", "chain", "", ops(take(0)), take(0), 0, nil, "CBB", record.Running, nil},
	{"claim too many", "chain", "", nil, take(make([]dag.NodeID, 65)...), protocol.Refused, nil, "RBB", record.Running, nil},
	{"claim while paused", "chain", "", ops(protocol.Pause{}), take(0), 0, nil, "RBB", record.Paused, nil},
	{"claim after resumption", "chain", "", ops(protocol.Pause{}, protocol.Resume{}), take(0), 0, []dag.NodeID{0}, "CBB", record.Running, nil},
	{"complete", "chain", "", ops(take(0)), ok(0), 0, nil, "KRB", record.Running, []record.StepKind{record.AttemptEnded}},
	{"complete a strand", "chain", "", ops(take(0)), ok(0, 1, 2), 0, nil, "KKK", record.Succeeded, []record.StepKind{record.AttemptEnded, record.AttemptEnded, record.AttemptEnded, record.RunFinished}},
	{"complete and go on", "diamond", "", ops(take(0)), passOn(ok(0), dag.NoNode), 0, []dag.NodeID{1}, "KCRB", record.Running, []record.StepKind{record.AttemptEnded}},
	{"complete and go on with a choice", "diamond", "", ops(take(0)), passOn(ok(0), 2), 0, []dag.NodeID{2}, "KRCB", record.Running, []record.StepKind{record.AttemptEnded}},
	{"no going on with what an earlier end readied", "diamond", "", ops(take(0)), passOn(ok(0, 1), dag.NoNode), 0, nil, "KKRB", record.Running, []record.StepKind{record.AttemptEnded, record.AttemptEnded}},
	{"no going on while paused", "chain", "", ops(take(0), protocol.Pause{}), passOn(ok(0), dag.NoNode), 0, nil, "KRB", record.Paused, []record.StepKind{record.AttemptEnded}},
	{"a strand that skips a node", "chain", "", ops(take(0)), ok(0, 2), protocol.Refused, nil, "CBB", record.Running, nil},
	{"a strand into a node of two parents", "diamond", "", ops(take(0)), ok(0, 3), protocol.Refused, nil, "CBBB", record.Running, nil},
	{"an unknown node", "chain", "", nil, ok(7), protocol.Stale, nil, "RBB", record.Running, nil},
	{"complete under another token", "chain", "", ops(take(0)), protocol.Complete{Token: 5, Ends: []protocol.End{end(0, record.OutcomeOK)}}, protocol.Stale, nil, "CBB", record.Running, nil},
	{"complete again otherwise", "chain", "", ops(take(0), ok(0)), as(0, record.OutcomeFailed), protocol.Stale, nil, "KRB", record.Running, nil},
	{"complete again", "diamond", "", ops(take(0), passOn(ok(0), 2)), passOn(ok(0), 2), 0, []dag.NodeID{2}, "KRCB", record.Running, nil},
	{"cancelled although the run goes on", "chain", "", ops(take(0)), as(0, record.OutcomeCancelled), protocol.Refused, nil, "CBB", record.Running, nil},
	{"retry", "chain", "", ops(take(0)), as(0, record.OutcomeRetrying), 0, nil, "WBB", record.Running, []record.StepKind{record.AttemptEnded}},
	{"due too early", "chain", "", ops(take(0), as(0, record.OutcomeRetrying)), protocol.Due{Now: 14}, protocol.Refused, nil, "WBB", record.Running, nil},
	{"due", "chain", "", ops(take(0), as(0, record.OutcomeRetrying)), protocol.Due{Now: 15}, 0, nil, "RBB", record.Running, nil},
	{"due though it does not wait", "chain", "", nil, protocol.Due{Now: 15}, protocol.Refused, nil, "RBB", record.Running, nil},
	{"release", "chain", "", ops(take(0)), protocol.Release{Token: token(0)}, 0, nil, "RBB", record.Running, nil},
	{"release under another token", "chain", "", ops(take(0)), protocol.Release{Token: 5}, protocol.Stale, nil, "CBB", record.Running, nil},
	{"abandon", "chain", "", ops(take(0)), protocol.Abandon{Token: token(0), End: end(0, record.OutcomeRetrying)}, 0, nil, "WBB", record.Running, []record.StepKind{record.AttemptEnded}},
	{"complete what was abandoned in the same way", "chain", "", ops(take(0), protocol.Abandon{Token: token(0), End: end(0, record.OutcomeRetrying)}), as(0, record.OutcomeRetrying), protocol.Stale, nil, "WBB", record.Running, nil},
	{"fail fast", "gather", record.FailFast, ops(take(0)), as(0, record.OutcomeFailed), 0, nil, "FRBB", record.Failed, []record.StepKind{record.AttemptEnded, record.RunFinished}},
	{"fail fast waits for claims", "gather", record.FailFast, ops(take(0, 1)), as(0, record.OutcomeFailed), 0, nil, "FCBB", record.Running, []record.StepKind{record.AttemptEnded}},
	{"cut off", "gather", record.FailFast, ops(take(0, 1), as(0, record.OutcomeFailed)), as(1, record.OutcomeCancelled), 0, nil, "FXBB", record.Failed, []record.StepKind{record.AttemptEnded, record.RunFinished}},
	{"continue waits for the other parent", "gather", record.Continue, ops(take(0)), as(0, record.OutcomeFailed), 0, nil, "FRBB", record.Running, []record.StepKind{record.AttemptEnded}},
	{"continue skips", "gather", record.Continue, ops(take(0, 1), as(0, record.OutcomeFailed)), ok(1), 0, nil, "FKSR", record.Running, []record.StepKind{record.AttemptEnded, record.TaskSkipped}},
	{"continue ends as failed", "gather", record.Continue, ops(take(0, 1), as(0, record.OutcomeFailed), ok(1), take(3)), ok(3), 0, nil, "FKSK", record.Failed, []record.StepKind{record.AttemptEnded, record.RunFinished}},
	{"continue skips expansion and join", "region", record.Continue, ops(take(0)), as(0, record.OutcomeFailed), 0, nil, "FSSS", record.Failed, []record.StepKind{record.AttemptEnded, record.TaskSkipped, record.RunFinished}},
	{"expand", "region", "", ops(take(0), ok(0), take(2)), wide(2, 2), 0, nil, "KBKBRR", record.Running, []record.StepKind{record.FanOutExpanded}},
	{"expand to nothing", "region", "", ops(take(0), ok(0), take(2)), wide(2, 0), 0, nil, "KRKK", record.Running, []record.StepKind{record.FanOutExpanded}},
	{"expand too far", "region", record.FailFast, ops(take(0), ok(0), take(2)), wide(2, 100_000), 0, nil, "KBFB", record.Failed, []record.StepKind{record.FanOutExpanded, record.RunFinished}},
	{"a join waits for all instances", "region", "", ops(take(0), ok(0), take(2), wide(2, 2), take(4, 5)), ok(5), 0, nil, "KBKBCK", record.Running, []record.StepKind{record.AttemptEnded}},
	{"a join fires", "region", "", ops(take(0), ok(0), take(2), wide(2, 2), take(4, 5), ok(5)), ok(4), 0, nil, "KRKKKK", record.Running, []record.StepKind{record.AttemptEnded}},
	{"joins fire in a row", "rows", "", ops(take(0), wide(0, 1), take(2), ok(2), take(3)), wide(3, 0), 0, nil, "KKKKK", record.Succeeded, []record.StepKind{record.FanOutExpanded, record.RunFinished}},
	{"stop without claims", "chain", "", nil, protocol.Stop{Status: record.Cancelled, Reason: record.CancelRequested}, 0, nil, "RBB", record.Cancelled, []record.StepKind{record.CancelRequested, record.RunFinished}},
	{"stop at the deadline", "chain", "", ops(take(0)), protocol.Stop{Status: record.Failed, Reason: record.RunDeadline}, 0, nil, "CBB", record.Running, []record.StepKind{record.RunDeadline}},
	{"stop twice", "chain", "", ops(take(0), protocol.Stop{Status: record.Failed}), protocol.Stop{Status: record.Cancelled}, protocol.Refused, nil, "CBB", record.Running, nil},
	{"stop as succeeded", "chain", "", nil, protocol.Stop{Status: record.Succeeded}, protocol.Refused, nil, "RBB", record.Running, nil},
	{"a release settles", "chain", "", ops(take(0), protocol.Stop{Status: record.Failed}), protocol.Release{Token: token(0)}, 0, nil, "RBB", record.Failed, []record.StepKind{record.RunFinished}},
	{"no going on while stopping", "chain", "", ops(take(0), protocol.Stop{Status: record.Failed}), passOn(ok(0), dag.NoNode), 0, nil, "KRB", record.Failed, []record.StepKind{record.AttemptEnded, record.RunFinished}},
	{"stop ends a pause", "chain", "", ops(take(0), protocol.Pause{}), protocol.Stop{Status: record.Failed}, 0, nil, "CBB", record.Running, nil},
	{"pause twice", "chain", "", ops(protocol.Pause{}), protocol.Pause{}, protocol.Refused, nil, "RBB", record.Paused, nil},
	{"resume what is not paused", "chain", "", nil, protocol.Resume{}, protocol.Refused, nil, "RBB", record.Running, nil},
	{"announce", "chain", "", ops(take(0)), protocol.Announce{Token: token(0), End: end(0, 0)}, 0, nil, "CBB", record.Running, []record.StepKind{record.AttemptStarted}},
	{"note", "chain", "", nil, protocol.Note{Step: record.Step{Kind: record.WorkerStarted}}, 0, nil, "RBB", record.Running, []record.StepKind{record.WorkerStarted}},
	{"note of what is no note", "chain", "", nil, protocol.Note{Step: record.Step{Kind: record.RunFinished}}, protocol.Refused, nil, "RBB", record.Running, nil},
	{"note after the end", "constant", "", nil, protocol.Note{Step: record.Step{Kind: record.WorkerStopped}}, protocol.Refused, nil, "", record.Succeeded, nil},
}

func TestOperations(t *testing.T) {
	shapes := map[string]*dag.Graph{
		"chain": compile(t, chain), "diamond": compile(t, diamond), "gather": compile(t, gather),
		"region": compile(t, region), "rows": compile(t, rows), "constant": compile(t, constant),
	}
	for _, c := range operations {
		t.Run(c.name, func(t *testing.T) {
			s := protocol.New(shapes[c.shape], c.policy, dag.Limits{})
			for _, op := range append([]protocol.Op{protocol.Start{}}, c.before...) {
				r, _ := s.Apply(op)
				require.Equal(t, protocol.Accepted, r.Verdict, "%+v: %s", op, r.Why)
			}
			before := s.Clone()
			got, steps := s.Apply(c.op)
			require.NoError(t, s.Check())
			require.NoError(t, before.Check())
			var claims []dag.NodeID
			for _, claim := range got.Claims {
				claims = append(claims, claim.Node)
			}
			var kinds []record.StepKind
			for _, step := range steps {
				kinds = append(kinds, step.Kind)
			}
			assert.Equal(t, c.verdict, got.Verdict, got.Why)
			assert.Equal(t, c.claims, claims)
			assert.Equal(t, c.nodes, drawn(s))
			assert.Equal(t, c.status, s.Status)
			assert.Equal(t, c.steps, kinds)
			if got.Verdict != protocol.Accepted {
				assert.Equal(t, before, s, "what is not accepted changes nothing")
			}
		})
	}
}

// The budget is 10 retries for small runs; the next one is a failure.
func TestRetryBudget(t *testing.T) {
	s := protocol.New(compile(t, chain), record.FailFast, dag.Limits{})
	s.Apply(protocol.Start{})
	for attempt := uint16(1); attempt <= 10; attempt++ {
		s.Apply(take(0))
		e := end(0, record.OutcomeRetrying)
		e.Attempt = attempt
		_, steps := s.Apply(protocol.Complete{Token: token(0), Ends: []protocol.End{e}})
		require.Equal(t, record.OutcomeRetrying, steps[0].Outcome)
		require.Equal(t, 5*time.Nanosecond, steps[0].Delay)
		s.Apply(protocol.Due{Now: 15})
	}
	r, _ := s.Apply(take(0))
	require.Equal(t, uint16(11), r.Claims[0].Attempt)
	e := end(0, record.OutcomeRetrying)
	e.Attempt = 11
	_, steps := s.Apply(protocol.Complete{Token: token(0), Ends: []protocol.End{e}})
	require.Equal(t, record.OutcomeFailed, steps[0].Outcome)
	require.Zero(t, steps[0].Delay)
	require.Equal(t, record.Failed, s.Status)
}

// A function that bounds how many run at a time is not claimed beyond that.
func TestMaxConcurrent(t *testing.T) {
	single := one.With(engine.Options{MaxConcurrent: 1})
	s := protocol.New(compile(t, func(g *engine.Builder) engine.AnyRef {
		return add.Call(single.Call(g), single.Call(g))
	}), record.FailFast, dag.Limits{})
	s.Apply(protocol.Start{})
	r, _ := s.Apply(take(0, 1))
	require.Len(t, r.Claims, 1)
	require.False(t, s.Claimable(1))
	s.Apply(ok(0))
	require.True(t, s.Claimable(1))
}

// Check notices each kind of damage.
func TestCheckNotices(t *testing.T) {
	tests := map[string]func(s *protocol.State){
		"missing by count": func(s *protocol.State) { s.Nodes[3].Missing-- },
		"bit of parent":    func(s *protocol.State) { s.Nodes[3].Arrived[0] |= 1 },
		"has status":       func(s *protocol.State) { s.Nodes[3].Status = protocol.Ready },
		"the claim":        func(s *protocol.State) { s.Nodes[1].Token = 0 },
		"under one token":  func(s *protocol.State) { s.Nodes[2].Token = s.Nodes[1].Token },
		"counts are":       func(s *protocol.State) { s.Counts.Open-- },
		"the run is":       func(s *protocol.State) { s.Status = record.Succeeded },
		"blocks have":      func(s *protocol.State) { s.Nodes = append(s.Nodes, protocol.Node{}) },
		"in a run that goes on": func(s *protocol.State) {
			s.Nodes[1] = protocol.Node{Status: protocol.Cancelled, Arrived: s.Nodes[1].Arrived}
		},
		"expected to start at 0": func(s *protocol.State) { s.Blocks[0].First = 1 },
	}
	for want, damage := range tests {
		t.Run(want, func(t *testing.T) {
			s := protocol.New(compile(t, diamond), record.FailFast, dag.Limits{})
			for _, op := range []protocol.Op{protocol.Start{}, take(0), ok(0), take(1, 2)} {
				s.Apply(op)
			}
			require.NoError(t, s.Check())
			damage(s)
			require.ErrorContains(t, s.Check(), want)
		})
	}
}
