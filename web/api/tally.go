package api

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/metricsstore"
)

// tallyEvery is how often the log of a live run is looked at for its counts, however many ask.
const tallyEvery = 200 * time.Millisecond

// tally counts what the log of a live run tells so far. Headers have counts only at the end.
type tally struct {
	// reading has a token for whoever looks at the log: the others wait for it, each as long as it likes.
	reading   chan struct{}
	log       *metricsstore.LogReader
	fold      *metricsstore.Fold
	read      time.Time              // when the log was looked at
	announced map[engine.NodeID]bool // attempts under way, of those that the log tells of
	paused    bool
	claimable *claimable // nil where nobody asks
	waiting   []waitingFunction
}

// progress is where a live run stands.
type progress struct {
	metricsstore.Counts
	running int64
	paused  bool
	waiting []waitingFunction
}

func newTally(log *metricsstore.LogReader, g *engine.Graph, shared bool) *tally {
	t := &tally{reading: make(chan struct{}, 1), log: log, fold: metricsstore.NewFold(g), announced: map[engine.NodeID]bool{}}
	if shared {
		t.claimable = newClaimable(t.fold.Numbering())
	}
	return t
}

// at takes in what is new in the log and gives the counts.
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
	return progress{Counts: t.fold.Counts(), running: int64(len(t.announced)), paused: t.paused, waiting: t.waiting}, nil
}

func (t *tally) catchUp(ctx context.Context) error {
	for {
		steps, err := t.log.Next(ctx)
		if errors.Is(err, io.EOF) {
			t.waiting = t.claimable.byFunction()
			return nil
		}
		if err == nil {
			err = t.fold.Steps(steps)
		}
		if err != nil {
			return err
		}
		for i := range steps {
			t.step(&steps[i])
		}
	}
}

func (t *tally) step(s *engine.Step) {
	switch s.Kind {
	case engine.AttemptStarted:
		t.announced[s.Node] = true
	case engine.AttemptEnded:
		delete(t.announced, s.Node)
	case engine.RunPaused, engine.RunResumed:
		t.paused = s.Kind == engine.RunPaused
	}
	t.claimable.step(s)
}
