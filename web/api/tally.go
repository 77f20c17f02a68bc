package api

import (
	"context"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// tallyEvery bounds how often the log of a live run is read for its counts, however many requests need them.
const tallyEvery = 200 * time.Millisecond

// tally counts from the log of a live run, since headers have counts only at the end. Safe for concurrent use.
type tally struct {
	// reading holds a token while one call reads the log: the others wait, each as long as its own context allows. The
	// holder of the token owns all fields below.
	reading   chan struct{}
	log       *metricsstore.LogReader
	fold      *metricsstore.Fold
	read      time.Time // when the log was read last
	paused    bool
	claimable *claimable // nil for runs that are not shared
	waiting   []waitingFunction
}

// progress is the state of a live run as far as its log has it.
type progress struct {
	metricsstore.Counts
	running int64
	paused  bool
	waiting []waitingFunction
}

func newTally(log *metricsstore.LogReader, g *dag.Graph, shared bool) *tally {
	t := &tally{reading: make(chan struct{}, 1), log: log, fold: metricsstore.NewFold(g)}
	if shared {
		t.claimable = newClaimable(t.fold.Numbering())
	}
	return t
}

// at applies new steps of the log and returns the counts.
func (t *tally) at(ctx context.Context, now time.Time) (progress, error) {
	select {
	case t.reading <- struct{}{}:
	case <-ctx.Done():
		return progress{}, ctx.Err()
	}
	defer func() { <-t.reading }()
	if t.read.IsZero() || now.Sub(t.read) >= tallyEvery {
		t.read = now
		if err := t.catchUp(ctx); err != nil {
			return progress{}, err
		}
	}
	return progress{Counts: t.fold.Counts(), running: int64(t.fold.Running()), paused: t.paused, waiting: t.waiting}, nil
}

func (t *tally) catchUp(ctx context.Context) error {
	err := t.log.Each(ctx, func(steps []record.Step) error {
		if err := t.fold.Steps(steps); err != nil {
			return err
		}
		for i := range steps {
			if kind := steps[i].Kind; kind == record.RunPaused || kind == record.RunResumed {
				t.paused = kind == record.RunPaused
			}
			t.claimable.step(&steps[i])
		}
		return nil
	})
	if err == nil {
		t.waiting = t.claimable.byFunction()
	}
	return err
}
