//go:build unix

package chaos_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/engine/state/shared"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/internal/testkit/sharedtest"
)

// spy keeps the state of the run that is cleaned.
type spy struct {
	shared.Backend
	state chan *ledger.State
}

func (s spy) Clean(ctx context.Context, run record.RunID, frontier []dag.NodeID) (int, error) {
	state, err := s.Snapshot(ctx, run)
	if err != nil {
		return 0, err
	}
	s.state <- state
	return s.Backend.Clean(ctx, run, frontier)
}

// undisturbed carries out a run in which nothing goes wrong.
func undisturbed(t *testing.T) (*trial, *ledger.State) {
	tr, err := newTrial(7, 200)
	require.NoError(t, err)
	backend := spy{sharedtest.New(sharedtest.Config{}).Connect(nil), make(chan *ledger.State, 1)}
	store, err := shared.New(shared.Config{Backend: backend})
	require.NoError(t, err)
	pool, err := worker.New(worker.Config{
		State: store, Width: 2, Backoff: time.Millisecond, Find: func(_ string, f engine.Signature) *engine.Function { return functions[f.Name] },
	})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = pool.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	exec, err := pool.Submit(ctx, tr.job)
	require.NoError(t, err)
	<-exec.Done()
	tr.steps, err = allSteps(ctx, exec)
	require.NoError(t, err)
	return tr, <-backend.state
}

// parentAndChild finds the end of a task, and that of another one which it has readied.
func parentAndChild(steps []record.Step) (task, child int) {
	for task = range steps {
		for child = task + 1; child < len(steps); child++ {
			a, b := steps[task], steps[child]
			ok := a.Outcome == record.OutcomeOK && b.Outcome == record.OutcomeOK
			if ok && a.Kind == record.AttemptEnded && b.Kind == record.AttemptEnded && slices.Contains(a.Readied, b.Node) {
				return task, child
			}
		}
	}
	panic("the log has no task that readies another one")
}

// TestChecksNotice tries each check on a log or a state in which its law is broken.
func TestChecksNotice(t *testing.T) {
	tr, state := undisturbed(t)
	laws := func(steps []record.Step, state *ledger.State) (broken []law) {
		s := read(tr.job.Graph, steps)
		s.compare(state, uint64(len(steps)))
		for _, b := range s.breaches {
			if !slices.Contains(broken, b.law) {
				broken = append(broken, b.law)
			}
		}
		return broken
	}
	require.Empty(t, laws(tr.steps, state))

	last := len(tr.steps) - 1
	task, child := parentAndChild(tr.steps)
	renumbered := func(steps []record.Step) []record.Step {
		for i := range steps {
			steps[i].Seq = uint64(i + 1)
		}
		return steps
	}
	for _, c := range []struct {
		name   string
		broken law
		steps  func(steps []record.Step) []record.Step
		state  func(s *ledger.State)
	}{
		{name: "a step is missing", broken: gap, steps: func(s []record.Step) []record.Step { return slices.Delete(s, task, task+1) }},
		{name: "the end is missing", broken: gap, steps: func(s []record.Step) []record.Step { return s[:last] }},
		{name: "an end is reported twice", broken: twice, steps: func(s []record.Step) []record.Step {
			again := s[task]
			again.Attempt, again.Readied = again.Attempt+1, nil
			return renumbered(slices.Insert(s, last, again))
		}},
		{name: "a child ends first", broken: early, steps: func(s []record.Step) []record.Step {
			s[task], s[child] = s[child], s[task]
			return renumbered(s)
		}},
		{name: "a child starts first", broken: early, steps: func(s []record.Step) []record.Step {
			s[child].Started = s[task].Ended - 1
			return s
		}},
		{name: "a task fails", broken: wrong, steps: func(s []record.Step) []record.Step {
			s[task].Outcome = record.OutcomeFailed
			return s
		}},
		{name: "a task is left out", broken: unfolded, steps: func(s []record.Step) []record.Step { return renumbered(slices.Delete(s, child, child+1)) }},
		{name: "the state counts more steps", broken: unfolded, state: func(s *ledger.State) { s.Seq++ }},
		{name: "the state counts more retries", broken: unfolded, state: func(s *ledger.State) { s.Counts.Retries++ }},
		{name: "the state has another epoch", broken: unfolded, state: func(s *ledger.State) { s.Nodes[0].Epoch++ }},
		{name: "the state has an open node", broken: unfolded, state: func(s *ledger.State) { s.Nodes[0].Status = ledger.Blocked }},
		{name: "the state has another width", broken: unfolded, state: func(s *ledger.State) { s.Blocks[0].Width++ }},
	} {
		t.Run(c.name, func(t *testing.T) {
			steps, kept := slices.Clone(tr.steps), state.Clone()
			if c.steps != nil {
				steps = c.steps(steps)
			}
			if c.state != nil {
				c.state(kept)
			}
			assert.Contains(t, laws(steps, kept), c.broken)
		})
	}
}

func TestPercentiles(t *testing.T) {
	var d []time.Duration
	for i := range 200 {
		d = append(d, time.Duration(200-i))
	}
	p50, p99, most := percentiles(d)
	assert.Equal(t, []time.Duration{100, 198, 200}, []time.Duration{p50, p99, most})
	assert.False(t, recovery("", nil, time.Second).ok, "nothing measured is no success")
}
