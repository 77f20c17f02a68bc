package protocol_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/protocol"
)

func take(ids ...engine.NodeID) protocol.Take {
	op := protocol.Take{By: protocol.Holder{Worker: 1, Slot: 2}}
	for _, id := range ids {
		op.Grants = append(op.Grants, protocol.Grant{Node: id, Token: token(id)})
	}
	return op
}

func token(id engine.NodeID) uint64 { return 100 + uint64(id) }

func end(id engine.NodeID, outcome engine.Outcome) protocol.End {
	return protocol.End{Node: id, Attempt: 1, Outcome: outcome, Ended: 10, Delay: 5}
}

func ok(ids ...engine.NodeID) protocol.Complete {
	op := protocol.Complete{Token: token(ids[0]), Prefer: engine.NoNode}
	for _, id := range ids {
		op.Ends = append(op.Ends, end(id, engine.OutcomeOK))
	}
	return op
}

func as(id engine.NodeID, outcome engine.Outcome) protocol.Complete {
	return protocol.Complete{Token: token(id), Ends: []protocol.End{end(id, outcome)}, Prefer: engine.NoNode}
}

func wide(id engine.NodeID, width uint32) protocol.Complete {
	op := ok(id)
	op.Ends[0].Width = width
	return op
}

func passOn(op protocol.Complete, prefer engine.NodeID) protocol.Complete {
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
	policy  engine.Policy
	before  []protocol.Op // accepted, after Start
	op      protocol.Op
	verdict protocol.Verdict
	claims  []engine.NodeID
	nodes   string
	status  engine.Status
	steps   []engine.StepKind
}{
	{"a run without tasks ends at once", "constant", "", nil, protocol.Start{}, protocol.Refused, nil, "", engine.Succeeded, nil},
	{"start twice", "chain", "", nil, protocol.Start{}, protocol.Refused, nil, "RBB", engine.Running, nil},
	{"claim", "chain", "", nil, take(0), 0, []engine.NodeID{0}, "CBB", engine.Running, nil},
	{"claim in bulk what is ready", "gather", "", nil, take(0, 1, 2, 9), 0, []engine.NodeID{0, 1}, "CCBB", engine.Running, nil},
	{"claim what is held", "chain", "", ops(take(0)), take(0), 0, nil, "CBB", engine.Running, nil},
	{"claim too many", "chain", "", nil, take(make([]engine.NodeID, 65)...), protocol.Refused, nil, "RBB", engine.Running, nil},
	{"claim while paused", "chain", "", ops(protocol.Pause{}), take(0), 0, nil, "RBB", engine.Paused, nil},
	{"claim after resumption", "chain", "", ops(protocol.Pause{}, protocol.Resume{}), take(0), 0, []engine.NodeID{0}, "CBB", engine.Running, nil},
	{"complete", "chain", "", ops(take(0)), ok(0), 0, nil, "KRB", engine.Running, []engine.StepKind{engine.AttemptEnded}},
	{"complete a strand", "chain", "", ops(take(0)), ok(0, 1, 2), 0, nil, "KKK", engine.Succeeded, []engine.StepKind{engine.AttemptEnded, engine.AttemptEnded, engine.AttemptEnded, engine.RunFinished}},
	{"complete and go on", "diamond", "", ops(take(0)), passOn(ok(0), engine.NoNode), 0, []engine.NodeID{1}, "KCRB", engine.Running, []engine.StepKind{engine.AttemptEnded}},
	{"complete and go on with a choice", "diamond", "", ops(take(0)), passOn(ok(0), 2), 0, []engine.NodeID{2}, "KRCB", engine.Running, []engine.StepKind{engine.AttemptEnded}},
	{"no going on with what an earlier end readied", "diamond", "", ops(take(0)), passOn(ok(0, 1), engine.NoNode), 0, nil, "KKRB", engine.Running, []engine.StepKind{engine.AttemptEnded, engine.AttemptEnded}},
	{"no going on while paused", "chain", "", ops(take(0), protocol.Pause{}), passOn(ok(0), engine.NoNode), 0, nil, "KRB", engine.Paused, []engine.StepKind{engine.AttemptEnded}},
	{"a strand that skips a node", "chain", "", ops(take(0)), ok(0, 2), protocol.Refused, nil, "CBB", engine.Running, nil},
	{"a strand into a node of two parents", "diamond", "", ops(take(0)), ok(0, 3), protocol.Refused, nil, "CBBB", engine.Running, nil},
	{"an unknown node", "chain", "", nil, ok(7), protocol.Stale, nil, "RBB", engine.Running, nil},
	{"complete under another token", "chain", "", ops(take(0)), protocol.Complete{Token: 5, Ends: []protocol.End{end(0, engine.OutcomeOK)}}, protocol.Stale, nil, "CBB", engine.Running, nil},
	{"complete again otherwise", "chain", "", ops(take(0), ok(0)), as(0, engine.OutcomeFailed), protocol.Stale, nil, "KRB", engine.Running, nil},
	{"complete again", "diamond", "", ops(take(0), passOn(ok(0), 2)), passOn(ok(0), 2), 0, []engine.NodeID{2}, "KRCB", engine.Running, nil},
	{"cancelled although the run goes on", "chain", "", ops(take(0)), as(0, engine.OutcomeCancelled), protocol.Refused, nil, "CBB", engine.Running, nil},
	{"retry", "chain", "", ops(take(0)), as(0, engine.OutcomeRetrying), 0, nil, "WBB", engine.Running, []engine.StepKind{engine.AttemptEnded}},
	{"due too early", "chain", "", ops(take(0), as(0, engine.OutcomeRetrying)), protocol.Due{Now: 14}, protocol.Refused, nil, "WBB", engine.Running, nil},
	{"due", "chain", "", ops(take(0), as(0, engine.OutcomeRetrying)), protocol.Due{Now: 15}, 0, nil, "RBB", engine.Running, nil},
	{"due though it does not wait", "chain", "", nil, protocol.Due{Now: 15}, protocol.Refused, nil, "RBB", engine.Running, nil},
	{"release", "chain", "", ops(take(0)), protocol.Release{Token: token(0)}, 0, nil, "RBB", engine.Running, nil},
	{"release under another token", "chain", "", ops(take(0)), protocol.Release{Token: 5}, protocol.Stale, nil, "CBB", engine.Running, nil},
	{"abandon", "chain", "", ops(take(0)), protocol.Abandon{Token: token(0), End: end(0, engine.OutcomeRetrying)}, 0, nil, "WBB", engine.Running, []engine.StepKind{engine.AttemptEnded}},
	{"complete what was abandoned in the same way", "chain", "", ops(take(0), protocol.Abandon{Token: token(0), End: end(0, engine.OutcomeRetrying)}), as(0, engine.OutcomeRetrying), protocol.Stale, nil, "WBB", engine.Running, nil},
	{"fail fast", "gather", engine.FailFast, ops(take(0)), as(0, engine.OutcomeFailed), 0, nil, "FRBB", engine.Failed, []engine.StepKind{engine.AttemptEnded, engine.RunFinished}},
	{"fail fast waits for claims", "gather", engine.FailFast, ops(take(0, 1)), as(0, engine.OutcomeFailed), 0, nil, "FCBB", engine.Running, []engine.StepKind{engine.AttemptEnded}},
	{"cut off", "gather", engine.FailFast, ops(take(0, 1), as(0, engine.OutcomeFailed)), as(1, engine.OutcomeCancelled), 0, nil, "FXBB", engine.Failed, []engine.StepKind{engine.AttemptEnded, engine.RunFinished}},
	{"continue waits for the other parent", "gather", engine.Continue, ops(take(0)), as(0, engine.OutcomeFailed), 0, nil, "FRBB", engine.Running, []engine.StepKind{engine.AttemptEnded}},
	{"continue skips", "gather", engine.Continue, ops(take(0, 1), as(0, engine.OutcomeFailed)), ok(1), 0, nil, "FKSR", engine.Running, []engine.StepKind{engine.AttemptEnded, engine.TaskSkipped}},
	{"continue ends as failed", "gather", engine.Continue, ops(take(0, 1), as(0, engine.OutcomeFailed), ok(1), take(3)), ok(3), 0, nil, "FKSK", engine.Failed, []engine.StepKind{engine.AttemptEnded, engine.RunFinished}},
	{"continue skips expansion and join", "region", engine.Continue, ops(take(0)), as(0, engine.OutcomeFailed), 0, nil, "FSSS", engine.Failed, []engine.StepKind{engine.AttemptEnded, engine.TaskSkipped, engine.RunFinished}},
	{"expand", "region", "", ops(take(0), ok(0), take(2)), wide(2, 2), 0, nil, "KBKBRR", engine.Running, []engine.StepKind{engine.FanOutExpanded}},
	{"expand to nothing", "region", "", ops(take(0), ok(0), take(2)), wide(2, 0), 0, nil, "KRKK", engine.Running, []engine.StepKind{engine.FanOutExpanded}},
	{"expand too far", "region", engine.FailFast, ops(take(0), ok(0), take(2)), wide(2, 100_000), 0, nil, "KBFB", engine.Failed, []engine.StepKind{engine.FanOutExpanded, engine.RunFinished}},
	{"a join waits for all instances", "region", "", ops(take(0), ok(0), take(2), wide(2, 2), take(4, 5)), ok(5), 0, nil, "KBKBCK", engine.Running, []engine.StepKind{engine.AttemptEnded}},
	{"a join fires", "region", "", ops(take(0), ok(0), take(2), wide(2, 2), take(4, 5), ok(5)), ok(4), 0, nil, "KRKKKK", engine.Running, []engine.StepKind{engine.AttemptEnded}},
	{"joins fire in a row", "rows", "", ops(take(0), wide(0, 1), take(2), ok(2), take(3)), wide(3, 0), 0, nil, "KKKKK", engine.Succeeded, []engine.StepKind{engine.FanOutExpanded, engine.RunFinished}},
	{"stop without claims", "chain", "", nil, protocol.Stop{Status: engine.Cancelled, Reason: engine.CancelRequested}, 0, nil, "RBB", engine.Cancelled, []engine.StepKind{engine.CancelRequested, engine.RunFinished}},
	{"stop at the deadline", "chain", "", ops(take(0)), protocol.Stop{Status: engine.Failed, Reason: engine.RunDeadline}, 0, nil, "CBB", engine.Running, []engine.StepKind{engine.RunDeadline}},
	{"stop twice", "chain", "", ops(take(0), protocol.Stop{Status: engine.Failed}), protocol.Stop{Status: engine.Cancelled}, protocol.Refused, nil, "CBB", engine.Running, nil},
	{"stop as succeeded", "chain", "", nil, protocol.Stop{Status: engine.Succeeded}, protocol.Refused, nil, "RBB", engine.Running, nil},
	{"a release settles", "chain", "", ops(take(0), protocol.Stop{Status: engine.Failed}), protocol.Release{Token: token(0)}, 0, nil, "RBB", engine.Failed, []engine.StepKind{engine.RunFinished}},
	{"no going on while stopping", "chain", "", ops(take(0), protocol.Stop{Status: engine.Failed}), passOn(ok(0), engine.NoNode), 0, nil, "KRB", engine.Failed, []engine.StepKind{engine.AttemptEnded, engine.RunFinished}},
	{"stop ends a pause", "chain", "", ops(take(0), protocol.Pause{}), protocol.Stop{Status: engine.Failed}, 0, nil, "CBB", engine.Running, nil},
	{"pause twice", "chain", "", ops(protocol.Pause{}), protocol.Pause{}, protocol.Refused, nil, "RBB", engine.Paused, nil},
	{"resume what is not paused", "chain", "", nil, protocol.Resume{}, protocol.Refused, nil, "RBB", engine.Running, nil},
	{"announce", "chain", "", ops(take(0)), protocol.Announce{Token: token(0), End: end(0, 0)}, 0, nil, "CBB", engine.Running, []engine.StepKind{engine.AttemptStarted}},
	{"note", "chain", "", nil, protocol.Note{Step: engine.Step{Kind: engine.WorkerStarted}}, 0, nil, "RBB", engine.Running, []engine.StepKind{engine.WorkerStarted}},
	{"note of what is no note", "chain", "", nil, protocol.Note{Step: engine.Step{Kind: engine.RunFinished}}, protocol.Refused, nil, "RBB", engine.Running, nil},
	{"note after the end", "constant", "", nil, protocol.Note{Step: engine.Step{Kind: engine.WorkerStopped}}, protocol.Refused, nil, "", engine.Succeeded, nil},
}

