package api

import (
	"context"
	"errors"
	"io"
	"math"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/metricsstore"
)

// tallyEvery is how often the log of a live run is looked at for its counts, however many ask.
const tallyEvery = 200 * time.Millisecond

// tally counts what the log of a live run tells so far. Headers have counts only at the end.
type tally struct {
	mu        sync.Mutex
	log       *metricsstore.LogReader
	numbering *engine.Numbering
	read      time.Time // when the log was looked at
	counts    metricsstore.Counts
	announced map[engine.NodeID]bool // attempts under way, of those that the log tells of
	paused    bool
}

// progress is where a live run stands.
type progress struct {
	metricsstore.Counts
	running int64
	paused  bool
}

// at takes in what is new in the log and gives the counts.
func (t *tally) at(ctx context.Context, now time.Time) (progress, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.read.IsZero() || now.Sub(t.read) >= tallyEvery {
		t.read = now
		for {
			steps, err := t.log.Next(ctx)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return progress{}, err
			}
			for i := range steps {
				t.step(&steps[i])
			}
		}
	}
	p := progress{Counts: t.counts, running: int64(len(t.announced)), paused: t.paused}
	p.Tasks = int64(t.numbering.Tasks())
	return p, nil
}

func (t *tally) step(s *engine.Step) {
	switch s.Kind {
	case engine.AttemptStarted:
		t.announced[s.Node] = true
	case engine.AttemptEnded:
		delete(t.announced, s.Node)
		t.ended(s)
	case engine.TaskSkipped:
		t.counts.Skipped++
	case engine.FanOutExpanded:
		t.expand(s)
	case engine.WorkerStarted:
		t.counts.Workers++
	case engine.RunPaused, engine.RunResumed:
		t.paused = s.Kind == engine.RunPaused
	}
}

func (t *tally) ended(s *engine.Step) {
	c := &t.counts
	c.Attempts++
	c.ExecuteNS += max(s.Ended-s.Started, 0)
	switch s.Outcome {
	case engine.OutcomeOK:
		c.Succeeded++
		c.OutputBytes += max(s.OutputBytes, 0)
		c.StoredBytes += max(s.StoredBytes, 0)
	case engine.OutcomeFailed:
		c.Failed++
	case engine.OutcomeRetrying:
		c.Retried++
	}
}

// expand widens the numbering; what does not fit the graph is left to whoever reads the log in full.
func (t *tally) expand(s *engine.Step) {
	n := t.numbering
	if s.Outcome != engine.OutcomeOK || !n.Contains(s.Node) || n.Expanded(s.Node) != nil {
		return
	}
	if p := n.Locate(s.Node); n.Graph().Scope(p.Block.Scope).Kind(p.Local) == engine.ExpandNode {
		_, _ = n.Expand(s.Node, int(s.Width), engine.Limits{Tasks: 1 << 26, Edges: math.MaxInt})
	}
}
