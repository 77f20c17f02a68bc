//go:build unix

package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
	"github.com/dagscope/dagscope/internal/testkit/ledgertest"
)

// trial is one run under way, and what is known of it when it is over.
type trial struct {
	seed  uint64
	rules string
	ends  ending
	// orphan: the process that submits it dies at once.
	orphan bool
	job    execution.Job
	want   enginetest.Outcome

	exec     execution.Execution
	steps    []record.Step
	breaches []breach
	samples  []sample
	deleted  bool
	status   record.Status
}

// ending is how a run is to end.
type ending string

const (
	succeeds  ending = "succeeds"
	fails     ending = "fails"     // one of its tasks does
	cancelled ending = "cancelled" // at some time, if it is not over before
)

// newTrial makes a run of random shape and rules.
func newTrial(seed uint64, tasks int) (*trial, error) {
	rng := rand.New(rand.NewPCG(seed, 1))
	ends := []ending{succeeds, succeeds, succeeds, succeeds, succeeds, succeeds, succeeds, succeeds, fails, cancelled}[rng.IntN(10)]
	graph, want, err := randomGraph(seed, tasks, ends == fails)
	if err != nil {
		return nil, err
	}
	tr := &trial{seed: seed, ends: ends, orphan: rng.IntN(5) == 0, want: want}
	policy := record.FailFast
	if rng.IntN(2) == 0 {
		policy = record.Continue
	}
	now := time.Now()
	tr.job = execution.Job{
		Info:    record.RunInfo{ID: record.NewRunID(now), Workflow: "chaos", Policy: policy, SubmittedAt: now, StartedAt: now},
		Graph:   graph,
		Options: engine.RunOptions{Policy: policy, Deadline: 24 * time.Hour},
	}
	tr.rules, tr.job.Options.Rules = randomRules(rng)
	tr.job.Options.Limits, tr.job.Options.Rules = tr.job.Options.Limits.WithDefaults(), tr.job.Options.Rules.WithDefaults()
	return tr, nil
}

func (tr *trial) id() record.RunID { return tr.job.Info.ID }

func (tr *trial) breach(l law, format string, args ...any) {
	tr.breaches = append(tr.breaches, breach{l, fmt.Sprintf(format, args...)})
}

// judge waits for the end of the run, and checks all laws.
func (tr *trial) judge(ctx context.Context, w *world) {
	select {
	case <-tr.exec.Done():
	case <-time.After(w.plan.patience):
		tr.breach(hung, "it has not ended within %s: %+v", w.plan.patience, tr.exec.Progress())
		tr.steps = stepsSoFar(ctx, tr.exec)
		return
	}
	end, value := tr.exec.End()
	tr.status = end.Status
	switch {
	case end.Status == record.Interrupted:
		tr.breach(lost, "nothing is left of it: %+v", end.First)
		return
	case !tr.expects(end):
		tr.breach(wrong, "it is %s, expected that it %s: %+v", end.Status, tr.ends, end.First)
	case end.Status == record.Succeeded && !cmp.Equal(tr.result(end, value), tr.want.Result):
		tr.breach(wrong, "its result is %v, expected %v", tr.result(end, value), tr.want.Result)
	}
	var err error
	if tr.steps, err = allSteps(ctx, tr.exec); err != nil {
		tr.breach(gap, "its log cannot be read: %v", err)
		return
	}
	tr.fold(ctx, w)
	tr.samples = w.recoveries.settle(tr.startedInfo(ctx, w), tr.steps)
}

// result is the value that a run has returned: encoded, where the process that found it knew none of its functions.
func (tr *trial) result(end record.RunEnd, value any) any {
	if value != nil || end.Result == nil {
		return value
	}
	value, err := tr.job.Graph.ResultType().Decode(end.Result)
	if err != nil {
		return err
	}
	return value
}

// expects reports whether a run may end that way.
func (tr *trial) expects(end record.RunEnd) bool {
	switch tr.ends {
	case fails:
		return end.Status == record.Failed && end.First != nil && strings.Contains(end.First.Message, errFatal.Error())
	case cancelled:
		return end.Status == record.Cancelled || end.Status == record.Succeeded
	default:
		return end.Status == record.Succeeded
	}
}

// cleanWithin is how long a run that has ended may wait to be cleaned, by one that may be paused.
const cleanWithin = 5 * time.Second

// startedInfo is the run's description with its start on the store's clock.
func (tr *trial) startedInfo(ctx context.Context, w *world) record.RunInfo {
	info := tr.job.Info
	if kept, err := w.backend.Open(ctx, tr.id()); err == nil {
		info.StartedAt = kept.StartedAt
	}
	return info
}

// fold replays the log, and compares it with the state in which the run ended.
func (tr *trial) fold(ctx context.Context, w *world) {
	s := read(tr.job.Graph, tr.steps)
	if err := enginetest.CheckSteps(tr.job.Graph, tr.steps); err != nil && len(s.breaches) == 0 {
		s.breach(unlawful, "%v", err)
	}
	state, err := w.backend.stateKept(ctx, tr.id())
	for begun := time.Now(); state == nil && err == nil && time.Since(begun) < cleanWithin; {
		time.Sleep(20 * time.Millisecond)
		state, err = w.backend.stateKept(ctx, tr.id())
	}
	if state == nil && err == nil { // who was to clean it has died before, so it is all there
		state, err = w.backend.Snapshot(ctx, tr.id())
	}
	if err != nil {
		s.breach(unfolded, "the state cannot be read: %v", err)
	} else {
		s.compare(state, uint64(len(tr.steps)))
	}
	tr.breaches = append(tr.breaches, s.breaches...)
}

// allSteps reads the log of an ended run.
func allSteps(ctx context.Context, exec execution.Execution) (all []record.Step, err error) {
	for {
		steps, err := exec.Steps(ctx, uint64(len(all)))
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, steps...)
	}
}

// stepsSoFar reads a log as far as it goes.
func stepsSoFar(ctx context.Context, exec execution.Execution) []record.Step {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	all, _ := allSteps(ctx, exec)
	return all
}

// evidence is all that helps to find out what went wrong in a run.
func (tr *trial) evidence(ctx context.Context, w *world) string {
	var b strings.Builder
	fmt.Fprintf(&b, "run %s, graph seed %d, %s, %s, %s\n", tr.id(), tr.seed, tr.rules, tr.job.Options.Policy, tr.ends)
	for _, br := range tr.breaches {
		fmt.Fprintf(&b, "breach: %s: %s\n", br.law, br.what)
	}
	if state, err := w.backend.stateKept(ctx, tr.id()); err == nil && state != nil {
		fmt.Fprintf(&b, "state as it ended:\n%s", ledgertest.Dump(state))
	} else if state, err := w.backend.Snapshot(ctx, tr.id()); err == nil {
		fmt.Fprintf(&b, "state now:\n%s", ledgertest.Dump(state))
	}
	workers, _ := w.backend.Workers(ctx, tr.id())
	for _, worker := range workers {
		fmt.Fprintf(&b, "session %s number %d, %d claims, last beat %s: %s\n",
			worker.Session, worker.Number, worker.Claims, worker.Beat.Format(time.TimeOnly), worker.Record)
	}
	fmt.Fprintln(&b, "log:")
	for _, s := range tr.steps {
		fmt.Fprintf(&b, "%+v\n", s)
	}
	return b.String()
}
