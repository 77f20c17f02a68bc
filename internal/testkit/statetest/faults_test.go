package statetest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
	"github.com/dagscope/dagscope/engine/state/memory"
)

// faultyStore is a store with one fault in each of its runs.
type faultyStore struct {
	state.Store
	fault fault
}

func (s faultyStore) Create(ctx context.Context, job execution.Job, hooks state.Hooks) (state.Run, error) {
	if s.fault.hooks != nil {
		hooks = s.fault.hooks(hooks)
	}
	run, err := s.Store.Create(ctx, job, hooks)
	return faultyRun{run, s.fault}, err
}

type faultyRun struct {
	state.Run
	fault fault
}

func (r faultyRun) Lane(slot int) state.Lane { return faultyLane{r.Run.Lane(slot), r.fault} }

func (r faultyRun) Progress() execution.Progress {
	p := r.Run.Progress()
	if r.fault.progress != nil {
		r.fault.progress(&p)
	}
	return p
}

func (r faultyRun) Pause() {
	if !r.fault.noPause {
		r.Run.Pause()
	}
}

func (r faultyRun) Steps(ctx context.Context, after uint64) ([]record.Step, error) {
	steps, err := r.Run.Steps(ctx, after)
	if r.fault.steps == nil {
		return steps, err
	}
	steps = append([]record.Step(nil), steps...)
	for i := range steps {
		r.fault.steps(&steps[i])
	}
	return steps, err
}

type faultyLane struct {
	state.Lane
	fault fault
}

func (l faultyLane) Claim() (state.Claim, bool) {
	c, ok := l.Lane.Claim()
	if l.fault.claim != nil {
		l.fault.claim(&c)
	}
	return c, ok
}

func (l faultyLane) Complete(strand []state.End, next bool) state.Reply {
	if l.fault.strand != nil {
		strand = l.fault.strand(strand)
	}
	reply := l.Lane.Complete(strand, next && !l.fault.noNext)
	if l.fault.noFence {
		reply.Stale = false
	}
	return reply
}

func (l faultyLane) Release() {
	if !l.fault.noRelease {
		l.Lane.Release()
	}
}

// fault says what is wrong.
type fault struct {
	hooks                               func(h state.Hooks) state.Hooks
	progress                            func(p *execution.Progress)
	steps                               func(s *record.Step)
	claim                               func(c *state.Claim)
	strand                              func(s []state.End) []state.End
	noPause, noNext, noFence, noRelease bool
}

// The random operations find each of these faults within a few runs.
func TestFaultsAreFound(t *testing.T) {
	faults := map[string]fault{
		"claims continue while paused":       {noPause: true},
		"the claim never passes on":          {noNext: true},
		"a lost claim completes":             {noFence: true},
		"a release is forgotten":             {noRelease: true},
		"a token is used twice":              {claim: func(c *state.Claim) { c.Token = 1 }},
		"attempts are counted from 0":        {claim: func(c *state.Claim) { c.Attempt-- }},
		"ready moments are lost":             {claim: func(c *state.Claim) { c.Ready = -1 }},
		"skipped tasks are not counted":      {progress: func(p *execution.Progress) { p.Skipped = 0 }},
		"retries are not counted":            {progress: func(p *execution.Progress) { p.Retries = 0 }},
		"the log does not say what became":   {steps: func(s *record.Step) { s.Became = dag.NoNode }},
		"the log does not say what is ready": {steps: func(s *record.Step) { s.Readied = nil }},
		"the log has a gap":                  {steps: func(s *record.Step) { s.Seq += s.Seq / 5 }},
		"the log forgets widths":             {steps: func(s *record.Step) { s.Width = 0 }},
		"delays are lost":                    {steps: func(s *record.Step) { s.Delay = 0 }},
		"a strand's last end is lost":        {strand: func(s []state.End) []state.End { return s[:max(1, len(s)-1)] }},
		"values are changed": {strand: func(s []state.End) []state.End {
			if v, ok := s[0].Output.(int); ok {
				s[0].Output = v + 1
			}
			return s
		}},
		"stopping is not announced": {hooks: func(h state.Hooks) state.Hooks { h.Stopping = nil; return h }},
	}
	for name, f := range faults {
		t.Run(name, func(t *testing.T) {
			var err error
			for seed := uint64(0); seed < 300 && err == nil; seed++ {
				_, err = differ(t.Context(), faultyStore{memory.New(), f}, seed)
			}
			require.Error(t, err)
		})
	}
}

// Racing lanes find what only the log and the result can show.
func TestFaultsAreFoundByRaces(t *testing.T) {
	faults := map[string]fault{
		"what is ready is not logged": {steps: func(s *record.Step) { s.Readied = nil }},
		"the log has a gap":           {steps: func(s *record.Step) { s.Seq += s.Seq / 5 }},
		"ends are logged twice":       {steps: func(s *record.Step) { s.Node /= 2 }},
		"widths are not logged":       {steps: func(s *record.Step) { s.Width = 0 }},
		"elements change order":       {strand: reversed},
	}
	for name, f := range faults {
		t.Run(name, func(t *testing.T) {
			var err error
			for seed := uint64(0); seed < 100 && err == nil; seed++ {
				err = race(t.Context(), faultyStore{memory.New(), f}, seed, 4)
			}
			require.Error(t, err)
		})
	}
}

// reversed turns the elements of an expansion around.
func reversed(s []state.End) []state.End {
	v, _ := s[0].Output.([]any)
	out := make([]any, len(v))
	for i := range v {
		out[len(v)-1-i] = v[i]
	}
	if len(v) > 1 {
		s[0].Output = out
	}
	return s
}