func TestOperations(t *testing.T) {
	shapes := map[string]*engine.Graph{
		"chain": compile(t, chain), "diamond": compile(t, diamond), "gather": compile(t, gather),
		"region": compile(t, region), "rows": compile(t, rows), "constant": compile(t, constant),
	}
	for _, c := range operations {
		t.Run(c.name, func(t *testing.T) {
			s := protocol.New(shapes[c.shape], c.policy, engine.Limits{})
			for _, op := range append([]protocol.Op{protocol.Start{}}, c.before...) {
				r, _ := s.Apply(op)
				require.Equal(t, protocol.Accepted, r.Verdict, "%+v: %s", op, r.Why)
			}
			before := s.Clone()
			got, steps := s.Apply(c.op)
			require.NoError(t, s.Check())
			require.NoError(t, before.Check())
			var claims []engine.NodeID
			for _, claim := range got.Claims {
				claims = append(claims, claim.Node)
			}
			var kinds []engine.StepKind
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
	s := protocol.New(compile(t, chain), engine.FailFast, engine.Limits{})
	s.Apply(protocol.Start{})
	for attempt := uint16(1); attempt <= 10; attempt++ {
		s.Apply(take(0))
		e := end(0, engine.OutcomeRetrying)
		e.Attempt = attempt
		_, steps := s.Apply(protocol.Complete{Token: token(0), Ends: []protocol.End{e}})
		require.Equal(t, engine.OutcomeRetrying, steps[0].Outcome)
		require.Equal(t, 5*time.Nanosecond, steps[0].Delay)
		s.Apply(protocol.Due{Now: 15})
	}
	r, _ := s.Apply(take(0))
	require.Equal(t, uint16(11), r.Claims[0].Attempt)
	e := end(0, engine.OutcomeRetrying)
	e.Attempt = 11
	_, steps := s.Apply(protocol.Complete{Token: token(0), Ends: []protocol.End{e}})
	require.Equal(t, engine.OutcomeFailed, steps[0].Outcome)
	require.Zero(t, steps[0].Delay)
	require.Equal(t, engine.Failed, s.Status)
}

// A function that bounds how many run at a time is not claimed beyond that.
func TestMaxConcurrent(t *testing.T) {
	single := one.With(engine.Options{MaxConcurrent: 1})
	s := protocol.New(compile(t, func(g *engine.Builder) engine.AnyRef {
		return add.Call(single.Call(g), single.Call(g))
	}), engine.FailFast, engine.Limits{})
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
		"the run is":       func(s *protocol.State) { s.Status = engine.Succeeded },
		"blocks have":      func(s *protocol.State) { s.Nodes = append(s.Nodes, protocol.Node{}) },
		"in a run that goes on": func(s *protocol.State) {
			s.Nodes[1] = protocol.Node{Status: protocol.Cancelled, Arrived: s.Nodes[1].Arrived}
		},
		"expected to start at 0": func(s *protocol.State) { s.Blocks[0].First = 1 },
	}
	for want, damage := range tests {
		t.Run(want, func(t *testing.T) {
			s := protocol.New(compile(t, diamond), engine.FailFast, engine.Limits{})
			for _, op := range []protocol.Op{protocol.Start{}, take(0), ok(0), take(1, 2)} {
				s.Apply(op)
			}
			require.NoError(t, s.Check())
			damage(s)
			require.ErrorContains(t, s.Check(), want)
		})
	}
}
