//go:build unix

package chaos_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/engine/state/shared"
)

// loss is what a worker that was killed had claimed of one run.
type loss struct {
	session    uint16 // its number in the log
	supervised bool
	at         time.Time
	nodes      []dag.NodeID
}

// recoveries are how long it took after kills until a session was reaped, and until what it had claimed was claimed
// again. Safe for concurrent use.
type recoveries struct {
	mu     sync.Mutex
	losses map[record.RunID][]loss
	found  map[bool][]time.Duration // by supervised
	again  map[bool][]time.Duration
}

func newRecoveries() *recoveries {
	return &recoveries{losses: map[record.RunID][]loss{}, found: map[bool][]time.Duration{}, again: map[bool][]time.Duration{}}
}

// claimed lists what the worker of that name has claimed of a run.
func claimed(ctx context.Context, b shared.Backend, run record.RunID, name string) ([]loss, error) {
	workers, err := b.Workers(ctx, run)
	if err != nil {
		return nil, err
	}
	sessions := map[ledger.SessionID]uint16{}
	for _, w := range workers {
		var record record.WorkerRecord
		if json.Unmarshal(w.Record, &record) == nil && record.Name == name {
			sessions[w.Session] = w.Number
		}
	}
	if len(sessions) == 0 {
		return nil, nil
	}
	state, err := b.Snapshot(ctx, run)
	if err != nil {
		return nil, err
	}
	var losses []loss
	for session, number := range sessions {
		l := loss{session: number}
		for _, c := range state.Held(session) {
			if !c.EdgesOnly {
				l.nodes = append(l.nodes, c.Node)
			}
		}
		if len(l.nodes) > 0 {
			losses = append(losses, l)
		}
	}
	return losses, nil
}

// note keeps what was lost until the run's log can be read.
func (r *recoveries) note(run record.RunID, losses []loss) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.losses[run] = append(r.losses[run], losses...)
}

// sample is how soon one loss was made up for.
type sample struct {
	loss
	found time.Duration // until its session was over, negative where the log does not say
	again map[dag.NodeID]time.Duration
}

// settle looks up in the log of a run when its losses were found and made up for.
func (r *recoveries) settle(info record.RunInfo, steps []record.Step) (samples []sample) {
	r.mu.Lock()
	defer r.mu.Unlock()
	losses := r.losses[info.ID]
	delete(r.losses, info.ID)
	for _, l := range losses {
		s := l.sample(info, steps)
		if s.found < 0 {
			continue // the run ended without what it had claimed
		}
		for _, other := range losses { // it was claimed again by one that was killed, too, before it reported that
			for _, id := range other.nodes {
				if at, ok := s.again[id]; ok && other.at.After(l.at) {
					s.again[id] = min(at, other.at.Sub(l.at))
				}
			}
		}
		r.found[l.supervised] = append(r.found[l.supervised], s.found)
		for _, took := range s.again {
			r.again[l.supervised] = append(r.again[l.supervised], took)
		}
		samples = append(samples, s)
	}
	return samples
}

// sample reads the log of a loss.
func (l loss) sample(info record.RunInfo, steps []record.Step) sample {
	killed := l.at.Sub(info.StartedAt).Nanoseconds()
	s := sample{loss: l, found: -1, again: map[dag.NodeID]time.Duration{}}
	for i := range steps {
		step := &steps[i]
		switch {
		case step.Kind == record.WorkerStopped && step.Worker == l.session && step.Outcome == record.OutcomeLost:
			s.found = time.Duration(step.Ended - killed)
		case s.found < 0 || step.Worker == l.session || step.Outcome == record.OutcomeLost || !slices.Contains(l.nodes, step.Node):
		case step.Kind == record.AttemptStarted || step.Kind == record.AttemptEnded || step.Kind == record.FanOutExpanded:
			if _, ok := s.again[step.Node]; !ok {
				s.again[step.Node] = time.Duration(step.Claimed - killed)
			}
		}
	}
	return s
}

// forget drops what was lost of a run that cannot be reported.
func (r *recoveries) forget(run record.RunID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.losses, run)
}

// percentiles of durations: the median, the 99th and the largest, by nearest rank.
func percentiles(d []time.Duration) (p50, p99, most time.Duration) {
	if len(d) == 0 {
		return 0, 0, 0
	}
	d = slices.Sorted(slices.Values(d))
	rank := func(p int) time.Duration { return d[max(0, (len(d)*p+99)/100-1)] }
	return rank(50), rank(99), d[len(d)-1]
}

func describe(d []time.Duration) string {
	p50, p99, most := percentiles(d)
	return fmt.Sprintf("p50 %s, p99 %s, most %s of %d", round(p50), round(p99), round(most), len(d))
}

func round(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Millisecond)
}
