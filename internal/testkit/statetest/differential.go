package statetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
)

// differ makes one run of a random graph by random operations on a store and on the model, and returns the number of
// operations. The error is the first difference, with the operations before it.
func differ(ctx context.Context, store state.Store, seed uint64) (int, error) {
	rng := rand.New(rand.NewPCG(seed, 0xd1ff))
	opts := engine.RunOptions{Policy: record.Continue}
	if rng.IntN(3) == 0 {
		opts.Policy = record.FailFast
	}
	if rng.IntN(10) == 0 {
		opts.Limits.Tasks = 20 + rng.IntN(60)
	}
	job := newJob(enginetest.RandomGraph(rng, 3+rng.IntN(25)), opts)
	s, err := newSession(ctx, store, job, rng, 1+rng.IntN(5))
	if err != nil {
		return 0, fmt.Errorf("seed %d: %w", seed, err)
	}
	moody := rng.IntN(3) > 0 // whether anything goes wrong
	for err == nil && !s.model.over() {
		if err = s.act(moody); err == nil {
			err = s.compare()
		}
	}
	if err == nil {
		err = s.conclude(ctx)
	}
	s.run.Forget()
	if err != nil {
		trace := strings.Join(s.trace[max(0, len(s.trace)-25):], "\n  ")
		return s.ops, fmt.Errorf("seed %d, operation %d: %w, after\n  %s", seed, s.ops, err, trace)
	}
	return s.ops, nil
}

// act does one random thing.
func (s *session) act(moody bool) error {
	c := s.seats[s.rng.IntN(len(s.seats))]
	k := s.rng.IntN(1000)
	switch {
	case c.late:
		return s.late(c, c.claim.Node)
	case moody && k < 30:
		return s.disturb(k)
	case !c.held && moody && k < 40 && c.claim.Token != 0:
		return s.late(c, c.claim.Node)
	case !c.held:
		if !slices.ContainsFunc(s.seats, func(o *seat) bool { return o.held || o.late }) {
			if err := s.unblock(); err != nil {
				return err
			}
		}
		return s.claim(c)
	case moody && k < 80:
		return s.release(c)
	case moody && k < 100:
		return s.abandon(c, s.outcome(false))
	case k < 120:
		s.announce(c)
		return nil
	default:
		return s.complete(c, s.outcome(!moody || k < 850), 1+s.rng.IntN(8)*s.rng.IntN(2), s.rng.IntN(4) > 0)
	}
}

// disturb does what comes from outside of the workers.
func (s *session) disturb(k int) error {
	switch {
	case k < 10:
		s.run.Pause()
		s.model.apply(ledger.Pause{})
		s.note("pause")
	case k < 22:
		s.run.Resume()
		s.model.apply(ledger.Resume{})
		s.note("resume")
	case k < 23:
		s.run.Cancel()
		s.model.stop(record.Cancelled, record.CancelRequested)
		s.note("cancel")
	case k < 24:
		s.run.Stop(record.Failed, engine.ErrDeadline, &record.ErrorRecord{Kind: record.DeadlineError})
		s.model.stop(record.Failed, record.RunDeadline)
		s.note("deadline")
	case k < 27:
		slot := len(s.seats)
		s.seats = append(s.seats, &seat{lane: s.run.Lane(slot), slot: slot})
		s.note("open lane %d", slot)
	default:
		step := record.Step{Kind: record.WorkerStarted, Worker: uint16(k), Started: s.run.Now(), Became: dag.NoNode}
		s.run.Note(step)
		s.model.note(step)
		s.note("note")
	}
	return nil
}

// outcome draws how an attempt ends.
func (s *session) outcome(ok bool) record.Outcome {
	k := s.rng.IntN(10)
	switch {
	case ok:
		return record.OutcomeOK
	case s.model.ledger.Stopping != "" && k < 6:
		return record.OutcomeCancelled
	case k < 2:
		return record.OutcomeFailed
	default:
		return record.OutcomeRetrying
	}
}

// unblock makes sure that something can be claimed, when no lane holds anything.
func (s *session) unblock() error {
	if s.model.ledger.Status == record.Paused {
		s.run.Resume()
		s.model.apply(ledger.Resume{})
		s.note("resume")
	}
	for end := time.Now().Add(patience); s.model.any(s.model.ready) == dag.NoNode && s.run.Ready() == 0; {
		select {
		case <-s.hooks.wake:
		case <-time.After(time.Until(end)):
			return errors.New("no node is announced as ready, although nodes wait for a retry")
		}
	}
	return nil
}

// conclude compares what an ended run leaves.
func (s *session) conclude(ctx context.Context) error {
	steps, err := readLog(ctx, s.run)
	if err != nil {
		return err
	}
	if err := compareLogs(steps, s.model.log); err != nil {
		return err
	}
	folded, err := fold(s.job, steps)
	if err != nil {
		return err
	}
	if err := compareStates(folded, s.model); err != nil {
		return err
	}
	return s.compareEnd(ctx)
}

func (s *session) compareEnd(ctx context.Context) error {
	if err := s.model.ledger.Check(); err != nil {
		return err
	}
	end, value := s.run.End()
	if end.Status != s.model.ledger.Status {
		return fmt.Errorf("the run ended as %s, expected %s", end.Status, s.model.ledger.Status)
	}
	if failed := end.Status == record.Failed; failed != (end.First != nil) {
		return fmt.Errorf("the run ended as %s with the failure %+v", end.Status, end.First)
	}
	_, causes := s.hooks.seen()
	if stopped := s.model.ledger.Stopping != ""; stopped != (len(causes) == 1) {
		return fmt.Errorf("the causes of stopping are %v, expected one: %t", causes, stopped)
	}
	if end.Status != record.Succeeded {
		return nil
	}
	want, err := enginetest.Evaluate(ctx, s.job.Graph)
	if err != nil {
		return err
	}
	return equal("result", value, want.Result)
}

// readLog reads the log of an ended run.
func readLog(ctx context.Context, run state.Run) ([]record.Step, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var all []record.Step
	for {
		steps, err := run.Steps(ctx, uint64(len(all)))
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("after %d steps: %w", len(all), err)
		}
		if len(steps) == 0 || steps[0].Seq != uint64(len(all)+1) {
			return nil, fmt.Errorf("after %d steps come %d, expected the next one", len(all), len(steps))
		}
		all = append(all, steps...)
	}
}
